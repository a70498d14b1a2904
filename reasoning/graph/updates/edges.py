"""Changed edges laid over the index of the graph below."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Adjacency, EdgeIndex, Ids, TripleIndex
from reasoning.graph.updates.overlay import (
    NO_KEYS,
    Keys,
    adjacency_of,
    among,
    changed_by,
    ends_of,
    holds,
    joined,
    key,
    keys_of,
    leaving,
    sorted_keys,
    turned,
    without,
)


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


PENDING = 1 << 10
"""Changes that are held in dictionaries: copying so many takes 5 microseconds."""

NOTHING = adjacency_of(NO_KEYS)
"""The rows that a base has of a relation that it does not know."""


DetachedEdges = tuple[dict[int, tuple[Keys, Keys]], Mapping[int, Mapping[int, bool]], int, int]
"""What `EdgeChanges` holds without the index: settled edges added and removed, what is pending, its count, the size."""


@dataclass(frozen=True, eq=False)
class RelationEdits:
    """What is changed of one relation.

    Attributes:
        base: the index that is changed.
        relation: the relation.
        added: edges that the base lacks, from heads to tails.
        removed: edges that only the base has.
    """

    base: TripleIndex
    relation: int
    added: Keys
    removed: Keys

    def side(self, inverse: bool) -> tuple[Adjacency, int]:
        """Where the base has its rows, and its number there."""
        known = self.relation < len(self.base.forward.bounds) - 1
        return (self.base.side(inverse), self.relation) if known else (NOTHING, 0)

    def rows(self, inverse: bool) -> Rows:
        """The rows in one direction."""
        return self._backward if inverse else self._forward

    def changed(self, adding: Keys, removing: Keys) -> RelationEdits:
        """With more edges added, which are not there, and removed, which are."""
        return RelationEdits(self.base, self.relation, *changed_by(self.added, self.removed, adding, removing))

    def holds(self, edge: int) -> bool:
        """Whether an edge is there."""
        if len(self.added) and holds(self.added, edge):
            return True
        if len(self.removed) and holds(self.removed, edge):
            return False
        side, number = self.side(False)
        row = side.row(number, edge >> 32)
        at = int(row.searchsorted(np.int32(edge & 0xFFFFFFFF)))
        return at < len(row) and int(row[at]) == edge & 0xFFFFFFFF

    @cached_property
    def _forward(self) -> Rows:
        return Rows.settled(*self.side(False), self.added, self.removed)

    @cached_property
    def _backward(self) -> Rows:
        return Rows.settled(*self.side(True), turned(self.added), turned(self.removed))


class SettledEdges:
    """All that is settled; immutable, and shared by the graphs that have nothing settled beside it.

    Args:
        base: the index that is changed.
        edits: what is changed of each relation that something is changed of.
    """

    def __init__(self, base: TripleIndex, edits: Mapping[int, RelationEdits]) -> None:
        self.base, self._edits = base, edits

    def __reduce__(self) -> tuple[object, ...]:
        return SettledEdges, (self.base, self._edits)

    def __contains__(self, relation: int) -> bool:
        return relation in self._edits

    def __iter__(self) -> Iterator[int]:
        return iter(self._edits)

    def __getitem__(self, relation: int) -> RelationEdits:
        return self._edits.get(relation) or RelationEdits(self.base, relation, NO_KEYS, NO_KEYS)

    def changed(self, edits: Mapping[int, RelationEdits]) -> SettledEdges:
        """With other changes of some relations."""
        return SettledEdges(self.base, {**self._edits, **edits})

    @cached_property
    def weight(self) -> int:
        """Edges that are other than in the base."""
        return sum(len(edits.added) + len(edits.removed) for edits in self._edits.values())

    @cached_property
    def added(self) -> EdgeList:
        """What the base lacks, relation by relation."""
        return EdgeList.of({relation: self._edits[relation].added for relation in sorted(self)})

    @cached_property
    def removed(self) -> EdgeList:
        """What only the base has, relation by relation."""
        return EdgeList.of({relation: self._edits[relation].removed for relation in sorted(self)})

    @cached_property
    def dead(self) -> NDArray[np.int64]:
        """Positions in the base of what was removed, sorted."""
        places = [positions(self.base, relation, self._edits[relation].removed) for relation in sorted(self)]
        return np.concatenate((NO_KEYS, *places))


@dataclass(frozen=True, eq=False)
class EdgeChanges:
    """Changes to the edges of one index; immutable.

    Attributes:
        settled: the changes but for the latest, with the index.
        pending: the latest: of a relation, whether an edge was added to or removed from what is settled.
        count: how many these are.
        size: edges in all, of the base with the changes.
    """

    settled: SettledEdges
    pending: Mapping[int, Mapping[int, bool]]
    count: int
    size: int

    @classmethod
    def none(cls, base: TripleIndex) -> EdgeChanges:
        """No changes."""
        return cls(SettledEdges(base, {}), {}, 0, len(base))

    def detached(self) -> DetachedEdges:
        """The changes without the index, as `attached` takes them."""
        settled = {
            relation: (self.settled[relation].added, self.settled[relation].removed) for relation in self.settled
        }
        return settled, self.pending, self.count, self.size

    @classmethod
    def attached(cls, base: TripleIndex, parts: DetachedEdges) -> EdgeChanges:
        """Changes over their index, which was loaded again."""
        settled, pending, count, size = parts
        edits = {relation: RelationEdits(base, relation, *edges) for relation, edges in settled.items()}
        return cls(SettledEdges(base, edits), pending, count, size)

    @property
    def weight(self) -> int:
        """Edges that are other than in the base."""
        return self.count + self.settled.weight

    def latest(self, relation: int) -> tuple[Keys, Keys]:
        """What is pending of a relation: edges added, and removed."""
        pending = self.pending.get(relation, {})
        adding = sorted_keys(edge for edge, there in pending.items() if there)
        return adding, sorted_keys(edge for edge, there in pending.items() if not there)


class EdgeEditor:
    """Makes new changes of old ones, which stay as they are."""

    def __init__(self, before: EdgeChanges) -> None:
        self._before = before
        self._pending: dict[int, Mapping[int, bool]] = dict(before.pending)
        self._own: dict[int, dict[int, bool]] = {}
        self._count, self._size = before.count, before.size

    def holds(self, head: int, relation: int, tail: int) -> bool:
        """Whether an edge is there now."""
        edge, pending = key(head, tail), self._pending.get(relation)
        if pending is not None and (there := pending.get(edge)) is not None:
            return there
        return self._before.settled[relation].holds(edge)

    def put(self, head: int, relation: int, tail: int, there: bool) -> None:
        """Add an edge that is not there, or remove one that is."""
        if relation not in self._own:
            self._own[relation] = self._pending[relation] = dict(self._pending.get(relation, {}))
        pending, edge = self._own[relation], key(head, tail)
        if edge in pending:  # undone: as it is settled
            del pending[edge]
            self._count -= 1
        else:
            pending[edge] = there
            self._count += 1
        self._size += 1 if there else -1

    def done(self) -> EdgeChanges:
        """The new changes."""
        settled = self._before.settled
        pending = {relation: edges for relation, edges in self._pending.items() if edges}
        changes = EdgeChanges(settled, pending, self._count, self._size)
        if self._count <= PENDING:
            return changes
        edits = {relation: settled[relation].changed(*changes.latest(relation)) for relation in pending}
        return EdgeChanges(settled.changed(edits), {}, 0, self._size)


class ChangedIndex(EdgeIndex):
    """The edges of a base with changes."""

    def __init__(self, changes: EdgeChanges, entities: int, relations: int) -> None:
        self.changes, self._entities, self._relations = changes, entities, relations
        self._base = changes.settled.base
        self._rows: dict[tuple[int, bool], Rows] = {}
        self._whole: TripleIndex | None = None
        self._merging = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return ChangedIndex, (self.changes, self._entities, self._relations)

    def __len__(self) -> int:
        return self.changes.size

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays and of the changes."""
        return self._base.nbytes + 8 * self.changes.weight

    @property
    def whole(self) -> TripleIndex:
        """The same edges as arrays; merged when first asked for."""
        with self._merging:
            if self._whole is None:
                self._whole = TripleIndex.of_blocks(self.block, self._entities, self._relations)
            return self._whole

    def counts(self) -> NDArray[np.int64]:
        """How many edges each relation has, shape (r,)."""
        changes = self.changes
        counts = np.zeros(self._relations, dtype=np.int64)
        counts[: len(self._base.forward.bounds) - 1] = self._base.counts()
        for relation in changes.settled:
            edits = changes.settled[relation]
            counts[relation] += len(edits.added) - len(edits.removed)
        for relation, pending in changes.pending.items():
            added = sum(pending.values())
            counts[relation] += 2 * added - len(pending)
        return counts

    def ends(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted, unique, shape (m,)."""
        rows = self._changed(relation, inverse)
        return self._base.ends(relation, inverse) if rows is None else rows.ends()

    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), each of shape (m,), sorted by source, then target."""
        rows = self._changed(relation, inverse)
        return self._base.block(relation, inverse) if rows is None else ends_of(rows.keys())

    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""
        rows = self._changed(relation, inverse)
        if rows is None:
            return self._base.edges(sources, relation, inverse)
        return ends_of(rows.edges(sources))

    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""
        rows = self._changed(relation, inverse)
        return self._base.project(sources, relation, inverse) if rows is None else rows.project(sources)

    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many edges leave or enter each of some entities, shape as `entities`."""
        known = entities < len(self._base.out_bounds) - 1
        found = np.zeros(entities.shape, dtype=np.int64)
        found[known] = self._base.degrees(entities[known])
        settled = self.changes.settled
        for plus, minus in ((settled.added, settled.removed), self._latest):
            found += plus.degrees(entities) - minus.degrees(entities)
        return found

    @property
    def bound(self) -> int:
        """Every position is below it: first those of the base, then of what is settled, then of the latest."""
        return self._base.bound + len(self.changes.settled.added) + len(self._latest[0])

    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of the edges that leave (or enter) one entity, shape (degree,)."""
        base, start = self._base, self._base.bound
        found = [base.around(entity, incoming)] if entity < len(base.out_bounds) - 1 else []
        for added in (self.changes.settled.added, self._latest[0]):
            if len(added):
                found.append(start + added.around(entity, incoming))
            start += len(added)
        positions = np.concatenate((np.zeros(0, dtype=np.int32), *found)).astype(np.int32)
        return positions[~among(positions.astype(np.int64), self._dead)] if len(self._dead) else positions

    def triples(self, positions: Ids) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""
        found = np.zeros((len(positions), 3), dtype=np.int32)
        start = self._base.bound
        of_base = positions < start
        found[of_base] = self._base.triples(positions[of_base])
        for added in (self.changes.settled.added, self._latest[0]):
            own = (positions >= start) & (positions < start + len(added))
            found[own] = added.triples[positions[own] - start]
            start += len(added)
        return found

    def drawn(self, count: int, rng: random.Random) -> Ids:
        """Triples drawn by chance, each time from all of them, shape (count, 3); (0, 3) where there are none."""
        dead, bound = frozenset(self._dead.tolist()), self.bound
        found: list[int] = []
        while len(self) and len(found) < count:
            position = rng.randrange(bound)
            if position not in dead:
                found.append(position)
        return self.triples(np.array(found, dtype=np.int32))

    def _changed(self, relation: int, inverse: bool) -> Rows | None:
        """The rows of a relation that was changed, or that the base does not know; None of another."""
        changes = self.changes
        if relation not in changes.pending:
            if relation in changes.settled or relation >= len(self._base.forward.bounds) - 1:
                return changes.settled[relation].rows(inverse)
            return None
        rows = self._rows.get((relation, inverse))
        if rows is None:
            settled, (adding, removing) = changes.settled[relation].rows(inverse), changes.latest(relation)
            if inverse:
                adding, removing = turned(adding), turned(removing)
            added, removed = changed_by(settled.added, settled.removed, adding, removing)
            rows = self._rows[relation, inverse] = Rows(settled.side, settled.number, added, removed)
        return rows

    @cached_property
    def _latest(self) -> tuple[EdgeList, EdgeList]:
        """What is pending: added, and removed."""
        latest = {relation: self.changes.latest(relation) for relation in sorted(self.changes.pending)}
        added, removed = ({relation: edges[part] for relation, edges in latest.items()} for part in (0, 1))
        return EdgeList.of(added), EdgeList.of(removed)

    @cached_property
    def _dead(self) -> NDArray[np.int64]:
        """Positions that are taken by nothing, sorted."""
        base, settled = self._base, self.changes.settled
        dead = [settled.dead]
        for relation, keys in self._latest[1].by_relation():
            edits = settled[relation]
            of_added = among(keys, edits.added)
            dead.append(positions(base, relation, keys[~of_added]))
            if of_added.any():
                first = base.bound + int(np.searchsorted(settled.added.triples[:, 1], relation))
                dead.append(first + np.searchsorted(edits.added, keys[of_added]))
        return np.unique(np.concatenate(dead))
