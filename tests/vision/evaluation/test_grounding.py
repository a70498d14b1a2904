import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylark.errors import DataError, SkylarkError
from tests.vision.coloured_pictures import PICTURES, ColourDetector, make_set
from vision.detections.boxes import iou_matrix
from vision.errors import EvaluationError, ImageError
from vision.evaluation.annotations import read_annotations
from vision.evaluation.grounding import (
    Expected,
    Score,
    evaluate_expressions,
    figures_of,
    matched_pairs,
    read_expressions,
    score_expression,
    summarise,
)
from vision.evaluation.runs import RunOptions, lines_path
from vision.vision import Vision

COLOURS = Vision(ColourDetector())
Pair = tuple[Path, Path]
A, B, C = [0, 0, 10, 10], [20, 0, 30, 10], [0, 40, 10, 60]
NEAR_A, FAR_A = [0, 0, 10, 6], [0, 0, 10, 4]
"""IoU 0.6 and 0.4 with A."""

corner = st.integers(0, 12)
box = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, corner, corner)
boxes = st.lists(box, max_size=5)


def named(*xyxy: list[int], count: int | None = None) -> Expected:
    return Expected("a.jpg", "the thing", np.array(xyxy, float).reshape(-1, 4), count)


@given(boxes, boxes)
def test_pairs_are_the_most_that_any_assignment_gives(a: list[list[int]], b: list[list[int]]) -> None:
    overlaps = iou_matrix(a, b) >= 0.5
    small, large = (overlaps, len(b)) if len(a) <= len(b) else (overlaps.T, len(a))
    tried = itertools.permutations(range(large), len(small))
    assert matched_pairs(a, b) == max(sum(small[i, j] for i, j in enumerate(order)) for order in tried)


class TestScores:
    def test_it_alone_must_be_returned(self) -> None:
        half = [0, 0, 10, 5]  # an overlap of exactly a half
        for found, correct, first in (
            ([A], True, True), ([half], True, True), ([FAR_A], False, False), ([B, A], False, False),
            ([A, A], False, True),
        ):  # fmt: skip
            score = score_expression(named(A), found)
            assert (score.kind, score.correct, score.first) == ("single", correct, first), found
        assert score_expression(named(A), [A, B]) == Score("single", False, 1, 0.5, 1.0, True)
        assert score_expression(named(A), []) == Score("single", False, 0, 0.0, 0.0, False)

    def test_several_must_match_one_to_one_in_any_order_and_none_be_none(self) -> None:
        for found, correct in (([B, NEAR_A], True), ([A], False), ([A, B, C], False), ([A, A], False)):
            score = score_expression(named(A, B), found)
            assert (score.kind, score.correct, score.first) == ("set", correct, None), found
        assert score_expression(named(), []) == Score("none", True, 0, 1.0, 1.0)
        assert score_expression(named(), [A]) == Score("none", False, 0, 0.0, 1.0)

    def test_a_count_is_right_by_its_number_and_yes_or_no_by_its_value(self) -> None:
        count, one = Expected("a.jpg", "how many?", count=2), Expected("a.jpg", "how many?", count=1)
        for value, correct in ((2, True), (np.int64(2), True), (3, False), (None, False), (True, False)):
            assert score_expression(count, [], value) == Score("count", correct)
        assert score_expression(named(A, B, count=2), [A, C], 2) == Score("count", True, 1, 0.5, 0.5)
        yes, no = (Expected("a.jpg", "is there?", answer=answer) for answer in (True, False))
        assert [score_expression(yes, [A], value).correct for value in (True, False, None)] == [True, False, False]
        assert [score_expression(no, [A], value).correct for value in (True, False, None)] == [False, True, False]
        assert not score_expression(one, [], True).correct and not score_expression(yes, [], 1).correct

    def test_it_has_the_shares_of_each_kind_that_occurs(self) -> None:
        single = [score_expression(named(A), found) for found in ([A], [A, B])]
        count = score_expression(Expected("a.jpg", "how many?", count=2), [], 1)
        assert summarise([*single, count]) == {
            "accuracy": pytest.approx(1 / 3),
            "count": 3,
            "per_kind": {
                "single": {"accuracy": 0.5, "count": 2, "precision": 0.75, "recall": 1.0, "first": 1.0},
                "count": {"accuracy": 0.0, "count": 1},
            },
        }
        assert summarise([]) == {"accuracy": None, "count": 0, "per_kind": {}}


