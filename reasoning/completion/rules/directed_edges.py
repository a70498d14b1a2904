"""A graph's edges in both directions, grouped by entity and relation, as rules walk them.

The index finds all edges of a relation; a rule's walk asks the other way round, for all relations of an entity, many
millions of times. Relations are directed here: number 2r walks relation r from heads to tails, 2r + 1 from tails to
heads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids, TripleIndex


class DirectedEdges(NamedTuple):
    """Edges of n triples between distinct entities in both directions, in g groups; all arrays sorted and read-only.

    A group is an entity e with a directed relation d: the targets {y : d(e, y)}. Seen from a target it is a *fact*: "y
    is what e has as d", or, the other way round, d's inverse leads from y to the constant e.

    A triple that leads from an entity to itself is left out: rules bind distinct entities (object identity), which also
    keeps a walk from using the edge that it is to prove.

    Attributes:
        bounds: int64, shape (entities + 1,): entity e's groups.
        relations: int32, shape (g,): each group's directed relation, sorted within an entity.
        entities: int32, shape (g,): each group's entity.
        starts: int64, shape (g + 1,): each group's targets.
        targets: int32, shape (2n,), sorted within a group.
        facts: int32, shape (2n,): for the edge d(e, y), the group of y with d's inverse (e is among its targets).
    """

    bounds: NDArray[np.int64]
    relations: Ids
    entities: Ids
    starts: NDArray[np.int64]
    targets: Ids
    facts: Ids

    @classmethod
    def build(cls, index: TripleIndex, entities: int) -> DirectedEdges:
        """Group the edges of an index over `entities` entities."""
        head, relation, tail = index.triples().astype(np.int64).T
        apart = head != tail
        head, relation, tail = head[apart], relation[apart], tail[apart]
        source, target = np.concatenate((head, tail)), np.concatenate((tail, head))
        directed = np.concatenate((2 * relation, 2 * relation + 1))
        order = np.lexsort((target, directed, source))
        source, directed, target = source[order], directed[order], target[order]
        first = np.ones(len(source), dtype=bool)
        first[1:] = (source[1:] != source[:-1]) | (directed[1:] != directed[:-1])
        starts = np.append(np.flatnonzero(first), len(source)).astype(np.int64)
        bounds = np.searchsorted(source[first], np.arange(entities + 1)).astype(np.int64)
        # Both halves list the same triples: the reverse of the edge at place i of one stands at place i of the other.
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        group = np.cumsum(first) - 1
        facts = group[place[(order + len(head)) % max(1, len(order))]]
        return cls(
            bounds,
            directed[first].astype(np.int32),
            source[first].astype(np.int32),
            starts,
            target.astype(np.int32),
            facts.astype(np.int32),
        )


@compiled
def first_at_least(values: Ids, low: int, high: int, wanted: int) -> int:
    """The first place from `low` on of sorted values that is at least `wanted`, `high` where there is none."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def group_of(bounds: NDArray[np.int64], relations: Ids, entity: int, relation: int) -> int:
    """The group of an entity with a directed relation, -1 where it has none."""
    end = bounds[entity + 1]
    place = first_at_least(relations, bounds[entity], end, relation)
    return place if place < end and relations[place] == relation else -1
