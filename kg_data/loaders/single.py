"""Triples from one file of separated fields: a graph of one's own as .tsv, .csv or .txt, and MetaQA's knowledge base.

There are no splits in one file, so all of it is the split "graph". Tails are entities, numbers too: ids of benchmarks
are numbers, and a graph must not change because one more line was added. A fourth field of a row makes its tail a typed
value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.facts import Facts, conflicting_rows
from kg_data.loaders.names import describe_source
from kg_data.loaders.text import Row, comma_rows, empty_field, read_lines, separated_rows
from kg_data.loaders.triples import SpelledNames
from kg_data.values import VALUE_KINDS, ValueConflict, is_kind, read_value

SUFFIXES = (".tsv", ".csv", ".txt")
METAQA_FILES = ("kb.txt", "kb_partial.txt")

HEADER_ROLES = {
    "head": 0, "subject": 0, "source": 0,
    "relation": 1, "predicate": 1, "property": 1, "edge": 1,
    "tail": 2, "object": 2, "target": 2,
    "type": 3,
}  # fmt: skip
"""What a column may be called, and its place among head, relation, tail and the tail's type."""


def load_file(path: Path, name: str) -> GraphColumns:
    """Read one file of triples: .tsv by tabs, .csv by commas, .txt by tabs or `|`, whichever its first line holds.

    A first line that names the columns (head, relation, tail, and perhaps type; subject, predicate, object; source,
    edge, target; in any order) is read as a header. A row may have a fourth field, the type of its tail: "integer",
    "decimal", "year" or "date" (YYYY-MM-DD) for a value, "entity" for what a tail is without it.

    Raises:
        DataError: a file of another form, or facts that do not fit into one graph, with the line.
    """
    suffix = path.suffix.lower()
    separator = "," if suffix == ".csv" else "\t"
    if suffix == ".txt" and "\t" not in next(filter(None, read_lines(path)), ""):
        separator = "|"
    expected = f"head, relation and tail separated by {_SEPARATORS[separator]}"
    if suffix == ".txt" and separator == "|":
        expected += " or tabs"
    if separator == ",":
        rows = comma_rows(path, 3, expected, optional=1)
    else:
        rows = separated_rows(path, separator, 3, expected, optional=1)
    rows = _without_header(path, rows)
    return _columns(path, rows, expected, name, f"file {path.name}, origin and licence not stated")


_SEPARATORS = {",": "commas", "\t": "tabs", "|": "'|'"}


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


def _columns(path: Path, rows: Iterable[Row], expected: str, name: str, source: str) -> GraphColumns:
    facts = Facts(SpelledNames)
    try:
        for number, fields in rows:
            if len(fields) == 4:
                _add_typed(path, facts, number, fields, expected)
                continue
            head, relation, tail = fields
            try:
                facts.link(head, relation, tail, number)
            except ValueError:
                raise empty_field(path, number, fields, expected) from None
        if not len(facts):
            raise DataError(path, "at least one triple", found="an empty file")
        return facts.columns(name, source)
    except ValueConflict as conflict:
        raise conflicting_rows(path, conflict) from None


def _add_typed(path: Path, facts: Facts, number: int, fields: list[str], expected: str) -> None:
    head, relation, tail, kind = (field.strip() for field in fields)
    if not (head and relation and tail):
        raise empty_field(path, number, fields, expected)
    if kind == "entity":
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


def _without_header(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        return
    roles = [HEADER_ROLES.get(field.strip().lower(), -1) for field in first[1]]
    order = sorted(range(len(roles)), key=roles.__getitem__)
    if [roles[place] for place in order] != [0, 1, 2, 3][: len(roles)]:
        yield first
        yield from rows
    elif order == sorted(order):
        yield from rows
    else:
        for number, fields in rows:
            if len(fields) != len(order):
                raise DataError(path, f"the {len(order)} columns of the header", number, " | ".join(fields))
            yield number, [fields[place] for place in order]
