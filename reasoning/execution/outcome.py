"""What a query gives, so that queries which give the same can be told."""

from __future__ import annotations

from collections.abc import Hashable

from reasoning.execution.exact import execute
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Compare, Entity, Query, Top


def outcome(query: Query, kg: KnowledgeGraph) -> Hashable:
    """A set of entities by number, a value, or a value for each of several entities.

    Raises:
        SkylarkError: the query cannot be asked of the graph.
    """
    if isinstance(query, Entity):
        return frozenset((query.index(kg),))
    last = execute(kg, bind(query, kg))[-1]
    if last.value is not None:
        return last.value
    if last.values is not None and not isinstance(query, Compare | Top):
        values = frozenset(zip(last.members.tolist(), last.values.tolist(), strict=True))
        return next(iter(values))[1] if len(values) == 1 else values
    return frozenset(last.members.tolist())
