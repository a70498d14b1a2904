"""Figures as columns of text, for terminals and results; here because both halves print them.

The package tabulate draws the same table by a format of its own, in twice the time, and needs a second package for wide
characters; control characters would still have to be made visible here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from kg_data.visible import visible


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left and the others to the right, wide characters counted as two."""
    table = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0] + gaps[0], *(gap + cell for gap, cell in zip(gaps[1:], row[1:], strict=True))]))
    lines.insert(1, "-" * _width(lines[0]))
    return "\n".join(line.rstrip() for line in lines)


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
