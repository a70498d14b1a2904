"""Parts of a question as queries, with what they give in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Entity, Project, Query

KEPT = 6
"""Readings of one phrase that are kept, the cheapest."""

NAMESAKE = 9
"""Rank of an entity that is called so only with its type behind the name."""


class NoReading(Exception):
    """One way of reading a stretch of the question came to nothing; the message says why.

    Args:
        message: why.
        weak: whether what was tried is hardly what the words say, so that another reason is the better one to tell.
    """

    def __init__(self, message: str, weak: bool = False) -> None:
        super().__init__(message)
        self.weak = weak


@dataclass(frozen=True)
class GroundedReading:
    """A part of the question as a query, with what it gives in this graph.

    Attributes:
        query: the query.
        members: what it denotes; of values, the entities that have one.
        notes: what was assumed.
        values: whether it gives values and not entities.
        rank: how much worse than the best reading of the same name it is.
        cost: how far the words are from what they were read as, 0 where they say just that.
        rivals: queries that the words mean as well, with other answers.
        guesses: words that were taken for a relation far from what they mean; what rests on one is asked back.
    """

    query: Query
    members: Ids
    notes: tuple[str, ...] = ()
    values: bool = False
    rank: int = 0
    cost: float = 0.0
    rivals: tuple[Query, ...] = ()
    guesses: tuple[str, ...] = ()

    def at(self, more: float) -> GroundedReading:
        """The reading at a higher cost."""
        return replace(self, cost=self.cost + more) if more else self


def ambiguous(kg: KnowledgeGraph, readings: Sequence[GroundedReading]) -> str:
    """What to say where several entities have one name, or names that the words fit as well."""
    labels = {kg.entity_labels[int(reading.members[0])] for reading in readings}
    ids = [_told(kg, int(reading.members[0]), len(labels) > 1) for reading in readings]
    count, told = len(ids), "may be meant"
    if len(labels) == 1:
        label = labels.pop()
        told = f"have the name {label!r}"
        count = sum(kg.entity_labels[entity] == label for entity in kg.names.with_key(fold(label)))
    more = f" and {count - len(ids[:5])} more" if count > len(ids[:5]) else ""
    return f"{count} entities {told}: {', '.join(ids[:5])}{more}; choose one, or put its id in [brackets]"


def _told(kg: KnowledgeGraph, entity: int, by_name: bool) -> str:
    """An entity by its id, with its name where that differs, or with what it is where it shares its name."""
    identifier, label = kg.identifier(entity), kg.entity_labels[entity]
    more = [label] if by_name and label != identifier else kg.types(entity)[:1] if not by_name else []
    return f"{identifier} ({more[0]})" if more else identifier


def goes_back(reading: GroundedReading) -> bool:
    """Whether a step goes back by the relation that led there."""
    return _same_relation_twice(reading) == (False, True)


def goes_on(reading: GroundedReading) -> bool:
    """Whether the last two steps are one and the same."""
    return _same_relation_twice(reading) == (True, False)


def _same_relation_twice(reading: GroundedReading) -> tuple[bool, bool]:
    """Whether the last two steps follow one relation in one direction, and whether they do so in both."""
    last = reading.query
    before = last.source if isinstance(last, Project) else None
    if not (isinstance(last, Project) and isinstance(before, Project) and last.relation == before.relation):
        return False, False
    return last.inverse == before.inverse, last.inverse != before.inverse


def is_entity(reading: GroundedReading) -> bool:
    """Whether a reading is one entity by its name."""
    return isinstance(reading.query, Entity)
