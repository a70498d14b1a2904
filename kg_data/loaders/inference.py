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


def with_value_types(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of head, relation and tail, with the type of the tail behind them where the relation has values.

    A relation has values where all its tails spell numbers, or all of them dates, no thing has two of them, and not
    all of them are things of the file themselves, as the ids of other rows are. Rows that have a type keep it, and so
    does every row of their relation.
    """
    kept = list(rows)
    things = {fields[0].strip() for _, fields in kept}
    pairs: dict[str, list[tuple[str, str]]] = {}
    typed = set()
    for _, fields in kept:
        head, relation, tail, *kind = (field.strip() for field in fields)
        pairs.setdefault(relation, []).append((head, tail))
        if kind:
            typed.add(relation)
    kinds = {relation: _kind(relation, of, things) for relation, of in pairs.items() if relation not in typed}
    for number, fields in kept:
        value_kind = kinds.get(fields[1].strip())
        yield number, fields if value_kind is None else [*fields, value_kind]


def _kind(relation: str, pairs: Sequence[tuple[str, str]], things: set[str]) -> ValueKind | None:
    kinds = {spelled_kind(tail) for _, tail in pairs}
    if kinds == {"date"}:
        kind: ValueKind = "date"
    elif kinds <= {"integer", "decimal"}:
        kind = "decimal" if "decimal" in kinds else "integer"
    else:
        return None
    if all(tail in things for _, tail in pairs):
        return None
    if kind == "integer" and YEAR_WORDS & set(re.findall("[a-z]+", relation.casefold())):
        kind = "year" if all(int(tail) in YEARS for _, tail in pairs) else kind
    values: dict[str, float] = {}
    for head, tail in pairs:
        value = read_value(kind, tail).number
        if values.setdefault(head, value) != value:
            return None
    return kind
