"""Numbers in questions: "a population over 50 million", "fewer than 3 million people", "the 3 largest", "by area"."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kg_data.columns import LiteralColumn
from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Compare, Operator, Top
from reasoning.reading.anchors import anchor
from reasoning.reading.lexicon import RelationUse
from reasoning.reading.rules.grounding import GroundedReading, Grounding, NoReading
from reasoning.wording.verbalise import label_words

_PASSES: dict[Operator, Callable[[Any, float], Any]] = {
    ">": operator.gt, "<=": operator.le, "<": operator.lt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_OPPOSITE: dict[Operator, Operator] = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Comparison:
    """Keeps the members of a set whose value passes; `rivals` are comparisons that the same words may mean."""

    relation: str
    operator: Operator
    value: int | float | datetime.date
    note: str = ""
    rivals: tuple[Comparison, ...] = ()

    def negated(self) -> Comparison:
        """Keeps the others, among those that have a value."""
        return replace(self, operator=_OPPOSITE[self.operator], rivals=tuple(rival.negated() for rival in self.rivals))

    def put_to(self, reading: GroundedReading, kg: KnowledgeGraph) -> GroundedReading:
        """The kept members; their exact set is left to the executor, `members` only says who has a value.

        Raises:
            NoReading: the relation has dates, and what they are compared with is none.
        """
        column = _column(kg, self.relation)
        assert column is not None
        if column.kind == "date" and not isinstance(self.value, datetime.date):
            raise NoReading(
                f'"{self.relation}" has dates, which are compared in the grammar: {self.relation}(...) > "2001-12-31"'
            )
        if len(reading.members) and not len(_having(reading, column)):
            raise NoReading(f"nothing of {reading.query} has {label_words(self.relation)}")
        query = Compare(self.relation, reading.query, self.operator, self.value)
        notes = (*reading.notes, *([self.note] if self.note else []))
        rivals = tuple(
            Compare(rival.relation, reading.query, rival.operator, rival.value)
            for rival in self.rivals
            if rival._kept(reading, kg) != self._kept(reading, kg)
        )
        return GroundedReading(
            query, _having(reading, column), notes, cost=reading.cost, rivals=rivals, guesses=reading.guesses
        )

    def _kept(self, reading: GroundedReading, kg: KnowledgeGraph) -> set[int]:
        """Which members pass."""
        column = _column(kg, self.relation)
        assert column is not None
        members = _having(reading, column)
        values = column.values[np.searchsorted(column.entities, members)]
        value = self.value.toordinal() if isinstance(self.value, datetime.date) else self.value
        return set(members[_PASSES[self.operator](values, value)].tolist())


def comparisons(kg: KnowledgeGraph, relation: str, operator: Operator, value: int | float) -> list[Comparison]:
    """What a comparison with a number says of a relation's values; of dates, the number is a year of days."""
    column = _column(kg, relation)
    if column is None or column.kind != "date" or not isinstance(value, int) or not 0 < value < 10_000:
        return [Comparison(relation, operator, value)]
    first, last = datetime.date(value, 1, 1), datetime.date(value, 12, 31)
    if operator == "=":
        return [Comparison(relation, ">=", first), Comparison(relation, "<=", last)]
    return [Comparison(relation, operator, first if operator in ("<", ">=") else last)]


COLLOQUIAL = frozenset({"biggest", "bigger", "bigger than"})
"""Words that do not say by what to rank, and are used of one measure as of another."""


