"""The colour of an object from its pixels, since people tell objects apart by it and detectors don't say it.

Boxes hold background, photographs have shade and glare, and people name colours loosely. So pixels vote for the eleven
basic colour terms of English (Berlin and Kay 1969), the middle of the box counts more than its corners, what surrounds
the box is taken off, and every colour that has a fair share of the votes is plausible.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings

BASIC_COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

MIN_SHARE = 0.22
"""Share of the votes from which on a colour is plausible; the best one always is."""

MIN_PART = 0.08
"""Share from which on a thing is partly of a colour: a shirt, a stripe."""

BACKGROUND = 0.35
"""Share of a box's inner ellipse that is taken for background: what shows through, beside and around the object."""

_SIDE = 96
"""Pixels looked at across a box, at most."""
_MARGIN = 0.15
"""Width of the ring around a box whose colours stand for the background, in box sizes."""
_BINS = 32
"""Steps a channel in the table of votes."""


def colours_of(pixels: NDArray[np.uint8], xyxy: NDArray[np.float32], polygon: Rings | None = None) -> tuple[str, ...]:
    """The colours that an object may be said to have.

    Args:
        pixels: shape (height, width, 3), uint8, RGB.
        xyxy: shape (4,), the object's box in pixels.
        polygon: its outline, which is trusted: pixels outside it are not looked at, and none inside are background.

    Returns:
        One to three of `BASIC_COLOURS`, best first; () where no pixel of the box lies in the image.
    """
    return plausible(colour_shares(pixels, xyxy, polygon))


def plausible(shares: Mapping[str, float]) -> tuple[str, ...]:
    """The colours that an object with these shares may be said to have, best first."""
    return tuple(name for i, (name, share) in enumerate(shares.items()) if i == 0 or (share >= MIN_SHARE and i < 3))


def colour_shares(
    pixels: NDArray[np.uint8], xyxy: NDArray[np.float32], polygon: Rings | None = None
) -> dict[str, float]:
    """How much of an object each basic colour takes, the largest share first.

    Args:
        pixels, xyxy, polygon: as for `colours_of`.

    Returns:
        Shares from 0 to 1 of the colours that are there at all; {} where no pixel of the box lies in the image.
    """
    height, width = pixels.shape[:2]
    x1, y1 = (max(0, int(np.floor(v))) for v in xyxy[:2])
    x2, y2 = (min(size, int(np.ceil(v))) for v, size in zip(xyxy[2:], (width, height), strict=True))
    if x1 >= x2 or y1 >= y2:
        return {}
    inside = _sampled(pixels[y1:y2, x1:x2])
    mask = np.zeros(inside.shape[:2], bool) if polygon is None else _mask(polygon, (x1, y1, x2, y2), inside.shape[:2])
    if mask.any():
        return _named_shares(_shares(inside, mask.astype(np.float64)))
    shares = _shares(inside, _ellipse(inside.shape[0], inside.shape[1]))
    ring = _ring(pixels, (x1, y1, x2, y2))
    if len(ring):
        # inner = (1 - BACKGROUND) object + BACKGROUND ring, solved for the object.
        left = np.clip(shares - BACKGROUND * _shares(ring, np.ones(len(ring))), 0, None)
        shares = left / left.sum() if left.sum() > 0 else shares
    return _named_shares(shares)


def _named_shares(shares: NDArray[np.float64]) -> dict[str, float]:
    order = np.argsort(-shares, kind="stable")
    return {BASIC_COLOURS[i]: float(shares[i]) for i in order if shares[i] > 0}


