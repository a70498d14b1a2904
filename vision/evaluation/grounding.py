"""Evaluation of expressions and questions that are grounded in images.

A line of the file says what an expression should give:

    {"image": "coco128/images/000000000009.jpg", "expression": "the yellow bowl", "annotation_ids": [1038967]}
    {"image": "street.jpg", "expression": "cars near the bus", "boxes": [[10, 20, 50, 80], [60, 20, 99, 75]]}
    {"image": "street.jpg", "expression": "how many dogs are there?", "count": 2}
    {"image": "street.jpg", "expression": "is the bus left of the tree?", "answer": false}

What is returned must match what is named one to one at IoU 0.5 or more, nothing missing and nothing besides:
gRefCOCO's precision at F1 = 1 (He et al. 2023, arXiv 2308.16182). RefCOCO's own accuracy (Yu et al. 2016, arXiv
1608.00272) looks at one box alone, and would pass a system that returns all persons for one; it stands beside, as
`first`.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from skylark.errors import DataError, SkylarkError
from skylark.files import Line
from vision.detections.boxes import iou_matrix
from vision.errors import DetectorError, EvaluationError, ImageError
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.runs import MEASURE_ALL, Job, RunOptions, images_digest, run
from vision.vision import Vision

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


Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    image: str = Field(min_length=1)
    expression: str = Field(min_length=1)
    annotation_ids: list[int] | None = None
    boxes: list[tuple[Finite, Finite, Finite, Finite]] | None = None
    count: int | None = Field(default=None, ge=0)
    answer: StrictBool | None = None


@dataclass(frozen=True)
class Asked:
    """A line of a file of expressions.

    Attributes:
        expected: what it should give.
        path: where its image lies.
        line: its number in the file, from 1.
    """

    expected: Expected
    path: Path
    line: int


def read_expressions(path: Path, folders: Sequence[Path] = (), annotated: AnnotatedSet | None = None) -> list[Asked]:
    """Read a file of expressions, JSON lines.

    Args:
        path: the file.
        folders: of images. The image of a line is looked for from the file's own folder, then from each of these and
            from the folders above it, so that "coco128/images/1.jpg" is found from ".../coco128/images" too.
        annotated: the set whose annotations the lines name by their ids.

    Raises:
        EvaluationError: the file or an image is not there, or `annotation_ids` are given without a set that has the
            image.
        DataError: a line is broken, or names an annotation that its image has not; with the line.
    """
    if not path.is_file():
        raise EvaluationError(f"there is no file of expressions {path}")
    above = (up for folder in folders for up in (folder, *folder.resolve().parents))
    starts = list(dict.fromkeys([path.parent, *above]))
    known = _annotations(annotated)
    asked = []
    for number, text in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not text.strip():
            continue
        row = _parsed(path, number, text)
        image = next((start / row.image for start in starts if (start / row.image).is_file()), None)
        if image is None:
            searched = " or ".join(map(str, (path.parent, *folders)))
            raise EvaluationError(f"{path}, line {number}: there is no image {row.image} under {searched}")
        boxes = _boxes(path, number, row, known.get(image.resolve()))
        asked.append(Asked(Expected(row.image, row.expression, boxes, row.count, row.answer), image, number))
    if not asked:
        raise EvaluationError(f"{path} holds no expression")
    return asked


def evaluate_expressions(
    vision: Vision,
    path: Path,
    pairs: Sequence[tuple[Path, Path]] = (),
    options: RunOptions = MEASURE_ALL,
    *,
    folders: Sequence[Path] = (),
) -> dict[str, Any]:
    """Ask every expression of a file of its image, and measure what is returned.

    Args:
        vision: what is asked.
        path: the file of expressions.
        pairs: (folder of images, COCO annotation file).
        options: how many expressions are measured, and what is kept of them.
        folders: further folders of images, without annotations.

    Returns:
        What `summarise` gives; `not_understood` (how many could not be read, counted as wrong), `misses` (each with
        what was expected, what was returned and the query that it was read as) and `settings`.

    Raises:
        EvaluationError, DataError: the files do not fit together, or one is broken.
        ResultsError: `options.out` cannot be written; what was done before is kept.
        ImageError, DetectorError: an image cannot be read, or the model failed.
    """
    annotated = read_annotations(pairs) if pairs else None
    asked = read_expressions(path, [*(folder for folder, _ in pairs), *folders], annotated)[: options.limit]
    settings = {
        **vision.deciding(),
        "reader": vision.reader_digest(),
        "min_score": vision.min_score,
        "expressions": str(path.resolve()),
        "expressions_digest": sha256(path.read_bytes()).hexdigest()[:16],
        "annotations": [str(file.resolve()) for _, file in pairs],
        "annotations_digest": annotated.digest if annotated else None,
        "limit": options.limit,
    }
    marks = [_mark(one) for one in asked]
    names = [f"{one.expected.expression!r} of {one.expected.image}" for one in asked]
    return run(Job(marks, names, asked, partial(_grounded, vision), "expression"), figures_of, settings, options)


def _mark(asked: Asked) -> dict[str, Any]:
    """What a line of results holds of its expression."""
    expected = asked.expected
    named = {"id": asked.line, "image": expected.image, "expression": expected.expression}
    return {**named, "digest": images_digest([asked.path])}


def _grounded(vision: Vision, asked: Sequence[Asked]) -> Generator[Line]:
    yield from (grounded_line(vision, one) for one in asked)


def grounded_line(vision: Vision, asked: Asked) -> Line:
    """Ask one expression: its line of results, with the score's fields, what was expected and what was returned."""
    expected = asked.expected
    error: str | None = None
    boxes, value, query = np.zeros((0, 4)), None, None
    try:
        grounding = vision.ask(asked.path, expected.expression)
        boxes, value, query = grounding.detections.xyxy.astype(float), grounding.value, str(grounding.query)
    except (ImageError, DetectorError):
        raise  # no measurement of the words
    except SkylarkError as failure:
        error = str(failure)
    score = score_expression(expected, boxes, value)
    if error is not None:
        score = replace(score, correct=False)  # an expression that names nothing is not grounded by its being unread
    wanted = {"count": expected.count, "answer": expected.answer}
    return {
        **_mark(asked), **asdict(score),
        "expected": {
            **({} if expected.boxes is None else {"boxes": expected.named.round(2).tolist()}),
            **{key: item for key, item in wanted.items() if item is not None},
        },
        "found": {"boxes": boxes.round(2).tolist(), "value": value, "query": query, "error": error},
    }  # fmt: skip


