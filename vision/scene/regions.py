"""Where in the picture a thing lies: the words for parts of an image, by the middle of the thing's box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Region = tuple[float, float, float, float]
"""Shares (x0, y0, x1, y1) of the width and height, 0 to 1."""

REGIONS: dict[str, Region] = {
    "left half": (0, 0, 1 / 2, 1),
    "right half": (1 / 2, 0, 1, 1),
    "top half": (0, 0, 1, 1 / 2),
    "bottom half": (0, 1 / 2, 1, 1),
    "left third": (0, 0, 1 / 3, 1),
    "middle third": (1 / 3, 0, 2 / 3, 1),
    "right third": (2 / 3, 0, 1, 1),
    "top third": (0, 0, 1, 1 / 3),
    "bottom third": (0, 2 / 3, 1, 1),
    "centre": (1 / 4, 1 / 4, 3 / 4, 3 / 4),
}
"""Part of the image to where the middle of a box must lie to be in it."""

CORNERS: dict[str, tuple[float, float]] = {
    "centre": (1 / 2, 1 / 2),
    "top_left": (0, 0),
    "top_right": (1, 0),
    "bottom_left": (0, 1),
    "bottom_right": (1, 1),
}
"""Points of the image, as shares, from which every object's distance is measured."""


def centres(xyxy: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Middles of boxes of shape (n, 4); shape (n, 2)."""
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def in_regions(xyxy: NDArray[np.floating[Any]], image_size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Which boxes lie in which part of the image.

    A middle on the line between two parts belongs to the second of them, and to one only.

    Args:
        xyxy: shape (n, 4), pixels.
        image_size: (width, height) in pixels.

    Returns:
        Each name of `REGIONS` to an array of shape (n,).
    """
    middle = centres(xyxy) / image_size
    inside = {}
    for name, (x0, y0, x1, y1) in REGIONS.items():
        low, high = np.array([x0, y0]), np.array([x1, y1])
        inside[name] = np.all((middle >= low) & ((middle < high) | (high >= 1)), axis=1)
    return inside


def from_points(xyxy: NDArray[np.floating[Any]], image_size: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    """Pixels from each point of `CORNERS` to the middle of each box, shape (n,)."""
    middle = centres(xyxy)
    return {name: np.linalg.norm(middle - np.array(at) * image_size, axis=1) for name, at in CORNERS.items()}
