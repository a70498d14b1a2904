"""What an asked format comes to: families that are standards fix what the instruction leaves open, or asks otherwise.

Writer, reader and constrained decoding all start from the same `effective` format and its `layout`, and share one
`Grid` of steps, so they cannot disagree on what a record holds. A number is written to the nearest step of its scale.
Sizes and offsets are taken between what is written, not between what was measured, so that rounding twice doesn't move
a corner further than rounding once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import Rings
from vision.detections.detections import Detections
from vision.detections.formats.records import Place
from vision.errors import FormatError
from vision.task import BoxForm, ClassForm, FormatName, Geometry, OutputFormat, Scale

Array = NDArray[np.float64]

MAX_RANGE = 10**6
MAX_POINTS = 10_000

POSITION_LOST = (
    "Offsets from each object's centre without the centre, as asked: where in the image the objects are is lost."
)

_RESERVED = ("score", "centre")
_NAMES: dict[BoxForm, tuple[str, str, str, str]] = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "w", "h"),
    "cxcywh": ("cx", "cy", "w", "h"),
}


@dataclass(frozen=True)
class Value:
    """One number of a record.

    Attributes:
        name: such as "x1".
        low: the least that it can be.
        high: the most.
        decimals: digits after the point; 0 for whole numbers.
    """

    name: str
    low: float
    high: float
    decimals: int


@dataclass(frozen=True)
class Layout:
    """The numbers of one object's record, in order: the centre, then the box or the vertices, then the score.

    Attributes:
        centre: x and y of the centre point, for offsets that carry it.
        box: the numbers of the box; empty for polygons.
        vertex: x and y of a polygon's vertex, which repeat; empty for boxes.
        points: how many vertices, or None for 3 or more.
        score: whether a score from 0 to 1 may come last.
    """

    centre: tuple[Value, ...]
    box: tuple[Value, ...]
    vertex: tuple[Value, ...]
    points: int | None
    score: bool


def effective(output: OutputFormat) -> OutputFormat:
    """The format that is really written.

    Location tokens are whole steps of a range, with class tokens. COCO, YOLO and Pascal VOC have their own boxes,
    scales and classes, and no offsets. JSON calls a polygon "polygon" where no other key than that of a box is known.

    Raises:
        FormatError: no text can be in this format: a range below 1, fewer than 3 points, two keys of one name.
    """
    for field, value, allowed in (
        ("format", output.format, get_args(FormatName)),
        ("geometry", output.geometry, get_args(Geometry)),
        ("box form", output.box, get_args(BoxForm)),
        ("scale", output.scale, get_args(Scale)),
        ("class form", output.class_as, get_args(ClassForm)),
    ):
        if value not in allowed:
            raise FormatError(f"no {field} {value!r}: expected one of {', '.join(allowed)}")
    if not 1 <= output.range_ <= MAX_RANGE:
        raise FormatError(f"the range is {output.range_}: expected 1 to {MAX_RANGE}")
    if output.points is not None and not 3 <= output.points <= MAX_POINTS:
        raise FormatError(f"a polygon of {output.points} points: expected 3 to {MAX_POINTS}")
    if output.format == "tokens":
        output = replace(output, scale="range", class_as="token")
    elif output.format == "coco":
        output = replace(output, box="xywh", scale="pixel", offsets=False, class_as="index")
    elif output.format == "yolo":
        output = replace(output, box="cxcywh", scale="unit", offsets=False, class_as="index")
    elif output.format == "voc":
        output = replace(output, box="xyxy", scale="pixel", offsets=False, class_as="name")
    elif output.format == "json":
        output = replace(output, keys=_keys(output))
    return replace(
        output,
        centre=output.centre or not output.offsets,
        points=output.points if output.geometry == "polygon" else None,
    )


def losses(detections: Detections) -> tuple[str, ...]:
    """What the text of these detections leaves out or writes otherwise than asked, one sentence each, for the user."""
    asked, form = detections.output, effective(detections.output)
    sentences = []
    if not form.centre:
        sentences.append(POSITION_LOST)
    if form.score and detections.scores is None and len(detections):
        sentences.append("Scores were asked for, but the model gives none.")
    parts = sum(len(rings) > 1 for rings in detections.polygons or ())
    if form.geometry == "polygon" and parts and form.format not in ("json", "coco"):
        objects = "1 object has" if parts == 1 else f"{parts} objects have"
        sentences.append(
            f"{objects} several parts, which are joined by lines of no width: the format holds one outline each."
        )
    standard = OutputFormat()
    changed = [
        words
        for words, field in (("box form", "box"), ("scale", "scale"), ("offsets", "offsets"))
        if getattr(asked, field) not in (getattr(standard, field), getattr(form, field))
    ]
    if changed:
        names = {"coco": "COCO", "yolo": "YOLO", "voc": "Pascal VOC", "tokens": "Location tokens"}
        sentences.append(
            f"{names[form.format]} has its own coordinates, so this was not followed: {', '.join(changed)}."
        )
    return tuple(sentences)


def _keys(output: OutputFormat) -> tuple[str, str]:
    label, coordinates = output.keys
    if output.geometry == "polygon" and coordinates == "bbox":
        coordinates = "polygon"
    used = [_RESERVED[0]] * output.score + [_RESERVED[1]] * output.offsets
    for key in (label, coordinates):
        if key in used:
            raise FormatError(f"the key {key!r} is used for something else here: expected another key")
    if label == coordinates:
        raise FormatError(f"label and coordinates cannot both have the key {label!r}: expected two keys")
    return label, coordinates


def decimals(output: OutputFormat, image_size: tuple[int, int]) -> int:
    """Digits after the point of an effective format's coordinates.

    Steps of a range are whole. Pixels are whole in tuples and Pascal VOC and have two digits in JSON and COCO. Shares
    of the image have as many as tell a thousandth of a pixel apart, at least 4, and in YOLO at least 6.
    """
    if output.scale == "range":
        return 0
    if output.scale == "pixel":
        return 2 if output.format in ("json", "coco") else 0
    return max(6 if output.format == "yolo" else 4, 3 + len(str(max(image_size))))


def layout(output: OutputFormat, image_size: tuple[int, int]) -> Layout:
    """What the record of one object holds, for tuples, tokens, JSON and YOLO.

    Args:
        output: as asked; `effective` is applied.
        image_size: (width, height) in pixels.

    Raises:
        FormatError: no text can be in this format.
    """
    output = effective(output)
    digits = decimals(output, image_size)
    sides = image_size if output.scale == "pixel" else (1, 1) if output.scale == "unit" else (output.range_,) * 2

    def values(names: tuple[str, ...], signed: bool = False) -> tuple[Value, ...]:
        return tuple(Value(name, -sides[i % 2] if signed else 0, sides[i % 2], digits) for i, name in enumerate(names))

    offsets = output.offsets
    centre = values(("cx", "cy")) if offsets and output.centre else ()
    if output.geometry == "polygon":
        return Layout(centre, (), values(("x", "y"), offsets), output.points, output.score)
    names = _NAMES[output.box]
    if not offsets:
        box = values(names)
    elif output.box == "cxcywh":
        # The centre's offset from itself is nothing, so only the size is left to write.
        box = values(names[2:])
    elif output.box == "xywh":
        box = values(names[:2], True) + values(names[2:])
    else:
        box = values(names, True)
    return Layout(centre, box, (), None, output.score)


class Grid:
    """The steps of a format on one image.

    Args:
        output: as asked; `effective` is applied.
        image_size: (width, height) in pixels.

    Raises:
        FormatError: no text can be in this format.
    """

    def __init__(self, output: OutputFormat, image_size: tuple[int, int]) -> None:
        self.output = output = effective(output)
        self.image_size = image_size
        self.size = np.array(image_size, np.float64)
        self.digits = decimals(output, image_size)
        self.layout = layout(output, image_size)
        self.step: Array = {
            "pixel": np.ones(2),
            "unit": self.size,
            "range": self.size / output.range_,
        }[output.scale]
        # How far outside the image another writer's rounding may put a value.
        self._slack = 1 / self.size if output.scale == "unit" else np.ones(2)

    def centre_numbers(self, xyxy: NDArray[np.float32]) -> list[list[float]]:
        """The centre of each of n boxes as it is written; n empty lists where it is not written."""
        return self._listed(self._centres(xyxy)) if self.layout.centre else [[] for _ in xyxy]

    def box_numbers(self, xyxy: NDArray[np.float32]) -> list[list[float]]:
        """The numbers of each of n boxes, without those of the centre point that offsets carry."""
        corners = xyxy.reshape(-1, 2, 2).astype(np.float64) / self.step
        written = self._rounded(corners - self._origins(xyxy)[:, None])
        if self.output.box == "xyxy":
            return self._listed(written)
        if self.output.box == "xywh":
            return self._listed(np.stack([written[:, 0], written[:, 1] - written[:, 0]], axis=1))
        sizes = self._rounded(corners[:, 1] - corners[:, 0])
        return self._listed(sizes if self.output.offsets else np.stack([self._centres(xyxy), sizes], axis=1))

    def outline_numbers(self, xyxy: NDArray[np.float32], outlines: Sequence[Rings]) -> list[list[list[float]]]:
        """For each of n objects and each of its rings x and y of every vertex."""
        return [
            [self._listed((self._rounded(ring.astype(np.float64) / self.step - origin))[None])[0] for ring in rings]
            for origin, rings in zip(self._origins(xyxy), outlines, strict=True)
        ]

    def box(self, centre: Sequence[float], numbers: Sequence[float], place: Place) -> Array:
        """The corners in pixels, shape (4,), of one of the centres and boxes that were written.

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
        """The vertices in pixels, shape (points, 2), of one ring that was written.

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

    def _middles(self, xyxy: NDArray[np.float32]) -> Array:
        middles: Array = xyxy.reshape(-1, 2, 2).astype(np.float64).mean(axis=1) / self.step
        return middles

    def _centres(self, xyxy: NDArray[np.float32]) -> Array:
        return self._rounded(self._middles(xyxy))

    def _origins(self, xyxy: NDArray[np.float32]) -> Array:
        """What coordinates are counted from, (n, 2): the image's corner, or the centre as a reader will know it."""
        if not self.output.offsets:
            return np.zeros((len(xyxy), 2))
        return self._centres(xyxy) if self.output.centre else self._middles(xyxy)

    def _read_origin(self, centre: Sequence[float], place: Place) -> Array:
        return self._checked(centre, self.layout.centre, place) if self.layout.centre else np.zeros(2)

    def _rounded(self, values: Array) -> Array:
        return np.round(values, self.digits) + 0.0  # no negative zero

    def _listed(self, values: Array) -> list[list[float]]:
        """Shape (n, ...) as n flat lists of plain numbers, whole ones where the scale has no fractions."""
        flat = np.round(values, self.digits).reshape(len(values), values[:1].size)
        if self.digits == 0:
            return [[int(value) for value in row] for row in flat.tolist()]
        rows: list[list[float]] = flat.tolist()
        return rows

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
