"""Arrays of boxes: which of them lie in a region, have a size, rank first, or overlap a better one.

Nothing here knows of instructions or detections, so the value `Detections`, the selection by a task and the detectors
share these functions.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

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
