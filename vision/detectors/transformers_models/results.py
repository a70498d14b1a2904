"""What every transformers detector does with what its model gave.

Boxes come to lie inside the image, best first, none without area; masks, coarse and maybe of a padded image, become
outlines in the image's own pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings
from vision.detections.polygons.masks import rings_from_mask
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


WHOLE = (1.0, 1.0)


def full_mask(logits: Any, size: tuple[int, int], part: tuple[float, float] = WHOLE) -> NDArray[np.bool_]:
    """A mask in the image's pixels; one at a time, so that memory holds however many objects there are.

    Args:
        logits: shape (rows, columns), positive on the object.
        size: (width, height) of the image in pixels.
        part: shares of width and height of the mask that the image fills, from the top left; the rest is padding.

    Returns:
        Shape (height, width).
    """
    import torch

    width, height = size
    padded = (max(height, round(height / part[1])), max(width, round(width / part[0])))
    fine = torch.nn.functional.interpolate(logits[None, None].float(), padded, mode="bilinear", align_corners=False)
    return np.asarray((fine[0, 0, :height, :width] > 0).cpu().numpy(), np.bool_)


def outline(mask: NDArray[np.bool_], xyxy: NDArray[np.float32]) -> tuple[Rings, bool]:
    """The rings of a mask, or the box's own where the mask is empty; and whether there was a mask."""
    rings = rings_from_mask(mask)
    if rings:
        return rings, True
    left, top, right, bottom = xyxy.tolist()
    return (np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32),), False


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around a mask's pixels, shape (4,); all zero for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
