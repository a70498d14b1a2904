"""What an asked format comes to: families that are standards fix what the instruction leaves open, or has otherwise.

Writer, reader and constrained decoding all start from the same `effective` format and its `layout`, so they cannot
disagree on what a record holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from vision.errors import FormatError
from vision.task import BoxForm, ClassForm, FormatName, Geometry, OutputFormat, Scale

MAX_RANGE = 10**6
MAX_POINTS = 10_000

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
    for what, value, allowed in (
        ("format", output.format, get_args(FormatName)),
        ("geometry", output.geometry, get_args(Geometry)),
        ("box form", output.box, get_args(BoxForm)),
        ("scale", output.scale, get_args(Scale)),
        ("class form", output.class_as, get_args(ClassForm)),
    ):
        if value not in allowed:
            raise FormatError(f"no {what} {value!r}: expected one of {', '.join(allowed)}")
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
