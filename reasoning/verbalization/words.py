"""Words of values and relations: "551,500 km²", "after 2001-12-31", plurals and forms of verbs."""

from __future__ import annotations

import datetime
import math
from functools import cache
from typing import TYPE_CHECKING

from reasoning.graph.content import ValueColumn
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import DAYS, BoundStep
from reasoning.query.tree import Operator, Value

if TYPE_CHECKING:
    from inflect import engine


@cache
def _engine() -> engine:
    import inflect  # takes a second to import, which a query whose sentence needs no such form shouldn't

    return inflect.engine()


@cache
def is_plural(noun: str) -> bool:
    """Whether a noun phrase is a plural: "starred actors"."""
    last = noun.split(" ")[-1]
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and bool(_engine().singular_noun(last))


@cache
def plural(noun: str) -> str:
    """ "capital" to "capitals", "place of birth" to "places of birth"; a plural stays as it is."""
    return noun if not noun.strip() or is_plural(noun) else str(_engine().plural_noun(noun))


@cache
def with_article(noun: str) -> str:
    """ "a city", "an airport"; a plural has no article."""
    return noun if not noun.strip() or is_plural(noun) else str(_engine().a(noun))


_PASTS = {
    "written": "wrote", "sung": "sang", "drawn": "drew", "given": "gave", "taken": "took", "chosen": "chose",
    "spoken": "spoke", "driven": "drove", "worn": "wore", "won": "won", "made": "made", "built": "built", "led": "led",
    "held": "held", "bought": "bought", "sold": "sold", "found": "found", "told": "told", "taught": "taught",
}  # fmt: skip


_SHORT_PASTS = frozenset({"beat", "met", "knew", "saw", "fought", "lost", "left", "wed"})
"""Irregular pasts that are labels and no participles of `_PASTS`."""

_INTRANSITIVE = frozenset(
    {"studied", "worked", "played", "lived", "graduated", "participated", "competed", "served", "moved", "died"}
    | {"performed", "appeared", "starred", "travelled", "traveled", "enrolled", "invested", "collaborated", "fought"}
)
"""Pasts of verbs that say with their preposition what somebody did: "studied at"; "located in" says where it is put."""


def past(label: str) -> str:
    """What was done by whom a label names: "directed by" to "directed", "written by" to "wrote"; else ""."""
    done, _, by = label.rpartition(" ")
    if by != "by" or " " in done:
        return ""
    return _PASTS.get(done, done if done.endswith("ed") else "")


def is_past(label: str) -> bool:
    """Whether a label of one word says what was done: "acquired", "sued"."""
    first, _, rest = label.partition(" ")
    if rest and first in _INTRANSITIVE:
        return True
    return not rest and ((label.endswith("ed") and len(label) > 3) or label in _SHORT_PASTS or label in _PASTS.values())


def done_when(label: str) -> str:
    """The participle of a label for when something was done: "founded" of "founded", "hired" of "hired on"; else ""."""
    done = label.removesuffix(" on").removesuffix(" in").removesuffix(" at")
    return done if is_past(done) or done in ("born", *_PASTS) else ""


def base_form(verb: str) -> str:
    """A verb's third person without its ending, what follows the verb kept: "carries out" to "carry out"."""
    first, _, rest = verb.partition(" ")
    if first.endswith("ies") and len(first) > 4:
        first = first[:-3] + "y"
    elif first.endswith(("sses", "shes", "ches", "xes", "zes", "oes")):
        first = first[:-2]
    else:
        first = first.removesuffix("s")
    return f"{first} {rest}".strip()


def participle(verb: str) -> str:
    """A regular verb's third person as a participle: "serves" to "served", "carries out" to "carried out"."""
    first, _, rest = base_form(verb).partition(" ")
    if first.endswith("y") and first[-2:-1] not in "aeiou":
        first = first[:-1] + "i"
    return f"{first.removesuffix('e')}ed {rest}".strip()


_OF_AMOUNTS: dict[Operator, str] = {
    ">": "above {}",
    ">=": "at least {}",
    "<": "below {}",
    "<=": "at most {}",
    "=": "equal to {}",
    "!=": "other than {}",
}
_OF_TIMES: dict[Operator, str] = {
    ">": "after {}",
    ">=": "{} or later",
    "<": "before {}",
    "<=": "{} or earlier",
    "=": "{}",
    "!=": "other than {}",
}


def readable(value: Value | bool) -> str:
    """A value for the eye: thousands parted, no ".0" behind a whole number, truth as yes or no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.date):
        return value.isoformat()
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return f"{int(value) if whole else value:,}"


def readable_of(kg: KnowledgeGraph, relation: str, value: Value | bool, *, unit: bool = False) -> str:
    """A value of a relation of the graph, its years without parted thousands; with its unit where `unit` is set."""
    return value_words(value, next((item for item in kg.literals if item.relation == relation), None), unit=unit)


def value_words(value: Value | bool, column: ValueColumn | None, *, unit: bool = False) -> str:
    """`readable` for a value of a column, whose kind may be a year, with its unit where `unit` is set.

    Of no column it is a number that was reckoned, and has as many digits as tell something: six, and none behind the
    point of large ones.
    """
    if column is None:
        return readable(_rounded(value))
    is_year = column.kind == "year" and not isinstance(value, bool | datetime.date)
    text = readable(value).replace(",", "") if is_year else readable(value)
    return f"{text} {column.unit}" if unit and column.unit else text


def _rounded(value: Value | bool) -> Value | bool:
    if not isinstance(value, float) or value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 5 - math.floor(math.log10(abs(value)))))


def given_words(kg: KnowledgeGraph, step: BoundStep, value: Value | bool, *, unit: bool = False) -> str:
    """`value_words` for what a step gives; what it reckons has its unit too, where that is known."""
    of_values = step.relation is not None and step.relation.kind == "values"
    column = kg.literals[step.relation.index] if step.relation is not None and of_values else None
    reckoned = column is None or step.step.kind in ("sum", "average")
    text = value_words(_rounded(value) if reckoned else value, column)
    if not unit or not step.unit:
        return text
    one = step.unit == DAYS and text in ("1", "-1")
    return f"{text} {step.unit.removesuffix('s') if one else step.unit}"


def confidence_words(confidence: float) -> str:
    """A confidence with two digits behind the point; only what is certain is "1.00"."""
    return f"{confidence if confidence >= 1 else min(0.99, confidence):.2f}"


def bound_words(value: Value, column: ValueColumn | None, *, unit: bool = False) -> str:
    """A value that a query compares with, as it is written there."""
    return readable(value) if column is None else value_words(value, column, unit=unit)


def comparison_words(operator: Operator, value: Value | str, column: ValueColumn | None) -> str:
    """What is said of a value that passes: "above 1,000,000", "1990 or later"; `value` may be words already."""
    words = _OF_TIMES if isinstance(value, datetime.date) or tells_time(column) else _OF_AMOUNTS
    return words[operator].format(value if isinstance(value, str) else bound_words(value, column, unit=True))


def extreme_words(largest: bool, column: ValueColumn | None) -> str:
    """How the first or last by a column's values are called."""
    if tells_time(column):
        return "latest" if largest else "earliest"
    return "largest" if largest else "smallest"


def tells_time(column: ValueColumn | None) -> bool:
    """Whether the values are years or dates."""
    return column is not None and column.kind in ("year", "date")
