"""Typed values: how they are read from text, and how the values of many rows become one column a relation.

A column can be compared, sorted and counted only if all its values are of one kind and each entity has one. Data that
breaks this is refused with the two rows that disagree, or read as names with a note (`kg_data.loaders.facts`), since
every silent choice between them would be a wrong answer for somebody.
"""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard, get_args

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import LiteralColumn, ValueKind, lexical_form

LARGEST_INTEGER = 2**53
"""Values are float64, which holds every whole number up to this."""

VALUE_KINDS: tuple[ValueKind, ...] = get_args(ValueKind)
NUMBER_KINDS: tuple[ValueKind, ...] = ("integer", "decimal")
"""Kinds of values that make decimals together."""


class Value(NamedTuple):
    """A typed value: its kind, and the number that a `LiteralColumn` stores for it (a date as its ordinal)."""

    kind: ValueKind
    number: float

    def __str__(self) -> str:
        return lexical_form(self.kind, self.number)


def plain_value(kind: ValueKind, number: float) -> int | float | datetime.date:
    """The number that a `LiteralColumn` stores for a value as the Python object that it stands for."""
    if kind == "date":
        return datetime.date.fromordinal(int(number))
    return float(number) if kind == "decimal" else int(number)


def is_kind(name: str) -> TypeGuard[ValueKind]:
    """Whether a name is one of `VALUE_KINDS`."""
    return name in VALUE_KINDS


def read_value(kind: ValueKind, text: str) -> Value:
    """The value that a text spells.

    An integer is digits with an optional sign, a decimal what Python's `float` reads and finite, a year an integer, a
    date YYYY-MM-DD.

    Raises:
        ValueError: the text spells no value of the kind; the message says what was expected.
    """
    return _READERS[kind](text.strip())


def value_of(item: object) -> Value:
    """A Python number or date (or a `Value` itself) as a value; a midnight, as pandas writes a day, is its date.

    Raises:
        ValueError: it cannot be kept exactly, or is no number or date; the message says what was expected.
    """
    if isinstance(item, Value):
        return _checked(item)
    if isinstance(item, datetime.datetime):
        # pandas' NaT is a datetime, and the one that differs from itself.
        if item != item or item.time() != datetime.time() or item.tzinfo is not None:
            raise ValueError("a date without a time")
        item = item.date()
    if isinstance(item, datetime.date):
        return Value("date", float(item.toordinal()))
    if isinstance(item, numbers.Integral) and not isinstance(item, bool):
        return Value("integer", _whole(int(item)))
    if isinstance(item, numbers.Real | decimal.Decimal) and not isinstance(item, bool):
        return Value("decimal", _finite(float(item)))
    raise ValueError("a number or a date")


def _checked(value: Value) -> Value:
    """A value that was put together by hand."""
    kind, number = value
    if kind not in VALUE_KINDS:
        raise ValueError(f"a Value of the kind {', '.join(VALUE_KINDS)}")
    if not isinstance(number, numbers.Real) or isinstance(number, bool):
        raise ValueError("a Value with a number")
    found = _finite(float(number))
    if kind == "decimal":
        return Value(kind, found)
    if not found.is_integer():
        raise ValueError(f"a Value with a whole number, as {with_article(kind)} is")
    if kind == "date" and not 1 <= found <= datetime.date.max.toordinal():
        raise ValueError("a Value with the ordinal of a date of the calendar")
    return Value(kind, _whole(int(found)))


def typed_value(kind: ValueKind, item: object) -> Value:
    """A text, number or date as a value of a kind: 1999 and "1999" are a year as well as an integer or a decimal.

    Raises:
        ValueError: it is no value of the kind; the message says what was expected.
    """
    if isinstance(item, str):
        return read_value(kind, item)
    value = value_of(item)
    if value.kind == kind or (value.kind == "integer" and kind in ("decimal", "year")):
        return Value(kind, value.number)
    if value.kind == "decimal" and kind in ("integer", "year") and value.number.is_integer():
        return Value(kind, _whole(int(value.number)))
    raise ValueError(with_article(kind))


def _digits(text: str, expected: str) -> float:
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        raise ValueError(expected)
    return _whole(int(text))


def _whole(number: int) -> float:
    if abs(number) > LARGEST_INTEGER:
        raise ValueError(f"a whole number of at most {LARGEST_INTEGER:,}, since a larger one cannot be kept exactly")
    return float(number)


def _read_decimal(text: str) -> Value:
    try:
        number = float(text.replace("_", "?"))  # Python's own spelling of thousands is none
    except ValueError:
        raise ValueError("a decimal number") from None
    return Value("decimal", _finite(number))


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a finite number, which can be compared")
    return number


def _read_date(text: str) -> Value:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a date as YYYY-MM-DD")
    try:
        return Value("date", float(datetime.date.fromisoformat(text).toordinal()))
    except ValueError:
        raise ValueError("a date of the calendar as YYYY-MM-DD") from None


_READERS: Mapping[ValueKind, Callable[[str], Value]] = {
    "integer": lambda text: Value("integer", _digits(text, "an integer")),
    "decimal": _read_decimal,
    "year": lambda text: Value("year", _digits(text, "a year as an integer")),
    "date": _read_date,
}


