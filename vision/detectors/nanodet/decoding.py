"""From NanoDet-g's outputs to boxes in pixels of the image.

Each cell of three grids gives a score for every class and, for each side of the box, eleven logits: the softmax's
expectation is the distance from the cell's centre in strides (Li et al. 2020, "Generalized Focal Loss", arXiv
2006.04388, equation 5). A class's boxes hang on nothing that another class does, down to the last bit, so asking for
some classes gives exactly their part of what asking for all gives.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import suppressed
from vision.detectors.nanodet.preprocessing import SIDE

STRIDES = (8, 16, 32)
BINS = 11
IOU_THRESHOLD = 0.6
MOST_PER_CLASS = 300
"""Boxes of one class that suppression looks at; more than three times what COCO's evaluation counts in an image."""


LOWEST_SCORE = 0.02
"""Cells that score less are background: AP on COCO is the same to four digits whether they are kept or not."""


def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres, shape (2, 3549), x and y, and strides, shape (3549,), of the cells in pixels of the square."""
    centres, strides = [], []
    for stride in STRIDES:
        cells = SIDE // stride
        middle = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) * stride
        centres.append(np.stack([np.tile(middle, cells), np.repeat(middle, cells)]))
        strides.append(np.full(cells * cells, stride, np.float32))
    return np.concatenate(centres, axis=1), np.concatenate(strides)


_CENTRES, _STRIDES = _grid()


def decoded(
    scores: NDArray[np.float32],
    distances: NDArray[np.float32],
    classes: NDArray[np.intp],
    min_score: float,
    scale: tuple[float, float],
    size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Boxes of some classes, suppressed within each class, best first.

    Args:
        scores: shape (80, 3549), 0 to 1.
        distances: shape (44, 3549), logits: left, top, right, bottom, eleven each.
        classes: shape (k,), numbers of the classes that are asked for, ascending.
        min_score: lower scores are left out, and those below 0.02 always.
        scale: (x, y): pixels of the image per pixel of the square.
        size: (width, height) of the image.

    Returns:
        Boxes of shape (n, 4), x0 y0 x1 y1 inside the image, scores of shape (n,), class numbers of shape (n,).
    """
    asked = scores if len(classes) == len(scores) else scores[classes]
    # Five times as quick as the positions in two dimensions, where few of 284,000 cells are left.
    places = np.flatnonzero(asked >= np.float32(max(min_score, LOWEST_SCORE)))
    rows, cells = np.divmod(places, asked.shape[1])
    found_scores, found_classes = asked[rows, cells], classes[rows]
    if len(cells) > MOST_PER_CLASS:
        best = _best_of_each(found_scores, rows, len(classes))
        found_scores, found_classes, cells = found_scores[best], found_classes[best], cells[best]
    xyxy = _boxes(distances[:, cells], cells)
    xyxy *= np.array([*scale, *scale], np.float32)
    np.clip(xyxy, 0, np.array([*size, *size], np.float32), out=xyxy)
    kept = suppressed(xyxy, found_scores, found_classes, IOU_THRESHOLD, MOST_PER_CLASS)
    return xyxy[kept], found_scores[kept], found_classes[kept]


def _best_of_each(scores: NDArray[np.float32], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Positions of the best scores of each class, so many as suppression looks at; `rows` ascend."""
    ends = np.searchsorted(rows, np.arange(count + 1))
    best = []
    for start, end in pairwise(ends.tolist()):
        group = scores[start:end]
        if len(group) > MOST_PER_CLASS:
            # A stable order, since which of several equal scores stay must not hang on how they are sorted.
            best.append(start + np.argsort(-group, kind="stable")[:MOST_PER_CLASS])
        else:
            best.append(np.arange(start, end))
    return np.concatenate(best)


def _boxes(logits: NDArray[np.float32], cells: NDArray[np.intp]) -> NDArray[np.float32]:
    """Boxes of shape (n, 4) in pixels of the square, from logits of shape (44, n)."""
    logits = logits.reshape(4, BINS, -1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    # Summed bin by bin: numpy's own sum adds in another order where n is 1, and the last bit would differ.
    total = powers[:, 0].copy()
    moment = np.zeros_like(total)
    for step in range(1, BINS):
        total += powers[:, step]
        moment += step * powers[:, step]
    left, top, right, bottom = moment / total * _STRIDES[cells]
    x, y = _CENTRES[:, cells]
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1)
