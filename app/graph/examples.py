"""Five worked examples for a graph, so that a visitor sees at once what can be asked of it.

Those of the built-in graph are written by hand. For any other graph they are built from its own triples and kept only
where exact execution finds a few answers: an example that comes out empty would teach nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from app.graph.graphs import DEFAULT_GRAPH
from app.server.words import shortened
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.query.tree import Complement, Count, Entity, Intersect, Project, Top, Union

ATTEMPTS = 300
MOST_ANSWERS = 12
"""Most answers of a built example: few enough to be checked by eye."""

READABLE = 40
"""Longest name of a relation that an example should have; some data sets join whole paths into one."""


@dataclass(frozen=True)
class Example:
    """A worked example: what it shows, and the text that is asked."""

    title: str
    text: str

    @property
    def label(self) -> str:
        """What stands on its button."""
        return f"{self.title}\n{shortened(self.text, 80)}"


WORLD_EXAMPLES: tuple[Example, ...] = (
    Example("One hop", 'borders("Portugal")'),
    Example("Two hops, one negated", 'capital(borders("Germany") & !~currency("Euro"))'),
    Example("And, or", '(language("Switzerland") & language("Belgium")) | language("Luxembourg")'),
    Example("A superlative", 'top(3, population, borders("Germany"))'),
    Example("Plain English", "Which countries border France and use the Euro?"),
)


def examples_for(kg: KnowledgeGraph, name: str) -> tuple[Example, ...]:
    """The examples of a graph: up to five, each with at least one answer.

    Args:
        kg: the graph.
        name: its name on the shelf.
    """
    if name == DEFAULT_GRAPH:
        return WORLD_EXAMPLES
    builder = _Builder(kg)
    plan: list[tuple[str, Callable[[int, int, int], Query | None]]] = [
        ("One hop", builder.one_hop),
        ("Two hops", builder.two_hops),
        ("One, but not the other", builder.with_negation),
        ("Either of two", builder.either),
        ("A superlative", builder.superlative) if kg.literals else ("A number", builder.number),
    ]
    found = ((title, builder.first(build)) for title, build in plan)
    return tuple(Example(title, str(query)) for title, query in found if query is not None)


class _Builder:
    """Queries around triples drawn from the graph; the same graph always gives the same examples."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._exact = Reasoner(kg, method="exact")
        self._rng = random.Random(kg.graph_name)
        positions = np.array(sorted(self._rng.sample(range(len(kg)), min(len(kg), ATTEMPTS))), dtype=np.int32)
        self._triples: list[tuple[int, int, int]] = [(h, r, t) for h, r, t in kg.index.triples(positions).tolist()]
        self._rng.shuffle(self._triples)
        # Entities that have a name first: an id says nothing to a visitor.
        self._triples.sort(key=lambda triple: any(kg.entity_labels[e] == kg.identifier(e) for e in triple[::2]))
        self._used: set[int] = set()

    def first(self, build: Callable[[int, int, int], Query | None]) -> Query | None:
        """The first query with one to `MOST_ANSWERS` answers, if possible over a short-named relation not used yet."""
        fallback: Query | None = None
        for head, relation, tail in self._triples:
            query = build(head, relation, tail)
            if query is None or not 1 <= self._size(query) <= MOST_ANSWERS:
                continue
            if relation not in self._used and len(self._relation(relation)) <= READABLE:
                self._used.add(relation)
                return query
            fallback = fallback or query
        return fallback

    def one_hop(self, head: int, relation: int, tail: int) -> Query | None:
        """`r("h")`."""
        return Project(self._relation(relation), self._entity(head))

    def two_hops(self, head: int, relation: int, tail: int) -> Query | None:
        """`s(r("h"))`, the second relation one that leaves the first one's answers."""
        onward = [r for _, r, t in self._out(tail) if t != head and r != relation]
        if not onward:
            return None
        return Project(self._relation(onward[0]), Project(self._relation(relation), self._entity(head)))

    def with_negation(self, head: int, relation: int, tail: int) -> Query | None:
        """`~r("t") & !~s("u")`, where some but not all of the first part have the second."""
        first = Project(self._relation(relation), self._entity(tail), inverse=True)
        for _, other, target in self._out(head):
            if (other, target) == (relation, tail):
                continue
            second = Project(self._relation(other), self._entity(target), inverse=True)
            both = self._size(Intersect((first, second)))
            if 1 <= both < self._size(first):
                return Intersect((first, Complement(second)))
        return None

    def either(self, head: int, relation: int, tail: int) -> Query | None:
        """`r("h") | r("g")`, each part with answers of its own."""
        block = self._kg.index.block(relation, inverse=False)[0]
        other = int(block[self._rng.randrange(len(block))])
        if other == head:
            return None
        parts = tuple(Project(self._relation(relation), self._entity(source)) for source in (head, other))
        return Union(parts) if self._size(Union(parts)) > max(map(self._size, parts)) else None

    def number(self, head: int, relation: int, tail: int) -> Query | None:
        """`count(~r("t"))`, of at least two."""
        counted = Project(self._relation(relation), self._entity(tail), inverse=True)
        return Count(counted) if self._size(counted) > 1 else None

    def superlative(self, head: int, relation: int, tail: int) -> Query | None:
        """`top(3, v, ~r("t"))` where the members have values."""
        ranked = Project(self._relation(relation), self._entity(tail), inverse=True)
        column = self._kg.literals[0].relation
        return Top(3, column, ranked) if self._size(ranked) > 3 else None

    def _relation(self, relation: int) -> str:
        """The relation's label where it says one thing, else its id."""
        label = self._kg.relation_label(relation)
        try:
            found = self._kg.relation(label)
        except SkylarkError:
            return self._kg.relation_ids[relation]
        same = found.kind == "edges" and found.index == relation and not found.inverse
        return label if same else self._kg.relation_ids[relation]

    def _entity(self, entity: int) -> Entity:
        label = self._kg.entity_labels[entity]
        try:
            if self._kg.match(label).entities == (entity,):
                return Entity(label)
        except SkylarkError:
            pass
        return Entity(self._kg.identifier(entity), by_id=True)

    def _size(self, query: Query) -> int:
        try:
            return len(self._exact.answer(query).ranked)
        except SkylarkError:
            return 0

    def _out(self, entity: int) -> Iterator[tuple[int, int, int]]:
        edges = self._kg.index.around(entity, incoming=False)[:20]
        yield from ((h, r, t) for h, r, t in self._kg.index.triples(edges).tolist())
