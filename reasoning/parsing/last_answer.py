"""The last answer as a further question may mean it: its members, their places, parts of its query.

Queries are made of the last one and of what was read: narrowed to a set, or with one part exchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reasoning.answer import Answer
from reasoning.execution.exact import execute
from reasoning.graph.index import Ids
from reasoning.parsing.options import anchor
from reasoning.parsing.schema import GraphSchema, Kinds
from reasoning.query.binding import bind
from reasoning.query.read_question import QuestionError
from reasoning.query.records import parts_of, rebuilt, with_parts
from reasoning.query.tree import (
    Aggregate,
    Compare,
    Count,
    Entity,
    Exists,
    Intersect,
    Measure,
    Measured,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
    Value,
)
from skylark.errors import SkylarkError


def holds(query: Query, part: Query) -> bool:
    """Whether a query has another one as a part, or is it."""
    return query == part or any(holds(child, part) for child in parts_of(query))


def narrowed(query: Query, to: Query, fits: Callable[[Query], bool]) -> Query | None:
    """A query of the members of `to` alone: `count(S)` as `count(to & S)`; None where none of its sets `fits`."""
    if isinstance(query, Count | Exists):
        part = narrowed(query.part, to, fits)
        return None if part is None else dataclasses.replace(query, part=part)
    if isinstance(query, Aggregate | Compare | Measured | NameStarts | Top):
        source = narrowed(query.source, to, fits)
        if source is None:
            return None
        if isinstance(query, Top):
            return Top(query.k, query.measure, source, query.largest)
        return dataclasses.replace(query, source=source)
    if not query.gives_set or not fits(query):
        return None
    return Intersect((to, *(query.parts if isinstance(query, Intersect) else (query,))))


def exchanged(query: Query, part: Query, other: Query, kept: Callable[[Query], bool]) -> Query:
    """A query with another part wherever one stood, but in what is to be kept."""

    def of(node: Query) -> Query:
        if node == part:
            return other
        return node if kept(node) else with_parts(node, of)

    return of(query)


def innermost(query: Query) -> Top | None:
    """Of superlatives of superlatives, "the second largest", the one that is chosen first; None of other queries."""
    if not isinstance(query, Top):
        return None
    return innermost(query.source) or query


def measured_by(query: Query, measure: str | Measure) -> Query:
    """A query whose superlatives are all by one measure."""

    def of(node: Query) -> Query:
        return Top(node.k, measure, node.source, node.largest) if isinstance(node, Top) else node

    return rebuilt(query, of)


def with_value(query: Query, value: Value) -> Query:
    """A query with another value right of its comparisons with one of the same kind."""

    def of(node: Query) -> Query:
        if not isinstance(node, Compare) or isinstance(node.value, Query):
            return node
        numbers = isinstance(value, int | float) and isinstance(node.value, int | float)
        return dataclasses.replace(node, value=value) if numbers or type(value) is type(node.value) else node

    return rebuilt(query, of)


def all_of(parts: list[Query]) -> Query:
    """One part, or several united."""
    return parts[0] if len(parts) == 1 else Union(tuple(parts))


def sets_within(query: Query, wanted: Callable[[Query], bool]) -> Iterator[Query]:
    """The parts of a query, itself too, that are wanted, the outer ones first."""
    if wanted(query):
        yield query
        return
    for part in parts_of(query):
        yield from sets_within(part, wanted)


MOST_LOOKED_AT = 1000
"""Members whose kinds are looked at."""

MOST_TOLD = 3
"""Names that a note of what was referred to lists."""


@dataclass(frozen=True)
class LastAnswer:
    """An answer that a question may refer to.

    Attributes:
        schema: of the graph that is asked.
        query: that was answered.
        entities: what it is about, in the answer's order: the members, of a number those that were counted or measured.
        given_by: the query that gives them; None where there are none.
    """

    schema: GraphSchema
    query: Query
    entities: Ids
    given_by: Query | None

    @classmethod
    def of(cls, answer: Answer, schema: GraphSchema) -> LastAnswer:
        """What an answer of the graph is about; a QuestionError where it is of another graph."""
        kg = schema.kg
        try:
            if answer.kg.graph_name != kg.graph_name:
                raise QuestionError("they have different names")
            bind(answer.query, kg)
        except SkylarkError as error:
            raise QuestionError(
                f"the last answer is of the graph {answer.kg.graph_name}, and {kg.graph_name} is asked ({error}): "
                "ask without it, or ask the graph that it is of"
            ) from error
        about = None if answer.error is not None else _set_of(answer.query, schema)
        if about is None:
            entities: Ids = np.array([], dtype=np.int32)
        elif answer.kg is kg and (len(answer.ranked) or about == answer.query):
            entities = answer.ranked
        elif isinstance(about, Entity):
            entities = np.array([about.index(kg)], dtype=np.int32)
        else:
            entities = execute(kg, bind(about, kg))[-1].members
        return cls(schema, answer.query, entities, about if len(entities) else None)

    @cached_property
    def those(self) -> Query | None:
        """They as a query: one by its name, several by the query that gives them; None where there are none."""
        return self.anchor(int(self.entities[0])) if len(self.entities) == 1 else self.given_by

    @cached_property
    def kinds(self) -> Kinds:
        """Of its entities."""
        return self.schema.kinds_of_entities(self.entities[:MOST_LOOKED_AT])

    @property
    def measure(self) -> str | Measure | None:
        """What its query measures or ranks by; None where it does neither."""
        query = self.query
        if isinstance(query, Aggregate | Compare | Measured | Top):
            return query.measure
        if isinstance(query, Project) and self.schema.kg.relation(query.relation).kind == "values":
            return query.relation
        return None

    @property
    def measure_words(self) -> str:
        """The measure as it is called; "" of one in brackets, which has no name, and without one."""
        measure = self.measure
        if not isinstance(measure, str):
            return ""
        entry = self.schema.by_name.get(measure)
        return measure if entry is None else entry.words

    def ranked(self, chosen: int) -> Query | None:
        """The set of which further ones are chosen by their rank: of all that were ranked, or of what was answered,
        unless as many are chosen."""
        if isinstance(self.query, Top) and (self.query.k == 1 or chosen >= len(self.entities)):
            return self.query.source
        return self.those

    @property
    def words(self) -> str:
        """Which entities it has, for a note."""
        if len(self.entities) > MOST_TOLD:
            names = ", ".join(self._names(self.entities[:MOST_TOLD]))
            return f"the {len(self.entities):,} of the last answer ({names}, ...)"
        return self.words_of(self.entities)

    def words_of(self, entities: Ids) -> str:
        """Some entities, for a note."""
        names = self._names(entities)
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"

    def _names(self, entities: Ids) -> list[str]:
        return [self.schema.kg.name(int(entity)) for entity in entities]

    def in_places(self, place: int, count: int = 1) -> Ids:
        """The entities in so many places of the answer, in its order, from 1 on, or from -1 on backwards; a
        QuestionError where it has no such places."""
        has, last = len(self.entities), abs(place) + count - 1
        if not 1 <= last <= has:
            if not has:
                raise QuestionError(
                    "the last answer names nothing, and so has no places: ask for something by its name"
                )
            words = f"the last answer has {has:,} {'place' if has == 1 else 'places'} ({self.words})"
            raise QuestionError(f"{words}, and number {last} is asked for: ask for one that it has")
        start = place - 1 if place > 0 else has - last
        return self.entities[start : start + count]

    def sets(self) -> Iterator[Query]:
        """What an unsaid set may be: those, then the sets that the query is made of, the outer ones first."""
        if self.those is not None:
            yield self.those
        level = [self.query]
        while level:
            level = [part for query in level for part in parts_of(query) if not self.is_whole_kind(query)]
            yield from (part for part in level if part.gives_set and not part.holds_it and not part.is_everything)

    def anchors(self) -> list[Entity]:
        """The entities that the query names, each once; the words for kinds are none."""
        found: dict[Entity, None] = {}

        def look(query: Query) -> None:
            if isinstance(query, Entity):
                found[query] = None
            elif not self.is_whole_kind(query):
                for part in parts_of(query):
                    look(part)

        look(self.query)
        return list(found)

    def anchor(self, entity: int) -> Entity:
        """An entity as a query names it."""
        return anchor(self.schema.kg, entity)

    def name_of(self, entity: Entity) -> str:
        """What people call an entity that a query names."""
        return self.schema.kg.name(entity.index(self.schema.kg))

    def kinds_of(self, query: Query) -> Kinds:
        """The kinds of a set."""
        return self.kinds if query == self.those else self.schema.kinds_of_sets.of(query)

    def is_whole_kind(self, query: Query) -> bool:
        """Whether a query says all things of a kind."""
        return self.schema.kind_by_query(str(query)) is not None


def _set_of(query: Query, schema: GraphSchema) -> Query | None:
    """The set that a query gives, counts or measures; None where a number has none, or several."""
    if isinstance(query, Count | Exists):
        return query.part
    if isinstance(query, Aggregate | Measured):
        return query.source
    if isinstance(query, Project) and schema.kg.relation(query.relation).kind == "values":
        return query.source
    return query if query.gives_set else None
