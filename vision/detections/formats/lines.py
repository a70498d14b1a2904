"""Formats with an object a line, tuples, tokens and YOLO's labels, and JSON lists of objects.

*Tuples* `(class, x1, y1, x2, y2)` are what VisionLLM's instructions ask for, and the default. The class is a class
token `<c0>`, an index, or a name; a name of letters, digits, spaces and `_ - ' . / & +` that begins with a letter
stands as it is, any other as a JSON string. A line that starts with `#` is a remark.

*Tokens* `<c0> <p12> <p30> <p200> <p310>` are what VisionLLM's decoder writes: a class token, a location token for
each number, then, where it is asked for, the score. Location tokens are whole steps of the range: `<p0>` to `<p512>`,
for offsets `<p-512>` to `<p512>`.

*YOLO's labels* are `index cx cy width height` in shares of the image, or for outlines `index x1 y1 x2 y2 ...`
(https://docs.ultralytics.com/datasets/detect/ and .../segment/); a score comes last, names travel in the class set.

*JSON* is `{"label": "dog", "bbox": [12, 30, 200, 310]}` with the instruction's keys; a polygon is a list of rings,
each a flat list as in COCO. Where a bare list was forbidden, it stands under "objects" beside a "note".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from vision.detections.detections import Detections
from vision.detections.formats.layout import Grid
from vision.detections.formats.records import (
    Labels,
    Place,
    Record,
    checked_score,
    finite,
    number,
    one_ring,
    quoted,
    written_scores,
)
from vision.errors import FormatError
from vision.task import OutputFormat

CENTRE, SCORE, OBJECTS, NOTE = "centre", "score", "objects", "note"


def write_json(detections: Detections, grid: Grid, note: str = "") -> str:
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
    return [_json_record(item, grid, labels, Place("object", i + 1)) for i, item in enumerate(objects)]


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


def _json_record(item: object, grid: Grid, labels: Labels, place: Place) -> Record:
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


_BARE = re.compile(r"[^\W\d_](?:[\w '\-./&+]*[\w.+&])?")
_BETWEEN_TUPLES = re.compile(r"(?:[\s,;\[\]]|#[^\n]*+)*+")
# Possessive throughout: a hostile line is refused in one pass.
_TUPLE = re.compile(r"""\(\s*+("(?:[^"\\\n]|\\.)*+"|'[^'\\\n]*+'|[^,()"'\n][^,()"\n]*+)\s*+,([^()\n]*+)\)""")

_BETWEEN_TOKENS = r"(?:[\s,;()\[\]]|#[^\n]*+)*+"
_TOKEN = re.compile(
    rf"{_BETWEEN_TOKENS}(?:(?P<class><c(?:ls)?[0-9]{{1,9}}>)|<p(?P<step>-?[0-9]{{1,9}})>|(?P<score>[0-9.eE+-]{{1,40}})"
    r"|(?P<end>\Z)|(?P<other>[^\n]))"
)
_YOLO_LINE = re.compile(r"[0-9]{1,9}(?:[ \t]+[-+0-9.eE]{1,40}){4,}+[ \t\r]*")


def write_lines(detections: Detections, grid: Grid) -> str:
    """One object a line, as tuples, tokens or YOLO's labels."""
    form = grid.output.format
    labels = Labels(detections.classes, grid.output.class_as).written(detections.class_names)
    scores = [[] if score is None else [score] for score in written_scores(detections, grid.output.score)]
    if form == "tuple" and grid.output.class_as == "name":
        labels = [name if _BARE.fullmatch(name) else quoted(name) for name in detections.class_names]
    if grid.output.geometry == "box":
        coordinates = grid.box_numbers(detections.xyxy)
    else:
        outlines = [(one_ring(rings),) for rings in detections.polygons or ()]
        coordinates = [rings[0] for rings in grid.outline_numbers(detections.xyxy, outlines)]
    centres = grid.centre_numbers(detections.xyxy)
    rows = [[*centre, *numbers] for centre, numbers in zip(centres, coordinates, strict=True)]
    texts = [[f"<p{step}>" for step in row] for row in rows] if form == "tokens" else written(rows, grid.digits)
    lines = [
        [str(label), *numbers, *score] for label, numbers, score in zip(labels, texts, written(scores, 4), strict=True)
    ]
    return "\n".join(f"({', '.join(fields)})" if form == "tuple" else " ".join(fields) for fields in lines)


