"""The formats with one object a line: tuples, class and location tokens, and YOLO's labels.

*Tuples* `(class, x1, y1, x2, y2)` are what VisionLLM's instructions ask for, and the default. The class is a class
token `<c0>`, an index, or a name; a name of letters, digits, spaces and `_ - ' . / & +` that begins with a letter
stands as it is, any other as a JSON string. A line that starts with `#` is a remark.

*Tokens* `<c0> <p12> <p30> <p200> <p310>` are what VisionLLM's decoder writes: a class token, then a location token for
each number, then, where it is asked for, the score as a plain number. Location tokens are whole steps of the range:
`<p0>` to `<p512>`, for offsets `<p-512>` to `<p512>`.

*YOLO's labels* are `index cx cy width height` in shares of the image, or for outlines `index x1 y1 x2 y2 ...`, as in
https://docs.ultralytics.com/datasets/detect/ and .../segment/. Names are not part of the format: they travel in the
class set. A score, where asked for, comes last, as its tools save confidences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from vision.detections.detections import Detections
from vision.detections.formats.layout import Grid
from vision.detections.formats.records import (
    Labels,
    Place,
    Record,
    checked_score,
    number,
    one_ring,
    quoted,
    written_scores,
)
from vision.task import OutputFormat

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


def write(detections: Detections, grid: Grid) -> str:
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
        start = _end_of_match(_BETWEEN_TUPLES, text, position)
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
        records.append(_record(name, numbers, None, grid, place))
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
                records.append(_record(name, steps, score, grid, begun))
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
        records.append(_record(name, [number(field, place) for field in fields], None, grid, place))
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


def _record(name: str, numbers: list[float], score: float | None, grid: Grid, place: Place) -> Record:
    """An object from its numbers, the last of which may be the score unless that is known already.

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
