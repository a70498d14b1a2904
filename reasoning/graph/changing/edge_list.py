"""Triples beside an index, found by their ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.changing.keys import NO_KEYS, Keys, among, ends_of, keys_of
from reasoning.graph.index import Ids, TripleIndex


class EdgeList:
    """Some triples, found by their ends.

    Attributes:
        triples: int32, shape (n, 3).
    """

    def __init__(self, triples: Ids) -> None:
        self.triples = triples

    def __len__(self) -> int:
        return len(self.triples)

    @classmethod
    def of(cls, edges: Mapping[int, Keys]) -> EdgeList:
        """The edges of each relation, in the order in which the relations come, which rises."""
        parts = [np.zeros((0, 3), dtype=np.int32)]
        for relation, keys in edges.items():
            heads, tails = ends_of(keys)
            parts.append(np.column_stack((heads, np.full(len(heads), relation, dtype=np.int32), tails)))
        return cls(np.concatenate(parts))

    def by_relation(self) -> Iterator[tuple[int, Keys]]:
        """Each relation with its edges."""
        bounds = np.flatnonzero(np.diff(self.triples[:, 1], prepend=-1, append=-1)).tolist()
        for start, stop in pairwise(bounds):
            part = self.triples[start:stop]
            yield int(part[0, 1]), keys_of(part[:, 0], part[:, 2])

    def around(self, entity: int, incoming: bool) -> Ids:
        """Which of them leave (or enter) one entity, rising."""
        ends, order = self._by_tail if incoming else self._by_head
        low, high = np.searchsorted(ends, np.array([entity, entity + 1], dtype=np.int32)).tolist()
        return np.sort(order[low:high])

    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many of them leave or enter each of some entities."""
        found = np.zeros(entities.shape, dtype=np.int64)
        for ends, _ in (self._by_head, self._by_tail):
            found += np.searchsorted(ends, entities, "right") - np.searchsorted(ends, entities, "left")
        return found

    @cached_property
    def _by_head(self) -> tuple[Ids, Ids]:
        return self._by(0)

    @cached_property
    def _by_tail(self) -> tuple[Ids, Ids]:
        return self._by(2)

    def _by(self, column: int) -> tuple[Ids, Ids]:
        order = np.argsort(self.triples[:, column], kind="stable").astype(np.int32)
        return self.triples[order, column], order


def positions(base: TripleIndex, relation: int, keys: Keys) -> NDArray[np.int64]:
    """The positions of edges that a base has."""
    if not len(keys):
        return NO_KEYS
    heads = np.unique(ends_of(keys)[0])
    owners, places = base.forward.places(heads, relation)
    return np.asarray(places[among(keys_of(heads[owners], base.forward.targets[places]), keys)])
