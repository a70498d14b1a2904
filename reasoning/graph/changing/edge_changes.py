"""The edges that were added to a base and removed from it, in a form that is quick to change and quick to read.

Changes come one by one, and each gives a new graph while the old ones are read on; so what stands is never altered.
The latest changes are few (`PENDING`) and held in dictionaries, of which a change copies the one of its relation; what
came before is settled in sorted arrays, relation by relation. However many changes made a graph, an edge is looked for
in the base, in one array and in one dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.changing.edge_list import EdgeList, positions
from reasoning.graph.changing.keys import (
    NO_KEYS,
    Keys,
    adjacency_of,
    changed_by,
    holds,
    key,
    sorted_keys,
    turned,
)
from reasoning.graph.changing.rows import Rows
from reasoning.graph.index import Adjacency, TripleIndex

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
    """Makes new changes of old ones, which stay as they are.

    Args:
        before: the changes so far.
    """

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
