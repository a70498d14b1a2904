"""Outlines for models that give boxes alone, from how the inside of a box differs from its surroundings.

Each pixel's likelihood of being the object's comes from the colours alone, whatever the class. Several kinds of
evidence are weighed by logistic regression, since none is enough alone; GrabCut by itself outlines the objects of COCO
hardly better than the ellipse in the box does:

- *place*: how far from the middle a pixel is; the other kinds favour the middle, and this weighs it against them;
- *colour*: colours of the middle that the surroundings lack;
- *paths*: how much colour changes on the easiest way to the surroundings, and to the middle (geodesic distance, as in
  Bai and Sapiro 2007, "A geodesic framework for fast interactive image and video segmentation and matting");
- *cut*: GrabCut's own answer (Rother, Kolmogorov and Blake 2004), begun from a rounded box;
- *surroundings of the cut*: the same, blurred.

The weights are fitted on the outlines of coco128 by `python -m benchmarks.mask_weights`.

A box says more than where to look: it is tight. Of several thresholds on the likelihood the highest is taken at which
the object reaches almost all of the box's width and height (after Lempitsky, Kohli, Rother and Sharp 2009, "Image
segmentation with a bounding box prior").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import PolygonSource, Ring, Rings
from vision.detections.polygons.masks import rings_from_mask
from vision.images import LoadedImage

KINDS = ("place", "colour", "border path", "paths", "cut", "surroundings of the cut")
WEIGHTS = (0.274, 0.508, 0.249, 0.513, 0.742, -0.430)
INTERCEPT = -0.858

SIDE = 64
"""The longer side of a box becomes this many pixels: more costs time and finds nothing that colours can tell."""

_MARGIN = 0.25
"""Surroundings that are looked at, as a share of the box's width and height."""

_LEAST_SIDE = 6
"""Pixels below which a box holds too few colours."""

_THRESHOLDS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2)
_REACH = 0.9
_DEFAULT_THRESHOLD = 0.4

_LEAST_SHARE = 0.1
"""Of the box; what fills less is a detail of the object or of the ground."""

_TOLERANCE = 0.5
_SPECK_SHARE = 0.05

_EXPONENT = 2.5
"""Of the superellipses: the rounded box, and the one by which nearness to the middle is measured; 2 is an ellipse."""

_ROUNDED_SHARE = 0.95
"""Share of the box's width and height that the rounded box reaches."""

_ROUNDED_POINTS = 48

_BINS = (12, 20, 20)
"""Of the colour histograms, in L, a and b."""

_CORE = 0.2
"""The part of the box, by the superellipse, that is taken to be object."""