@dataclass(frozen=True)
class Superlative:
    """Keeps the `k` members of a set with the largest or smallest value of the first relation that they have."""

    k: int
    largest: bool
    relations: tuple[str, ...]
    text: str
    note: str = ""
    place: int = 1

    def put_to(self, reading: GroundedReading, kg: KnowledgeGraph) -> GroundedReading:
        """The kept members; `members` says who has a value, of whom the executor keeps `k`.

        Raises:
            NoReading: no relation says by what to rank.
        """
        for signed in self.relations:
            relation = signed.removeprefix("-")
            largest = self.largest == (signed == relation)
            column = _column(kg, relation)
            if column is not None and len(members := _having(reading, column)):
                if self.place > len(members):
                    raise NoReading(f"there are only {len(members):,} of {reading.query} with {label_words(relation)}")
                notes = (*reading.notes, *([self.note] if self.note else []))
                if len(self.relations) > 1:
                    notes = (*notes, f'read "{self.text}" as by {label_words(relation)}')
                query = Top(max(self.k, self.place), relation, reading.query, largest)
                rivals = tuple(
                    Top(self.k, other, reading.query, self.largest)
                    for other in self.relations
                    if self.place == 1
                    and self.text.casefold() in COLLOQUIAL
                    and self._differ(kg, reading, relation, other)
                )
                if self.place > 1:  # the second largest is the smallest of the two largest
                    query = Top(1, relation, query, not largest)
                return GroundedReading(query, members, notes, cost=reading.cost, rivals=rivals, guesses=reading.guesses)
        raise NoReading(f'"{self.text}" says nothing to rank by; {values_of(kg)}')

    def _differ(self, kg: KnowledgeGraph, reading: GroundedReading, one: str, other: str) -> bool:
        """Whether two relations choose differently."""
        chosen = []
        for relation in (one, other):
            column = _column(kg, relation)
            if column is None or not len(members := _having(reading, column)):
                return False
            values = column.values[np.searchsorted(column.entities, members)]
            order = np.argsort(-values if self.largest else values, kind="stable")[: self.k]
            chosen.append(set(members[order].tolist()))
        return chosen[0] != chosen[1]


def value_of(kg: KnowledgeGraph, relation: str, reading: GroundedReading) -> int | float | datetime.date | None:
    """The value that the one member of a reading has, None where it has none or there are several members."""
    column = _column(kg, relation)
    if column is None or len(reading.members) != 1:
        return None
    at = int(np.searchsorted(column.entities, reading.members[0]))
    if at == len(column.entities) or column.entities[at] != reading.members[0]:
        return None
    if column.kind == "date":
        return datetime.date.fromordinal(int(column.values[at]))
    value = float(column.values[at])
    return int(value) if value.is_integer() else value


def has_times(kg: KnowledgeGraph, relation: str) -> bool:
    """Whether a relation has years or dates."""
    column = _column(kg, relation)
    return column is not None and column.kind in ("year", "date")


def measured(use: RelationUse | None, kg: KnowledgeGraph) -> RelationUse | None:
    """The use as a relation with values, None where it is none."""
    if use is None:
        return None
    names = [name for name in use.relations if kg.relation(name).kind == "values" and name not in use.far]
    return use.only(names) if names else None


def values_of(kg: KnowledgeGraph) -> str:
    """The relations with values, in words."""
    names = [column.relation for column in kg.literals]
    return f"this graph has values for {quoted_list(names, 'and')}" if names else "this graph has no values"


def whole_with(ground: Grounding, choice: Comparison | Superlative) -> GroundedReading:
    """Everything that a choice can be made among, where the words do not say what is looked for: "who is over 40".

    Where all that has the value is of one type, that type. Without types all but something that has no value, which
    is no answer anyhow.

    Raises:
        NoReading: it has several types, or nothing has the value.
    """
    kg = ground.kg
    names = (choice.relation,) if isinstance(choice, Comparison) else choice.relations
    columns = [column for name in names if (column := _column(kg, name.removeprefix("-"))) is not None]
    if not columns:
        raise NoReading(f"nothing in it says by what; {values_of(kg)}")
    having, note = columns[0].entities, f"looked among all that has {label_words(columns[0].relation)}"
    if ground.lexicon.type_relation is not None:
        kinds = ground.kinds(having)
        if len(kinds) != 1:
            raise NoReading("nothing in it says what is looked for")
        return replace(ground.of_type(int(kinds[0])), notes=(note,))
    others = np.setdiff1d(kg.universe, having, assume_unique=True)
    if not len(others):
        raise NoReading("nothing in it says what is looked for")
    whole = ground.other_than(GroundedReading(anchor(kg, int(others[0])), others[:1]))
    return replace(whole, notes=(note,))


def _column(kg: KnowledgeGraph, relation: str) -> LiteralColumn | None:
    return next((column for column in kg.literals if column.relation == relation), None)


def _having(reading: GroundedReading, column: LiteralColumn) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.intersect1d(reading.members, column.entities, assume_unique=True)
