"""Files of referring expressions and questions about images, and a grounder measured on them.

A line says what an expression should give: the objects by their annotations or boxes, a number, or whether it is so:

    {"image": "coco128/images/000000000009.jpg", "expression": "the yellow bowl", "annotation_ids": [1038967]}
    {"image": "street.jpg", "expression": "cars near the bus", "boxes": [[10, 20, 50, 80], [60, 20, 99, 75]]}
    {"image": "street.jpg", "expression": "how many dogs are there?", "count": 2}
    {"image": "street.jpg", "expression": "is the bus left of the tree?", "answer": false}
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from kg_data.appended_lines import Line
from kg_data.errors import DataError, SkylarkError
from vision.errors import DetectorError, EvaluationError, ImageError
from vision.evaluation.annotations import AnnotatedSet, read_annotations
from vision.evaluation.grounding import Expected, Score, score_expression, summarise
from vision.evaluation.runs import MEASURE_ALL, Job, RunOptions, images_digest, run
from vision.vision import Vision

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
    starts = list(
        dict.fromkeys([path.parent, *(up for folder in folders for up in (folder, *folder.resolve().parents))])
    )
    known = _annotations(annotated)
    asked = []
    for number, text in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not text.strip():
            continue
        row = _parsed(path, number, text)
        image = next((start / row.image for start in starts if (start / row.image).is_file()), None)
        if image is None:
            raise EvaluationError(
                f"{path}, line {number}: there is no image {row.image} under {path.parent}"
                f"{''.join(f' or {folder}' for folder in folders)}"
            )
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
    job = Job(
        [
            {"id": one.line, "image": one.expected.image, "expression": one.expected.expression, "digest": digest}
            for one, digest in zip(asked, map(images_digest, [[one.path] for one in asked]), strict=True)
        ],
        [f"{one.expected.expression!r} of {one.expected.image}" for one in asked],
        asked,
        partial(_grounded, vision),
        "expression",
    )
    return run(job, figures_of, settings, options)


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
        "id": asked.line, "image": expected.image, "expression": expected.expression,
        "digest": images_digest([asked.path]), **asdict(score),
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
        raise DataError(
            path, "annotation_ids or boxes or count (with boxes or without), or answer alone", number,
            ", ".join(given) or "none of them",
        )  # fmt: skip
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
        raise EvaluationError(
            f"{path}, line {number}: annotation_ids need the annotations of {row.image}: give its --images and "
            "--annotations"
        )
    unknown = [str(identifier) for identifier in row.annotation_ids if identifier not in known]
    if unknown:
        raise DataError(path, f"ids of annotations of {row.image}", number, ", ".join(unknown))
    return np.array([known[identifier] for identifier in row.annotation_ids], np.float64).reshape(-1, 4)
