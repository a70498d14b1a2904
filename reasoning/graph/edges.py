"""What everything that follows edges asks of a graph, wherever its edges lie.

The edges of a graph stand in arrays, in arrays with changes laid over them, or behind a server. Whoever walks them asks
the few methods here and works on all of these. What can only be done on arrays (mining rules, compiled batches, taking
a census) asks for the `whole` index and says by that what it costs: a changed graph is merged once, a graph on a server
refuses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex

STRETCH = 1 << 20
"""Triples that are taken from an index at a time where all are listed."""


class EdgeIndex(Protocol):
    """The edges of a graph: n triples between e entities under r relations.

    Triples have positions: numbers from 0 to below `bound`, by which `around` names them and `triples` gives them.
    """

    def __len__(self) -> int:
        """Triples in all."""
        ...

    @property
    def bound(self) -> int:
        """Every position is below it; where all positions below are taken it is the number of triples."""
        ...

    @property
    def whole(self) -> TripleIndex:
        """The same edges as arrays, whose positions are others.

        Raises:
            GraphError: the edges cannot all be fetched.
        """
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        ...

    def counts(self) -> NDArray[np.int64]:
        """How many edges each relation has, shape (r,)."""
        ...

    def ends(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted, unique, shape (m,)."""
        ...

    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), each of shape (m,), sorted by source, then target."""
        ...

    def some(self, relation: int, inverse: bool, most: int) -> tuple[Ids, Ids]:
        """Edges as `block` gives them, where so many are enough: all where they are at hand, else at most so many."""
        ...

    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""
        ...

    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""
        ...

    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many edges leave or enter each of some entities, shape as `entities`."""
        ...

    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of the edges that leave (or enter) one entity, shape (degree,)."""
        ...

    def triples(self, positions: Ids) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""
        ...

    def drawn(self, count: int, rng: random.Random) -> Ids:
        """Triples drawn by chance, each time from all of them, shape (count, 3); (0, 3) where there are none."""
        ...


def stretches(index: EdgeIndex) -> Iterator[Ids]:
    """All triples by relation, head and tail, a part at a time, each of shape (m, 3), m at most `STRETCH`."""
    for relation in np.flatnonzero(index.counts()).tolist():
        heads, tails = index.block(relation, False)
        for start in range(0, len(heads), STRETCH):
            part = heads[start : start + STRETCH]
            yield np.column_stack((part, np.full(len(part), relation, dtype=np.int32), tails[start : start + STRETCH]))
