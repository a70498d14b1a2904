"""Tables: a header, then a row for each thing, whose first cell names it and whose other cells say one thing each.

Most data that people bring along looks so. Three columns of it would pass for head, relation and tail, and make a graph
of nonsense, so that a table is recognised by its looks before triples are read from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kg_data.errors import DataError
from kg_data.loaders.broken import BrokenLines
from kg_data.loaders.inference import spelled_kind
from kg_data.loaders.text import Row
from kg_data.values import is_kind

LOOKED_AT = 1000
"""Rows that a table is recognised by."""

NAMING = frozenset(("name", "id", "key", "label", "title", "code", "identifier", "number", "item", "person"))
"""What the column that names things is often called."""


@dataclass(frozen=True)
class Table:
    """A table as it is recognised.

    Attributes:
        line: the header's, from 1.
        columns: the header's cells.
        row: the first row's cells.
    """

    line: int
    columns: tuple[str, ...]
    row: tuple[str, ...]

    def __str__(self) -> str:
        """How it is read: the columns, and triples of the first row."""
        shown = [f"{self.row[0]} | {name} | {cell}" for name, cell in zip(self.columns[1:], self.row[1:], strict=True)]
        shown = [triple for triple, cell in zip(shown, self.row[1:], strict=True) if cell][:3]
        return f'"{self.columns[0]}" names a thing, the other columns say something of it: {", ".join(shown)}'


def table_of(rows: Iterator[Row]) -> Table | None:
    """The table that rows of fields look like, a header first; None where they may as well be triples.

    A row of a table stands for one thing, and its header for none: the cells of the header occur nowhere else, and
    each thing has one row. Where a row could be a triple by the number of its fields, the header has to look unlike
    what stands below it too.
    """
    try:
        looked_at = [(number, [field.strip() for field in fields]) for number, fields in islice(rows, LOOKED_AT)]
    except DataError:  # whoever reads the file says what is wrong with it
        return None
    seen = [(number, cells) for number, cells in looked_at if any(cells)]
    if len(seen) < 2:
        return None
    (line, header), *rest = seen
    body = [cells for _, cells in rest]
    width = len(header)
    if width < 2 or any(len(cells) != width for cells in body[:1]) or len(set(header)) < width:
        return None
    if not all(header) or any(spelled_kind(cell) for cell in header):
        return None
    if (width == 3 or (width == 4 and _has_types(body))) and not _stands_out(header, body):
        return None
    return Table(line, tuple(header), tuple(body[0]))


def _has_types(body: Sequence[Sequence[str]]) -> bool:
    """Whether the fourth field may be the type of a tail."""
    return all(len(cells) < 4 or cells[3] in ("", "entity") or is_kind(cells[3]) for cells in body)


def _stands_out(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    things = [cells[0] for cells in body]
    below = {cell for cells in body for cell in cells}
    if len(set(things)) < len(things) or below & set(header):
        return False
    if header[0].casefold() in NAMING:
        return True
    if all(cell[0].islower() for cell in header) and not any(thing[:1].islower() for thing in things):
        return not all(cells[1][:1].islower() for cells in body if len(cells) > 1)
    return len(body) > 1 and any(
        all(spelled_kind(cells[place]) for cells in body if len(cells) > place and cells[place])
        for place in range(1, len(header))
    )


def table_error(path: Path, table: Table) -> DataError:
    """The error for a file that was to hold triples and looks like a table."""
    return DataError(
        path,
        "head, relation and tail in each line",
        line=table.line,
        found=", ".join(table.columns),
        hint=f"this looks like a table, and table=True (--table) reads it so: {table}; "
        "table=False (--no-table) reads triples even so",
    )


def table_rows(path: Path, rows: Iterator[Row], cell_separator: str | None, broken: BrokenLines) -> Iterator[Row]:
    """The triples of a table: head, relation and tail with the line of their row. Empty cells give none.

    Args:
        path: the file.
        rows: its rows, the header first.
        cell_separator: what stands between the values of one cell; None: a cell holds one.
        broken: what becomes of a row with more or fewer cells than the header, or without a name.

    Raises:
        DataError: the header has a column without a name, or two of one name, or no second column; or a row is broken.
    """
    rows = ((number, cells) for number, fields in rows if any(cells := [field.strip() for field in fields]))
    start, header = next(rows, (1, []))
    if len(header) < 2:
        raise DataError(path, "a header of two columns or more", start, " | ".join(header))
    if not all(header) or len(set(header)) < len(header):
        raise DataError(path, "a header that names each column, each by another name", start, " | ".join(header))
    for number, cells in rows:
        if len(cells) != len(header):
            expected = f"{len(header)} cells as in the header ({len(cells)} here)"
            broken.meet(DataError(path, expected, number, " | ".join(cells)))
        elif not cells[0]:
            expected = f'the name of a thing in the first column, "{header[0]}"'
            broken.meet(DataError(path, expected, number, " | ".join(cells)))
        else:
            for relation, cell in zip(header[1:], cells[1:], strict=True):
                parts = [cell] if cell_separator is None else [part.strip() for part in cell.split(cell_separator)]
                yield from ((number, [cells[0], relation, part]) for part in parts if part)
