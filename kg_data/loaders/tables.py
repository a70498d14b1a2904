"""Tables: a header, then a row for each thing, whose first cell names it and whose other cells say one thing each.

Most data that people bring along looks so. Three columns of it would pass for head, relation and tail, and make a graph
of nonsense, so that a table is recognised by its looks before triples are read from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

ONLY_NAMING = frozenset(("name", "id", "key", "label", "title", "code", "nr", "no", "identifier", "number"))
"""What the column that names things is called where that does not say what they are."""

NAMING = ONLY_NAMING | {"item", "person"}
"""What the column that names things is often called."""

TYPE = "type"
"""The relation that says what kind of thing each is."""

OWN_TYPES = frozenset((TYPE, "kind"))
"""Columns that say it themselves."""

IN_CELLS = ";"
"""What most often stands between several values in one cell."""


@dataclass(frozen=True)
class Table:
    """A table as it is recognised.

    Attributes:
        line: the header's, from 1.
        columns: the header's cells.
        row: the cells of the first row that has as many.
    """

    line: int
    columns: tuple[str, ...]
    row: tuple[str, ...]

    def __str__(self) -> str:
        """How it is read: the columns, and triples of a row."""
        shown = [f"{self.row[0]} | {name} | {cell}" for name, cell in zip(self.columns[1:], self.row[1:], strict=True)]
        shown = [triple for triple, cell in zip(shown, self.row[1:], strict=True) if cell][:3]
        return f'"{self.columns[0]}" names a thing, the other columns say something of it: {", ".join(shown)}'

    @property
    def names_each_column(self) -> bool:
        """Whether it can be read: each column has a name, and another one than the others."""
        return _names_each(self.columns)


def _names_each(header: Sequence[str]) -> bool:
    return all(header) and len(set(header)) == len(header)


def table_of(rows: Iterator[Row]) -> Table | None:
    """The table that rows of fields look like, a header first; None where they may as well be triples.

    A row of a table stands for one thing, and its header for none. Where a row could be a triple by the number of its
    fields, the header has to look unlike what stands below it too: its cells occur nowhere else, and it calls a column
    a name, or each thing has one row and the cells differ from those below in their letters or their numbers.
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
    row = next((cells for cells in body if len(cells) == width), None)
    if width < 2 or row is None or any(spelled_kind(cell) for cell in header):
        return None
    if width < 5 and len(body[0]) != width:
        return None
    if (width == 3 or (width == 4 and _has_types(body))) and not _stands_out(header, body):
        return None
    return Table(line, tuple(header), tuple(row))


def _has_types(body: Sequence[Sequence[str]]) -> bool:
    """Whether the fourth field may be the type of a tail."""
    return all(len(cells) < 4 or cells[3] in ("", "entity") or is_kind(cells[3]) for cells in body)


