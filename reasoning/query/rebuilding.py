"""Queries with parts of them changed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from reasoning.query.tree import Measure, Query


def with_parts(node: Any, change: Callable[[Query], Query]) -> Any:
    """A query or measure with each of its parts changed."""

    def of(value: Any) -> Any:
        if isinstance(value, Query):
            return change(value)
        if isinstance(value, Measure):
            return with_parts(value, change)
        return tuple(map(change, value)) if isinstance(value, tuple) else value

    parts = {field.name: of(getattr(node, field.name)) for field in dataclasses.fields(node)}
    return dataclasses.replace(node, **parts)


def parts_of(query: Query) -> list[Query]:
    """The parts of a query, those in its measure too, in the order in which `with_parts` meets them."""
    found: list[Query] = []

    def kept(part: Query) -> Query:
        found.append(part)
        return part

    with_parts(query, kept)
    return found


def with_part(query: Query, place: int, part: Query) -> Query:
    """A query with one of its parts, by its place in `parts_of`, replaced."""
    places = itertools.count()
    changed: Query = with_parts(query, lambda child: part if next(places) == place else child)
    return changed


def rebuilt(query: Query, change: Callable[[Query], Query]) -> Query:
    """A query with every part changed, from the leaves up."""
    return change(with_parts(query, lambda part: rebuilt(part, change)))


def relations_of(query: Query) -> Iterator[str]:
    """The relations that a query follows or measures by, as it names them."""
    for name in (getattr(query, "relation", None), getattr(query, "measure", None)):
        if isinstance(name, str):
            yield name
    for part in parts_of(query):
        yield from relations_of(part)
