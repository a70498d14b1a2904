"""Indexes of a graph's edges: sorted int32 columns by head, tail and relation, and lists of entities end to end."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Adjacency:
    """One direction of n triples over r relations, in s rows: a row is a relation and a source that has it.

    Attributes:
        bounds: int64, shape (r + 1,): relation i's targets are `targets[bounds[i]:bounds[i + 1]]`.
        row_bounds: int64, shape (r + 1,): relation i's rows.
        sources: int32, shape (s,): each row's source, sorted within a relation.
        starts: int32, shape (s + 1,): row j's targets are `targets[starts[j]:starts[j + 1]]`.
        targets: int32, shape (n,), sorted within a row.
    """

    bounds: NDArray[np.int64]
    row_bounds: NDArray[np.int64]
    sources: Ids
    starts: Ids
    targets: Ids

    @classmethod
    def build(cls, relation: Ids, source: Ids, target: Ids, relations: int) -> Adjacency:
        """Rows over triples that are sorted by (relation, source, target), each array of shape (n,)."""
        first = np.ones(len(relation), dtype=bool)
        first[1:] = (source[1:] != source[:-1]) | (relation[1:] != relation[:-1])
        starts = np.append(np.flatnonzero(first), len(relation)).astype(np.int32)
        return cls(_starts(relation, relations), _starts(relation[first], relations), source[first], starts, target)

    def rows(self, relation: int) -> slice:
        """The rows of a relation."""
        return slice(int(self.row_bounds[relation]), int(self.row_bounds[relation + 1]))

    def row(self, relation: int, source: int) -> Ids:
        """The targets of one source, sorted, shape (m,); a view, not a copy."""
        rows = self.rows(relation)
        # Of the same type: for another numpy would copy the whole array.
        at = rows.start + int(np.searchsorted(self.sources[rows], np.int32(source)))
        if at == rows.stop or self.sources[at] != source:
            return self.targets[:0]
        return self.targets[self.starts[at] : self.starts[at + 1]]

    def places(self, sources: Ids, relation: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where in `targets` the edges of `relation` from `sources` (sorted, unique) lie.

        Returns:
            For each of m edges the position of its source in `sources`, and its place in `targets`, both of shape (m,).
        """
        rows = self.rows(relation)
        there = self.sources[rows]
        at = np.searchsorted(there, np.asarray(sources, dtype=np.int32))
        at[at == len(there)] = 0
        has = np.flatnonzero(there[at] == sources) if len(there) else np.zeros(0, dtype=np.int64)
        found = at[has] + rows.start
        low = self.starts[found].astype(np.int64)
        counts = self.starts[found + 1] - low
        ends = np.cumsum(counts)
        return np.repeat(has, counts), np.arange(int(counts.sum())) + np.repeat(low - (ends - counts), counts)