def written(rows: Sequence[Sequence[float]], digits: int) -> list[list[str]]:
    """Rows of numbers as text, without a power of ten or zeros at their ends."""

    def text(number: float) -> str:
        if isinstance(number, int):
            return str(number)
        shown = f"{number:.{digits}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown

    return [[text(number) for number in row] for row in rows]


def read_tuples(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of one or several tuples a line, with or without the brackets of a list around them.

    Raises:
        FormatError: a line is no such tuple.
    """
    labels = Labels(classes, grid.output.class_as)
    records: list[Record] = []
    position, line = 0, 1
    while True:
        between = _BETWEEN_TUPLES.match(text, position)
        assert between is not None  # it takes nothing too
        start = between.end()
        line += text.count("\n", position, start)
        if start == len(text):
            return records
        place = Place("line", line)
        match = _TUPLE.match(text, start)
        if match is None:
            line_text = text[start : start + 200].partition("\n")[0]
            raise place.wrong("a tuple (class, number, number, ...)", repr(line_text))
        name = labels.name(_unquoted(match[1], place), place)
        numbers = [number(part, place) for part in match[2].split(",")]
        records.append(_line_record(name, numbers, None, grid, place))
        position = match.end()


def read_tokens(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of a text of tokens; every class token begins one, whether on a line of its own or not.

    Raises:
        FormatError: there is something other than tokens and scores, or an object of too few or too many tokens.
    """
    labels = Labels(classes, "token")
    records: list[Record] = []
    name: str | None = None
    steps: list[float] = []
    score: float | None = None
    begun = place = Place("line", 1)
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        assert match is not None  # one of its branches takes any character
        place = Place("line", place.number + text.count("\n", position, match.end()))
        position = match.end()
        if match["class"] is not None or match["end"] is not None:
            if name is not None:
                records.append(_line_record(name, steps, score, grid, begun))
            if match["end"] is not None:
                return records
            name, steps, score, begun = labels.name(match["class"], place), [], None, place
        elif match["step"] is not None and name is not None and score is None:
            steps.append(int(match["step"]))
        elif match["score"] is not None and name is not None and score is None and grid.output.score:
            score = number(match["score"], place)
        else:
            wrong = text[match.start() : match.end() + 40].strip().partition("\n")[0]
            expected = "a class token such as <c0> first" if name is None else "a token such as <c0> or <p12>"
            raise place.wrong(expected, repr(wrong))


def read_yolo(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of YOLO's lines; empty lines and remarks, which start with `#`, are skipped.

    Raises:
        FormatError: a line is something else, or its index is not in the class set.
    """
    labels = Labels(classes, "index")
    records = []
    for place, line in _yolo_lines(text):
        index, *fields = line.split()
        name = labels.name(index, place)
        records.append(_line_record(name, [number(field, place) for field in fields], None, grid, place))
    return records


def yolo_format(text: str) -> OutputFormat | None:
    """The format of a text whose lines all are YOLO's, by the count of their numbers; else None.

    Lines of boxes have five numbers, with a score six; lines of outlines have an odd count, with a score an even one.
    """
    counts = set()
    for _, line in _yolo_lines(text):
        if not _YOLO_LINE.fullmatch(line):
            return None
        counts.add(len(line.split()))
    if not counts:
        return None
    if counts <= {5, 6}:
        return OutputFormat("yolo", score=6 in counts)
    return OutputFormat("yolo", "polygon", score=any(count % 2 == 0 for count in counts))


def _yolo_lines(text: str) -> list[tuple[Place, str]]:
    numbered = ((Place("line", i + 1), line.strip()) for i, line in enumerate(text.split("\n")))
    return [(place, line) for place, line in numbered if line and not line.startswith("#")]


def _line_record(name: str, numbers: list[float], score: float | None, grid: Grid, place: Place) -> Record:
    """An object from its numbers, the last of which may be the score unless that is known already."""
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


def _unquoted(label: str, place: Place) -> str:
    if label.startswith('"'):
        try:
            return str(json.loads(label))
        except ValueError:
            raise place.wrong("a JSON string for the class", label) from None
    return label[1:-1] if label.startswith("'") else label.strip()
