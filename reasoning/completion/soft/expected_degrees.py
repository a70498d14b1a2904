"""How many edges of a relation an entity is expected to have where a graph gives it none, and how likely one more is.

A softmax over targets is certain that there is a target. That is right of an entity with known edges of the relation;
of any other it says that a town has a spouse. What such an entity is, its other relations tell: the share of the
entities with one of them that have this one too, the largest of these shares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex

SMOOTHING = 5.0
"""Entities without the relation that are added to those of every other one: few of them tell little."""

COUNTED = 50
"""Edges of an entity that are counted; who has more counts as who has as many."""


class ExpectedDegrees:
    """Shares of directed relations (see `training_pairs`) that stand at the same entities.

    Args:
        index: the triples that they are counted in.
    """

    def __init__(self, index: TripleIndex) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        self._index = index
        self._chances: dict[int, NDArray[np.float64]] = {}
        entities, relations = len(index.out_bounds) - 1, len(index.forward.bounds) - 1
        sides = [(index.side(bool(number & 1)), number >> 1) for number in range(2 * relations)]
        sources = [side.sources[side.rows(relation)] for side, relation in sides]
        counts = np.array([len(entities_of_it) for entities_of_it in sources])
        columns = np.repeat(np.arange(2 * relations), counts)
        ones = np.ones(len(columns), dtype=np.float32)
        self._stands = csr_matrix((ones, (np.concatenate(sources), columns)), shape=(entities, 2 * relations))
        together = (self._stands.T @ self._stands).tocoo()
        shares = together.data / (counts[together.row] + SMOOTHING)
        self._shares: Any = csr_matrix((shares, (together.col, together.row)), shape=together.shape)

    def of(self, relation: int, sources: Ids) -> NDArray[np.float64]:
        """The expected degrees of entities without a known edge of a directed relation.

        Args:
            relation: the directed relation.
            sources: shape (n,).

        Returns:
            From 0 to below 1, shape (n,); 0 for an entity without edges.
        """
        share = np.zeros(self._shares.shape[0])
        own = slice(*self._shares.indptr[relation : relation + 2])
        share[self._shares.indices[own]] = self._shares.data[own]
        low, high = self._stands.indptr[sources], self._stands.indptr[sources + 1]
        largest = np.zeros(len(sources))
        connected = np.flatnonzero(high > low)
        if len(connected):
            counts = high[connected] - low[connected]
            starts = np.cumsum(counts) - counts
            positions = np.arange(counts.sum()) + np.repeat(low[connected] - starts, counts)
            largest[connected] = np.maximum.reduceat(share[self._stands.indices[positions]], starts)
        return largest

    def chance_of_more(self, relation: int, degrees: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of the entities with at least so many edges of a directed relation that have more.

        A capital has one country: where that is known, hardly another is missing.

        Args:
            relation: the directed relation.
            degrees: known edges, shape (n,).

        Returns:
            Above 0 to 1, shape (n,), smoothed by Laplace's rule; 1 of no known edge, see `of`.
        """
        if relation not in self._chances:
            side = self._index.side(bool(relation & 1))
            rows = side.rows(relation >> 1)
            counts = np.diff(side.starts[rows.start : rows.stop + 1])
            at_least = np.bincount(np.minimum(counts, COUNTED), minlength=COUNTED + 1)[::-1].cumsum()[::-1]
            self._chances[relation] = np.append(1.0, (at_least[2:] + 1) / (at_least[1:-1] + 2))
        return self._chances[relation][np.minimum(degrees, COUNTED - 1)]
