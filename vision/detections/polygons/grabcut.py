"""Outlines for models that give boxes alone, from what inside the box differs from its surroundings.

GrabCut by itself outlines the objects of COCO hardly better than the ellipse in the box does, so here it is one of
several witnesses (see `evidence.py`). And a box says more than where to look: it is tight. Of several thresholds the
highest is taken at which what is found reaches almost all of the box's width and height (after Lempitsky, Kohli,
Rother and Sharp 2009, "Image segmentation with a bounding box prior").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings
from vision.detections.polygons.evidence import probability, window
from vision.detections.polygons.masks import Ring, rings_from_mask
from vision.images.loading import LoadedImage

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


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of the objects in one image.

    Attributes:
        rings: n outlines.
        sources: n words: `grabcut`, or `box` where the box was too small or nothing in it stood out; the outline then
            is the rounded box itself.
    """

    rings: tuple[Rings, ...]
    sources: tuple[Literal["grabcut", "box"], ...]


def grabcut_outlines(image: LoadedImage, xyxy: NDArray[np.floating]) -> Outlines:
    """Outline the object in each box. The same image and box give the same outline, whatever the other boxes.

    Args:
        image: what the boxes are in.
        xyxy: shape (n, 4), in pixels of the image; what of a box lies outside is left out.
    """
    rings: list[Rings] = []
    sources: list[Literal["grabcut", "box"]] = []
    for box in np.clip(np.asarray(xyxy, np.float64).reshape(-1, 4), 0, np.tile(image.size, 2)):
        found = _outline(image.pixels, box)
        rings.append(found or (rounded_box(box.tolist()),))
        sources.append("grabcut" if found else "box")
    return Outlines(tuple(rings), tuple(sources))


def rounded_box(box: Sequence[float], *, exponent: float = 2.5, scale: float = 0.95, points: int = 48) -> Ring:
    """The superellipse in a box: of all outlines that know nothing of the image about the best.

    Args:
        box: x1, y1, x2, y2.
        exponent: 2 for an ellipse, more for fuller corners.
        scale: share of the box's width and height that it reaches.
        points: how many.

    Returns:
        Shape (points, 2), clockwise on the picture.
    """
    turn = np.arange(points) * (2 * math.pi / points)
    unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** (2 / exponent)
    left, top, right, bottom = box
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    return np.asarray(middle + unit * half * scale, np.float32)


def crop(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64], Ring]:
    """A box with its surroundings at the size at which it's looked at.

    Returns:
        The pixels, shape (height, width, 3); the box in them, shape (4,); and their (left, top), (right, bottom) in the
        image, shape (2, 2).
    """
    sides = box[2:] - box[:2]
    low = np.maximum(np.floor(box[:2] - _MARGIN * sides - 2), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + _MARGIN * sides + 2), [pixels.shape[1], pixels.shape[0]]).astype(int)
    scale = SIDE / float(sides.max())
    size = np.maximum(np.round((high - low) * scale), 3).astype(int)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(pixels[low[1] : high[1], low[0] : high[0]], (int(size[0]), int(size[1])), interpolation=method)
    inner = (box - np.tile(low, 2)) * np.tile(size / (high - low), 2)
    return np.asarray(small, np.uint8), inner, np.stack([low, high]).astype(np.float32)


def _outline(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Rings:
    """What was found in a box, in pixels of the image; nothing where nothing stands out."""
    if min(box[2:] - box[:2]) < _LEAST_SIDE:
        return ()
    small, inner, place = crop(pixels, box)
    low, high = place.astype(int)
    width, height = (int(side) for side in high - low)
    likely = cv2.resize(probability(window(small, inner)), (width, height), interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = np.round(box - np.tile(low, 2)).astype(int)
    within = np.asarray(likely, np.float32)[top:bottom, left:right]
    mask = np.zeros((height, width), np.bool_)
    mask[top:bottom, left:right] = _reaching(within)
    if np.count_nonzero(mask) < _LEAST_SHARE * within.size:
        return ()
    rings = rings_from_mask(mask, tolerance=_TOLERANCE, speck_share=_SPECK_SHARE)
    return tuple(ring + place[0] for ring in rings)


def _reaching(likely: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is likelier than the highest threshold at which it reaches almost all of the box's width and height."""
    least = _REACH * np.array(likely.shape)
    for threshold in _THRESHOLDS:
        mask = likely > threshold
        if mask.any() and np.all([np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (1, 0)] >= least):
            return mask
    return likely > _DEFAULT_THRESHOLD
