"""Which of several readings of a question is meant: the cheapest, or none where it is dear or another is as good."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from reasoning.errors import quoted_list
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import Reading, ReadQuestion
from reasoning.query.tree import Compare, Complement, Count, Entity, Exists, Intersect, Project, Query, Top, Union
from reasoning.reading.anchors import differing, index_of
from reasoning.reading.rules.grounding import GroundedReading, ambiguous

DEAREST = 0.95
"""A reading that costs more is no answer to be sure of."""

LEAST_MARGIN = 0.04
"""Two readings nearer in cost than this are both put to the person who asks."""

NAMESAKE_MARGIN = 0.09
"""The same for two readings that differ in which of several namesakes is meant: the words say nothing of that."""

SHOWN = 4
"""Alternatives that are kept."""

_ADDED = re.compile(r" \([^()]*\)$")


def _can_be_asked(query: Query, kg: KnowledgeGraph) -> bool:
    """Whether the graph allows a query: values stand at its top alone, and are neither joined nor counted."""
    if isinstance(query, Project):
        return _can_be_asked(query.source, kg) and not _values_within(query.source, kg)
    if isinstance(query, Count | Exists) and isinstance(query.part, Project):
        return _can_be_asked(query.part, kg)
    return not _values_within(query, kg)


def _values_within(query: Query, kg: KnowledgeGraph) -> bool:
    found = isinstance(query, Project) and kg.relation(query.relation).kind == "values"
    return found or any(_values_within(child, kg) for child in query.children)


def distinct(readings: Iterable[GroundedReading], kg: KnowledgeGraph) -> list[GroundedReading]:
    """Each query that the graph allows once, the cheapest first."""
    best: dict[Query, GroundedReading] = {}
    for reading in readings:
        if isinstance(reading.query, Entity) or not _can_be_asked(reading.query, kg):
            continue
        kept = best.get(reading.query)
        if kept is None or reading.cost < kept.cost:
            best[reading.query] = reading
    return sorted(best.values(), key=lambda reading: reading.cost)


def chosen(question: str, kg: KnowledgeGraph, found: list[GroundedReading]) -> ReadQuestion:
    """The cheapest reading, or none where it is too dear or another is as good."""
    best = found[0]
    others = [reading for reading in found[1:] if not _same_answer(best, reading)]
    margin = min(1.0, others[0].cost - best.cost) if others else 1.0
    alternatives = tuple(
        Reading(reading.query, tuple(dict.fromkeys(reading.notes)), _confidence(reading)) for reading in others[:SHOWN]
    )
    assumed = tuple(dict.fromkeys(best.notes))
    first = Reading(best.query, assumed, _confidence(best))
    close = [best]
    for reading in others:
        least = NAMESAKE_MARGIN if _alike(differing(best.query, reading.query)) else LEAST_MARGIN
        if reading.cost - best.cost < least:
            close.append(reading)
    if best.rivals:
        others = [replace(best, query=query, notes=()) for query in best.rivals] + others
        alternatives = tuple(Reading(one.query, one.notes, _confidence(one)) for one in others[:SHOWN])
        queries = quoted_list([str(query) for query in (best.query, *best.rivals)])
        problem = f"could not read the question: it may mean {queries}; say which"
        return ReadQuestion(question, None, 0.0, 0.0, (first, *alternatives), problem=problem)
    if len(close) > 1:
        problem = _namesakes(kg, close) or (
            "could not read the question: it may mean "
            f"{quoted_list([str(reading.query) for reading in close[:3]])}; say which"
        )
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    if best.guesses:
        words = quoted_list(list(dict.fromkeys(best.guesses)))
        problem = f"could not read the question: nothing in this graph is called {words}; did you mean {best.query}?"
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    if best.cost > DEAREST:
        problem = f"could not read the question: too much of it had to be guessed; did you mean {best.query}?"
        return ReadQuestion(question, None, 0.0, margin, (first, *alternatives), problem=problem)
    return ReadQuestion(question, best.query, _confidence(best), margin, alternatives, assumed)


def _confidence(reading: GroundedReading) -> float:
    return float(np.exp(-max(0.0, reading.cost)))


def _ordered(query: Query) -> Query:
    """The query with the parts of each "and" and "or" in one order."""
    if isinstance(query, Intersect | Union):
        return replace(query, parts=tuple(sorted(map(_ordered, query.parts), key=str)))
    if isinstance(query, Complement | Count | Exists):
        return replace(query, part=_ordered(query.part))
    if isinstance(query, Project | Compare | Top):
        return replace(query, source=_ordered(query.source))
    return query


def _choices(query: Query) -> tuple[object, ...]:
    """The comparisons and superlatives that a query ends in, () where it ends in something else."""
    if isinstance(query, Compare):
        return ((query.relation, query.operator, query.value), *_choices(query.source))
    if isinstance(query, Top):
        return ((query.relation, query.k, query.largest), *_choices(query.source))
    return ("chosen from",) if not _chooses(query) else (_ordered(query),)


def _same_answer(one: GroundedReading, other: GroundedReading) -> bool:
    if type(one.query) is not type(other.query) and not isinstance(one.query, Project):
        return False
    if _chooses(one.query) or _chooses(other.query):
        same = _choices(one.query) == _choices(other.query) != () and np.array_equal(one.members, other.members)
        return same or _ordered(one.query) == _ordered(other.query)
    if isinstance(one.query, Exists):
        return bool(len(one.members)) == bool(len(other.members))
    return one.values == other.values and np.array_equal(one.members, other.members) and not one.values


def _chooses(query: Query) -> bool:
    return isinstance(query, Compare | Top) or any(_chooses(child) for child in query.children)


def _namesakes(kg: KnowledgeGraph, close: list[GroundedReading]) -> str:
    """What to say where the readings differ only in which entity of a name they mean."""
    named = differing(*(reading.query for reading in close))
    if not named:
        return ""
    entities = [index_of(kg, entity) for entity in dict.fromkeys(named)]
    ones = [GroundedReading(Entity("x"), np.array([entity], dtype=np.int32)) for entity in entities]
    return ambiguous(kg, ones)


def _alike(entities: tuple[Entity, ...]) -> bool:
    """Whether some entities are told apart by what is added to one name: "Georgia (United States)", "North Korea"."""
    if not entities or len({fold(entity.name) for entity in entities}) == 1:
        return False
    plain = [fold(_ADDED.sub("", entity.name)) for entity in entities]
    return len(set(plain)) == 1 or len({name.split()[-1] for name in plain}) == 1
