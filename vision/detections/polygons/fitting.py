"""The last step towards a polygon of few points: each is moved for as long as the overlap with the object grows.

Taking out edges one by one never looks back, which with three to twenty points leaves something to gain; beyond that
there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 320
"""Pixels of the longer side of the picture in which overlap is counted."""

_STEPS = (0.06, 0.03, 0.01, 0.004)
"""How far points are moved, as shares of the longer side, coarse before fine."""

_ROUNDS = 2
_TURNS = np.arange(8) * (np.pi / 4)
_DIRECTIONS = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_SHIFT = 4
_LEAST_GAIN = 1e-4


def fitted(ring: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Move the points of a ring so that it overlaps more with an object, by intersection over union.

    Args:
        ring: shape (points, 2).
        parts: the object's rings; no point leaves their bounds.

    Returns:
        Shape (points, 2); points that have nothing to gain stay exactly where they are.
    """
    every = np.concatenate(parts)
    low, high = every.min(axis=0), every.max(axis=0)
    side = float((high - low).max())
    if side <= 0:
        return ring
    overlap = _Overlap(parts, low, _SIDE / side)
    ring = ring.copy()
    best = overlap.of(ring)
    for step in _STEPS:
        for _ in range(_ROUNDS):
            before = best
            for point in range(len(ring)):
                stay = ring[point].copy()
                for moved in np.clip(stay + _DIRECTIONS * (step * side), low, high):
                    ring[point] = moved
                    now = overlap.of(ring)
                    if now > best + _LEAST_GAIN:
                        best, stay = now, moved
                ring[point] = stay
            if best == before:
                break
    return ring


class _Overlap:
    """Counts pixels of a ring and of an object in a picture just large enough for the object."""

    def __init__(self, parts: Sequence[NDArray[np.float64]], low: NDArray[np.float64], scale: float) -> None:
        self._low, self._scale = low, scale
        width, height = np.ceil(self._fixed(np.concatenate(parts)).max(axis=0) / 2**_SHIFT).astype(int) + 2
        self._object = np.zeros((height, width), np.uint8)
        self._ring, self._both = np.zeros_like(self._object), np.zeros_like(self._object)
        for part in parts:
            # One after another: filled together, what two of them share would be left out.
            cv2.fillPoly(self._object, [self._fixed(part)], 1, cv2.LINE_8, _SHIFT)
        self._area = cv2.countNonZero(self._object)

    def of(self, ring: NDArray[np.float64]) -> float:
        """Intersection over union, 0 to 1."""
        self._ring[:] = 0
        cv2.fillPoly(self._ring, [self._fixed(ring)], 1, cv2.LINE_8, _SHIFT)
        cv2.bitwise_and(self._ring, self._object, dst=self._both)
        both = cv2.countNonZero(self._both)
        return both / (cv2.countNonZero(self._ring) + self._area - both)

    def _fixed(self, ring: NDArray[np.float64]) -> NDArray[np.int32]:
        """In OpenCV's fixed point."""
        return np.asarray(np.round((ring - self._low) * (self._scale * 2**_SHIFT)), np.int32)
