"""What a query gives by the exact executor, and by its SPARQL text over the exported graph, in one form to compare."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pyoxigraph

from kg_data.columns import ValueKind
from kg_data.iris import entity_id
from reasoning import KnowledgeGraph, Query
from reasoning.execution.exact import execute
from reasoning.query.binding import bind
from reasoning.query.tree import Count, Exists, Project, Top, Value

Outcome = frozenset[Any] | int | bool
READ: dict[ValueKind, Callable[[str], Value]] = {
    "integer": int,
    "decimal": float,
    "year": int,
    "date": datetime.date.fromisoformat,
}


def by_executor(query: Query, kg: KnowledgeGraph) -> Outcome:
    """What the executor gives: the ids, (id, value) pairs where values are read, a number or a truth value."""
    chain = bind(query, kg)
    if chain.result is None:
        assert chain.anchor is not None
        return frozenset([kg.identifier(chain.anchor)])
    last, result = chain.steps[-1], execute(kg, chain)[-1]
    if result.value is not None:
        return result.value
    ids = [kg.identifier(entity) for entity in result.members.tolist()]
    if result.values is None or last.relation is None or not isinstance(query, Project | Top):
        return frozenset(ids)
    column = kg.literals[last.relation.index]
    return frozenset((id_, kg.value(column, raw)) for id_, raw in zip(ids, result.values.tolist(), strict=True))


def by_sparql(query: Query, kg: KnowledgeGraph, store: pyoxigraph.Store) -> Outcome:
    """The same from the query's SPARQL text, run over the exported graph."""
    result = store.query(query.to_sparql(kg))
    if isinstance(query, Exists):
        return bool(result)
    assert isinstance(result, pyoxigraph.QuerySolutions)
    rows = [[term.value for term in solution] for solution in result]
    if isinstance(query, Count):
        return int(rows[0][0])
    ids = [entity_id(row[0]) for row in rows]
    if len(result.variables) == 1:
        return frozenset(ids)
    assert isinstance(query, Project | Top)
    read = READ[kg.literals[kg.relation(query.relation).index].kind]
    return frozenset((id_, read(row[1])) for id_, row in zip(ids, rows, strict=True))
