"""Numbers and dates as people write them."""

from __future__ import annotations

import datetime
import random

from kg_data.columns import ValueKind
from reasoning.reading.teaching.domains import DomainRelation

_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_MAGNITUDES = ((10**9, "billion", "bn"), (10**6, "million", "m"), (1000, "thousand", "k"))
SMALL_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def draw_value(relation: DomainRelation, rng: random.Random) -> int | float | datetime.date:
    """A value of a relation's range, mostly a round one."""
    if relation.values == "date":
        first, last = (datetime.date.fromisoformat(str(bound)).toordinal() for bound in (relation.least, relation.most))
        return datetime.date.fromordinal(rng.randint(first, max(first, last)))
    least, most = float(relation.least), float(relation.most)
    if relation.values == "year":
        return rng.randint(int(least), int(most))
    value = rng.uniform(least, most)
    if relation.values == "decimal" and rng.random() < 0.6:
        return round(value, 1 if most > 10 else 2)
    digits = rng.choice((1, 1, 2, 2, 3))
    size = max(1, len(str(int(value))))
    rounded = round(value, digits - size) if rng.random() < 0.8 else round(value)
    return max(int(rounded), 1)


def said(value: int | float | datetime.date, kind: ValueKind | None, rng: random.Random) -> str:
    """A value as a person may write it."""
    if isinstance(value, datetime.date):
        month = _MONTHS[value.month - 1]
        return rng.choice((
            value.isoformat(),
            f"{value.day} {month} {value.year}",
            f"{month} {value.day}, {value.year}",
            f"{value.day} {month[:3]} {value.year}",
            f"{value.day:02}.{value.month:02}.{value.year}",
        ))  # fmt: skip
    if isinstance(value, float) and value != int(value):
        return str(value)
    whole = int(value)
    if kind == "year" or whole < 1000:
        return SMALL_WORDS[whole] if whole <= 10 and rng.random() < 0.4 else str(whole)
    for size, word, short in _MAGNITUDES:
        if whole >= size and whole % (size // 10) == 0 and rng.random() < 0.4:
            scaled = f"{whole / size:g}"
            return rng.choice((f"{scaled} {word}", f"{scaled} {word}", f"{scaled}{short}"))
    return rng.choice((str(whole), f"{whole:,}", f"{whole:,}".replace(",", " ") if whole > 9999 else str(whole)))


def literal(value: int | float | datetime.date) -> str:
    """A value as a query's text."""
    if isinstance(value, datetime.date):
        return f'date("{value.isoformat()}")'
    return str(int(value)) if value == int(value) else repr(value)
