"""What the ends of relations have to do with each other, as sets of entities: two that share things are of one kind."""

from __future__ import annotations

import numpy as np

from reasoning.graph.store import KnowledgeGraph

COMMON = 0.1
"""Two ends with more than this part of the smaller one in common are of one kind of thing."""

MOST_ENDS = 4000
"""Ends that are compared with one another whatever they share; of more than these no more pairs may share a thing."""

MOST_PAIRS = MOST_ENDS**2

End = tuple[int, bool]
"""A relation's index, and whether it is the end that the relation leads to."""


def end_groups(kg: KnowledgeGraph) -> dict[End, int]:
    """Ends of one number are of one kind of thing, by what they have in common; {} where too many have something."""
    ends = [(relation, inverse) for relation in range(kg.relation_count) for inverse in (False, True)]
    there = [kg.index.ends(*end) for end in ends]
    ends = [end for end, entities in zip(ends, there, strict=True) if len(entities)]
    if not ends:
        return {}
    from scipy.sparse import csr_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    there = [entities for entities in there if len(entities)]
    sizes = np.array([len(entities) for entities in there])
    entities = np.concatenate(there)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    if len(ends) > MOST_ENDS and int((np.bincount(entities).astype(np.int64) ** 2).sum()) > MOST_PAIRS:
        return {}
    shape = (len(ends), int(entities.max()) + 1)
    members = csr_array((np.ones(len(entities), np.int32), entities, starts), shape=shape)
    common = (members @ members.T).tocoo()
    alike = common.data > COMMON * np.minimum(sizes[common.row], sizes[common.col])
    pairs = (np.ones(int(alike.sum()), np.int8), (common.row[alike], common.col[alike]))
    groups = connected_components(csr_array(pairs, shape=(len(ends), len(ends))), directed=False)[1]
    return {end: int(group) for end, group in zip(ends, groups, strict=True)}
