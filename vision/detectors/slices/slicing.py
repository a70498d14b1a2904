"""Into which slices an image is cut.

A detector makes every image as small as its input, and what is then a few pixels wide is lost. A slice of about the
input's size keeps its pixels. Slices overlap, so that an object which one border cuts is whole in the next slice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

from vision.errors import SlicingError

Merge = Literal["nms", "nmm"]
"""Non-maximum suppression, or non-maximum merging, which joins the pieces of what no slice holds whole."""

Part = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of an image in its pixels."""

AUTO = "auto"
MOST_SLICES = 400
"""Of one image: a look at each takes as long as a look at an image, so a mistyped size would take hours."""

CLOSE = 1.25
"""Sizes that differ by no more than this are about the same: slices are so much larger than a detector's input, which
gives three quarters of the network's runs for nearly all of the objects, and an image so much larger than a slice is
not cut."""

USUAL_SIDE = 640
"""Pixels that a detector is taken to see where it doesn't say: what most are trained with."""

LEAST_SIDE = 32
"""Pixels of a slice: what is smaller than COCO's small objects holds none whole."""

_SIZE = re.compile(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Slicing:
    """How images are cut, and what becomes of the boxes.

    Attributes:
        size: (width, height) of a slice in pixels, or None where the image and the detector decide it ("auto").
        overlap: share of a slice, 0 to less than 1, that the next one has too.
        merge: how boxes of one object from several slices become one: "nms" keeps the surest, "nmm" also joins pieces
            of an object that slices' borders cut.
        full_view: whether an image that is cut is looked at as a whole too, for what is larger than a slice.

    Raises:
        SlicingError: a value is none of these.

    Example:
        >>> Slicing.parse("640x480").size
        (640, 480)
    """

    size: tuple[int, int] | None = None
    overlap: float = 0.2
    merge: Merge = "nms"
    full_view: bool = True

    def __post_init__(self) -> None:
        if self.size is not None and not _is_size(self.size):
            raise SlicingError(
                f"the size of a slice is {self.size!r}: expected (width, height) in whole pixels, at least "
                f"{LEAST_SIDE} each, or None for {AUTO!r}"
            )
        if not isinstance(self.overlap, Real) or isinstance(self.overlap, bool) or not 0 <= self.overlap < 1:
            raise SlicingError(
                f"the overlap of slices is {self.overlap!r}: expected a share from 0 to less than 1, such as 0.2"
            )
        if self.merge not in get_args(Merge):
            raise SlicingError(
                f'boxes of slices cannot be merged by {self.merge!r}: expected "nms" (suppression) or "nmm" (merging)'
            )

    @classmethod
    def parse(cls, text: str, *, overlap: float = 0.2, merge: Merge = "nms") -> Slicing:
        """Read "auto" or "WIDTHxHEIGHT", such as "640x480".

        Raises:
            SlicingError: it is neither, or the overlap or the merging is none.
        """
        if isinstance(text, str) and text.strip().lower() == AUTO:
            return cls(None, overlap, merge)
        read = _SIZE.fullmatch(text) if isinstance(text, str) else None
        if read is None:
            raise SlicingError(
                f"slices are {text!r}: expected {AUTO!r}, or their width and height in pixels as WxH, such as 640x480"
            )
        return cls((int(read[1]), int(read[2])), overlap, merge)

    def slices_of(self, image_size: tuple[int, int], side: int | None) -> tuple[Part, ...]:
        """The slices of an image, row by row, all of one size and evenly spread; none where it is not to be cut.

        Args:
            image_size: (width, height) in pixels.
            side: pixels of the longer side of an image as the detector sees it, or None where that is not known.

        Raises:
            SlicingError: there would be more than `MOST_SLICES`.
        """
        size = self._auto(image_size, CLOSE * (side or USUAL_SIDE)) if self.size is None else self.size
        width, height = min(size[0], image_size[0]), min(size[1], image_size[1])
        columns, rows = self._counts(image_size, size)
        if rows * columns > MOST_SLICES:
            enough = size
            while math.prod(self._counts(image_size, enough)) > MOST_SLICES:
                enough = _larger(enough)
            raise SlicingError(
                f"the image of {image_size[0]:,} x {image_size[1]:,} pixels would be cut into {rows * columns:,} "
                f"slices of {size[0]} x {size[1]}, and the limit is {MOST_SLICES}: take slices of "
                f"{enough[0]}x{enough[1]} or {AUTO!r}"
            )
        if rows * columns == 1:
            return ()
        lefts = [round(i * (image_size[0] - width) / max(1, columns - 1)) for i in range(columns)]
        tops = [round(i * (image_size[1] - height) / max(1, rows - 1)) for i in range(rows)]
        return tuple((left, top, left + width, top + height) for top in tops for left in lefts)

    def _auto(self, image_size: tuple[int, int], side: float) -> tuple[int, int]:
        """The size of a square slice of such a side, or larger ones before there are too many."""
        square = round(side), round(side)
        while True:
            # Along a length that is hardly more than a slice two would hold nearly the same.
            width, height = (length if length <= CLOSE * square[0] else square[0] for length in image_size)
            if math.prod(self._counts(image_size, (width, height))) <= MOST_SLICES:
                return width, height
            square = _larger(square)

    def _counts(self, image_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """How many slices of a size it takes across and down."""
        columns, rows = (self._count(*lengths) for lengths in zip(image_size, size, strict=True))
        return columns, rows

    def _count(self, length: int, side: int) -> int:
        if side >= length:
            return 1
        # A step of a pixel at least; rounding must not make one slice more of a length that they cover to the pixel.
        step = max(1.0, side * (1 - self.overlap))
        return math.ceil((length - side) / step - 1e-9) + 1


def _larger(size: tuple[int, int]) -> tuple[int, int]:
    return math.ceil(1.1 * size[0]), math.ceil(1.1 * size[1])


def _is_size(size: object) -> bool:
    return (
        isinstance(size, tuple)
        and len(size) == 2
        and all(isinstance(side, int) and not isinstance(side, bool) and side >= LEAST_SIDE for side in size)
    )