def figures_of(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of a run's lines, with its misses."""
    fields = Score.__dataclass_fields__
    scores = [Score(**{name: line[name] for name in fields}) for line in lines]
    shown = ("image", "expression", "kind", "expected", "found")
    return {
        **summarise(scores),
        "not_understood": sum(line["found"]["error"] is not None for line in lines),
        "misses": [{name: line[name] for name in shown} for line in lines if not line["correct"]],
    }


def _parsed(path: Path, number: int, text: bytes) -> _Row:
    try:
        row = _Row.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        expected = "an expression as JSON with image, expression and annotation_ids, boxes, count or answer"
        raise DataError(path, expected, number, hint=f"{where}: {first['msg']}" if where else first["msg"]) from None
    given = [name for name in ("annotation_ids", "boxes", "count", "answer") if getattr(row, name) is not None]
    if not given or ("annotation_ids" in given and "boxes" in given) or ("answer" in given and len(given) > 1):
        expected = "annotation_ids or boxes or count (with boxes or without), or answer alone"
        raise DataError(path, expected, number, ", ".join(given) or "none of them")
    return row


def _annotations(annotated: AnnotatedSet | None) -> dict[Path, dict[int, tuple[float, float, float, float]]]:
    """Image to the boxes of its annotations by their ids, which are unique in one file alone."""
    known: dict[Path, dict[int, tuple[float, float, float, float]]] = {}
    if annotated is not None:
        paths = [image.path.resolve() for image in annotated.images]
        known = {path: {} for path in paths}
        for row in annotated.annotations:
            known[paths[row.image]][row.id] = row.xyxy
    return known


def _boxes(
    path: Path, number: int, row: _Row, known: Mapping[int, tuple[float, float, float, float]] | None
) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    if row.annotation_ids is None:
        if row.boxes is None:
            return None
        boxes = np.array(row.boxes, np.float64).reshape(-1, 4)
        if (boxes[:, 2:] < boxes[:, :2]).any():
            raise DataError(path, "boxes as x1, y1, x2, y2 with x1 <= x2 and y1 <= y2", number, str(row.boxes))
        return boxes
    if known is None:
        lacking = f"annotation_ids need the annotations of {row.image}: give its --images and --annotations"
        raise EvaluationError(f"{path}, line {number}: {lacking}")
    unknown = [str(identifier) for identifier in row.annotation_ids if identifier not in known]
    if unknown:
        raise DataError(path, f"ids of annotations of {row.image}", number, ", ".join(unknown))
    return np.array([known[identifier] for identifier in row.annotation_ids], np.float64).reshape(-1, 4)
