"""Graphs in one file: triples as separated fields or JSON lines, and tables with a row a thing.

Tails of triples are entities, numbers too: ids of benchmarks are numbers, and a graph must not change because one
more line was added. A fourth field of a row makes its tail a typed value; JSON tells texts from numbers, so it needs
none. A table has a header, then a row for each thing, whose first cell names it. Most data that people bring along
looks so, and three columns of it would pass for triples, so that a table is recognised by its looks first.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

from kg_data.columns import GraphColumns
from kg_data.loaders.facts import CheckedFacts, Facts, SpelledNames, conflicting_rows, spelled_kind, with_value_types
from kg_data.loaders.folders import describe_source
from kg_data.loaders.text import (
    REFUSED,
    USUAL,
    BrokenLines,
    LoadingOptions,
    Row,
    empty_field,
    quoted_rows,
    read_lines,
    separated_rows,
)
from kg_data.values import (
    VALUE_KINDS,
    WAY_OUT,
    Value,
    ValueConflict,
    is_kind,
    is_value,
    read_value,
    typed_value,
    value_of,
)
from skylark.errors import DataError

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
    reading += f": {table}" if _names_each(table.columns) else " once each column of its header has a name of its own"
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


TABLE_SUFFIXES = (".tsv", ".csv", ".txt")
METAQA_FILES = ("kb.txt", "kb_partial.txt")

HEADER_ROLES = {
    "head": 0, "subject": 0, "source": 0,
    "relation": 1, "predicate": 1, "property": 1, "edge": 1,
    "tail": 2, "object": 2, "target": 2,
    "type": 3,
}  # fmt: skip
"""What a column may be called, and its place among head, relation, tail and the tail's type."""


def load_file(path: Path, name: str, loading: LoadingOptions = USUAL) -> GraphColumns:
    """Read one file of triples: .tsv by tabs, .csv by commas (tabs or semicolons where its first lines have these in
    their place), .txt by tabs or `|`, whichever its first line holds.

    A first line that names the columns (head, relation, tail, and perhaps type; subject, predicate, object; source,
    edge, target; in any order) is read as a header. A row may have a fourth field, the type of its tail: "integer",
    "decimal", "year" or "date" (YYYY-MM-DD) for a value, "entity" or nothing for what a tail is without it.

    Raises:
        DataError: a file of another form, a table that was not said to be one, or facts that do not fit into one graph,
            with the line.
    """
    separator = _separator(path)
    expected = f"head, relation and tail separated by {_SEPARATORS[separator]}"
    if separator == "|":
        expected += " or tabs"
    broken = BrokenLines(loading.skip_broken)
    source = f"file {path.name}, origin and licence not stated"
    notes: list[str] = []
    if loading.table:
        table = read_table(path, _rows_of_any_width(path, separator, broken), loading.cell_separator, broken)
        notes += table.notes(loading.cell_separator)
        said = [*with_value_types(table.triples, notes, True)] if loading.infer_values else table.triples
        kinds = kind_rows(path, table, said)
        return _columns(path, [*kinds, *said], expected, name, source, broken, kinds, notes, True)
    if loading.table is None and (seen := table_in(path)) is not None:
        raise table_error(path, seen)
    rows = _without_header(path, _rows(path, separator, 3, expected, 1, broken), broken)
    if loading.infer_values:
        rows = with_value_types(rows, notes)
    return _columns(path, rows, expected, name, source, broken, notes=notes)


def table_in(path: Path) -> Table | None:
    """The table that a file of separated fields looks like, None where it may as well hold triples.

    Raises:
        DataError: the file cannot be read.
    """
    rows = _rows_of_any_width(path, _separator(path), REFUSED)
    first = next(rows, None)
    if first is None or _header_order(first[1]) is not None:
        return None
    return table_of(chain([first], rows))


ANOTHER_NAME = (
    "each row stands for a thing of its own: call the second by another name, or load without infer_values "
    "(--infer-values), where numbers are names"
)
"""What to do with two values of a thing in a table."""

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "'|'"}

_QUOTED = re.compile(r'"[^"]*"?')


