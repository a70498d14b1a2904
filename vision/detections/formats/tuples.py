"""Tuples `(class, x1, y1, x2, y2)`, one a line: the form that VisionLLM's instructions ask for, and the default.

A record is `(CLASS, NUMBER, NUMBER, ...)`. CLASS is a class token `<c0>`, an index, or a name; a name of letters,
digits, spaces and `_ - ' . / & +` that begins with a letter stands as it is, any other as a JSON string. A line that
starts with `#` is a remark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from vision.detections.detections import Detections
from vision.detections.formats.coordinates import Grid, written
from vision.detections.formats.records import Labels, Place, Record, checked_score, number, quoted, rounded_score
from vision.detections.formats.rings import one_ring

_BARE = re.compile(r"[^\W\d_](?:[\w '\-./&+]*[\w.+&])?")
_BETWEEN = re.compile(r"(?:[\s,;\[\]]|#[^\n]*+)*+")
# Possessive throughout: a hostile line is refused in one pass.
_RECORD = re.compile(r"""\(\s*+("(?:[^"\\\n]|\\.)*+"|'[^'\\\n]*+'|[^,()"'\n][^,()"\n]*+)\s*+,([^()\n]*+)\)""")


def write(detections: Detections, grid: Grid) -> str:
    """One tuple a line."""
    labels = Labels(detections.classes, grid.output.class_as)
    lines = []
    for i, name in enumerate(detections.class_names):
        numbers = record_numbers(detections, i, grid)
        label = bare_or_quoted(name) if grid.output.class_as == "name" else str(labels.written(name))
        fields = [label, *(written(value, grid.digits) for value in numbers)]
        score = rounded_score(detections, i) if grid.output.score else None
        lines.append(f"({', '.join(fields if score is None else [*fields, written(score, 4)])})")
    return "\n".join(lines)


def read(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of one or several tuples a line, with or without the brackets of a list around them.

    Raises:
        FormatError: a line is no such tuple.
    """
    labels = Labels(classes, grid.output.class_as)
    records: list[Record] = []
    position, line = 0, 1
    while True:
        start = _end_of_match(_BETWEEN, text, position)
        line += text.count("\n", position, start)
        if start == len(text):
            return records
        place = Place("line", line)
        match = _RECORD.match(text, start)
        if match is None:
            found = text[start : start + 200].partition("\n")[0]
            raise place.wrong("a tuple (class, number, number, ...)", repr(found))
        name = labels.name(_unquoted(match[1], place), place)
        numbers = [number(part, place) for part in match[2].split(",")]
        records.append(record_of(name, numbers, None, grid, place))
        position = match.end()


def bare_or_quoted(name: str) -> str:
    """A name as it stands in a tuple."""
    return name if _BARE.fullmatch(name) else quoted(name)


def record_numbers(detections: Detections, i: int, grid: Grid) -> list[float]:
    """The numbers of one object, without the score: of its centre where it is carried, then of its box or outline."""
    box = detections.xyxy[i]
    if grid.output.geometry == "box":
        return [*grid.centre_numbers(box), *grid.box_numbers(box)]
    assert detections.polygons is not None
    return [*grid.centre_numbers(box), *grid.ring_numbers(box, one_ring(detections.polygons[i]))]


def record_of(name: str, numbers: list[float], score: float | None, grid: Grid, place: Place) -> Record:
    """What `record_numbers` wrote, and, unless it is known, the score that may follow.

    Raises:
        FormatError: too few or too many numbers, or one outside the scale.
    """
    form = grid.layout
    # Coordinates of a polygon come in pairs, so a number left over is the score.
    expected = len(form.centre) + (len(form.box) or (len(numbers) - len(form.centre)) // 2 * 2)
    if form.score and score is None and len(numbers) == expected + 1:
        score = numbers.pop()
    score = None if score is None else checked_score(score, place)
    centre, coordinates = numbers[: len(form.centre)], numbers[len(form.centre) :]
    if form.box:
        return Record(name, grid.box(centre, coordinates, place), None, score)
    return Record.of_rings(name, [grid.ring(centre, coordinates, place)], score)


def _end_of_match(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _unquoted(label: str, place: Place) -> str:
    if label.startswith('"'):
        try:
            return str(json.loads(label))
        except ValueError:
            raise place.wrong("a JSON string for the class", label) from None
    return label[1:-1] if label.startswith("'") else label.strip()
