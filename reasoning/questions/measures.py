"""Numbers in questions: "a population over 50 million", "fewer than 3 million people", "the 3 largest", "by area"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kg_data.columns import LiteralColumn
from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import OPERATORS, Compare, Operator, Top
from reasoning.query.verbalise import label_words
from reasoning.questions.grounding import NoReading, Reading
from reasoning.questions.linking import Item, RelationUse

_OPPOSITE: dict[Operator, Operator] = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Comparison:
    """Keeps the members of a set whose value passes."""

    relation: str
    operator: Operator
    value: int | float

    def negated(self) -> Comparison:
        """Keeps the others, among those that have a value."""
        return replace(self, operator=_OPPOSITE[self.operator])

    def put_to(self, reading: Reading, kg: KnowledgeGraph) -> Reading:
        """The kept members; their exact set is left to the executor, `members` only says who has a value.

        Raises:
            NoReading: the relation has dates.
        """
        column = _column(kg, self.relation)
        assert column is not None
        if column.kind == "date":
            raise NoReading(
                f'"{self.relation}" has dates, which are compared in the grammar: {self.relation}(...) > "2001-12-31"'
            )
        query = Compare(self.relation, reading.query, self.operator, self.value)
        return Reading(query, _having(reading, column), reading.notes)


@dataclass(frozen=True)
class Superlative:
    """Keeps the `k` members of a set with the largest or smallest value of the first relation that they have."""

    k: int
    largest: bool
    relations: tuple[str, ...]
    text: str
    note: str = ""

    def put_to(self, reading: Reading, kg: KnowledgeGraph) -> Reading:
        """The kept members; `members` says who has a value, of whom the executor keeps `k`.

        Raises:
            NoReading: no relation says by what to rank.
        """
        for relation in self.relations:
            column = _column(kg, relation)
            if column is not None and len(members := _having(reading, column)):
                notes = (*reading.notes, *([self.note] if self.note else []))
                if len(self.relations) > 1:
                    notes = (*notes, f'read "{self.text}" as by {label_words(relation)}')
                return Reading(Top(self.k, relation, reading.query, self.largest), members, notes)
        raise NoReading(f'"{self.text}" says nothing to rank by; {values_of(kg)}')


def measured(items: Sequence[Item], at: int, kg: KnowledgeGraph) -> tuple[RelationUse | None, int]:
    """The relation with values that a word names, and the position behind it."""
    use = items[at].use if at < len(items) else None
    if use is None:
        return None, at
    names = tuple(name for name in use.relations if kg.relation(name).kind == "values")
    return (replace(use, relations=names), at + 1) if names else (None, at)


def comparisons(items: Sequence[Item], at: int, kg: KnowledgeGraph) -> Iterator[tuple[Comparison, int]]:
    """A comparison that begins at a position, with its relation before it or behind."""
    use, after = measured(items, at, kg)
    if use is not None and after < len(items) and items[after].kind == "of":
        after += 1  # "a population of more than"
    if after + 1 < len(items) and items[after].kind == "compare" and items[after + 1].kind == "number":
        operator = next(sign for sign in OPERATORS if sign == items[after].value)
        value, after = items[after + 1].value, after + 2
        assert isinstance(value, int | float)
        if use is None:
            use, after = measured(items, after, kg)
        if use is None:
            raise NoReading(f"a comparison needs to say of what; {values_of(kg)}")
        yield Comparison(use.relations[0], operator, value), after


def superlative(items: Sequence[Item], at: int, kg: KnowledgeGraph) -> tuple[Superlative | None, int]:
    """A superlative that begins at a position ("the 3 largest", "top 3", "most inhabitants"), and where it ends."""
    k, after, word = None, at, None
    while after < min(at + 3, len(items)):
        item = items[after]
        if item.kind == "number" and isinstance(item.value, int) and 0 < item.value <= 1000:
            k = item.value
        elif item.kind == "most":
            word = item
        else:
            break
        after += 1
    if word is None:
        return None, at
    assert isinstance(word.value, tuple)
    largest, relations = word.value
    use, behind = measured(items, after, kg)
    if use is not None:
        relations, after = use.relations[:1], behind
    several = k is None and after < len(items) and items[after].text.endswith("s") and use is None
    note = f'took the one {word.text}; say how many for more, as in "the 3 {word.text}"' if several else ""
    return Superlative(k or 1, largest, relations, word.text, note), after


def values_of(kg: KnowledgeGraph) -> str:
    """The relations with values, in words."""
    names = [column.relation for column in kg.literals]
    return f"this graph has values for {quoted_list(names, 'and')}" if names else "this graph has no values"


def _column(kg: KnowledgeGraph, relation: str) -> LiteralColumn | None:
    return next((column for column in kg.literals if column.relation == relation), None)


def _having(reading: Reading, column: LiteralColumn) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.intersect1d(reading.members, column.entities, assume_unique=True)
