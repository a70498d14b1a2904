"""Boxes as arrays, and the fields of detections, checked when they are made.

Nothing here knows of instructions or detections, so `Detections`, the selection by a task and the detectors share
these functions. Each check takes a field as the caller gave it and returns it in the one form that the rest of the
room relies on (arrays are float32, copied and read-only), or raises an error that names the object at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from numbers import Real
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from rapidfuzz import fuzz, process

from vision.errors import DetectionsError
from vision.task import Limit, SizeRange

Boxes = NDArray[np.floating[Any]]
"""Shape (n, 4), corners x1, y1, x2, y2 in pixels."""


def iou_matrix(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """Intersection over union of each box of `a` with each of `b`.

    Args:
        a: xyxy, shape (n, 4).
        b: xyxy, shape (m, 4).

    Returns:
        Shape (n, m), 0 to 1; 0 where both boxes have no area.
    """
    return _shared(a, b, "IOU")


def cover_matrix(a: ArrayLike, b: ArrayLike) -> NDArray[np.float32]:
    """Of each box of `a` and each of `b` the area that both have as a share of the smaller one's.

    Args:
        a: xyxy, shape (n, 4).
        b: xyxy, shape (m, 4).

    Returns:
        Shape (n, m), 0 to 1; 0 where a box has no area.
    """
    return _shared(a, b, "IOS")


def _shared(a: ArrayLike, b: ArrayLike, of: str) -> NDArray[np.float32]:
    from supervision import box_iou_batch

    first, second = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (a, b))
    return np.nan_to_num(box_iou_batch(first, second, of))


def in_region(xyxy: Boxes, size: tuple[int, int], region: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which boxes have their middle in a region of the image; shape (n,).

    Args:
        xyxy: shape (n, 4), pixels.
        size: (width, height) of the image in pixels.
        region: shares (x0, y0, x1, y1) of the image, 0 to 1.
    """
    # In 64 bits, so that a bound just below 1 is not rounded to 1, which takes in the image's edge.
    middle = (xyxy[:, :2].astype(np.float64) + xyxy[:, 2:]) / 2 / np.array(size)
    low, high = np.array(region[:2]), np.array(region[2:])
    # A middle on the line between two halves belongs to the second half only.
    inside: NDArray[np.bool_] = np.all((middle >= low) & ((middle < high) | (high >= 1)), axis=1)
    return inside


def of_size(xyxy: Boxes, size: tuple[int, int], bounds: SizeRange) -> NDArray[np.bool_]:
    """Which boxes have a size within bounds; shape (n,). `size` is the image's (width, height) in pixels."""
    width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
    area = width * height
    share = area / (size[0] * size[1])
    keep = np.ones(len(xyxy), bool)
    for values, low, high in (
        (area, bounds.min_area, bounds.max_area),
        (share, bounds.min_area_share, bounds.max_area_share),
        (width, bounds.min_width, bounds.max_width),
        (height, bounds.min_height, bounds.max_height),
    ):
        if low is not None:
            keep &= values >= low
        if high is not None:
            keep &= values <= high
    return keep


def ranked(xyxy: Boxes, scores: NDArray[np.float32] | None, size: tuple[int, int], limit: Limit) -> NDArray[np.intp]:
    """Positions of the boxes that a limit keeps, in its order; ties go to the better score, then to the earlier box."""
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    values: NDArray[np.floating[Any]]
    if limit.by == "score":
        values = scores if scores is not None else np.zeros(len(xyxy), np.float32)
    elif limit.by == "area":
        values = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    elif limit.by == "centre":
        values = np.hypot(*(middle - np.array(size, np.float32) / 2).T)
    else:
        values = middle[:, 0 if limit.by == "x" else 1]
    key = values if limit.order == "ascending" else -values
    second = -scores if scores is not None else np.zeros(len(xyxy), np.float32)
    return np.lexsort((second, key))[: limit.count]


def suppressed(
    xyxy: Boxes,
    scores: NDArray[np.floating[Any]],
    classes: NDArray[np.integer[Any]],
    threshold: float,
    most: int,
) -> NDArray[np.intp]:
    """Positions of the boxes that greedy non-maximum suppression keeps, best first: by score, then box, then class.

    From the best score down, a box is dropped where its intersection over union with a kept box of its class exceeds
    the threshold. Boxes without an area are dropped too.

    Each class is a pass of its own. Libraries that treat all classes in one pass move each class's boxes apart by an
    offset that depends on the other classes, and rounding then decides close cases differently for another class set.

    Args:
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), a class's number.
        threshold: 0 to 1.
        most: only this many boxes of each class, the best, are looked at.

    Returns:
        Shape (kept,).
    """
    boxes = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)
    solid = np.flatnonzero((boxes[:, 2] > 0) & (boxes[:, 3] > 0))
    order = solid[np.lexsort((*xyxy[solid].T[::-1], -scores[solid], classes[solid]))]
    kept = [np.zeros(0, np.intp)]
    for group in np.split(order, np.flatnonzero(np.diff(classes[order])) + 1):
        group = group[:most]
        # OpenCV sorts by score, so it is given the rank: ties then fall as they stand here.
        ranks = np.arange(len(group), 0, -1, dtype=np.float32)
        stay = cv2.dnn.NMSBoxes(boxes[group], ranks, 0.0, threshold)  # type: ignore[arg-type]  # takes arrays too
        kept.append(group[np.asarray(stay, np.intp)])
    places = np.concatenate(kept)
    return places[best_first(xyxy[places], scores[places], classes[places])]


def best_first(xyxy: Boxes, scores: NDArray[np.floating[Any]], classes: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Positions by score, then box, then class, which is the order that detectors give.

    Args:
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), a class's number.
    """
    return np.lexsort((classes, *xyxy.T[::-1], -scores))


def corners_of(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre x and y, width and height to corners; shape (n, 4) both."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


Ring = NDArray[np.float32]
"""One closed polygon of shape (points, 2), xy in pixels; the first point is not repeated at the end."""

Rings = tuple[Ring, ...]
"""The outline of one object: one or more polygons."""

PolygonSource = Literal["model", "grabcut", "box"]


def ring_of_box(box: NDArray[np.float32]) -> Ring:
    """The four corners of a box, clockwise on the picture; `box` has shape (4,)."""
    left, top, right, bottom = box.tolist()
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


EDGE_TOLERANCE = 1.0
"""Pixels by which rounding may put a coordinate outside the image; it is moved to the edge."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_Scalar = TypeVar("_Scalar", bound=np.generic)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Detections` that need a check, checked.

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
