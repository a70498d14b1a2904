"""Values for the eye: numbers with their thousands parted, years without, truth as yes or no."""

from __future__ import annotations

import datetime

from reasoning import KnowledgeGraph
from reasoning.query.tree import Value


def value_text(value: Value | bool) -> str:
    """A value that belongs to no relation, such as a count (not escaped)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime.date) else f"{value:,}"


def value_of(kg: KnowledgeGraph, relation: str, value: Value) -> str:
    """A value of a relation of the graph, without its unit (not escaped)."""
    kinds = {column.relation: column.kind for column in kg.literals}
    return str(value) if kinds.get(relation) == "year" else value_text(value)
