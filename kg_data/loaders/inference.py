"""Which relations have values, told by how their tails are spelled, where a file does not say it.

Only whoever loads a file can know that its numbers are numbers: ids, telephone numbers and postcodes look the same. So
this is done where it was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kg_data.columns import ValueKind
from kg_data.loaders.text import Row
from kg_data.values import read_value

_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Without zeros in front, which numbers do not have and postcodes do."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

YEARS = range(1000, 3000)
YEAR_WORDS = frozenset(
    (
        "year", "born", "birth", "died", "death", "founded", "established", "built", "opened", "closed", "started",
        "ended", "since", "joined", "hired", "released", "published", "launched",
    )
)  # fmt: skip
"""A relation with one of these words in its name and whole numbers among `YEARS` has years."""


def spelled_kind(text: str) -> ValueKind | None:
    """The kind of value that a text spells: "integer", "decimal" or "date"; None where it is a name."""
    kind: ValueKind = "date"
    if found := _NUMBER.fullmatch(text):
        kind = "decimal" if found[2] else "integer"
    elif not _DATE.fullmatch(text):
        return None
    try:
        read_value(kind, text)
    except ValueError:
        return None
    return kind


def with_value_types(rows: Iterable[Row], notes: list[str], one_row_each: bool = False) -> Iterator[Row]:
    """Rows of head, relation and tail, with the type of the tail behind them where the relation has values.

    A relation has values where all its tails spell numbers, or all of them dates, no thing has two of them, and not
    all of them are things of the file themselves, as the ids of other rows are. Rows that have a type keep it, and so
    does every row of their relation.

    Args:
        rows: the rows.
        notes: is given a sentence for each relation that has no values for the sake of a few of its tails.
        one_row_each: each thing has one row, as in a table: where two rows give it two numbers these stay values, which
            whoever gathers them refuses, as one of the rows is a mistake.
    """
    kept = list(rows)
    things = {fields[0].strip() for _, fields in kept}
    tails: dict[str, list[_Tail]] = {}
    typed = set()
    for line, fields in kept:
        head, relation, tail, *kind = (field.strip() for field in fields)
        tails.setdefault(relation, []).append((line, head, tail))
        if kind:
            typed.add(relation)
    kinds = {of: _kind(of, found, things, notes, one_row_each) for of, found in tails.items() if of not in typed}
    for line, fields in kept:
        value_kind = kinds.get(fields[1].strip())
        yield line, fields if value_kind is None else [*fields, value_kind]


_Tail = tuple[int, str, str]
"""A tail of a relation: its line, whose it is, and how it is spelled."""


def _kind(
    relation: str, tails: Sequence[_Tail], things: set[str], notes: list[str], one_row_each: bool
) -> ValueKind | None:
    spelled = [spelled_kind(tail) for _, _, tail in tails]
    dates, numbers = spelled.count("date"), spelled.count("integer") + spelled.count("decimal")
    alike = {"date"} if dates > numbers else {"integer", "decimal"}
    if all(tail in things for (_, _, tail), kind in zip(tails, spelled, strict=True) if kind in alike):
        return None
    if (most := max(dates, numbers)) < len(tails):
        if 2 * most >= len(tails):
            line, _, odd = next(tail for tail, kind in zip(tails, spelled, strict=True) if kind not in alike)
            what = "dates (YYYY-MM-DD)" if dates > numbers else "numbers"
            notes.append(
                f'"{relation}" is read as names: {most:,} of {len(tails):,} are {what}, but line {line} has "{odd}"'
            )
        return None
    kind: ValueKind = "date" if dates else "decimal" if "decimal" in spelled else "integer"
    if kind == "integer" and YEAR_WORDS & set(re.findall("[a-z]+", relation.casefold())):
        kind = "year" if all(int(tail) in YEARS for _, _, tail in tails) else kind
    values: dict[str, tuple[int, float]] = {}
    for line, head, tail in tails:
        value = read_value(kind, tail).number
        first, other = values.setdefault(head, (line, value))
        if other != value and not (one_row_each and line != first):
            where = f"line {line}" if line == first else f"lines {first} and {line}"
            notes.append(f'"{relation}" is read as names: "{head}" has two values of it in {where}')
            return None
    return kind
