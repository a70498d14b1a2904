from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.detections.boxes import iou_matrix
from vision.evaluation.grounding import Expected, Score, matched_pairs, score_expression, summarise

A, B, C = [0, 0, 10, 10], [20, 0, 30, 10], [0, 40, 10, 60]
NEAR_A = [0, 0, 10, 6]
"""IoU 0.6 with A."""
FAR_A = [0, 0, 10, 4]
"""IoU 0.4 with A."""

corner = st.integers(0, 12)
box = st.builds(lambda x, y, w, h: [x, y, x + w, y + h], corner, corner, corner, corner)
boxes = st.lists(box, max_size=5)


def named(*xyxy: list[int], count: int | None = None) -> Expected:
    return Expected("a.jpg", "the thing", np.array(xyxy, float).reshape(-1, 4), count)


class TestOverlap:
    @given(box, box)
    def test_it_is_the_share_of_the_cells_that_both_cover(self, a: list[int], b: list[int]) -> None:
        cells = [{(x, y) for x in range(q[0], q[2]) for y in range(q[1], q[3])} for q in (a, b)]
        either = len(cells[0] | cells[1])
        assert iou_matrix([a], [b])[0, 0] == pytest.approx(len(cells[0] & cells[1]) / either if either else 0.0)

    @given(boxes, boxes)
    def test_pairs_are_the_most_that_any_assignment_gives(self, a: list[list[int]], b: list[list[int]]) -> None:
        overlaps = iou_matrix(a, b) >= 0.5
        small, large = (overlaps, len(b)) if len(a) <= len(b) else (overlaps.T, len(a))
        tried = itertools.permutations(range(large), len(small))
        assert matched_pairs(a, b) == max(sum(small[i, j] for i, j in enumerate(order)) for order in tried)


class TestOneObject:
    @pytest.mark.parametrize(
        ("found", "correct", "first"),
        [
            ([A], True, True),
            ([NEAR_A], True, True),
            ([FAR_A], False, False),
            ([B], False, False),
            ([], False, False),
            ([A, B], False, True),
            ([B, A], False, False),
            ([A, A], False, True),
        ],
    )
    def test_it_alone_must_be_returned(self, found: list[list[int]], correct: bool, first: bool) -> None:
        score = score_expression(named(A), found)
        assert (score.kind, score.correct, score.first) == ("single", correct, first)

    def test_a_second_box_costs_precision_and_none_costs_both(self) -> None:
        assert score_expression(named(A), [A, B]) == Score("single", False, 1, 0.5, 1.0, True)
        assert score_expression(named(A), []) == Score("single", False, 0, 0.0, 0.0, False)

    def test_an_overlap_of_exactly_half_is_enough(self) -> None:
        assert score_expression(named(A), [[0, 0, 10, 5]]).correct


class TestSeveralObjects:
    @pytest.mark.parametrize(
        ("found", "correct"),
        [([A, B], True), ([B, NEAR_A], True), ([A], False), ([A, B, C], False), ([A, A], False), ([A, C], False)],
    )
    def test_they_must_match_one_to_one_in_any_order(self, found: list[list[int]], correct: bool) -> None:
        score = score_expression(named(A, B), found)
        assert (score.kind, score.correct, score.first) == ("set", correct, None)

    @given(boxes)
    def test_boxes_match_themselves(self, some: list[list[int]]) -> None:
        some = [b for b in some if b[0] < b[2] and b[1] < b[3]]
        assert score_expression(named(*some), some[::-1]).correct

    def test_where_nothing_is_named_nothing_may_be_returned(self) -> None:
        assert score_expression(named(), []) == Score("none", True, 0, 1.0, 1.0)
        assert score_expression(named(), [A]) == Score("none", False, 0, 0.0, 1.0)


class TestNumbersAndTruth:
    @pytest.mark.parametrize(
        ("value", "correct"), [(2, True), (np.int64(2), True), (3, False), (None, False), (True, False)]
    )
    def test_a_count_is_right_by_its_number(self, value: int | None, correct: bool) -> None:
        assert score_expression(Expected("a.jpg", "how many?", count=2), [], value) == Score("count", correct)

    def test_a_yes_is_no_one(self) -> None:
        assert not score_expression(Expected("a.jpg", "how many?", count=1), [], True).correct
        assert not score_expression(Expected("a.jpg", "is there?", answer=True), [], 1).correct

    def test_the_counted_boxes_are_compared_beside(self) -> None:
        assert score_expression(named(A, B, count=2), [A, C], 2) == Score("count", True, 1, 0.5, 0.5)

    @pytest.mark.parametrize("answer", [True, False])
    def test_yes_or_no_is_right_by_its_value(self, answer: bool) -> None:
        asked = Expected("a.jpg", "is there a dog?", answer=answer)
        given_back = [score_expression(asked, [A], value).correct for value in (answer, not answer, None)]
        assert given_back == [True, False, False]


class TestSummary:
    def test_it_has_the_shares_of_each_kind_that_occurs(self) -> None:
        scores = [
            score_expression(named(A), [A]),
            score_expression(named(A), [A, B]),
            score_expression(Expected("a.jpg", "how many?", count=2), [], 1),
        ]
        assert summarise(scores) == {
            "accuracy": pytest.approx(1 / 3),
            "count": 3,
            "per_kind": {
                "single": {"accuracy": 0.5, "count": 2, "precision": 0.75, "recall": 1.0, "first": 1.0},
                "count": {"accuracy": 0.0, "count": 1},
            },
        }

    def test_without_expressions_there_is_no_accuracy(self) -> None:
        assert summarise([]) == {"accuracy": None, "count": 0, "per_kind": {}}
