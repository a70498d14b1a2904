"""Numbers and dates as a text writes them, read as the values of a relation."""

from __future__ import annotations

import datetime
import re

from dateutil import parser

from kg_data.columns import ValueKind
from kg_data.values import Value, read_value, value_of
from reasoning.graph.names import fold

_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[+-]?\d[\d,.\u00a0\u202f\u2009'’]*")

LONGEST = 60
"""Characters of a number or date."""

UNLIKE = (datetime.datetime(1904, 2, 3), datetime.datetime(1908, 5, 7))
"""Two days with no part in common: what a text does not say of a date differs between readings that begin from them."""


def value_in(kind: ValueKind, tail: str, span: str) -> Value | None:
    """The value that a tail spells, if the span of the text spells it too; None where one does not.

    A number may be written with or without marks between thousands; of a date day, month and year are needed, in any
    order that can mean one day alone.
    """
    value = spelled_value(kind, tail)
    if value is None:
        return None
    if f" {fold(tail)} " in f" {fold(span)} ":
        return value
    if kind == "date":
        return None
    there = (spelled_value(kind, found.rstrip(".,'’")) for found in _NUMBER.findall(span))
    return value if value in there else None


def spelled_value(kind: ValueKind, text: str) -> Value | None:
    """The value that a text spells, None where it spells none of the kind."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    try:
        return read_value(kind, text if kind == "date" else _THOUSANDS.sub("", text))
    except ValueError:
        return _day(text) if kind == "date" else None


def _day(text: str) -> Value | None:
    try:
        days = {
            parser.parse(text, default=default, dayfirst=first).date() for default in UNLIKE for first in (True, False)
        }
    except (ValueError, OverflowError, TypeError):
        return None
    return value_of(days.pop()) if len(days) == 1 else None