def _separator(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".txt" and "\t" not in next(filter(None, read_lines(path)), ""):
        return "|"
    return _separator_of_csv(path) if suffix == ".csv" else "\t"


def _separator_of_csv(path: Path) -> str:
    """Of commas, tabs and semicolons the first that takes both first lines apart alike, or else one of them at all."""
    first = [_QUOTED.sub("", line) for line in islice((line for line in read_lines(path) if line.strip()), 2)]
    found = {separator: {line.count(separator) for line in first} for separator in ",\t;"}
    alike = [separator for separator, counts in found.items() if len(counts) == 1 and counts != {0}]
    return next(iter([*alike, *(separator for separator, counts in found.items() if any(counts))]), ",")


def _rows(
    path: Path, separator: str, width: int, expected: str, optional: int, broken: BrokenLines = REFUSED
) -> Iterator[Row]:
    if path.suffix.lower() == ".csv":
        return quoted_rows(path, separator, width, expected, optional, broken)
    return separated_rows(path, separator, width, expected, optional, broken)


def _rows_of_any_width(path: Path, separator: str, broken: BrokenLines) -> Iterator[Row]:
    return _rows(path, separator, 0, f"cells separated by {_SEPARATORS[separator]}", sys.maxsize, broken)


def metaqa_file(folder: Path) -> Path | None:
    """The knowledge base of a MetaQA folder, the complete one where both are there; None where there is none."""
    return next((folder / name for name in METAQA_FILES if (folder / name).is_file()), None)


def load_metaqa(folder: Path, name: str) -> GraphColumns:
    """Read MetaQA's knowledge base, `subject|relation|object` a line (Zhang et al. 2018, arXiv 1709.04071).

    Raises:
        DataError: the folder has no knowledge base, or it is of another form.
    """
    path = metaqa_file(folder)
    if path is None:
        raise DataError(folder, f"one of {', '.join(METAQA_FILES)}")
    expected = "subject, relation and object separated by '|'"
    return _columns(path, separated_rows(path, "|", 3, expected), expected, name, describe_source(folder))


def _columns(
    path: Path,
    rows: Iterable[Row],
    expected: str,
    name: str,
    source: str,
    broken: BrokenLines = REFUSED,
    kinds: Sequence[Row] = (),
    notes: Sequence[str] = (),
    is_table: bool = False,
) -> GraphColumns:
    facts = (CheckedFacts if broken.skipped else Facts)(SpelledNames, one_each=is_table)
    way_out = ANOTHER_NAME if is_table else WAY_OUT
    try:
        for number, fields in rows:
            if len(fields) == 4 or broken.skipped:
                with _left_out(path, broken, way_out):
                    _add_carefully(path, facts, number, fields, expected)
                continue
            head, relation, tail = fields
            try:
                facts.link(head, relation, tail, number)
            except ValueError:
                raise empty_field(path, number, fields, expected) from None
        types = [(facts.entities[thing], kind) for _, (thing, _, kind) in kinds]
        columns = finished(path, facts, name, source, broken, types)
        return replace(columns, notes=[*notes, *columns.notes])
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict, way_out=way_out) from None


@contextmanager
def _left_out(path: Path, broken: BrokenLines, way_out: str = WAY_OUT) -> Iterator[None]:
    """What a row is refused for becomes of it what becomes of broken lines."""
    try:
        yield
    except ValueConflict as conflict:
        broken.meet(conflicting_rows(path, conflict, way_out=way_out))
    except DataError as error:
        broken.meet(error)


def finished(
    path: Path, facts: Facts, name: str, source: str, broken: BrokenLines, types: Sequence[tuple[int, str]] = ()
) -> GraphColumns:
    """The columns of a file that is read, with what of it was left out; `types` as in `GraphColumns`.

    Raises:
        DataError: nothing of it was read.
        ValueConflict: as `Facts.columns`.
    """
    left_out = broken.left_out
    if not len(facts):
        if left_out is None:
            raise DataError(path, "at least one triple", found="an empty file")
        raise DataError(path, "at least one triple", found="none", hint=str(left_out))
    notes = facts.name_several()
    return replace(facts.columns(name, source, types=types), left_out=left_out, notes=notes)


