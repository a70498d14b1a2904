"""What holds for every instruction; how many wordings are read right is measured by `benchmarks/instructions.py`."""

from __future__ import annotations

import json

from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.reading.instructions import read_instruction

MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)


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
