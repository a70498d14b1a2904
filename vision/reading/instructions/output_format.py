"""The output format that all parts of an instruction ask for together."""

from __future__ import annotations

from typing import Any

from vision.errors import InstructionError
from vision.reading.instructions.contradictions import agreed, check_format, conflict, switched
from vision.reading.instructions.phrases.rules import Reading
from vision.reading.instructions.words.tables import phrases
from vision.task import DEFAULT_RANGE, Kind, OutputFormat

_SCORE_KEYS = frozenset(phrases("score, confidence, conf, probability, prob, certainty, scores"))
_STANDARDS = ("coco", "yolo", "voc")
_MAX_RANGE, _MAX_POINTS = 10**6, 10_000


def output_format(reading: Reading, kind: Kind, tokens: bool, numbers: bool) -> OutputFormat:
    """The format that is asked for.

    Args:
        reading: what was said.
        kind: what is to be done; segments are polygons.
        tokens: whether a class set gives class tokens, `<c0>`.
        numbers: whether a class set gives bare numbers.

    Raises:
        InstructionError: two parts ask for different formats, or for one that cannot be written.
    """
    asked: dict[str, Any] = {}
    polygon = switched(reading, "polygon")
    points = _whole(reading, "points", 3, _MAX_POINTS)
    if polygon or points is not None or kind == "segment":
        asked["geometry"] = "polygon"
    if points is not None:
        if polygon is False:
            raise InstructionError(
                f"a number of points ({points}) is asked for together with boxes only: expected one of the two"
            )
        asked["points"] = points
    name = agreed(reading, "format")
    keys = reading.of("keys")
    if keys:
        agreed(reading, "keys")
        words = [reading.source.original_at(*span) if span != (-1, -1) else "" for span in keys[0].value]
        asked["keys"] = (words[0], words[1])
        if words[2].lower() in _SCORE_KEYS:
            reading.say("score", True, keys[0].start, keys[0].end)
        elif words[2]:
            reading.unread.append(keys[0].value[2])
        name = name if name not in (None, "tuple") else "json"
    score = switched(reading, "score")
    if score:
        asked["score"] = True
    check_format(reading, name)
    if name is not None:
        asked["format"] = name
    if name in _STANDARDS:
        return OutputFormat(**asked)
    return OutputFormat(**asked, **_coordinates(reading, name), **_class_form(reading, name, tokens, numbers))


def _coordinates(reading: Reading, name: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if box := agreed(reading, "box"):
        asked["box"] = box
    scale = agreed(reading, "scale")
    if scale == "unit":
        # "Absolute" means pixels beside shares of the image, and no offsets beside a range.
        for one in reading.of("scale"):
            if one.value == "pixel" and not one.ruled_out:
                raise conflict(reading, one, next(other for other in reading.of("scale") if other.value == "unit"))
    if name == "tokens":
        asked["scale"] = "range"
        asked["range_"] = _whole_number(reading, "scale", scale if scale is not None else DEFAULT_RANGE, 1, _MAX_RANGE)
    elif scale in ("pixel", "unit"):
        asked["scale"] = scale
    elif scale is not None:
        asked["scale"] = "range"
        asked["range_"] = _whole_number(reading, "scale", scale, 1, _MAX_RANGE)
    if switched(reading, "offsets"):
        asked["offsets"] = True
        if switched(reading, "centre") is False:
            asked["centre"] = False
    return asked


def _class_form(reading: Reading, name: str | None, tokens: bool, numbers: bool) -> dict[str, Any]:
    if name == "tokens":
        return {"class_as": "token"}
    form = agreed(reading, "class_as")
    if form is None:
        form = "token" if tokens else "index" if numbers else None
    return {} if form is None else {"class_as": form}


def _whole(reading: Reading, name: str, low: int, high: int) -> int | None:
    value = agreed(reading, name)
    return None if value is None else _whole_number(reading, name, value, low, high)


def _whole_number(reading: Reading, name: str, value: float, low: int, high: int) -> int:
    if value != int(value) or not low <= value <= high:
        said = next((one for one in reading.of(name) if one.value == value), None)
        words = reading.source.original_at(said.start, said.end).strip() if said else name
        raise InstructionError(f"{words!r} asks for {value:g}: expected a whole number from {low} to {high}")
    return int(value)