LISTED = Path(__file__).resolve().parents[3] / "benchmarks" / "lists" / "grounding.jsonl"

ROWS: list[dict[str, Any]] = [
    {"image": "images/a.png", "expression": "the cat", "annotation_ids": [1000]},
    {"image": "images/d.png", "expression": "the dog to the right of the car", "boxes": [[70, 30, 90, 60]]},
    {"image": "images/b.png", "expression": "all cats", "annotation_ids": [1004, 1003]},
    {"image": "images/b.png", "expression": "all dogs", "boxes": []},
    {"image": "images/b.png", "expression": "how many cats are there?", "count": 2},
    {"image": "images/b.png", "expression": "is there a dog?", "answer": False},
    {"image": "images/d.png", "expression": "the dog", "annotation_ids": [1005]},
]
"""All but the last are as the pictures are; the last names the car."""


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_set(tmp_path)


class TestReading:
    def test_each_line_has_what_is_expected_and_where_its_image_lies(self, tmp_path: Path, pair: Pair) -> None:
        asked = read_expressions(write(tmp_path / "e.jsonl", ROWS), [], read_annotations([pair]))
        kinds = ["single", "single", "set", "none", "count", "yes_no", "single"]
        assert [one.expected.kind for one in asked] == kinds
        assert [one.path for one in asked] == [tmp_path / row["image"] for row in ROWS]
        assert [one.line for one in asked] == list(range(1, 8))
        assert asked[0].expected.named.tolist() == [[4, 4, 34, 44]]
        assert asked[2].expected.named.tolist() == [[70, 2, 78, 11], [10, 10, 60, 50]]

    def test_images_are_found_from_the_folders_and_those_above_them(self, tmp_path: Path, pair: Pair) -> None:
        rows = [{**ROWS[3], "image": name} for name in ("b.png", "images/b.png", f"{tmp_path.name}/images/b.png")]
        (tmp_path / "elsewhere").mkdir()
        asked = read_expressions(write(tmp_path / "elsewhere" / "e.jsonl", rows), [pair[0]])
        assert {one.path.resolve() for one in asked} == {(pair[0] / "b.png").resolve()}

    def test_ids_are_those_of_the_images_own_file(self, tmp_path: Path) -> None:
        pairs = [make_set(tmp_path / "one"), make_set(tmp_path / "two", dict(reversed(PICTURES.items())))]
        rows = [{**ROWS[0], "image": f"{name}/images/a.png"} for name in ("one", "two")]
        path = write(tmp_path / "e.jsonl", rows)
        with pytest.raises(DataError, match=r"line 2: expected ids of annotations of two/images/a\.png, found '1000'"):
            read_expressions(path, [], read_annotations(pairs))

    def test_broken_lines_are_named(self, tmp_path: Path, pair: Pair) -> None:
        path, annotated = tmp_path / "e.jsonl", read_annotations([pair])
        broken: list[tuple[dict[str, Any] | None, str]] = [
            ({"image": None, "count": 1}, "image: "),
            ({"expression": "", "count": 1}, "expression: "),
            ({}, "found 'none of them'"),
            ({"counts": 1}, "counts: Extra inputs"),
            ({"count": -1}, "count: "),
            ({"count": 1, "answer": True}, "found 'count, answer'"),
            ({"answer": 1}, "answer: "),
            ({"boxes": [[1, 2, 3]]}, "boxes.0.3: Field required"),
            ({"boxes": [[9, 2, 3, 4]]}, "x1 <= x2"),
            ({"annotation_ids": [7]}, "found '7'"),
            ({"image": "images/e.png", "count": 1}, "there is no image images/e.png"),
            (None, "line 2: expected an expression as JSON"),
        ]
        for more, said in broken:
            line = "{" if more is None else json.dumps({"image": "images/a.png", "expression": "x", **more})
            path.write_text("\n" + line + "\n")
            with pytest.raises(SkylarkError) as caught:
                read_expressions(path, [pair[0]], annotated)
            assert said in str(caught.value) and "e.jsonl" in str(caught.value)

    def test_a_missing_or_an_empty_file_and_missing_annotations_are_said(self, tmp_path: Path, pair: Pair) -> None:
        with pytest.raises(EvaluationError, match="give its --images and --annotations"):
            read_expressions(write(tmp_path / "ids.jsonl", ROWS), [pair[0]])
        with pytest.raises(EvaluationError, match="no file of expressions"):
            read_expressions(tmp_path / "e.jsonl")
        (tmp_path / "e.jsonl").write_text("\n")
        with pytest.raises(EvaluationError, match="holds no expression"):
            read_expressions(tmp_path / "e.jsonl")

    def test_the_projects_own_list_is_read(self, data_root: Path) -> None:
        folders = [data_root / "vision" / name for name in ("coco128", "coco_mini_train")]
        if not all(folder.is_dir() for folder in folders):
            pytest.skip(f"needs {folders[0]} and {folders[1]}: set SKYLARK_DATA to the data folder")
        pairs = [(folder / "images", folder / "instances.json") for folder in folders]
        asked = read_expressions(LISTED, [images for images, _ in pairs], read_annotations(pairs))
        assert len(asked) >= 60 and {one.expected.kind for one in asked} >= {"single", "set", "count", "yes_no"}
        assert all(len(one.expected.named) == one.expected.count for one in asked if one.expected.count is not None)


