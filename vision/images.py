"""Images come from strangers: they are bounded in bytes and pixels before anything is decoded, and turned upright.

Whatever the source, what leaves here is 8-bit RGB in the orientation in which a person sees the picture; every box of
this room is in its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ImageSource = str | Path | bytes | Image.Image | NDArray[np.uint8]
"""A path, the bytes of a file, a Pillow image, or an RGB array of shape (height, width, 3)."""

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An upright 8-bit RGB image.

    Attributes:
        pixels: shape (height, width, 3), uint8, RGB, read-only.
        name: the file's path as given, or a word for what it came from.
        notes: what was done to it beyond decoding (turned, first of several frames, 16 bits scaled to 8).
    """

    pixels: NDArray[np.uint8]
    name: str = "image"
    notes: tuple[str, ...] = field(default=())

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height
