"""Worked examples for a language model that writes queries: queries over the graph at hand, with what they say.

They are drawn from the graph and put into English by the project's own verbalisation, so that they show its relations
and the grammar together; none comes from a benchmark, and none is about an entity that the question names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

import numpy as np

from kg_data.columns import LiteralColumn
from reasoning.execution.exact import execute
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Compare, Complement, Count, Intersect, Project, Query, Top
from reasoning.reading.anchors import anchor, anchors
from reasoning.reading.english.vocabulary import TYPE_RELATIONS

TRIES = 8
"""Edges drawn for one example before its shape is given up."""

LONGEST_NAME = 60
"""Characters of a name in an example; longer ones show nothing more."""


def example_queries(
    kg: KnowledgeGraph, relations: Sequence[str], avoided: Collection[int], rng: random.Random
) -> Iterator[Query]:
    """Queries that have an answer, each of another shape.

    Args:
        kg: the graph.
        relations: names, the likeliest to be asked for first; the examples are about the first few.
        avoided: entities that no example may name: those of the question, whose query would be given away.
        rng: draws the edges.
    """
    draw = _Draw(kg, relations, avoided, rng)
    shapes: tuple[Callable[[], Query | None], ...] = (
        draw.hop, draw.without, draw.backwards, draw.compared, draw.two_hops, draw.largest, draw.counted,
    )  # fmt: skip
    for shape in shapes:
        candidates = (shape() for _ in range(TRIES))
        yield from islice((query for query in candidates if query is not None and draw.tells(query)), 1)


class _Draw:
    def __init__(
        self, kg: KnowledgeGraph, relations: Sequence[str], avoided: Collection[int], rng: random.Random
    ) -> None:
        self.kg, self.avoided, self.rng = kg, avoided, rng
        found = [(name, kg.relation(name)) for name in relations]
        edges = [name for name, relation in found if relation.kind == "edges" and name not in TYPE_RELATIONS]
        self.edges = edges[:6]
        self.columns = [kg.literals[relation.index] for _, relation in found if relation.kind == "values"][:3]

    def hop(self) -> Query | None:
        """`r("A")`."""
        return self._project(inverse=False)

    def backwards(self) -> Query | None:
        """`~r("A")`."""
        return self._project(inverse=True)

    def two_hops(self) -> Query | None:
        """`s(r("A"))`."""
        first = self.hop()
        return None if first is None else Project(self.rng.choice(self.edges), first)

    def without(self) -> Query | None:
        """`~r("A") & !~s("B")`, where the second takes away some of the first."""
        first = self.backwards()
        if first is None:
            return None
        member = int(self.rng.choice(self._members(first)))
        name = self.rng.choice(self.edges)
        relation = self.kg.relation(name)
        leads = self.kg.index.project(np.array([member], dtype=np.int32), relation.index, relation.inverse)
        if not len(leads):
            return None
        return Intersect((first, Complement(Project(name, anchor(self.kg, int(leads[0])), inverse=True))))

    def compared(self) -> Query | None:
        """`p(~r("A")) > number`, the number the middle one."""
        ranked = self._ranked()
        if ranked is None:
            return None
        column, source = ranked
        values = self._values(column, source)
        return Compare(column.relation, source, ">", self.kg.value(column, float(np.sort(values)[len(values) // 2])))

    def largest(self) -> Query | None:
        """`top(1, p, ~r("A"))`."""
        ranked = self._ranked()
        return None if ranked is None else Top(1, ranked[0].relation, ranked[1])

    def counted(self) -> Query | None:
        """`count(~r("A"))`."""
        part = self.backwards()
        return None if part is None else Count(part)

    def tells(self, query: Query) -> bool:
        """Whether a query has an answer, names nothing that is avoided and no long name."""
        for entity in anchors(query):
            index = self.kg.entity_by_id(entity.name) if entity.by_id else self.kg.entity(entity.name)
            if index in self.avoided or len(entity.name) > LONGEST_NAME:
                return False
        return bool(len(self._members(query)))

    def _project(self, inverse: bool) -> Query | None:
        if not self.edges:
            return None
        name = self.rng.choice(self.edges)
        relation = self.kg.relation(name)
        starts, _ = self.kg.index.block(relation.index, relation.inverse != inverse)
        if not len(starts):
            return None
        return Project(name, anchor(self.kg, int(starts[self.rng.randrange(len(starts))])), inverse)

    def _ranked(self) -> tuple[LiteralColumn, Query] | None:
        """Several things with a number."""
        source = self.backwards()
        if source is None or not self.columns:
            return None
        column = self.rng.choice(self.columns)
        return (column, source) if len(self._values(column, source)) > 1 else None

    def _values(self, column: LiteralColumn, source: Query) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.asarray(column.values[np.isin(column.entities, self._members(source))])

    def _members(self, query: Query) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
        return execute(self.kg, bind(query, self.kg))[-1].members