class TestMeasuring:
    def test_what_is_returned_is_scored_by_its_kind(self, tmp_path: Path, pair: Pair) -> None:
        unread = {"image": "images/b.png", "expression": "the helicopter", "boxes": []}
        figures = evaluate_expressions(COLOURS, write(tmp_path / "e.jsonl", [*ROWS, unread]), [pair])
        assert figures["accuracy"] == pytest.approx(6 / 8) and figures["count"] == 8
        assert {kind: row["accuracy"] for kind, row in figures["per_kind"].items()} == {
            "single": pytest.approx(2 / 3), "set": 1.0, "none": 0.5, "count": 1.0, "yes_no": 1.0,
        }  # fmt: skip
        miss, other = figures["misses"]
        assert miss["expression"] == "the dog" and miss["expected"] == {"boxes": [[2, 2, 62, 52]]}
        assert np.allclose(miss["found"]["boxes"], [[70, 30, 90, 60]]) and "dog" in miss["found"]["query"]
        assert figures["not_understood"] == 1 and "helicopter" in other["found"]["error"]

    def test_a_run_that_ended_at_a_broken_image_goes_on(self, tmp_path: Path, pair: Pair) -> None:
        path, out = write(tmp_path / "e.jsonl", ROWS), tmp_path / "grounding.json"
        good = (pair[0] / "d.png").read_bytes()
        (pair[0] / "d.png").write_bytes(good[:50])
        with pytest.raises(ImageError):
            evaluate_expressions(COLOURS, path, [pair], RunOptions(out=out))
        assert len(lines_path(out).read_text().splitlines()) == 1 + 1 and not out.exists()
        (pair[0] / "d.png").write_bytes(good)
        figures = evaluate_expressions(COLOURS, path, [pair], RunOptions(out=out, resume=True))
        assert figures == evaluate_expressions(COLOURS, path, [pair])
        assert evaluate_expressions(COLOURS, path, [pair], RunOptions(limit=3))["count"] == 3
        assert json.loads(out.read_text()) == json.loads(json.dumps(figures))


def test_a_line_that_version_0_1_0_wrote_is_counted_as_it_was() -> None:
    line = json.loads(
        '{"id":1,"image":"a.png","expression":"the cat","kind":"single","correct":false,"matched":0,"precision":0.0,'
        '"recall":0.0,"first":false,"expected":{"boxes":[[4.0,4.0,34.0,44.0]]},'
        '"found":{"boxes":[[0.0,0.0,9.0,9.0]],"value":null,"query":"~class(\\"cat\\")","error":null}}'
    )
    figures = figures_of([line])
    assert figures["accuracy"] == 0.0 and figures["count"] == 1 and figures["not_understood"] == 0
    assert [miss["found"]["query"] for miss in figures["misses"]] == ['~class("cat")']
