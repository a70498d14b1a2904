"""The triples of a graph as int32 arrays, indexed both ways.

Triples are kept sorted by (relation, head, tail), and a second time by (relation, tail, head), so that following a
relation from a set of entities, forward or inverse, is a binary search in that relation's block. Two more permutations
list the edges out of and into each entity, for neighbourhoods. Together 24 bytes a triple.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class TripleIndex:
    """Immutable columnar index over n triples, e entities and r relations.

    Attributes:
        bounds: int64, shape (r + 1,): relation i's block in the two sorted copies.
        heads, tails: int32, shape (n,), sorted by (relation, head, tail).
        inverse_tails, inverse_heads: int32, shape (n,), sorted by (relation, tail, head).
        out_bounds, in_bounds: int64, shape (e + 1,): entity i's stretch of `out_edges` and `in_edges`.
        out_edges, in_edges: int32, shape (n,): positions in `heads`/`tails`, grouped by head and by tail.
    """

    bounds: NDArray[np.int64]
    heads: Ids
    tails: Ids
    inverse_tails: Ids
    inverse_heads: Ids
    out_bounds: NDArray[np.int64]
    out_edges: Ids
    in_bounds: NDArray[np.int64]
    in_edges: Ids

    @classmethod
    def build(cls, triples: Ids, entities: int, relations: int) -> TripleIndex:
        """Index triples of shape (n, 3), columns head, relation, tail; duplicates are dropped."""
        head, relation, tail = triples[:, 0], triples[:, 1], triples[:, 2]
        order = np.lexsort((tail, head, relation))
        head, relation, tail = head[order], relation[order], tail[order]
        fresh = np.ones(len(head), dtype=bool)
        fresh[1:] = (np.diff(head) != 0) | (np.diff(relation) != 0) | (np.diff(tail) != 0)
        head, relation, tail = head[fresh], relation[fresh], tail[fresh]
        inverse = np.lexsort((head, tail, relation))
        return cls(
            bounds=_starts(relation, relations),
            heads=head,
            tails=tail,
            inverse_tails=tail[inverse],
            inverse_heads=head[inverse],
            out_bounds=_starts(head, entities),
            out_edges=np.argsort(head, kind="stable").astype(np.int32),
            in_bounds=_starts(tail, entities),
            in_edges=np.argsort(tail, kind="stable").astype(np.int32),
        )

    def __len__(self) -> int:
        return len(self.heads)

    def arrays(self) -> dict[str, NDArray[np.int32] | NDArray[np.int64]]:
        """The arrays by name, to be saved and handed back as keyword arguments."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), each of shape (m,), sorted by source."""
        part = slice(int(self.bounds[relation]), int(self.bounds[relation + 1]))
        if inverse:
            return self.inverse_tails[part], self.inverse_heads[part]
        return self.heads[part], self.tails[part]

    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""
        left, right = self.block(relation, inverse)
        low, high = np.searchsorted(left, sources, "left"), np.searchsorted(left, sources, "right")
        counts = high - low
        total = int(counts.sum())
        ends = np.cumsum(counts)
        picked = np.arange(total) + np.repeat(low - (ends - counts), counts)
        return np.repeat(sources, counts).astype(np.int32), np.asarray(right[picked])

    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""
        return np.unique(self.edges(sources, relation, inverse)[1])

    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of the edges that leave (or enter) one entity, shape (degree,)."""
        bounds, edges = (self.in_bounds, self.in_edges) if incoming else (self.out_bounds, self.out_edges)
        return np.asarray(edges[int(bounds[entity]) : int(bounds[entity + 1])])

    def triples(self, positions: Ids | slice = slice(None)) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""
        where = np.arange(len(self)) if isinstance(positions, slice) else positions
        if isinstance(positions, slice):
            where = where[positions]
        relation = np.searchsorted(self.bounds, where, "right") - 1
        return np.column_stack((self.heads[where], relation, self.tails[where])).astype(np.int32)

    def holds(self, head: int, relation: int, tail: int) -> bool:
        """Whether the triple is in the graph."""
        left, right = self.block(relation, False)
        low, high = np.searchsorted(left, head, "left"), np.searchsorted(left, head, "right")
        at = int(low + np.searchsorted(right[low:high], tail))
        return bool(at < high and right[at] == tail)


def _starts(sorted_or_not: Ids, groups: int) -> NDArray[np.int64]:
    bounds = np.zeros(groups + 1, dtype=np.int64)
    np.cumsum(np.bincount(sorted_or_not, minlength=groups), out=bounds[1:])
    return bounds
