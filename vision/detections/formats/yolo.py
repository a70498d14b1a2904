"""YOLO's label lines: `index cx cy width height` in shares of the image, or for outlines `index x1 y1 x2 y2 ...`.

As in https://docs.ultralytics.com/datasets/detect/ and .../segment/. Names are not part of the format: they travel in
the class set. A score, where asked for, comes last, as its tools save confidences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detections.detections import Detections
from vision.detections.formats.coordinates import Grid, written
from vision.detections.formats.records import Labels, Place, Record, number, rounded_score
from vision.detections.formats.tuples import record_numbers, record_of
from vision.task import OutputFormat

_LINE = re.compile(r"[0-9]{1,9}(?:[ \t]+[-+0-9.eE]{1,40}){4,}+[ \t\r]*")


def write(detections: Detections, grid: Grid) -> str:
    """One object a line."""
    labels = Labels(detections.classes, "index")
    lines = []
    for i, name in enumerate(detections.class_names):
        numbers = record_numbers(detections, i, grid)
        fields = [str(labels.written(name)), *(written(value, grid.digits) for value in numbers)]
        score = rounded_score(detections, i) if grid.output.score else None
        lines.append(" ".join(fields if score is None else [*fields, written(score, 4)]))
    return "\n".join(lines)


def read(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
    """The objects of such lines; empty lines and remarks, which start with `#`, are passed over.

    Raises:
        FormatError: a line is something else, or its index is not in the class set.
    """
    labels = Labels(classes, "index")
    records = []
    for place, line in _lines(text):
        index, *fields = line.split()
        name = labels.name(index, place)
        records.append(record_of(name, [number(field, place) for field in fields], None, grid, place))
    return records


def found_out(text: str) -> OutputFormat | None:
    """The format where every line is one of YOLO's, by the count of its numbers; else None.

    Five and six belong to boxes, without and with a score; outlines have an odd count, with a score an even one.
    """
    counts = set()
    for _, line in _lines(text):
        if not _LINE.fullmatch(line):
            return None
        counts.add(len(line.split()))
    if not counts:
        return None
    if counts <= {5, 6}:
        return OutputFormat("yolo", score=6 in counts)
    return OutputFormat("yolo", "polygon", score=any(count % 2 == 0 for count in counts))


def _lines(text: str) -> list[tuple[Place, str]]:
    numbered = ((Place("line", i + 1), line.strip()) for i, line in enumerate(text.split("\n")))
    return [(place, line) for place, line in numbered if line and not line.startswith("#")]
