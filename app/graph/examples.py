"""Five worked examples for a graph, so that a visitor sees at once what can be asked of it.

Those of the built-in graph are written by hand. For any other graph they are built from its own triples and kept only
where exact execution finds a few answers: an example that comes out empty would teach nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from app.graph.contents import says_types
from app.graph.graphs import DEFAULT_GRAPH
from app.graph.shapes import grown
from app.server.words import shortened
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.graph.relations import Relation
from reasoning.query.tree import Complement, Count, Entity, Intersect, Project, Top

MOST_ANSWERS = 12
"""Most answers of a built example: few enough to be checked by eye."""
LOOKED_AT = 10
"""Relations of a graph on a server, those with the most facts, among which one is chosen."""
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
    """The examples of a graph: up to five, each with at least one answer; the same graph always has the same ones.

    Args:
        kg: the graph.
        name: its name on the shelf.
    """
    if name == DEFAULT_GRAPH:
        return WORLD_EXAMPLES
    if kg.server is not None:
        return tuple(_of_first_facts(kg))
    exact, rng, used = Reasoner(kg, method="exact"), random.Random(kg.graph_name), set[str]()
    plan: list[tuple[str, str, Callable[[Query], Query | None]]] = [
        ("One hop", "1p", lambda query: query),
        ("Two hops", "2p", lambda query: query),
        ("One, but not the other", "1p", lambda query: _without_one(query, exact, rng)),
        ("Either of two", "2u", lambda query: query),
        ("A superlative", "1p", lambda query: Top(3, kg.literals[0].relation, query))
        if kg.literals
        else ("A number", "1p", Count),
    ]
    built = [(title, _built(exact, structure, finish, rng, used)) for title, structure, finish in plan]
    return tuple(Example(title, str(query)) for title, query in built if query is not None)


def _of_first_facts(kg: KnowledgeGraph) -> Iterator[Example]:
    """Examples of a graph on a server, from the first facts of its relations: trying many out takes many queries."""
    told = [
        Relation("edges", at)
        for at in np.argsort(-kg.index.counts(), kind="stable")[:LOOKED_AT].tolist()
        if len(kg.relation_label(at)) <= READABLE and not says_types(kg, at)
    ]
    for relation in told[:1]:
        heads, tails = kg.index.some(relation.index, relation.inverse, 1)
        label, head, tail = kg.label(relation), Entity(kg.name(int(heads[0]))), Entity(kg.name(int(tails[0])))
        yield Example("One hop", str(Project(label, head)))
        yield Example("One hop, backwards", str(Project(label, tail, inverse=True)))
        yield Example("A number", str(Count(Project(label, tail, inverse=True))))
        for _, further, _ in _leaving(kg, int(tails[0])):
            yield Example("Two hops", str(Project(kg.relation_label(further), Project(label, head))))
    for column in kg.literals[:1]:
        entities, _ = column.some(1)
        for _, leads, end in _leaving(kg, int(entities[0])):
            alike = Project(kg.relation_label(leads), Entity(kg.name(end)), inverse=True)
            yield Example("A superlative", str(Top(3, column.relation, alike)))


def _leaving(kg: KnowledgeGraph, entity: int) -> list[tuple[int, int, int]]:
    """One edge that leaves an entity, as a triple; none where none does."""
    triples = kg.index.triples(kg.index.around(entity, incoming=False)[:1]).tolist()
    return [(head, relation, tail) for head, relation, tail in triples]


def _built(
    exact: Reasoner, structure: str, finish: Callable[[Query], Query | None], rng: random.Random, used: set[str]
) -> Query | None:
    """A query with one to `MOST_ANSWERS` answers, if possible over short-named relations that are not `used` yet.

    Args:
        exact: what counts the answers.
        structure: what the query is made of.
        finish: makes the query of it; None where it cannot.
        rng: draws the names.
        used: relations of the examples so far; those of this one are added.
    """
    fallback: Query | None = None
    for example in grown(exact, structure, rng):
        if not example.is_distinct:
            continue
        try:
            query = finish(example.query)
            if query is None:
                continue
            size = len(exact.answer(query).ranked)
            # A number or a superlative of one or two says little, and a "not" should take something away.
            least = {Count: 1, Top: 3, Intersect: size}.get(type(query), -1)
            if not 1 <= size <= MOST_ANSWERS or len(exact.answer(query.children[0]).ranked) <= least:
                continue
        except SkylarkError:
            continue
        names = {relation.removeprefix("~") for relation in example.relations}
        if not names & used and all(len(name) <= READABLE for name in names):
            used |= names
            return query
        fallback = fallback or query
    return fallback


def _without_one(query: Query, exact: Reasoner, rng: random.Random) -> Query | None:
    """The query, but not those that share a fact with one of its answers, drawn by chance."""
    kg, answers = exact.kg, exact.answer(query).ranked
    facts = kg.index.triples(kg.index.around(int(rng.choice(answers)), incoming=False)[:20]).tolist()
    if not facts:
        return None
    _, relation, tail = rng.choice(facts)
    return Intersect((query, Complement(Project(kg.relation_label(relation), Entity(kg.name(tail)), inverse=True))))
