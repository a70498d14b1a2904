"""Greedy non-maximum suppression within each class, whose result for one class no other class can change.

Detectors here suppress before anything is labelled. Libraries that do all classes in one pass move each class's boxes
apart by an offset that depends on the others, and rounding then decides close cases differently for another class set;
so each class is its own pass.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def suppressed(
    xyxy: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.intp],
    threshold: float,
    most: int,
) -> NDArray[np.intp]:
    """Positions of the boxes that stay, best first: by score, then box, then class.

    From the best score down, a box goes where its intersection over union with one of its class that stays exceeds the
    threshold. Boxes without an area go too.

    Args:
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), a class's number.
        threshold: 0 to 1.
        most: only so many of each class, the best, are looked at.

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


def best_first(xyxy: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions by score, then box, then class, which is the order that detectors give.

    Args:
        xyxy: shape (n, 4), pixels.
        scores: shape (n,).
        classes: shape (n,), a class's number.
    """
    return np.lexsort((classes, *xyxy.T[::-1], -scores))
