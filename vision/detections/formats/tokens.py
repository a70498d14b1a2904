"""Class and location tokens `<c0> <p12> <p30> <p200> <p310>`, one object a line: what VisionLLM's decoder writes.

A record is a class token, then one location token for each number, then, where it is asked for, the score as a plain
number. Location tokens are whole steps of the range: `<p0>` to `<p512>`, for offsets `<p-512>` to `<p512>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision.detections.detections import Detections
from vision.detections.formats.coordinates import Grid, written
from vision.detections.formats.records import Labels, Place, Record, number, rounded_score
from vision.detections.formats.tuples import record_numbers, record_of

_BETWEEN = r"(?:[\s,;()\[\]]|#[^\n]*+)*+"
_TOKEN = re.compile(
    rf"{_BETWEEN}(?:(?P<class><c(?:ls)?[0-9]{{1,9}}>)|<p(?P<step>-?[0-9]{{1,9}})>|(?P<score>[0-9.eE+-]{{1,40}})"
    r"|(?P<end>\Z)|(?P<other>[^\n]))"
)


def write(detections: Detections, grid: Grid) -> str:
    """One object a line."""
    labels = Labels(detections.classes, "token")
    lines = []
    for i, name in enumerate(detections.class_names):
        tokens = [str(labels.written(name)), *(f"<p{value}>" for value in record_numbers(detections, i, grid))]
        score = rounded_score(detections, i) if grid.output.score else None
        lines.append(" ".join(tokens if score is None else [*tokens, written(score, 4)]))
    return "\n".join(lines)


def read(text: str, grid: Grid, classes: Sequence[str]) -> list[Record]:
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
                records.append(record_of(name, steps, score, grid, begun))
            if match["end"] is not None:
                return records
            name, steps, score, begun = labels.name(match["class"], place), [], None, place
        elif match["step"] is not None and name is not None and score is None:
            steps.append(int(match["step"]))
        elif match["score"] is not None and name is not None and score is None and grid.output.score:
            score = number(match["score"], place)
        else:
            found = text[match.start() : match.end() + 40].strip().partition("\n")[0]
            expected = "a class token such as <c0> first" if name is None else "a token such as <c0> or <p12>"
            raise place.wrong(expected, repr(found))
