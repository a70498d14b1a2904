"""How likely each pixel of a box is the object's, from the colours alone, whatever the class.

Kinds of evidence, none of which is enough alone:

- *place*: how far from the middle a pixel is; the other kinds favour the middle, and this weighs it against them;
- *colour*: colours of the middle that the surroundings lack;
- *paths*: how much colour changes on the easiest way to the surroundings, and to the middle (geodesic distance, as in
  Bai and Sapiro 2007, "A geodesic framework for fast interactive image and video segmentation and matting");
- *cut*: GrabCut's own answer (Rother, Kolmogorov and Blake 2004), begun from a rounded box;
- *surroundings of the cut*: the same, blurred.

They are weighed by logistic regression. The weights are fitted on the outlines of coco128 by
`python -m benchmarks.mask_weights`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]
from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
from scipy.sparse.csgraph import dijkstra  # type: ignore[import-untyped]

KINDS = ("place", "colour", "border path", "paths", "cut", "surroundings of the cut")
WEIGHTS = (0.274, 0.508, 0.249, 0.513, 0.742, -0.430)
INTERCEPT = -0.858

_EXPONENT = 2.5
"""Of the superellipse by which nearness to the middle is measured; 2 would be an ellipse."""

_BINS = (12, 20, 20)
"""Of the colour histograms, in L, a and b."""

_CORE = 0.2
"""The part of the box, by the superellipse, that is taken to be object."""

_FAR = 1000.0


@dataclass(frozen=True, eq=False)
class Window:
    """A box and its surroundings at the size at which they are looked at.

    Attributes:
        lab: shape (height, width, 3), uint8, CIE Lab.
        away: shape (height, width): 0 in the middle of the box, 1 on the superellipse that touches its sides.
        inside: shape (height, width), bool: what lies in the box.
    """

    lab: NDArray[np.uint8]
    away: NDArray[np.float64]
    inside: NDArray[np.bool_]


def window(rgb: NDArray[np.uint8], box: NDArray[np.float64]) -> Window:
    """Look at a box.

    Args:
        rgb: shape (height, width, 3), the box with its surroundings.
        box: shape (4,), xyxy in pixels of `rgb`.
    """
    height, width = rgb.shape[:2]
    x = (np.arange(width) + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    y = (np.arange(height) + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    away = (np.abs(x)[None] ** _EXPONENT + np.abs(y)[:, None] ** _EXPONENT) ** (1 / _EXPONENT)
    inside = (np.abs(x) <= 1)[None] & (np.abs(y) <= 1)[:, None]
    return Window(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.uint8), away, inside)


def probability(view: Window) -> NDArray[np.float32]:
    """How likely each pixel is the object's, shape (height, width), 0 to 1; 0 outside the box."""
    total = evidence(view) @ np.array(WEIGHTS) + INTERCEPT
    return np.where(view.inside, 1 / (1 + np.exp(-total)), 0).astype(np.float32)


def evidence(view: Window) -> NDArray[np.float32]:
    """What speaks for or against the object, shape (height, width, kinds), in the order of `KINDS`."""
    border, middle = _paths(view)
    ratio = np.log((border + 5) / (middle + 5)).astype(np.float32)
    cut = grabcut(view).astype(np.float32)
    layers = [
        view.away,
        cv2.GaussianBlur(_colour(view), (0, 0), 2),
        np.log1p(border),
        cv2.GaussianBlur(ratio, (0, 0), 2),
        cut,
        cv2.GaussianBlur(cut, (0, 0), 4),
    ]
    return np.stack(layers, axis=2).astype(np.float32)


def grabcut(view: Window) -> NDArray[np.bool_]:
    """OpenCV's GrabCut from a rounded box, the surroundings known to be background; all of that box where it fails."""
    start = view.inside & (view.away < 1.1)
    labels = np.full(view.inside.shape, cv2.GC_BGD, np.uint8)
    labels[view.inside & (view.away < 1.2)] = cv2.GC_PR_BGD
    labels[start] = cv2.GC_PR_FGD
    labels[view.inside & (view.away < _CORE)] = cv2.GC_FGD
    # OpenCV draws the first colour clusters by its own random numbers.
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(view.lab, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one kind for its five clusters
        return start
    return (labels & 1).astype(bool)


def _colour(view: Window) -> NDArray[np.float32]:
    """Log ratio of each pixel's colour in the middle of the box to the same in the surroundings."""
    bins = np.minimum((view.lab / (256 / np.array(_BINS))).astype(int), np.array(_BINS) - 1)
    index = np.ravel_multi_index((bins[..., 0], bins[..., 1], bins[..., 2]), _BINS)
    middle = np.exp(-((view.away / 0.6) ** 2)) * view.inside

    def share(weights: NDArray[np.floating]) -> NDArray[np.float64]:
        counts = np.bincount(index.ravel(), weights.ravel(), int(np.prod(_BINS))).reshape(_BINS)
        smooth = np.asarray(gaussian_filter(counts, 0.8, mode="constant"), np.float64).ravel()
        return smooth / max(float(smooth.sum()), 1e-9)

    ratio = (share(middle)[index] + 1e-4) / (share((~view.inside).astype(float))[index] + 1e-4)
    return np.asarray(np.log(ratio), np.float32)


def _paths(view: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cost of the cheapest path from each pixel to the surroundings, and to the middle; each shape (height, width).

    A step costs what the colour changes on it, to the power of 1.5: one edge more than many small changes.
    """
    height, width = view.inside.shape
    colours = cv2.GaussianBlur(view.lab.astype(np.float32), (0, 0), 0.8)
    numbers = np.arange(height * width).reshape(height, width)
    starts, ends, costs = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width + min(right, 0)]
        change = np.linalg.norm(colours[here] - colours[there], axis=2)
        starts.append(numbers[here].ravel())
        ends.append(numbers[there].ravel())
        costs.append((np.hypot(down, right) * (change**1.5 + 0.3)).ravel())
    pairs = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_matrix((np.concatenate(costs), pairs), shape=(numbers.size, numbers.size)).tocsr()

    def distance(goal: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not goal.any():
            return np.full(goal.shape, _FAR)
        found = dijkstra(graph, directed=False, indices=np.flatnonzero(goal), min_only=True)
        return np.minimum(np.asarray(found, np.float64), _FAR).reshape(goal.shape)

    return distance(~view.inside), distance(view.inside & (view.away < _CORE))