class EdgeIndex(ABC):
    """The edges of a graph: n triples between e entities under r relations.

    Triples have positions: numbers from 0 to below `bound`, by which `around` names them and `triples` gives them.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Triples in all."""

    @property
    @abstractmethod
    def bound(self) -> int:
        """Every position is below it; where all positions below are taken it is the number of triples."""

    @property
    @abstractmethod
    def whole(self) -> TripleIndex:
        """The same edges as arrays, whose positions are others.

        Raises:
            GraphError: the edges cannot all be fetched.
        """

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of its arrays."""

    @abstractmethod
    def counts(self) -> NDArray[np.int64]:
        """How many edges each relation has, shape (r,)."""

    @abstractmethod
    def ends(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted, unique, shape (m,)."""

    @abstractmethod
    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), each of shape (m,), sorted by source, then target."""

    def some(self, relation: int, inverse: bool, most: int) -> tuple[Ids, Ids]:
        """Edges as `block` gives them, where so many are enough: all where they are at hand, else at most so many."""
        return self.block(relation, inverse)

    @abstractmethod
    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""

    @abstractmethod
    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""

    @abstractmethod
    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many edges leave or enter each of some entities, shape as `entities`."""

    @abstractmethod
    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of the edges that leave (or enter) one entity, shape (degree,)."""

    @abstractmethod
    def triples(self, positions: Ids) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""

    @abstractmethod
    def drawn(self, count: int, rng: random.Random) -> Ids:
        """Triples drawn by chance, each time from all of them, shape (count, 3); (0, 3) where there are none."""


class TripleIndex(EdgeIndex):
    """Immutable columnar index over n triples, e entities and r relations.

    Triples have positions: their order by (relation, head, tail).

    Attributes:
        forward: from heads to tails; its order of targets is that of the positions.
        backward: from tails to heads.
        out_bounds, in_bounds: int64, shape (e + 1,): entity i's stretch of `out_edges` and `in_edges`.
        out_edges, in_edges: int32, shape (n,): positions, grouped by head and by tail.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = dict(arrays)
        bounds, targets = arrays["bounds"], ("tails", "heads")
        self.forward, self.backward = (
            Adjacency(bounds, *(arrays[f"{side}_{part}"] for part in ("row_bounds", "sources", "starts", target)))
            for side, target in zip(("forward", "backward"), targets, strict=True)
        )
        self.out_bounds: NDArray[np.int64] = arrays["out_bounds"]
        self.in_bounds: NDArray[np.int64] = arrays["in_bounds"]
        self.out_edges: Ids = arrays["out_edges"]
        self.in_edges: Ids = arrays["in_edges"]

    @classmethod
    def build(cls, triples: Ids, entities: int, relations: int) -> TripleIndex:
        """Index triples of shape (n, 3), columns head, relation, tail; duplicates are dropped."""
        relation, head, tail = _sorted_distinct(triples[:, 1], triples[:, 0], triples[:, 2], (relations, entities))
        arrays: dict[str, NDArray[Any]] = {"bounds": _starts(relation, relations)}
        arrays |= {"out_bounds": _starts(head, entities), "out_edges": _grouped(head)}
        arrays |= {"in_bounds": _starts(tail, entities), "in_edges": _grouped(tail)}
        forward = Adjacency.build(relation, head, tail, relations)
        relation, tail, head = _sorted_distinct(relation, tail, head, (relations, entities))
        return cls._of_sides(arrays, forward, Adjacency.build(relation, tail, head, relations))

    @classmethod
    def of_blocks(cls, block: Callable[[int, bool], tuple[Ids, Ids]], entities: int, relations: int) -> TripleIndex:
        """Index what is sorted already, which takes a third of the time.

        Args:
            block: gives a relation's edges in one direction, as `block` of an index.
            entities, relations: how many there are.
        """
        sides: list[Adjacency] = []
        arrays: dict[str, NDArray[Any]] = {}
        for inverse in (False, True):
            blocks = [block(relation, inverse) for relation in range(relations)]
            counts = [len(sources) for sources, _ in blocks]
            relation = np.repeat(np.arange(relations, dtype=np.int32), counts)
            source, target = (
                np.concatenate([np.zeros(0, dtype=np.int32), *(ends[side] for ends in blocks)]) for side in (0, 1)
            )
            sides.append(Adjacency.build(relation, source, target, relations))
            if not inverse:
                arrays = {"bounds": _starts(relation, relations)}
                arrays |= {"out_bounds": _starts(source, entities), "out_edges": _grouped(source)}
                arrays |= {"in_bounds": _starts(target, entities), "in_edges": _grouped(target)}
        return cls._of_sides(arrays, *sides)

    @classmethod
    def _of_sides(cls, arrays: dict[str, NDArray[Any]], forward: Adjacency, backward: Adjacency) -> TripleIndex:
        for side, adjacency, target in (("forward", forward, "tails"), ("backward", backward, "heads")):
            arrays |= {
                f"{side}_row_bounds": adjacency.row_bounds,
                f"{side}_sources": adjacency.sources,
                f"{side}_starts": adjacency.starts,
                f"{side}_{target}": adjacency.targets,
            }
        return cls(arrays)

    def __len__(self) -> int:
        return len(self.forward.targets)

    @property
    def bound(self) -> int:
        """Every position is below it: the number of triples."""
        return len(self)

    @property
    def whole(self) -> TripleIndex:
        """Itself."""
        return self

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self._arrays.values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, to be saved and handed back to the constructor."""
        return dict(self._arrays)

    def side(self, inverse: bool) -> Adjacency:
        """The direction in which a projection walks."""
        return self.backward if inverse else self.forward

    def counts(self) -> NDArray[np.int64]:
        """How many edges each relation has, shape (r,)."""
        return np.diff(self.forward.bounds)

    def ends(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted, unique, shape (m,); no copy."""
        side = self.side(inverse)
        return np.asarray(side.sources[side.rows(relation)])

    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), each of shape (m,), sorted by source."""
        side = self.side(inverse)
        rows = side.rows(relation)
        sources = np.repeat(side.sources[rows], np.diff(side.starts[rows.start : rows.stop + 1]))
        return sources, side.targets[int(side.bounds[relation]) : int(side.bounds[relation + 1])]

    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""
        side = self.side(inverse)
        owners, places = side.places(sources, relation)
        return np.asarray(sources, dtype=np.int32)[owners], np.asarray(side.targets[places])

    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""
        if len(sources) == 1:
            return np.asarray(self.side(inverse).row(relation, int(sources[0])))
        return np.unique(self.edges(sources, relation, inverse)[1])

    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many edges leave or enter each of some entities, shape as `entities`."""
        out = self.out_bounds[entities + 1] - self.out_bounds[entities]
        return np.asarray(out + self.in_bounds[entities + 1] - self.in_bounds[entities])

    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of the edges that leave (or enter) one entity, shape (degree,)."""
        bounds, edges = (self.in_bounds, self.in_edges) if incoming else (self.out_bounds, self.out_edges)
        return np.asarray(edges[int(bounds[entity]) : int(bounds[entity + 1])])

    def triples(self, positions: Ids | slice = slice(None)) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""
        where = np.arange(len(self))[positions] if isinstance(positions, slice) else positions
        relation = np.searchsorted(self.forward.bounds, where, "right") - 1
        row = np.searchsorted(self.forward.starts, where.astype(np.int32), "right") - 1
        return np.column_stack((self.forward.sources[row], relation, self.forward.targets[where])).astype(np.int32)

    def renumbered(self, numbers: Ids, kept: NDArray[np.bool_]) -> TripleIndex:
        """The same edges with other numbers of entities, shape (e,), which keep their order.

        Those that are not kept stand in no edge.
        """
        arrays = dict(self._arrays)
        for name in ("forward_sources", "forward_tails", "backward_sources", "backward_heads"):
            arrays[name] = numbers[arrays[name]]
        for name in ("out_bounds", "in_bounds"):
            arrays[name] = np.append(arrays[name][:-1][kept], arrays[name][-1])
        return TripleIndex(arrays)

    def drawn(self, count: int, rng: random.Random) -> Ids:
        """Triples drawn by chance, each time from all of them, shape (count, 3); (0, 3) where there are none."""
        drawn = [rng.randrange(len(self)) for _ in range(count if len(self) else 0)]
        return self.triples(np.array(drawn, dtype=np.int32))


def _sorted_distinct(first: Ids, second: Ids, third: Ids, sizes: tuple[int, int]) -> tuple[Ids, Ids, Ids]:
    """Triples sorted by (first, second, third) without duplicates; `sizes` bound the first, and the other two."""
    low = max(1, (sizes[1] - 1).bit_length())
    if 2 * low + (sizes[0] - 1).bit_length() <= 63:
        # Packed into one number a triple sorts in place: a third of the memory and a tenth of the time of lexsort.
        key = first.astype(np.int64)
        for part in (second, third):
            key <<= low
            key |= part
        key.sort()
        if len(key):
            key = key[np.append(True, key[1:] != key[:-1])]
        mask = (1 << low) - 1
        return (key >> 2 * low).astype(np.int32), (key >> low & mask).astype(np.int32), (key & mask).astype(np.int32)
    order = np.lexsort((third, second, first))
    first, second, third = first[order], second[order], third[order]
    fresh = np.ones(len(first), dtype=bool)
    fresh[1:] = (np.diff(first) != 0) | (np.diff(second) != 0) | (np.diff(third) != 0)
    return first[fresh], second[fresh], third[fresh]


def _grouped(ids: Ids) -> Ids:
    """Positions grouped by id, in order within a group, shape (n,)."""
    key = ids.astype(np.int64)
    key <<= 32
    key |= np.arange(len(ids))
    key.sort()
    return (key & 0xFFFFFFFF).astype(np.int32)


def _starts(ids: Ids, groups: int) -> NDArray[np.int64]:
    bounds = np.zeros(groups + 1, dtype=np.int64)
    np.cumsum(np.bincount(ids, minlength=groups), out=bounds[1:])
    return bounds


@dataclass(frozen=True)
class IdLists:
    """n lists of entities, t in all.

    Attributes:
        ids: int32, shape (t,): the lists one behind the other.
        offsets: int64, shape (n + 1,): list i is `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: Ids
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Sequence[Ids]) -> IdLists:
        """Lists put together, each of shape (m,)."""
        offsets = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in lists], out=offsets[1:])
        return cls(np.concatenate([np.zeros(0, dtype=np.int32), *lists]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> Ids:
        """One list, a view."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        return self.ids[self.offsets[position] : self.offsets[position + 1]]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How long each list is, shape (n,)."""
        return np.diff(self.offsets)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The list that each id is in, shape (t,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Each id's place in its list, from 0, shape (t,)."""
        return np.arange(len(self.ids)) - self.offsets[self.owners]

    def keys(self, entities: int) -> NDArray[np.int64]:
        """One number for each (list, id), the same in all `IdLists` over as many entities, shape (t,)."""
        return self.owners * entities + self.ids

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of each list's ids are chosen (t truth values), shape (n,)."""
        return np.bincount(self.owners[chosen], minlength=len(self))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over each list of a value for each id (shape (t,)), shape (n,)."""
        # Added one by one in the list's order: the sum is the same whatever other lists stand around it.
        return np.bincount(self.owners, weights=values, minlength=len(self)).astype(np.float64)


STRETCH = 1 << 20
"""Triples that are taken from an index at a time where all are listed."""


def stretches(index: EdgeIndex) -> Iterator[Ids]:
    """All triples by relation, head and tail, a part at a time, each of shape (m, 3), m at most `STRETCH`."""
    for relation in np.flatnonzero(index.counts()).tolist():
        heads, tails = index.block(relation, False)
        for start in range(0, len(heads), STRETCH):
            part = heads[start : start + STRETCH]
            yield np.column_stack((part, np.full(len(part), relation, dtype=np.int32), tails[start : start + STRETCH]))
