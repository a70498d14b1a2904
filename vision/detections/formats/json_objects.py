"""A JSON list of objects with the keys that the instruction names: `{"label": "dog", "bbox": [12, 30, 200, 310]}`.

The coordinates of a box are a list of numbers. Those of a polygon are a list of rings, each a flat list x1, y1, x2,
y2, ..., as in COCO. Offsets carry the centre under "centre". Where it was forbidden, the list stands under "objects"
beside a "note".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vision.detections.detections import Detections
from vision.detections.formats.layout import Grid
from vision.detections.formats.records import Labels, Place, Record, checked_score, finite, quoted, written_scores
from vision.errors import FormatError

CENTRE, SCORE, OBJECTS, NOTE = "centre", "score", "objects", "note"


def write(detections: Detections, grid: Grid, note: str = "") -> str:
    """A list with one object a line."""
    label_key, coordinates_key = grid.output.keys
    labels = Labels(detections.classes, grid.output.class_as).written(detections.class_names)
    coordinates: Sequence[object]
    if grid.output.geometry == "box":
        coordinates = grid.box_numbers(detections.xyxy)
    else:
        coordinates = grid.outline_numbers(detections.xyxy, detections.polygons or ())
    centres = grid.centre_numbers(detections.xyxy)
    scores = written_scores(detections, grid.output.score)
    objects = []
    for label, centre, numbers, score in zip(labels, centres, coordinates, scores, strict=True):
        item: dict[str, Any] = {label_key: label}
        if centre:
            item[CENTRE] = centre
        item[coordinates_key] = numbers
        if score is not None:
            item[SCORE] = score
        objects.append(quoted(item))
    listed = lines_of(objects)
    return f'{{"{NOTE}": {quoted(note)},\n"{OBJECTS}": {listed}}}' if note else listed


def read(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of such a list.

    Raises:
        FormatError: it isn't JSON, or an object lacks a key or has a value of another kind.
    """
    objects = parsed(text)
    if not isinstance(objects, list):
        raise FormatError(f"expected a JSON list of objects, found {type(objects).__name__}")
    labels = Labels(classes, grid.output.class_as)
    return [_record(item, grid, labels, Place("object", i + 1)) for i, item in enumerate(objects)]


def parsed(text: str) -> Any:
    """The value that a JSON text holds, without NaN and infinities.

    Raises:
        FormatError: it isn't JSON, or nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise FormatError(f"line {error.lineno}: expected JSON; {error.msg} at column {error.colno}") from error
    except RecursionError:
        raise FormatError("expected JSON of a list of objects, found brackets within brackets beyond reading") from None
    except ValueError as error:
        raise FormatError(f"expected JSON with finite numbers; {error}") from error


def numbers_of(value: object, place: Place) -> list[float]:
    """A flat list of finite numbers.

    Raises:
        FormatError: it is something else.
    """
    if not isinstance(value, list):
        raise place.wrong("a list of numbers", value)
    return [finite(item, place) for item in value]


def lines_of(values: Sequence[str]) -> str:
    """A JSON list with each value on a line of its own."""
    return "[\n" + ",\n".join(values) + "\n]" if values else "[]"


def _record(item: object, grid: Grid, labels: Labels, place: Place) -> Record:
    label_key, coordinates_key = grid.output.keys
    needed = [label_key, coordinates_key, *([CENTRE] if grid.layout.centre else [])]
    if not isinstance(item, dict) or any(key not in item for key in needed):
        raise place.wrong(f"an object with the keys {', '.join(map(repr, needed))}", item)
    name = labels.name(item[label_key], place)
    centre = numbers_of(item[CENTRE], place) if grid.layout.centre else []
    score = item.get(SCORE) if grid.output.score else None
    if score is not None:
        score = checked_score(finite(score, place), place)
    value = item[coordinates_key]
    if grid.output.geometry == "box":
        return Record(name, grid.box(centre, numbers_of(value, place), place), None, score)
    if not isinstance(value, list) or not value:
        raise place.wrong("a list of rings, each a list x1, y1, x2, y2, ...", value)
    return Record.of_rings(name, [grid.ring(centre, numbers_of(ring, place), place) for ring in value], score)


def _refuse(constant: str) -> None:
    raise ValueError(f"found {constant}")
