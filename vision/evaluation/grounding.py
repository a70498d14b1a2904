"""Whether an expression was grounded right: the scores of referring expressions and of questions about an image.

An expression names one object, several, or none, or asks for a number or for yes or no, and each is right in another
way. One rule holds for all that name objects: what is returned must match what is named one to one at IoU 0.5 or more,
nothing missing and nothing besides. It is gRefCOCO's precision at F1 = 1 (He et al. 2023, arXiv 2308.16182). RefCOCO's
own accuracy (Yu et al. 2016, arXiv 1608.00272) looks at one box alone, so that a system which returns all persons for
"the person left of the bus" would count as right if the right one came first; it stands beside, as `first`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.detections.boxes import iou_matrix

ExpressionKind = Literal["single", "set", "none", "count", "yes_no"]
KINDS: tuple[ExpressionKind, ...] = ("single", "set", "none", "count", "yes_no")

IOU = 0.5
"""The overlap from which on a box is the object."""


@dataclass(frozen=True, eq=False)
class Expected:
    """What an expression about an image should give.

    Attributes:
        image: the image's path as the file of expressions has it.
        expression: the referring expression or question.
        boxes: xyxy in pixels, shape (n, 4), of the objects that it names or counts; None where it asks for no objects.
        count: the number that it asks for, or None.
        answer: whether what it asks is so, or None.
    """

    image: str
    expression: str
    boxes: ArrayLike | None = None
    count: int | None = None
    answer: bool | None = None

    @property
    def named(self) -> NDArray[np.float64]:
        """The boxes, none where it asks for no objects; shape (n, 4)."""
        return np.asarray(() if self.boxes is None else self.boxes, np.float64).reshape(-1, 4)

    @property
    def kind(self) -> ExpressionKind:
        """What is asked for: one object, several, none that is there, a number, or yes or no."""
        if self.answer is not None:
            return "yes_no"
        if self.count is not None:
            return "count"
        named = len(self.named)
        return "none" if named == 0 else "single" if named == 1 else "set"


@dataclass(frozen=True)
class Score:
    """How one expression was grounded.

    Attributes:
        kind: what it asks for.
        correct: whether all of it is right.
        matched: pairs of a named and a returned box with IoU of at least 0.5, one to one.
        precision: of the returned boxes the matched share; None where boxes were not asked for. 1 where none was
            returned and none named, 0 where none was returned and some are named.
        recall: of the named boxes the matched share; None alike. 1 where none is named.
        first: for kind `single`, whether the box returned first is the named one; else None.
    """

    kind: ExpressionKind
    correct: bool
    matched: int = 0
    precision: float | None = None
    recall: float | None = None
    first: bool | None = None


def matched_pairs(expected: ArrayLike, found: ArrayLike, iou: float = IOU) -> int:
    """The most pairs of an expected and a found box, each box in one pair at most, with at least this IoU."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    overlaps = iou_matrix(expected, found) >= iou
    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    return int(overlaps[rows, columns].sum())


def score_expression(expected: Expected, boxes: ArrayLike, value: object = None) -> Score:
    """Compare what was returned for an expression with what it should give.

    Args:
        expected: what it should give.
        boxes: what was returned, xyxy in pixels, shape (n, 4), best first.
        value: the number, truth value or word that was returned, or None. A yes is not the number 1, nor a 1 a yes.
    """
    found = np.asarray(boxes, np.float64).reshape(-1, 4)
    kind = expected.kind
    if kind == "yes_no":
        return Score(kind, isinstance(value, bool | np.bool_) and bool(value) == expected.answer)
    named = expected.named
    matched = matched_pairs(named, found)
    precision = matched / len(found) if len(found) else float(not len(named))
    recall = matched / len(named) if len(named) else 1.0
    if kind == "count":
        number = isinstance(value, int | np.integer) and not isinstance(value, bool)
        right = number and value == expected.count
        if expected.boxes is None:
            return Score(kind, right)
        return Score(kind, right, matched, precision, recall)
    first = bool(len(found)) and matched_pairs(named, found[:1]) == 1 if kind == "single" else None
    return Score(kind, matched == len(named) == len(found), matched, precision, recall, first)


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of many expressions.

    Returns:
        `accuracy`, `count`, and `per_kind`: of each kind that occurs `accuracy`, `count`, the means `precision` and
        `recall` over those with boxes, and for `single` also `first`. All are shares from 0 to 1; `accuracy` is None
        where there are no scores.
    """
    groups = {kind: [score for score in scores if score.kind == kind] for kind in KINDS}
    return {
        "accuracy": _mean([score.correct for score in scores]),
        "count": len(scores),
        "per_kind": {kind: _figures(group) for kind, group in groups.items() if group},
    }


def _figures(scores: Sequence[Score]) -> Mapping[str, Any]:
    figures: dict[str, Any] = {"accuracy": _mean([score.correct for score in scores]), "count": len(scores)}
    for name in ("precision", "recall", "first"):
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        if values:
            figures[name] = _mean(values)
    return figures


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
