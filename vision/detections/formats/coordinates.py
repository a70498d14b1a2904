"""Between pixels and the numbers of a format: corners, sizes, centres and offsets on three scales.

A number is written to the nearest step of its scale. Sizes and offsets are taken between what is written, not between
what was measured, so that rounding twice doesn't move a corner further than rounding once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.detections.formats.effective import Layout, Value, decimals, layout
from vision.detections.formats.records import Place
from vision.task import OutputFormat

Array = NDArray[np.float64]


class Grid:
    """The steps of an effective format on one image.

    Args:
        output: an effective format.
        image_size: (width, height) in pixels.
    """

    def __init__(self, output: OutputFormat, image_size: tuple[int, int]) -> None:
        self.output = output
        self.size = np.array(image_size, np.float64)
        self.digits = decimals(output, image_size)
        self.layout: Layout = layout(output, image_size)
        self.step: Array = {
            "pixel": np.ones(2),
            "unit": self.size,
            "range": self.size / output.range_,
        }[output.scale]
        # How far outside the image another writer's rounding may put a value.
        self._slack = 1 / self.size if output.scale == "unit" else np.ones(2)

    def centre_numbers(self, xyxy: NDArray[np.float32]) -> list[float]:
        """The centre as it is written, or nothing where it isn't."""
        return self._listed(self._centre(xyxy)) if self.layout.centre else []

    def box_numbers(self, xyxy: NDArray[np.float32]) -> list[float]:
        """The numbers of a box, without those of the centre point that offsets carry."""
        corners = xyxy.reshape(2, 2).astype(np.float64) / self.step
        written = self._rounded(corners - self._origin(xyxy))
        if self.output.box == "xyxy":
            return self._listed(written)
        if self.output.box == "xywh":
            return self._listed(np.stack([written[0], written[1] - written[0]]))
        size = self._rounded(corners[1] - corners[0])
        return self._listed(size if self.output.offsets else np.stack([self._centre(xyxy), size]))

    def ring_numbers(self, xyxy: NDArray[np.float32], ring: NDArray[np.float32]) -> list[float]:
        """x and y of each vertex of the outline of the object with this box."""
        return self._listed(self._rounded(ring.astype(np.float64) / self.step - self._origin(xyxy)))

    def box(self, centre: Sequence[float], numbers: Sequence[float], place: Place) -> Array:
        """The corners in pixels, shape (4,), of what `centre_numbers` and `box_numbers` wrote.

        Raises:
            FormatError: a number is outside the scale, or a corner on the wrong side of the other.
        """
        values = self._checked(numbers, self.layout.box, place).reshape(-1, 2)
        origin = self._read_origin(centre, place)
        if self.output.box == "xyxy":
            corners = values + origin
        elif self.output.box == "xywh":
            corners = values[0] + origin + np.stack([np.zeros(2), values[1]])
        else:
            middle = origin if self.output.offsets else values[0]
            corners = middle + np.stack([-values[-1] / 2, values[-1] / 2])
        if np.any(corners[1] < corners[0]):
            raise place.wrong("the first corner at the top left of the second", list(numbers))
        return self._pixels(corners, numbers, place).reshape(4)

    def ring(self, centre: Sequence[float], numbers: Sequence[float], place: Place) -> Array:
        """The vertices in pixels, shape (points, 2).

        Raises:
            FormatError: a number is outside the scale, or there are too few vertices or not as many as asked for.
        """
        points = self.layout.points
        if len(numbers) % 2 or len(numbers) < 6 or (points is not None and len(numbers) != 2 * points):
            raise place.wrong(
                f"{'at least 3' if points is None else points} vertices x, y", f"{len(numbers)} numbers: {numbers}"
            )
        values = self._checked(numbers, self.layout.vertex * (len(numbers) // 2), place).reshape(-1, 2)
        return self._pixels(values + self._read_origin(centre, place), numbers, place)

    def _centre(self, xyxy: NDArray[np.float32]) -> Array:
        return self._rounded(xyxy.reshape(2, 2).astype(np.float64).mean(axis=0) / self.step)

    def _origin(self, xyxy: NDArray[np.float32]) -> Array:
        """What coordinates are counted from: the corner of the image, or the centre as the reader will know it."""
        if not self.output.offsets:
            return np.zeros(2)
        if self.output.centre:
            return self._centre(xyxy)
        middle: Array = xyxy.reshape(2, 2).astype(np.float64).mean(axis=0) / self.step
        return middle

    def _read_origin(self, centre: Sequence[float], place: Place) -> Array:
        return self._checked(centre, self.layout.centre, place) if self.layout.centre else np.zeros(2)

    def _rounded(self, values: Array) -> Array:
        return np.round(values, self.digits) + 0.0  # no negative zero

    def _listed(self, values: Array) -> list[float]:
        flat = np.round(values, self.digits).ravel().tolist()
        return [int(value) for value in flat] if self.digits == 0 else flat

    def _checked(self, numbers: Sequence[float], values: Sequence[Value], place: Place) -> Array:
        if len(numbers) != len(values):
            names = ", ".join(value.name for value in values)
            raise place.wrong(f"{len(values)} coordinates ({names})", f"{len(numbers)}: {list(numbers)}")
        for i, (number, value) in enumerate(zip(numbers, values, strict=True)):
            slack = self._slack[i % 2]
            if not value.low - slack <= number <= value.high + slack:
                raise place.wrong(f"{value.name} from {value.low:g} to {value.high:g}", number)
        return np.array(numbers, np.float64)

    def _pixels(self, values: Array, numbers: Sequence[float], place: Place) -> Array:
        if np.any(values < -self._slack) or np.any(values * self.step > self.size + self._slack * self.step):
            raise place.wrong("a place inside the image", list(numbers))
        return np.clip(values * self.step, 0, self.size)


def written(number: float, digits: int) -> str:
    """A number without a power of ten or zeros at its end."""
    if isinstance(number, int):
        return str(number)
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
