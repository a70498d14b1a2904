"""The fields of `Detections`: their types, and the checks that are made once so that no later code has to repeat them.

Each check takes a field as the caller gave it. It returns the field in the one form that the rest of the room relies on
(arrays are float32, copied and read-only), or raises an error that names the object at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from numbers import Real
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from vision.errors import DetectionsError

Ring = NDArray[np.float32]
"""One closed polygon of shape (points, 2), xy in pixels; the first point is not repeated at the end."""

Rings = tuple[Ring, ...]
"""The outline of one object: one or more polygons."""

PolygonSource = Literal["model", "grabcut", "box"]

EDGE_TOLERANCE = 1.0
"""Pixels by which rounding may put a coordinate outside the image; it is moved to the edge."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_Scalar = TypeVar("_Scalar", bound=np.generic)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Detections` that need a check, checked.

    Args:
        values: every field by its name, as the caller gave it.

    Raises:
        DetectionsError: something does not fit, such as a box outside the image or a name outside the class set.
    """
    size = checked_size(values["image_size"])
    boxes = _boxes(values["xyxy"], size)
    classes = checked_classes(values["classes"], values["class_names"])
    names, model_classes = _names(values["class_names"], classes, values["model_classes"], len(boxes))
    return {
        "image_size": size,
        "xyxy": boxes,
        "classes": classes,
        "class_names": names,
        "model_classes": model_classes,
        "scores": _scores(values["scores"], len(boxes)),
        "polygons": _polygons(values["polygons"], len(boxes), size),
        "track_ids": _track_ids(values["track_ids"], len(boxes)),
        "notes": tuple(values["notes"]),
    }


def checked_size(image_size: Sequence[int]) -> tuple[int, int]:
    """(width, height), two whole numbers of at least 1."""
    try:
        width, height = (int(side) for side in image_size)
        whole = (width, height) == tuple(image_size)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or width < 1 or height < 1:
        raise DetectionsError(
            f"image_size is {image_size!r}: expected (width, height) in pixels, two whole numbers of at least 1"
        )
    return width, height


def _boxes(xyxy: Any, size: tuple[int, int]) -> NDArray[np.float32]:
    """Corners inside the image, the first at the top left of the second; shape (n, 4)."""
    boxes = _numbers(xyxy, "xyxy")
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise DetectionsError(
            f"xyxy has shape {boxes.shape}: expected (n, 4), the corners x1, y1, x2, y2 of n boxes in pixels"
        )
    _refuse_strays(boxes.reshape(-1, 2, 2), size, lambda i: f"box {i}, {boxes[i].tolist()},")
    flipped = np.flatnonzero(np.any(boxes[:, :2] > boxes[:, 2:], axis=1))
    if len(flipped):
        i = int(flipped[0])
        raise DetectionsError(
            f"box {i} is {boxes[i].tolist()}: expected x1 <= x2 and y1 <= y2; for x, y, width, height give "
            "x, y, x + width, y + height"
        )
    return _inside(boxes, (*size, *size))


def _scores(scores: Any, count: int) -> NDArray[np.float32] | None:
    """Scores from 0 to 1, shape (n,), or None."""
    if scores is None:
        return None
    values = _numbers(scores, "scores")
    if values.shape != (count,):
        raise DetectionsError(f"scores have shape {values.shape}: expected ({count},), one for each box, or None")
    outside = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(outside):
        raise DetectionsError(f"score {int(outside[0])} is {values[outside[0]]}: expected 0 to 1")
    return _frozen(values.astype(np.float32))


def is_score(value: object) -> bool:
    """Whether a value is a number from 0 to 1, as scores and bounds on them are."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= 1


def checked_classes(classes: Sequence[str], class_names: Sequence[str]) -> tuple[str, ...]:
    """The class set, each class once; the names that occur, in the order in which they do, where it is empty."""
    # The same string in place of `("dog",)` would be read as three classes.
    if isinstance(classes, str) or isinstance(class_names, str):
        raise DetectionsError("classes and class_names are sequences of names, found one string; write ('dog',)")
    chosen = tuple(classes) if classes else tuple(dict.fromkeys(class_names))
    for name in chosen:
        if not isinstance(name, str) or not name:
            raise DetectionsError(f"class {name!r}: expected a name, a string of at least one character")
    _check_class_set(chosen)
    return chosen