def _stands_out(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    things = [cells[0] for cells in body]
    below = {cell for cells in body for cell in cells if cell}
    if below & set(header):
        return False
    if any(cell.casefold() in NAMING for cell in header):
        return True
    if len(set(things)) < len(things) or not _names_each(header):
        return False
    if all(cell[0].islower() for cell in header) and not any(thing[:1].islower() for thing in things):
        return not all(cells[1][:1].islower() for cells in body if len(cells) > 1)
    return len(body) > 1 and any(
        all(spelled_kind(cells[place]) for cells in body if len(cells) > place and cells[place])
        for place in range(1, len(header))
    )


def table_error(path: Path, table: Table) -> DataError:
    """The error for a file that was to hold triples and looks like a table."""
    reading = "table=True (--table) reads it so"
    reading += f": {table}" if table.names_each_column else " once each column of its header has a name of its own"
    return DataError(
        path,
        "head, relation and tail in each line",
        line=table.line,
        found=", ".join(table.columns),
        hint=f"this looks like a table, and {reading}; table=False (--no-table) reads triples even so",
    )


@dataclass(frozen=True)
class TableRows:
    """What the rows of a table say.

    Attributes:
        columns: the header's cells.
        lines: each thing that a row stands for, with the lines of its rows.
        triples: head, relation and tail with the line of their row. Empty cells give none.
    """

    columns: Sequence[str]
    lines: Mapping[str, Sequence[int]]
    triples: Sequence[Row]

    def notes(self, cell_separator: str | None) -> list[str]:
        """What whoever loads it may not have meant: names in two rows, several values in cells that were read as one.

        Args:
            cell_separator: what was taken to stand between the values of one cell; None: a cell holds one.
        """
        notes = []
        twice = {name: lines for name, lines in self.lines.items() if len(lines) > 1}
        for name, lines in islice(twice.items(), 1):
            others = f" ({len(twice):,} such names in all)" if len(twice) > 1 else ""
            notes.append(f'"{name}" stands in lines {lines[0]} and {lines[1]}, which are read as one thing{others}')
        if cell_separator is None:
            cells = Counter(relation for _, (_, relation, _) in self.triples)
            several = Counter(relation for _, (_, relation, cell) in self.triples if IN_CELLS in cell)
            notes += [
                f'"{column}": {count:,} of {cells[column]:,} cells hold "{IN_CELLS}" and are one name each; '
                f'cell_separator="{IN_CELLS}" (--cell-separator "{IN_CELLS}") reads several'
                for column, count in several.items()
                if 2 * count >= cells[column]
            ]
        return notes


def read_table(path: Path, rows: Iterator[Row], cell_separator: str | None, broken: BrokenLines) -> TableRows:
    """Read a table.

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
    if not _names_each(header):
        raise DataError(path, "a header that names each column, each by another name", start, " | ".join(header))
    lines: dict[str, list[int]] = {}
    triples: list[Row] = []
    for number, cells in rows:
        if len(cells) != len(header):
            expected = f"{len(header)} cells as in the header ({len(cells)} here)"
            broken.meet(DataError(path, expected, number, " | ".join(cells)))
        elif not cells[0]:
            expected = f'the name of a thing in the first column, "{header[0]}"'
            broken.meet(DataError(path, expected, number, " | ".join(cells)))
        else:
            lines.setdefault(cells[0], []).append(number)
            for relation, cell in zip(header[1:], cells[1:], strict=True):
                parts = [cell] if cell_separator is None else [part.strip() for part in cell.split(cell_separator)]
                triples += [(number, [cells[0], relation, part]) for part in parts if part]
    return TableRows(header, lines, triples)


def kind_rows(path: Path, table: TableRows, rows: Iterable[Row]) -> list[Row]:
    """Rows that say of what kind each thing of a table is.

    What a row stands for is of the kind that the first column's header names, or the file's name where the header says
    no more than that it names. What else a column leads to is of the kind that its own header names. Where a column
    says types, these are the kinds of the rows. A kind that is called as a thing of the table is, is left out.

    Args:
        path: the file.
        table: what it says.
        rows: its triples, with the types of values behind them.
    """
    own = next((column for column in table.columns[1:] if column.casefold() in OWN_TYPES), None)
    of_entities = [(line, fields) for line, fields in rows if len(fields) == 3]
    said = [row for row in of_entities if row[1][1] == own]
    if own is not None and not said:  # they are numbers, or there are none
        return []
    kinds: dict[tuple[str, str], int] = {}
    if own is None:
        first = table.columns[0]
        kind = path.stem if first.casefold() in ONLY_NAMING else first
        kinds.update({(thing, kind): lines[0] for thing, lines in table.lines.items()})
    for line, (_, column, tail) in of_entities:
        if column != own and tail not in table.lines:
            kinds.setdefault((tail, column), line)
    things = {
        name.casefold() for name in (*table.lines, *(tail for _, (_, column, tail) in of_entities if column != own))
    }
    spelled: dict[str, str] = {tail.casefold(): tail for _, (_, _, tail) in said}
    made = [
        (line, [thing, own or TYPE, spelled.setdefault(kind.casefold(), kind)])
        for (thing, kind), line in kinds.items()
        if kind.casefold() not in things and thing.casefold() not in spelled
    ]
    return said + made
