"""One relation in one direction: what the base has, with what was added and removed since.

Where little was changed it is laid over the base at each look-up, which costs some microseconds; where much was, the
relation's own rows are made anew, once, and cost no more than the base's.
"""

from __future__ import annotations

import numpy as np

from reasoning.graph.changing.keys import NO_KEYS, Keys, adjacency_of, ends_of, joined, keys_of, leaving, without
from reasoning.graph.index import Adjacency, Ids

LAID_OVER = 1 / 32
"""Changes of up to this part of a relation's edges are laid over them; of more the rows are made anew. A look-up in
rows with changes laid over them takes up to three times as long, and making rows takes 20 ns an edge."""

ALWAYS_MADE = 1 << 12
"""Of a relation with no more edges the rows are made anew in any case: that takes less than two look-ups save."""


class Rows:
    """The rows of one relation in one direction.

    Args:
        side: where the base has them.
        number: the relation's number in `side`.
        added, removed: the changes, as sets of edges in this direction.
    """

    def __init__(self, side: Adjacency, number: int, added: Keys = NO_KEYS, removed: Keys = NO_KEYS) -> None:
        self.side, self.number, self.added, self.removed = side, number, added, removed

    @classmethod
    def settled(cls, side: Adjacency, number: int, added: Keys, removed: Keys) -> Rows:
        """The same rows, made anew where much was changed."""
        laid_over = cls(side, number, added, removed)
        size, changes = laid_over.base_size, len(added) + len(removed)
        if size > ALWAYS_MADE and changes <= LAID_OVER * size:
            return laid_over
        return cls(adjacency_of(laid_over.keys()), 0)

    @property
    def base_size(self) -> int:
        """Edges that the base has."""
        return int(self.side.bounds[self.number + 1] - self.side.bounds[self.number])

    def keys(self) -> Keys:
        """All edges, sorted."""
        rows = self.side.rows(self.number)
        sources = np.repeat(self.side.sources[rows], np.diff(self.side.starts[rows.start : rows.stop + 1]))
        bounds = self.side.bounds
        targets = self.side.targets[int(bounds[self.number]) : int(bounds[self.number + 1])]
        return self._changed(keys_of(sources, targets), self.added)

    def edges(self, sources: Ids) -> Keys:
        """The edges that leave some sources (sorted, unique), sorted."""
        owners, places = self.side.places(sources, self.number)
        keys = keys_of(np.asarray(sources, dtype=np.int32)[owners], self.side.targets[places])
        return self._changed(keys, leaving(self.added, sources))

    def project(self, sources: Ids) -> Ids:
        """The targets of some sources (sorted, unique); sorted, unique."""
        if len(sources) == 1:
            return self.row(int(sources[0]))
        if len(self.removed) and len(leaving(self.removed, sources)):
            return np.unique(ends_of(self.edges(sources))[1])
        targets = self.side.targets[self.side.places(sources, self.number)[1]]
        if len(self.added) and len(more := leaving(self.added, sources)):
            targets = np.concatenate((targets, ends_of(more)[1]))
        return np.unique(targets)

    def row(self, source: int) -> Ids:
        """The targets of one source, sorted."""
        targets = np.asarray(self.side.row(self.number, source))
        if len(self.removed) and len(gone := self._of(self.removed, source)):
            targets = np.setdiff1d(targets, gone, assume_unique=True)
        if len(self.added) and len(more := self._of(self.added, source)):
            targets = np.insert(targets, np.searchsorted(targets, more), more)
        return targets

    def ends(self) -> Ids:
        """The sources, sorted, unique."""
        there = np.asarray(self.side.sources[self.side.rows(self.number)])
        if len(self.removed):
            losing = np.unique(ends_of(self.removed)[0])
            lost = [source for source in losing.tolist() if not len(self.row(source))]
            there = np.setdiff1d(there, np.array(lost, dtype=np.int32), assume_unique=True)
        return np.union1d(there, ends_of(self.added)[0]) if len(self.added) else there

    def _changed(self, keys: Keys, added: Keys) -> Keys:
        return joined(without(keys, self.removed), added)

    @staticmethod
    def _of(keys: Keys, source: int) -> Ids:
        low, high = keys.searchsorted((source << 32, source + 1 << 32))
        return ends_of(keys[low:high])[1]
