"""Named things that a query compares or ranks by a value which the graph does not have of them.

A set is ranked by the members that have a value, so that of Texas and France, of which one has no area, France would be
the larger one: true of the query, and no answer to the question.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reasoning.graph.store import KnowledgeGraph
from reasoning.query.rebuilding import parts_of
from reasoning.query.tree import Aggregate, Compare, Entity, Project, Query, Top, Union


def unvalued(query: Query, kg: KnowledgeGraph) -> list[tuple[str, str]]:
    """Each thing that a query names and compares, ranks or adds up by a value that it lacks, with the relation's label.

    Raises:
        SkylarkError: the query cannot be bound to the graph.
    """
    found: dict[tuple[str, str], None] = {}
    for name, relation in _measured(query):
        column = kg.column(relation)
        entity = name.index(kg)
        if column is not None and not len(column.read(np.array([entity], dtype=np.int32))[0]):
            found[kg.name(entity), kg.label(kg.relation(relation))] = None
    return list(found)


def _measured(query: Query) -> Iterator[tuple[Entity, str]]:
    if isinstance(query, Aggregate | Compare | Top) and query.relation is not None:
        yield from ((name, query.relation) for name in _named(query.source))
    elif isinstance(query, Project) and isinstance(query.source, Entity):
        yield query.source, query.relation
    for part in parts_of(query):
        yield from _measured(part)


def _named(source: Query) -> list[Entity]:
    """The things that a set spells out; none of a set that is found by anything else."""
    parts = source.parts if isinstance(source, Union) else (source,)
    names = [part for part in parts if isinstance(part, Entity)]
    return names if len(names) == len(parts) else []
