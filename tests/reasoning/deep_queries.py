"""Random queries that a graph has answers for: of a given structure, or deep trees of every kind of node.

Written with the graph in hand: a projection follows an edge that a member has, a comparison takes a member's own value
as its bound, what is subtracted is a set that shares a member. Names drawn blindly would nearly always give nothing,
and nothing equals nothing.
"""

import random
from collections.abc import Iterator, Sequence

import numpy as np

from reasoning import KnowledgeGraph
from reasoning.execution.exact import execute
from reasoning.graph.index import Ids
from reasoning.query.binding import bind
from reasoning.query.records import template
from reasoning.query.tree import (
    AGGREGATES,
    OPERATORS,
    Aggregate,
    Arithmetic,
    Compare,
    Complement,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    It,
    Measure,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
)
from tests.reasoning.random_queries import SIGNS, holds

MOST_MEASURED = 3000
"""Largest set whose members are measured: an engine of RDF counts for each of them anew."""

KINDS = (
    "project", "intersect", "unite", "subtract", "compare", "top", "complement", "measure", "rank", "every", "name"
)  # fmt: skip
WEIGHTS = (6, 3, 2, 3, 3, 2, 1, 2, 1, 2, 1)


class RandomQueries:
    """Draws queries over one graph; the same `rng` state gives the same queries."""

    def __init__(self, kg: KnowledgeGraph, rng: random.Random) -> None:
        self._kg, self._rng = kg, rng

    def structured(self, structure: str) -> Iterator[Query]:
        """Queries of one of the 14 structures, each with an answer."""
        shape = template(structure)
        while True:
            query = self._filled(shape, self._anywhere())
            if query is not None and len(self._members(query)):
                yield query

    def deep(self, least: int = 4, most: int = 9) -> Iterator[Query]:
        """Trees of `least` to `most` levels below a possible count, truth value or reading of values at the top."""
        while True:
            levels = self._rng.randint(least, most)
            query: Query = self._entity(self._anywhere())
            while query.depth < levels:
                query = self._grown(query)
            yield self._topped(query)

    def _filled(self, shape: Query, entity: int) -> Query | None:
        """The shape with anchors and relations that lead to `entity`, None where the draw leads nowhere."""
        if isinstance(shape, Entity):
            return self._entity(entity)
        if isinstance(shape, Project):
            edge = self._edge_into(entity)
            source = None if edge is None else self._filled(shape.source, edge[0])
            return None if edge is None or source is None else Project(edge[1], source, inverse=edge[2])
        if isinstance(shape, Union):
            ends = [entity, *(self._anywhere() for _ in shape.parts[1:])]
            parts = self._all_filled(shape.parts, ends)
            return None if parts is None else Union(parts)
        assert isinstance(shape, Intersect)
        wanted = [part for part in shape.parts if not isinstance(part, Complement)]
        kept = self._all_filled(wanted, [entity] * len(wanted))
        if kept is None:
            return None
        members = self._members(kept[0] if len(kept) == 1 else Intersect(kept))
        unwanted = [part.part for part in shape.parts if isinstance(part, Complement)]
        dropped = self._all_filled(unwanted, [self._one_of(members) for _ in unwanted])
        return None if dropped is None else Intersect((*kept, *map(Complement, dropped)))

    def _all_filled(self, shapes: Sequence[Query], entities: Sequence[int]) -> tuple[Query, ...] | None:
        parts = [self._filled(shape, entity) for shape, entity in zip(shapes, entities, strict=True)]
        return None if None in parts else tuple(part for part in parts if part is not None)

    def _grown(self, query: Query) -> Query:
        """One or more levels more, seldom with nothing left."""
        members = self._members(query)
        if not len(members):
            return Complement(query)
        larger = query
        for _ in range(20):
            larger = self._one_level_more(query, members) or query
            if larger is not query and (len(self._members(larger)) or self._rng.random() < 0.02):
                return larger
        return Complement(query)

    def _one_level_more(self, query: Query, members: Ids) -> Query | None:
        member = self._one_of(members)
        kind = self._rng.choices(KINDS, WEIGHTS)[0]
        if kind == "project":
            edge = self._edge_into(member)
            return None if edge is None else Project(edge[1], query, inverse=not edge[2])
        if kind == "complement":
            return Complement(query)
        if kind in ("compare", "top"):
            return self._by_value(kind, query, member)
        if kind in ("measure", "rank"):
            return self._by_measure(kind, query, member) if len(members) <= MOST_MEASURED else None
        if kind == "name":
            return NameStarts(self._kg.entity_labels[member][:1], query)
        if kind == "every":
            every = self._leading_to_all(member)
            return None if every is None else Intersect((query, every))
        other = self._leading_to(self._anywhere() if kind == "unite" else member)
        if other is None:
            return None
        parts = [query, Complement(other) if kind == "subtract" else other]
        self._rng.shuffle(parts)
        return Union(tuple(parts)) if kind == "unite" else Intersect(tuple(parts))

    def _by_value(self, kind: str, query: Query, member: int) -> Query | None:
        columns = [column for column in self._kg.literals if member in column.entities]
        if not columns:
            return None
        column = self._rng.choice(columns)
        if kind == "top":
            return Top(self._rng.randint(1, 30), column.relation, query, self._rng.random() < 0.5)
        value = self._kg.value(column, float(column.values[np.searchsorted(column.entities, member)]))
        return Compare(column.relation, query, self._rng.choice(OPERATORS), value)

    def _by_measure(self, kind: str, query: Query, member: int) -> Query | None:
        """By how many entities a relation leads to from a member, or by a value over that number."""
        edge = self._edge_into(member)
        if edge is None or holds(query, (Top, Every)):
            return None
        number: Query = Count(Project(edge[1], It(), inverse=not edge[2]))
        columns = [column.relation for column in self._kg.literals if column.kind != "date"]
        if columns and self._rng.random() < 0.5:
            number = Arithmetic(self._rng.choice(SIGNS), Project(self._rng.choice(columns), It()), number)
        if kind == "rank":
            return Top(self._rng.randint(1, 30), Measure(number), query, self._rng.random() < 0.5)
        bound: Query = Count(Project(edge[1], self._entity(member), inverse=not edge[2]))
        return Compare(Measure(number), query, self._rng.choice(OPERATORS), bound)

    def _leading_to_all(self, member: int) -> Query | None:
        """What has among its members all those that one relation leads from this one to, or some of them."""
        edge = self._edge_into(member)
        if edge is None:
            return None
        reached = self._members(Project(edge[1], self._entity(member), inverse=not edge[2]))
        chosen = [self._entity(entity) for entity in self._rng.sample(reached.tolist(), min(3, len(reached)))]
        return Every(edge[1], chosen[0] if len(chosen) == 1 else Union(tuple(chosen)), inverse=not edge[2])

    def _leading_to(self, entity: int) -> Query | None:
        """A chain of one to three projections that has `entity` among its members."""
        shape: Query = Entity("anchor")
        for _ in range(self._rng.randint(1, 3)):
            shape = Project("relation", shape)
        return self._filled(shape, entity)

    def _topped(self, query: Query) -> Query:
        kind = self._rng.choices(("set", "count", "exists", "values", "number"), (6, 2, 1, 2, 2))[0]
        if kind == "count":
            return Count(query)
        if kind == "exists":
            return Exists(query)
        if kind == "values" and self._kg.literals:
            return Project(self._rng.choice(self._kg.literals).relation, query)
        columns = [column.relation for column in self._kg.literals if column.kind != "date"]
        if kind == "number" and columns:
            aggregate = Aggregate(self._rng.choice(columns), query, self._rng.choice(AGGREGATES))
            return Arithmetic(self._rng.choice(SIGNS), aggregate, Count(query))
        return query

    def _edge_into(self, entity: int) -> tuple[int, str, bool] | None:
        """(from, relation, whether against its direction) of an edge that leads to the entity."""
        inverse = self._rng.random() < 0.5
        for backwards in (inverse, not inverse):
            positions = self._kg.index.around(entity, incoming=not backwards)
            if len(positions):
                head, relation, tail = self._kg.index.triples(positions[[self._rng.randrange(len(positions))]])[0]
                return int(tail if backwards else head), self._kg.relation_ids[relation], backwards
        return None

    def _anywhere(self) -> int:
        return self._one_of(self._kg.universe)

    def _one_of(self, members: Ids) -> int:
        return int(members[self._rng.randrange(len(members))])

    def _entity(self, entity: int) -> Entity:
        return Entity(self._kg.identifier(entity), by_id=True)

    def _members(self, query: Query) -> Ids:
        chain = bind(query, self._kg)
        if chain.result is None:
            return np.array([chain.anchor], dtype=np.int32)
        return execute(self._kg, chain)[-1].members
