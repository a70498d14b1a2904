"""Outlines for models that give boxes alone: what inside the box has other colours than what surrounds it.

GrabCut (Rother, Kolmogorov and Blake 2004) models the colours of object and background and cuts where they change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detectors.detector import Rings
from vision.images import LoadedImage
from vision.polygons.masks import rings_from_mask

_SIDE = 96
"""The longer side of a box is made this many pixels at most, which bounds the time that a box takes."""

_LEAST_SIDE = 12
_TOLERANCE = 0.5
_SPECK_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of the objects in one image.

    Attributes:
        rings: n outlines.
        sources: n words: `grabcut`, or `box` where the box was too small or GrabCut found nothing in it that could be
            the object; the outline then is the ellipse in the box.
    """

    rings: tuple[Rings, ...]
    sources: tuple[Literal["grabcut", "box"], ...]


def grabcut_outlines(image: LoadedImage, xyxy: NDArray[np.floating]) -> Outlines:
    """Outline what is in each box. The same image and boxes give the same outlines.

    Args:
        image: what the boxes are in.
        xyxy: shape (n, 4), in pixels of the image.
    """
    rings: list[Rings] = []
    sources: list[Literal["grabcut", "box"]] = []
    for box in np.asarray(xyxy, np.float64).reshape(-1, 4):
        found = _cut(image.pixels, box)
        rings.append(found or (ellipse_ring(box.tolist()),))
        sources.append("grabcut" if found else "box")
    return Outlines(tuple(rings), tuple(sources))


def ellipse_ring(
    box: Sequence[float], *, exponent: float = 2.5, scale: float = 0.95, points: int = 48
) -> NDArray[np.float32]:
    """The superellipse inside a box, clockwise from the right.

    Args:
        box: x1, y1, x2, y2.
        exponent: 2 for an ellipse, more for fuller corners.
        scale: share of the box's width and height that it reaches.
        points: how many.

    Returns:
        Shape (points, 2).
    """
    turn = np.arange(points) * (2 * math.pi / points)
    cos, sin = np.cos(turn), np.sin(turn)
    unit = np.stack(
        [np.sign(cos) * np.abs(cos) ** (2 / exponent), np.sign(sin) * np.abs(sin) ** (2 / exponent)], axis=1
    )
    left, top, right, bottom = box
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    return (middle + unit * half * scale).astype(np.float32)


def _cut(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Rings:
    width, height = box[2:] - box[:2]
    if min(width, height) < _LEAST_SIDE:
        return ()
    margin = 0.25 * box[2:] - 0.25 * box[:2] + 2
    low = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + margin), [pixels.shape[1], pixels.shape[0]]).astype(int)
    crop = pixels[low[1] : high[1], low[0] : high[0]]
    scale = min(1.0, _SIDE / max(width, height))
    size = np.maximum(np.round((high - low) * scale), 3).astype(int)
    small = cv2.resize(crop, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    factor = size / (high - low)
    inner = (box - np.tile(low, 2)) * np.tile(factor, 2)
    x = (np.arange(size[0]) + 0.5 - (inner[0] + inner[2]) / 2) / ((inner[2] - inner[0]) / 2)
    y = (np.arange(size[1]) + 0.5 - (inner[1] + inner[3]) / 2) / ((inner[3] - inner[1]) / 2)
    away = (np.abs(x)[None] ** 2.5 + np.abs(y)[:, None] ** 2.5) ** (1 / 2.5)
    inside = (np.abs(x) <= 1)[None] & (np.abs(y) <= 1)[:, None]
    labels = np.full(away.shape, cv2.GC_BGD, np.uint8)
    labels[inside & (away < 1.2)] = cv2.GC_PR_BGD
    labels[inside & (away < 1.1)] = cv2.GC_PR_FGD
    labels[inside & (away < 0.2)] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(small, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return ()
    mask = cv2.resize((labels & 1).astype(np.float32), (crop.shape[1], crop.shape[0])) > 0.5
    share = np.count_nonzero(mask) / (width * height)
    if not 0.25 <= share <= 0.97:
        return ()
    return tuple(
        ring + low.astype(np.float32) for ring in rings_from_mask(mask, tolerance=_TOLERANCE, speck_share=_SPECK_SHARE)
    )