def _sampled(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every so many-th pixel: mean pixels would have colours that nothing in the picture has."""
    step = max(1, -(-max(region.shape[:2]) // _SIDE))
    return region[::step, ::step]


def _ellipse(height: int, width: int) -> NDArray[np.float64]:
    """Weights of shape (height, width): 1 in the ellipse that touches 85% of each side, 0 outside."""
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    inside = (y[:, None] ** 2 + x[None] ** 2) <= 0.85**2
    return inside.astype(np.float64) if inside.any() else np.ones((height, width))


def _mask(polygon: Rings, box: tuple[int, int, int, int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    x1, y1, x2, y2 = box
    scale = np.array([shape[1] / (x2 - x1), shape[0] / (y2 - y1)])
    rings = [np.round((ring - (x1, y1)) * scale).astype(np.int32) for ring in polygon if len(ring) >= 3]
    mask = np.zeros(shape, np.uint8)
    if rings:
        cv2.fillPoly(mask, rings, 1)
    return mask.astype(bool)


def _ring(pixels: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Pixels around a box, shape (n, 3)."""
    x1, y1, x2, y2 = box
    dx, dy = max(2, round((x2 - x1) * _MARGIN)), max(2, round((y2 - y1) * _MARGIN))
    left, top = max(0, x1 - dx), max(0, y1 - dy)
    parts = (
        pixels[top:y1, left : x2 + dx],
        pixels[y2 : y2 + dy, left : x2 + dx],
        pixels[y1:y2, left:x1],
        pixels[y1:y2, x2 : x2 + dx],
    )
    return np.concatenate(
        [_sampled(part).reshape(-1, 3) for part in parts if part.size] or [np.zeros((0, 3), np.uint8)]
    )


def _shares(pixels: NDArray[np.uint8], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each basic colour, shape (11,), of pixels (..., 3) with weights (...)."""
    bins = (pixels.reshape(-1, 3) >> 3).astype(np.intp)
    index = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    flat = weights.reshape(-1)
    shares: NDArray[np.float64] = flat @ _votes()[index] / flat.sum()
    return shares


@cache
def _votes() -> NDArray[np.float64]:
    """What each of 32 x 32 x 32 RGB bins votes for, shape (32768, 11), rows add up to 1."""
    steps = (np.arange(_BINS) * 8 + 4).astype(np.float32) / 255
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab).reshape(-1, 3).astype(np.float64)
    return named(lab)


def named(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Votes of CIELAB colours for the basic terms.

    Lightness and chroma part the greys from the colours, the hue angle parts the colours, and three terms are told from
    their neighbours by lightness: brown is dark or dull orange, pink is light or dull red, black and white are the ends
    of grey. Where two terms meet they share the vote.

    Args:
        lab: shape (n, 3), L from 0 to 100.

    Returns:
        Shape (n, 11), rows add up to 1.
    """
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    # Warm light tints neutral things, so a little yellow is still grey; blue is seen at a lower chroma.
    threshold = np.where((hue > 40) & (hue < 110), 15.0, np.where((hue > 220) & (hue < 300), 12.0, 13.0))
    coloured = _ramp(chroma, threshold - 3, threshold + 3) * _ramp(lightness + chroma / 4, 8, 18)

    def sector(start: float, end: float) -> NDArray[np.float64]:
        """Votes for the colours between two hue angles, which overlap their neighbours by a few degrees."""
        half = (end - start) / 2
        away = np.abs((hue - start - half + 180) % 360 - 180)
        return coloured * (1 - _ramp(away, half - 6, half + 6))

    from_red = (hue + 15) % 360 - 15
    """Degrees from the hue of pure red towards yellow, below 0 towards purple."""
    dull = 1 - _ramp(chroma, 38, 50)
    red, warm, yellow = sector(-15, 48), sector(48, 74), sector(74, 106)
    # Dull red is pink when light and brown when it leans towards orange; towards purple it is pink sooner.
    pinkness = _ramp(lightness - np.clip(from_red, 0, 60) / 2.5, 42, 52) * (1 - _ramp(from_red, 34, 44) * (1 - dull))
    brown_of_red = (1 - pinkness) * _ramp(from_red, 12, 24) * (1 - _ramp(chroma, 24, 34))
    brown_of_warm = np.maximum(dull, 1 - _ramp(lightness, 46, 56))
    brown_of_yellow = np.maximum(1 - _ramp(lightness, 46, 60), 1 - _ramp(chroma, 26, 40))
    magenta = sector(332, 345)
    neutral = 1 - coloured
    black, white = 1 - _ramp(lightness, 20, 32), _ramp(lightness, 66, 82)
    votes = {
        "black": neutral * black,
        "white": neutral * white,
        "grey": neutral * (1 - black - white),
        "red": red * (1 - pinkness - brown_of_red),
        "orange": warm * (1 - brown_of_warm),
        "yellow": yellow * (1 - brown_of_yellow),
        "green": sector(106, 192),
        "blue": sector(192, 309),
        "purple": sector(309, 332) + magenta * (1 - _ramp(lightness, 46, 58)),
        "pink": red * pinkness + magenta * _ramp(lightness, 46, 58),
        "brown": red * brown_of_red + warm * brown_of_warm + yellow * brown_of_yellow,
    }
    table = np.stack([votes[name] for name in BASIC_COLOURS], axis=1)
    total: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return total


def _ramp(
    values: NDArray[np.float64], low: float | NDArray[np.float64], high: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """0 up to `low`, 1 from `high`, a straight line between."""
    ramp: NDArray[np.float64] = np.clip((values - low) / (np.asarray(high) - low), 0, 1)
    return ramp
