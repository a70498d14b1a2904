"""From an image to the square that NanoDet-g looks at, in the way of its training (RangiLyu/nanodet, nanodet-g.yml)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 416
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
STD = np.array([57.375, 57.12, 58.395], np.float32)
"""Of blue, green, red, on values from 0 to 255."""

_NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - MEAN) / STD).T.copy()
"""Shape (3, 256): what each value of each channel becomes; a look-up is the quickest way there."""


@dataclass(frozen=True, eq=False)
class Letterboxed:
    """An image in the square.

    Attributes:
        tensor: shape (1, 3, 416, 416), float32, BGR, normalised.
        scale: (x, y): pixels of the image per pixel of the square.
    """

    tensor: NDArray[np.float32]
    scale: tuple[float, float]


def letterboxed(pixels: NDArray[np.uint8]) -> Letterboxed:
    """Fit an image to the top left of a square of zeros, its aspect kept to the pixel.

    Args:
        pixels: shape (height, width, 3), RGB.
    """
    height, width = pixels.shape[:2]
    factor = min(SIDE / width, SIDE / height)
    new_width, new_height = max(1, round(width * factor)), max(1, round(height * factor))
    # Bilinear sampling looks at four pixels, so below half the size it would pass over some and alias.
    way = cv2.INTER_AREA if factor < 0.5 else cv2.INTER_LINEAR
    red, green, blue = cv2.split(cv2.resize(pixels, (new_width, new_height), interpolation=way))
    tensor = np.empty((1, 3, SIDE, SIDE), np.float32)
    for channel, (plane, table) in enumerate(zip((blue, green, red), _NORMALISED, strict=True)):
        tensor[0, channel] = table[0]
        tensor[0, channel, :new_height, :new_width] = cv2.LUT(plane, table)
    return Letterboxed(tensor, (width / new_width, height / new_height))
