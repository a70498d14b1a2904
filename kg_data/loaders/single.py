"""Triples from one file of separated fields: a graph of one's own as .tsv, .csv or .txt, and MetaQA's knowledge base.

There are no splits in one file, so all of it is the split "graph". Tails are entities, numbers too: ids of benchmarks
are numbers, and a graph must not change because one more line was added. A fourth field of a row makes its tail a typed
value, and whoever loads the file may ask for values by how they are spelled, or for a table (`kg_data.loaders.tables`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.broken import REFUSED, BrokenLines
from kg_data.loaders.facts import CheckedFacts, Facts, conflicting_rows
from kg_data.loaders.inference import with_value_types
from kg_data.loaders.names import describe_source
from kg_data.loaders.options import USUAL, LoadingOptions
from kg_data.loaders.tables import Table, kind_rows, read_table, table_error, table_of
from kg_data.loaders.text import Row, empty_field, quoted_rows, read_lines, separated_rows
from kg_data.loaders.triples import SpelledNames
from kg_data.values import VALUE_KINDS, WAY_OUT, ValueConflict, is_kind, read_value

SUFFIXES = (".tsv", ".csv", ".txt")
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
        return _columns(path, [*kinds, *said], expected, name, source, broken, kinds, notes, ANOTHER_NAME)
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
    way_out: str = WAY_OUT,
) -> GraphColumns:
    facts = (CheckedFacts if broken.skipped else Facts)(SpelledNames)
    try:
        for number, fields in rows:
            if len(fields) == 4 or broken.skipped:
                try:
                    _add_carefully(path, facts, number, fields, expected)
                except ValueConflict as conflict:
                    broken.meet(conflicting_rows(path, conflict, way_out=way_out))
                except DataError as error:
                    broken.meet(error)
                continue
            head, relation, tail = fields
            try:
                facts.link(head, relation, tail, number)
            except ValueError:
                raise empty_field(path, number, fields, expected) from None
        types = [(facts.entities[thing], kind) for _, (thing, _, kind) in kinds]
        return replace(finished(path, facts, name, source, broken, types), notes=notes)
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict, way_out=way_out) from None


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
    columns = facts.columns(name, source, types=types)
    return columns if left_out is None else replace(columns, left_out=left_out)


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
