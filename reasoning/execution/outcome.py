"""What a query gives, so that queries which give the same can be told."""

from __future__ import annotations

from collections.abc import Hashable

from reasoning.execution.exact import execute
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Compare, Count, Entity, Exists, Query, Top


def outcome(query: Query, kg: KnowledgeGraph) -> Hashable:
    """A set of entities by number, a value, a text of a truth value, or a set of entities with the value of each.

    Raises:
        SkylarkError: the query cannot be asked of the graph.
    """
    if isinstance(query, Entity):
        return frozenset((query.index(kg),))
    last = execute(kg, bind(query, kg))[-1]
    if isinstance(last.value, bool):
        return str(last.value)  # True is 1 to Python
    if last.value is not None:
        return last.value
    if last.values is not None and not isinstance(query, Compare | Top):
        return frozenset(zip(last.members.tolist(), last.values.tolist(), strict=True))
    return frozenset(last.members.tolist())


def outcome_behind(query: Query, kg: KnowledgeGraph) -> Hashable:
    """The same, but of a query that counts or says whether there is something, what it counts: small numbers, and yes
    and no, agree by chance. Where there is nothing, the query's own text.

    Raises:
        SkylarkError: the query cannot be asked of the graph.
    """
    if not isinstance(query, Count | Exists):
        return outcome(query, kg)
    inner = outcome(query.part, kg)
    return (type(query).__name__, inner) if inner else str(query)
