"""Some edges or values of a relation, where not all are needed: of a graph on a server only the first are fetched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph


def some_edges(kg: KnowledgeGraph, relation: Relation, most: int) -> tuple[Ids, Ids]:
    """Edges of a relation as (sources, targets), each of shape (m,): all that are at hand, else at most so many."""
    if kg.server is None:
        return kg.index.block(relation.index, relation.inverse)
    return kg.server.index.some(relation.index, relation.inverse, most)


def some_values(kg: KnowledgeGraph, column: int, most: int) -> tuple[Ids, NDArray[np.float64]]:
    """Entities and values of a column, by its place, each of shape (m,): all at hand, else at most so many."""
    if kg.server is None:
        return kg.literals[column].entities, kg.literals[column].values
    return kg.server.columns[column].some(most)