WAY_OUT = "as texts (in RDF: without a datatype) they are entities, which may be of any kind and number"
"""What to do with values that do not fit together, for the errors that name them."""


class ValueConflict(Exception):
    """Two rows that cannot stand in one column; whoever read them says where they are.

    Attributes:
        row: the row that is refused.
        other: the row that it disagrees with.
        expected: what was expected, in words.
        other_has: what the other row has.
        found: what the refused row has.
    """

    def __init__(self, row: int, other: int, expected: str, other_has: str, found: str) -> None:
        super().__init__(f"expected {expected} (row {other} has {other_has}), found {found} in row {row}")
        self.row, self.other, self.expected, self.other_has, self.found = row, other, expected, other_has, found


@dataclass
class _Column:
    kind: ValueKind
    entities: array[int] = field(default_factory=lambda: array("i"))
    raw: array[float] = field(default_factory=lambda: array("d"))
    rows: array[int] = field(default_factory=lambda: array("q"))


class ValueTable:
    """The values of a graph, gathered row by row: 20 bytes a value.

    Attributes:
        first_rows: the row in which each relation has its first value.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self.first_rows: dict[str, int] = {}

    def __len__(self) -> int:
        """Values so far."""
        return sum(len(column.rows) for column in self._columns.values())

    def add(self, relation: str, entity: int, value: Value, row: int) -> None:
        """Note a value; integers and decimals under one relation make it a relation of decimals.

        Raises:
            ValueConflict: the relation already has values of another kind.
        """
        column = self._columns.get(relation)
        if column is None:
            column = self._columns[relation] = _Column(value.kind)
            self.first_rows[relation] = row
        if value.kind != column.kind:
            if value.kind not in NUMBER_KINDS or column.kind not in NUMBER_KINDS:
                expected, found = f'values of one kind under "{relation}"', f"the {value.kind} {value}"
                raise ValueConflict(row, self.first_rows[relation], expected, with_article(column.kind), found)
            column.kind = "decimal"
        column.entities.append(entity)
        column.raw.append(value.number)
        column.rows.append(row)

    def several(self) -> dict[str, tuple[int, Value, Value]]:
        """The relations under which an entity has several values: the first such entity, and two of them."""
        found = {}
        for relation, column in self._columns.items():
            *_, pair = _distinct(column)
            if pair is not None:
                first, second = (Value(column.kind, column.raw[at]) for at in pair)
                found[relation] = column.entities[pair[0]], first, second
        return found

    def take_out(self, relation: str) -> Iterator[tuple[int, Value, int]]:
        """The values of a relation, which they no longer are: entity, value and row."""
        column = self._columns.pop(relation)
        del self.first_rows[relation]
        for entity, number, row in zip(column.entities, column.raw, column.rows, strict=True):
            yield entity, Value(column.kind, number), row

    def columns(
        self, entity_names: Sequence[str], names: Mapping[str, str], units: Mapping[str, str]
    ) -> list[LiteralColumn]:
        """The finished columns, in the order in which the relations came.

        Args:
            entity_names: the name of each entity, for the error.
            names: relation to the name that its column gets, where that is another.
            units: relation to the unit of its values, where it is known.

        Raises:
            ValueConflict: an entity has two values under one relation; the same value twice counts once.
        """
        return [
            _finished(relation, names.get(relation, relation), column, entity_names, units.get(relation, ""))
            for relation, column in self._columns.items()
        ]


def _finished(identifier: str, relation: str, column: _Column, names: Sequence[str], unit: str) -> LiteralColumn:
    entities, raw, pair = _distinct(column)
    if pair is not None:
        start, at = pair
        expected = f'one value of "{relation}" for "{names[column.entities[at]]}"'
        given, found = (lexical_form(column.kind, column.raw[place]) for place in pair)
        raise ValueConflict(column.rows[at], column.rows[start], expected, given, found)
    return LiteralColumn(relation, column.kind, entities, raw, unit, identifier)


def _distinct(column: _Column) -> tuple[NDArray[np.int32], NDArray[np.float64], tuple[int, int] | None]:
    """The entities of a column, sorted, the first value of each, and where the first other one of an entity stands.

    Returns:
        Entities and values, both of shape (n,), and the places of an entity's first value and of the first that differs
        from it; None where each has one.
    """
    raw = np.frombuffer(column.raw, dtype=np.float64)
    entities, first, which = np.unique(
        np.frombuffer(column.entities, dtype=np.int32), return_index=True, return_inverse=True
    )
    differing = np.flatnonzero(raw != raw[first][which])
    pair = (int(first[which[differing[0]]]), int(differing[0])) if len(differing) else None
    return entities, raw[first], pair


def with_article(kind: ValueKind) -> str:
    """A kind in words: "an integer", "a year"."""
    return f"{'an' if kind == 'integer' else 'a'} {kind}"


def is_value(item: Any) -> bool:
    """Whether a Python object stands for a value and not for an entity: a number or date; True and False do not."""
    return isinstance(item, Value | numbers.Real | decimal.Decimal | datetime.date) and not isinstance(item, bool)