@lru_cache(maxsize=256)
def _check_class_set(classes: tuple[str, ...]) -> None:
    """Refuse names that cannot be written, or stand twice. The frames of a video share one set, checked once."""
    for name in classes:
        if unwritable := _UNWRITABLE.search(name):
            raise DetectionsError(
                f"class {name!r} holds {unwritable[0]!r}: expected no control characters but tab and newline, no lone "
                "surrogates and no noncharacters, which XML and other formats cannot hold"
            )
    if len(set(classes)) < len(classes):
        twice = next(name for i, name in enumerate(classes) if name in classes[:i])
        raise DetectionsError(f"the class set names {twice!r} twice: expected every class once, since an index counts")


def _names(
    class_names: Sequence[str], classes: tuple[str, ...], model_classes: Sequence[str], count: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names from the class set and the model's own words for them, one each for every box."""
    names, models = tuple(class_names), tuple(model_classes)
    if len(names) != count:
        raise DetectionsError(f"{len(names)} class names for {count} boxes: expected one for each")
    if models and len(models) != count:
        raise DetectionsError(f"{len(models)} model classes for {count} boxes: expected one for each, or none")
    known = set(classes)
    for i, name in enumerate(names):
        if name not in known:
            raise DetectionsError(
                f"class name {i} is {name!r}: expected one of the class set; nearest: {nearest(name, classes)}"
            )
    return names, models or names


def _polygons(polygons: Sequence[Sequence[Any]] | None, count: int, size: tuple[int, int]) -> tuple[Rings, ...] | None:
    """For each box one or more rings of at least 3 points inside the image, or None."""
    if polygons is None:
        return None
    if len(polygons) != count:
        raise DetectionsError(f"{len(polygons)} polygons for {count} boxes: expected one for each, or None")
    outlines = tuple(tuple(_ring(ring, i, size) for ring in rings) for i, rings in enumerate(polygons))
    if not all(outlines):
        raise DetectionsError(
            f"polygon {outlines.index(())} has no ring: expected one or more; None for all where there is no outline"
        )
    return outlines


def _track_ids(track_ids: Any, count: int) -> NDArray[np.int64] | None:
    """Whole numbers, shape (n,), or None."""
    if track_ids is None:
        return None
    ids = np.asarray(track_ids)
    if ids.size == 0:
        ids = ids.reshape(-1).astype(np.int64)
    if ids.dtype.kind not in "iu" or ids.shape != (count,):
        raise DetectionsError(
            f"track_ids have shape {ids.shape} and type {ids.dtype}: expected ({count},) whole numbers, or None"
        )
    return _frozen(ids.astype(np.int64))


def nearest(name: str, choices: Sequence[str], count: int = 3) -> str:
    """The choices most like a name, written for an error message."""
    matches = process.extract(str(name)[:100], choices, scorer=fuzz.ratio, processor=str.casefold, limit=count)
    return ", ".join(repr(choice) for choice, _, _ in matches) or "there is none"


def _ring(ring: Any, i: int, size: tuple[int, int]) -> Ring:
    points = _numbers(ring, f"polygon {i}")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise DetectionsError(
            f"polygon {i} has a ring of shape {points.shape}: expected (points, 2) with at least 3 points, xy in pixels"
        )
    _refuse_strays(points[None], size, lambda _: f"polygon {i}")
    return _inside(points, size)


def _refuse_strays(points: NDArray[np.float64], size: tuple[int, int], name: Callable[[int], str]) -> None:
    """Points of shape (objects, points, 2) must be finite and inside the image, up to the tolerance."""
    with np.errstate(invalid="ignore"):
        good = (points >= -EDGE_TOLERANCE) & (points <= np.array(size, np.float64) + EDGE_TOLERANCE)
    bad = np.flatnonzero(~good.all(axis=(1, 2)))
    if not len(bad):
        return
    i = int(bad[0])
    wrong = "lies outside the image" if np.isfinite(points[i]).all() else "is not finite"
    raise DetectionsError(
        f"{name(i)} {wrong}: expected 0 to {size[0]} in x and 0 to {size[1]} in y, pixels of the upright image; "
        "clip to the image first"
    )


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
        if array.size and array.dtype.kind not in "iuf":
            raise ValueError(f"type {array.dtype}")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DetectionsError(f"{name}: expected an array of numbers; {error}") from error


def _inside(values: NDArray[np.float64], high: tuple[int, ...]) -> NDArray[np.float32]:
    return _frozen(np.clip(values, 0, high).astype(np.float32))


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.setflags(write=False)
    return array