def _add_carefully(path: Path, facts: Facts, number: int, fields: list[str], expected: str) -> None:
    """Add a row after a look at its fields, the type of the tail among them where it has one."""
    head, relation, tail, *kinds = (field.strip() for field in fields)
    if not (head and relation and tail):
        raise empty_field(path, number, fields, expected)
    kind = kinds[0] if kinds else ""
    if kind in ("", "entity"):
        facts.link(head, relation, tail, number)
        return
    if not is_kind(kind):
        expected = f"entity, {', '.join(VALUE_KINDS[:-1])} or {VALUE_KINDS[-1]} as fourth field, the type of the tail"
        raise DataError(path, expected, number, kind)
    try:
        value = read_value(kind, tail)
    except ValueError as error:
        raise DataError(path, f'{error} as value of "{relation}"', number, tail) from None
    facts.value(head, relation, value, number)


def _header_order(fields: list[str]) -> list[int] | None:
    """The places of head, relation, tail and perhaps type among the names of columns; None where these name none."""
    roles = [HEADER_ROLES.get(field.strip().lower(), -1) for field in fields]
    order = sorted(range(len(roles)), key=roles.__getitem__)
    return order if [roles[place] for place in order] in ([0, 1, 2], [0, 1, 2, 3]) else None


def _without_header(path: Path, rows: Iterator[Row], broken: BrokenLines) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        return
    order = _header_order(first[1])
    if order is None:
        yield first
        yield from rows
    elif order == sorted(order):
        yield from rows
    else:
        for number, fields in rows:
            if len(fields) == len(order):
                yield number, [fields[place] for place in order]
            else:
                broken.meet(DataError(path, f"the {len(order)} columns of the header", number, " | ".join(fields)))


JSONL_SUFFIXES = (".jsonl",)

A_TRIPLE = 'a JSON object {"head": ..., "relation": ..., "tail": ...} or a list of these three'
A_TAIL = f'a text, a number, or {{"value": ..., "type": {" | ".join(VALUE_KINDS)}}} as tail'


def load_json_lines(path: Path, name: str, loading: LoadingOptions = USUAL) -> GraphColumns:
    """Read `{"head": h, "relation": r, "tail": t}` lines (or subject, predicate, object; or `[h, r, t]`).

    A tail is a text (an entity), a number (a value: integer without a decimal point, else decimal), or
    `{"value": "1999-01-02", "type": "date"}` with one of the types integer, decimal, year and date. Names are kept
    exactly as they stand, blanks and all.

    Raises:
        DataError: a line of another form, or facts that do not fit into one graph, with the line.
    """
    broken = BrokenLines(loading.skip_broken)
    facts = CheckedFacts() if broken.skipped else Facts()
    try:
        for number, line in enumerate(read_lines(path), start=1):
            if line.strip():
                with _left_out(path, broken):
                    _add(path, facts, number, line)
        return finished(path, facts, name, f"file {path.name}, origin and licence not stated", broken)
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict) from None


def _add(path: Path, facts: Facts, number: int, line: str) -> None:
    head, relation, tail = _parts(path, number, line)
    for what, part in (("head", head), ("relation", relation)):
        if not isinstance(part, str) or not part:
            raise DataError(path, f"a text that is not empty as {what}", line=number, found=json.dumps(part))
    if isinstance(tail, str) and tail:
        facts.link(head, relation, tail, number)
    else:
        facts.value(head, relation, _value(path, number, relation, tail), number)


def _parts(path: Path, number: int, line: str) -> list[Any]:
    try:
        item = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(path, f"{A_TRIPLE} ({reason})", line=number, found=line) from None
    if isinstance(item, list) and len(item) == 3:
        return item
    if isinstance(item, dict):
        by_role = {HEADER_ROLES.get(key.lower()): part for key, part in item.items()}
        if len(item) == 3 and by_role.keys() == {0, 1, 2}:
            return [by_role[role] for role in range(3)]
    raise DataError(path, A_TRIPLE, line=number, found=line)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _value(path: Path, number: int, relation: str, tail: object) -> Value:
    try:
        if is_value(tail):
            return value_of(tail)
        if isinstance(tail, dict) and tail.keys() == {"value", "type"} and tail["type"] in VALUE_KINDS:
            return typed_value(tail["type"], tail["value"])
    except ValueError as error:
        raise DataError(path, f'{error} as value of "{relation}"', line=number, found=json.dumps(tail)) from None
    raise DataError(path, A_TAIL, line=number, found=json.dumps(tail))
