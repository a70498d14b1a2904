"""Some four hundred instructions in as many wordings, each with the task that it asks for, in the benchmark's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.instructions import LISTS, check, differences, filled
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.reading.instructions import read_instruction

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).resolve().parents[2] / "data" / "instructions.jsonl").read_text("utf-8").splitlines()
]
MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["instruction"][:60])
def test_a_wording_is_read_to_its_task(case: dict[str, Any]) -> None:
    assert check(case, MATCHER) == {}


def test_the_comparison_sees_a_wrong_field() -> None:
    gold = filled({"classes": {"dog": ["dog"]}, "output": {"format": "json"}})
    other = filled({"classes": {"cat": ["cat"]}, "output": {"format": "yolo"}})
    assert set(differences(gold, other)) == {"classes", "output.format"}


def test_the_order_of_a_class_set_without_tokens_is_kept() -> None:
    task = read_instruction('find {"dog", "helicopter", "cat"}', MATCHER)
    assert task.class_set == ("dog", "helicopter", "cat")


def test_tokens_count_in_the_order_of_their_numbers() -> None:
    task = read_instruction('find {"dog":<c1>, "cat":<c0>}', MATCHER)
    assert task.class_set == ("cat", "dog")


def test_a_task_is_read_once_for_many_images() -> None:
    assert read_instruction("find the dogs", MATCHER) is read_instruction("find the dogs", MATCHER)


def test_what_was_not_understood_is_told_in_the_users_own_words() -> None:
    task = read_instruction("Find the Buses — and PAINT them “with feelings”", MATCHER)
    assert task.unread == ("PAINT them “with feelings”",)
    assert "PAINT them" in task.describe()


def test_a_task_goes_into_json() -> None:
    task = read_instruction("the three largest red cars and the helicopters, range 512", MATCHER)
    plain = json.loads(json.dumps(task.to_dict()))
    assert plain["output"]["range"] == 512
    assert plain["targets"] == [{"label": "red car", "classes": ["car"], "colour": "red"}]
    assert "helicopter" in task.describe()


def test_thousands_of_unclosed_brackets_are_no_trouble() -> None:
    assert read_instruction("{" * 5_000 + " [" * 5_000 + " find dogs", MATCHER).targets is not None


def test_nearly_all_of_the_development_list_is_read_right() -> None:
    entries = json.loads(LISTS["development"].read_text(encoding="utf-8"))[::3]
    misses = [entry["instruction"] for entry in entries if check(entry, MATCHER)]
    assert len(misses) <= 0.02 * len(entries), misses


def test_a_question_about_number_means_the_same_as_its_words_without_asking() -> None:
    asked = filled({"do": "count", "expression": "how many cups are on the table"})
    assert differences(asked, filled({"do": "count", "expression": "the cups on the table"})) == {}
