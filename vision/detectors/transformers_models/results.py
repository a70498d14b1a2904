"""What every transformers detector does with what its model gave: boxes inside the image, best first, none without
area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings
from vision.detectors.detector import Found, Request

MAX_BOXES = 300
"""The most boxes of one image and one forward pass: COCO's evaluation looks at 100, DETR-style models give 300."""


def as_found(
    size: tuple[int, int],
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    scores: NDArray[np.float32] | None,
    polygons: Sequence[Rings] | None = None,
    notes: Sequence[str] = (),
) -> Found:
    """Clip boxes to the image, leave out those without area, and put the best first.

    Args:
        size: (width, height) of the image in pixels.
        xyxy: shape (n, 4), pixels of the image, maybe beyond its edges.
        labels: n classes.
        scores: shape (n,), or None: then the order is that in which the boxes came.
        polygons: n outlines, or None.
        notes: what the user should know.
    """
    width, height = size
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    finite = np.all(np.isfinite(boxes), axis=1)
    edges = np.array([width, height, width, height], np.float32)
    clipped: NDArray[np.float32] = np.clip(np.where(finite[:, None], boxes, 0), 0, edges)
    solid = finite & np.all(clipped[:, 2:] > clipped[:, :2], axis=1)
    places: list[int] = np.flatnonzero(solid).tolist()
    if scores is not None:
        places.sort(key=lambda i: (-float(scores[i]), clipped[i].tolist(), labels[i]))
    return Found(
        xyxy=clipped[places],
        labels=tuple(labels[place] for place in places),
        scores=None if scores is None else np.asarray(scores, np.float32)[places],
        polygons=None if polygons is None else tuple(polygons[place] for place in places),
        notes=tuple(notes),
    )


def nothing(request: Request, scored: bool = True, polygons: bool = False, notes: Sequence[str] = ()) -> Found:
    """No object at all, in the form of a detector's other results."""
    return Found(
        np.zeros((0, 4), np.float32),
        (),
        np.zeros(0, np.float32) if scored else None,
        () if polygons and request.polygons else None,
        tuple(notes),
    )


def without_repeats(
    xyxy: NDArray[np.float32], scores: NDArray[np.float32], passes: NDArray[np.int64], iou: float
) -> NDArray[np.intp]:
    """Positions of the boxes that stay when the results of several passes over one image are laid together.

    A model that is asked for a part of the class set at a time answers with what is nearest in that part, so one
    object comes back from several passes: the best-scored answer keeps it. Boxes of one pass never drop each other.

    Args:
        xyxy: shape (n, 4).
        scores: shape (n,).
        passes: shape (n,), which pass a box comes from.
        iou: intersection over union from which two boxes are of one object.
    """
    areas = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    kept, count = np.empty(len(xyxy), np.intp), 0
    for place in np.argsort(-scores, kind="stable").tolist():
        others = kept[:count]
        corner = np.minimum(xyxy[others, 2:], xyxy[place, 2:]) - np.maximum(xyxy[others, :2], xyxy[place, :2])
        shared = np.prod(np.clip(corner, 0, None), axis=1)
        union = np.maximum(areas[others] + areas[place] - shared, 1e-9)
        if not np.any((shared >= iou * union) & (passes[others] != passes[place])):
            kept[count] = place
            count += 1
    return np.sort(kept[:count])
