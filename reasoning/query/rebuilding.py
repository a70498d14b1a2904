"""Queries with parts of them changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
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


def rebuilt(query: Query, change: Callable[[Query], Query]) -> Query:
    """A query with every part changed, from the leaves up."""
    return change(with_parts(query, lambda part: rebuilt(part, change)))
