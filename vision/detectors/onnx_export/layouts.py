"""The forms in which exported detectors give their boxes; shapes decide which one a file has.

| form | outputs | boxes | who writes it |
| --- | --- | --- | --- |
| `GRID` | (1, 4 + classes, n) or (1, n, 4 + classes) | centre and size, pixels of the input | YOLOv8, v9, 11, 12 |
| `GRID` | (1, n, 5 + classes) or (1, 5 + classes, n): with objectness | the same | YOLOv5, v7 |
| `KEPT` | (1, n, 6): box, score, class; suppressed already | corners, pixels of the input | YOLO with NMS, v10, 26 |
| `UNIT` | (1, n, 4 + classes), n at most 1,000 | centre and size, 0 to 1 | RT-DETR by Ultralytics |
| `QUERIES` | logits (1, n, classes or classes + 1), boxes (1, n, 4) | centre and size, 0 to 1 | transformers' DETRs |
| `LABELLED` | labels (1, n), boxes (1, n, 4), scores (1, n) | corners, pixels of the image | RT-DETR, D-FINE |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.errors import DetectorError

Raw = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]
"""Boxes of shape (n, 4) as x0 y0 x1 y1, scores of shape (n,), class numbers of shape (n,)."""

MOST_QUERIES = 1000


class Form(Enum):
    """See the table at the head of this module."""

    GRID = auto()
    KEPT = auto()
    UNIT = auto()
    QUERIES = auto()
    LABELLED = auto()


@dataclass(frozen=True)
class Layout:
    """How a file's outputs are to be read.

    Attributes:
        form: see the table.
        names: of the outputs that are read, in the form's order.
        channels_first: whether a grid's classes come before its cells.
        objectness: whether a grid has a score for there being anything.
        background: whether the last of the logits stands for nothing, so the others share 1 with it.
    """

    form: Form
    names: tuple[str, ...]
    channels_first: bool = False
    objectness: bool = False
    background: bool = False


def layout_of(outputs: Mapping[str, NDArray[Any]], classes: int) -> Layout:
    """Which form a file has.

    Args:
        outputs: name to array, of one image.
        classes: how many names its classes have.

    Raises:
        DetectorError: it has none of the forms, or its classes are more or fewer than their names.
    """
    three = {name: array for name, array in outputs.items() if array.ndim == 3 and array.shape[0] == 1}
    boxes = [name for name, array in three.items() if array.shape[2] == 4]
    if len(boxes) > 1:
        # Three classes and one for nothing make four logits, and only the name tells them from boxes.
        boxes = [name for name in boxes if "box" in name]
    flat = [name for name, array in outputs.items() if array.ndim == 2]
    if len(boxes) == 1 and len(flat) == 2:
        labels = [name for name in flat if np.issubdtype(outputs[name].dtype, np.integer)]
        if len(labels) != 1:
            labels = [name for name in flat if "label" in name or "class" in name]
        if len(labels) == 1:
            (scores,) = (name for name in flat if name != labels[0])
            return Layout(Form.LABELLED, (labels[0], boxes[0], scores))
    if len(boxes) == 1 and len(three) > 1:
        queries = three[boxes[0]].shape[1]
        for name, array in three.items():
            if name != boxes[0] and array.shape[1] == queries and array.shape[2] - classes in (0, 1):
                return Layout(Form.QUERIES, (name, boxes[0]), background=array.shape[2] == classes + 1)
    if len(outputs) == 1 and len(three) == 1:
        ((name, array),) = three.items()
        found = _single(name, array, classes)
        if found is not None:
            return found
    shown = ", ".join(f"{name} {array.shape}" for name, array in outputs.items())
    raise DetectorError(
        f"the outputs are {shown}, and {classes} classes are named. Expected of YOLO (1, {classes + 4}, n) or "
        f"(1, n, {classes + 5}), with suppression (1, n, 6); of DETR logits (1, n, {classes} or {classes + 1}) with "
        "boxes (1, n, 4), or labels (1, n), boxes (1, n, 4) and scores (1, n). If the names are more or fewer than the "
        "model's classes, correct them"
    )


def _single(name: str, array: NDArray[Any], classes: int) -> Layout | None:
    """The form of one output of shape (1, rows, columns)."""
    _, rows, columns = array.shape
    # With one or two classes others have six columns too, but theirs end in a score and not in a whole number.
    if columns == 6 and np.array_equal(array[..., 5], np.rint(array[..., 5])):
        return Layout(Form.KEPT, (name,))
    if columns == classes + 4 and rows <= MOST_QUERIES and rows != classes + 4:
        return Layout(Form.UNIT, (name,))
    # Cells are more than classes, which settles it where both sides would do.
    for channels, channels_first in sorted([(rows, True), (columns, False)]):
        if channels in (classes + 4, classes + 5):
            return Layout(Form.GRID, (name,), channels_first, channels == classes + 5)
    return None


def read_boxes(layout: Layout, outputs: Mapping[str, NDArray[Any]], min_score: float) -> Raw:
    """All boxes of all classes that score enough, as they are: in the form's units, not suppressed.

    Args:
        layout: the file's form.
        outputs: name to array, of one image.
        min_score: lower scores are left out.
    """
    # In half precision, which some exports have, a box of a large image would be off by pixels.
    arrays = [np.asarray(outputs[name][0]) for name in layout.names]
    wide = [array.astype(np.float32, copy=False) for array in arrays]
    match layout.form:
        case Form.GRID | Form.UNIT:
            rows = wide[0].T if layout.channels_first else wide[0]
            scores = rows[:, 5:] * rows[:, 4:5] if layout.objectness else rows[:, 4:]
            places, classes = np.nonzero(scores >= min_score)
            return _corners(rows[places, :4]), scores[places, classes], classes
        case Form.KEPT:
            (rows,) = wide
            rows = rows[rows[:, 4] >= min_score]
            return rows[:, :4], rows[:, 4], np.rint(rows[:, 5]).astype(np.intp)
        case Form.QUERIES:
            logits, boxes = wide
            scores = _softmax(logits)[:, :-1] if layout.background else _sigmoid(logits)
            places, classes = np.nonzero(scores >= min_score)
            return _corners(boxes[places]), scores[places, classes], classes
        case Form.LABELLED:
            _, boxes, scores = wide
            places = np.flatnonzero(scores >= min_score)
            return boxes[places], scores[places], np.rint(arrays[0][places]).astype(np.intp)


def _corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre and size to corners, shape (n, 4)."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    # By the hyperbolic tangent, which no large logit overflows.
    return np.asarray((np.tanh(logits / 2) + 1) / 2, np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def known_classes(numbers: Sequence[int], names: Sequence[str], path: str) -> None:
    """Check that every class number has a name.

    Raises:
        DetectorError: one has none.
    """
    for number in numbers:
        if not 0 <= number < len(names):
            raise DetectorError(
                f"{path} found class number {number}, and {len(names)} names are known for it, numbers 0 to "
                f"{len(names) - 1}: give as many names as the model has classes"
            )
