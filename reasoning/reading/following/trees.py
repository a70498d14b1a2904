"""Queries made of the last one and of what was read: narrowed to a set, or with one part exchanged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from reasoning.query.rebuilding import parts_of, rebuilt, with_parts
from reasoning.query.tree import (
    Aggregate,
    Compare,
    Count,
    Exists,
    Intersect,
    Measure,
    Measured,
    NameStarts,
    Query,
    Top,
    Union,
    Value,
)


def holds(query: Query, part: Query) -> bool:
    """Whether a query has another one as a part, or is it."""
    return query == part or any(holds(child, part) for child in parts_of(query))


def narrowed(query: Query, to: Query, fits: Callable[[Query], bool]) -> Query | None:
    """A query of the members of a set alone: `count(S)` as `count(to & S)`; None where these are no such things.

    Args:
        query: what is narrowed.
        to: the set.
        fits: whether a set may hold members of it.
    """
    if isinstance(query, Count | Exists):
        part = narrowed(query.part, to, fits)
        return None if part is None else dataclasses.replace(query, part=part)
    if isinstance(query, Aggregate | Compare | Measured | NameStarts | Top):
        source = narrowed(query.source, to, fits)
        return None if source is None else _of_source(query, source)
    if not query.gives_set or not fits(query):
        return None
    return Intersect((to, *(query.parts if isinstance(query, Intersect) else (query,))))


def _of_source(query: Aggregate | Compare | Measured | NameStarts | Top, source: Query) -> Query:
    if isinstance(query, Top):
        return Top(query.k, query.measure, source, query.largest)
    return dataclasses.replace(query, source=source)


def exchanged(query: Query, part: Query, other: Query, kept: Callable[[Query], bool]) -> Query:
    """A query with another part wherever one stood.

    Args:
        query: in which it is exchanged.
        part, other: what is taken out and what is put in.
        kept: tells parts that nothing is exchanged in.
    """

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
