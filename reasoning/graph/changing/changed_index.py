"""The index of a changed graph: the base's arrays with the changes laid over them; see `EdgeIndex`."""

from __future__ import annotations

import random
import threading
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.changing.edge_changes import EdgeChanges
from reasoning.graph.changing.edge_list import EdgeList, positions
from reasoning.graph.changing.keys import among, changed_by, ends_of, turned
from reasoning.graph.changing.rows import Rows
from reasoning.graph.index import Ids, TripleIndex


class ChangedIndex:
    """The edges of a base with changes.

    Args:
        changes: the changes, with their base.
        entities, relations: how many there are now.
    """

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

    def some(self, relation: int, inverse: bool, most: int) -> tuple[Ids, Ids]:
        """Edges as `block` gives them, where not all are needed: all, since they are at hand."""
        return self.block(relation, inverse)

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