_FAR = 1000.0


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of the objects in one image.

    Attributes:
        rings: n outlines.
        sources: n words: `grabcut`, or `box` where the box was too small or nothing in it stood out; the outline then
            is the rounded box itself.
    """

    rings: tuple[Rings, ...]
    sources: tuple[PolygonSource, ...]


def grabcut_outlines(image: LoadedImage, xyxy: NDArray[np.floating]) -> Outlines:
    """Outline the object in each box. The same image and box give the same outline, whatever the other boxes.

    Args:
        image: what the boxes are in.
        xyxy: shape (n, 4), in pixels of the image; what of a box lies outside is left out.
    """
    rings: list[Rings] = []
    sources: list[PolygonSource] = []
    for box in np.clip(np.asarray(xyxy, np.float64).reshape(-1, 4), 0, np.tile(image.size, 2)):
        outline = _outline(image.pixels, box)
        rings.append(outline or (rounded_box(box.tolist()),))
        sources.append("grabcut" if outline else "box")
    return Outlines(tuple(rings), tuple(sources))


def rounded_box(box: Sequence[float]) -> Ring:
    """The superellipse in a box: among outlines that use nothing of the image about the best.

    Args:
        box: x1, y1, x2, y2.

    Returns:
        Shape (points, 2), clockwise on the picture.
    """
    turn = np.arange(_ROUNDED_POINTS) * (2 * math.pi / _ROUNDED_POINTS)
    unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** (2 / _EXPONENT)
    left, top, right, bottom = box
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    return np.asarray(middle + unit * half * _ROUNDED_SHARE, np.float32)


@dataclass(frozen=True, eq=False)
class Window:
    """A box and its surroundings at the size at which they are looked at.

    Attributes:
        lab: shape (height, width, 3), uint8, CIE Lab.
        away: shape (height, width): 0 in the middle of the box, 1 on the superellipse that touches its sides.
        inside: shape (height, width), bool: the pixels in the box.
        corners: x0, y0, x1, y1 of the window in pixels of the image.
    """

    lab: NDArray[np.uint8]
    away: NDArray[np.float64]
    inside: NDArray[np.bool_]
    corners: tuple[int, int, int, int]


def window(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Window:
    """Look at a box with its surroundings.

    Args:
        pixels: shape (height, width, 3), RGB, of the image.
        box: shape (4,), xyxy in pixels of the image.
    """
    sides = box[2:] - box[:2]
    low = np.maximum(np.floor(box[:2] - _MARGIN * sides - 2), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + _MARGIN * sides + 2), [pixels.shape[1], pixels.shape[0]]).astype(int)
    scale = SIDE / float(sides.max())
    width, height = np.maximum(np.round((high - low) * scale), 3).astype(int).tolist()
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    rgb = cv2.resize(pixels[low[1] : high[1], low[0] : high[0]], (width, height), interpolation=method)
    left, top, right, bottom = (box - np.tile(low, 2)) * np.tile(np.array([width, height]) / (high - low), 2)
    x = (np.arange(width) + 0.5 - (left + right) / 2) / ((right - left) / 2)
    y = (np.arange(height) + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    away = (np.abs(x)[None] ** _EXPONENT + np.abs(y)[:, None] ** _EXPONENT) ** (1 / _EXPONENT)
    inside = (np.abs(x) <= 1)[None] & (np.abs(y) <= 1)[:, None]
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.uint8)
    return Window(lab, away, inside, (*low.tolist(), *high.tolist()))


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
        cv2.GaussianBlur(colour_evidence(view), (0, 0), 2),
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


def colour_evidence(view: Window) -> NDArray[np.float32]:
    """Log ratio of each pixel's colour in the middle of the box to the same in the surroundings."""
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

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
    from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import dijkstra  # type: ignore[import-untyped]

    height, width = view.inside.shape
    colours = cv2.GaussianBlur(view.lab.astype(np.float32), (0, 0), 0.8)
    numbers = np.arange(height * width).reshape(height, width)
    starts, ends, costs = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        start = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        end = np.s_[down:, max(right, 0) : width + min(right, 0)]
        change = np.linalg.norm(colours[start] - colours[end], axis=2)
        starts.append(numbers[start].ravel())
        ends.append(numbers[end].ravel())
        costs.append((np.hypot(down, right) * (change**1.5 + 0.3)).ravel())
    pairs = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_matrix((np.concatenate(costs), pairs), shape=(numbers.size, numbers.size)).tocsr()

    def distance(goal: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not goal.any():
            return np.full(goal.shape, _FAR)
        costs_from_goal = dijkstra(graph, directed=False, indices=np.flatnonzero(goal), min_only=True)
        return np.minimum(np.asarray(costs_from_goal, np.float64), _FAR).reshape(goal.shape)

    return distance(~view.inside), distance(view.inside & (view.away < _CORE))


def _outline(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Rings:
    """The outline of the object in a box, in pixels of the image; empty where nothing stands out."""
    if min(box[2:] - box[:2]) < _LEAST_SIDE:
        return ()
    view = window(pixels, box)
    x0, y0, x1, y1 = view.corners
    likely = cv2.resize(probability(view), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = np.round(box - np.array([x0, y0, x0, y0])).astype(int)
    within = np.asarray(likely, np.float32)[top:bottom, left:right]
    mask = np.zeros((y1 - y0, x1 - x0), np.bool_)
    mask[top:bottom, left:right] = _reaching(within)
    if np.count_nonzero(mask) < _LEAST_SHARE * within.size:
        return ()
    rings = rings_from_mask(mask, tolerance=_TOLERANCE, speck_share=_SPECK_SHARE)
    return tuple(ring + np.array([x0, y0], np.float32) for ring in rings)


def _reaching(likely: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is likelier than the highest threshold at which it reaches almost all of the box's width and height."""
    least = _REACH * np.array(likely.shape)
    for threshold in _THRESHOLDS:
        mask = likely > threshold
        if mask.any() and np.all([np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (1, 0)] >= least):
            return mask
    return likely > _DEFAULT_THRESHOLD
