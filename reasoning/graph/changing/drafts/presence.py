"""Which entities a graph says something of, while it is being changed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rpds import HashTrieMap

from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.content import GraphContent


class PresenceDraft:
    """Counts the facts of entities, of which one without any is gone.

    Args:
        base: the graph that was changed first.
        before: what is other in it so far.
    """

    def __init__(self, base: GraphContent, before: EntityChanges) -> None:
        self._base, self._known = base, len(base.entities.ids)
        self._degrees, self._present = MapDraft(before.degrees), MapDraft(before.present)
        self._counted: set[int] = set()

    def count(self, entities: Iterable[int], by: int) -> None:
        """Note a fact of each of some entities: one more (1) or one less (-1)."""
        for entity in entities:
            self._degrees.put(entity, (self._degrees.get(entity) or 0) + by)
            self._counted.add(entity)

    def settle(self) -> list[int]:
        """Let entities be there that something is said of now, and those be gone that nothing is; the latter.

        An entity that loses its last fact and gets another one before it is settled stays what it was.
        """
        gone = []
        for entity in self._counted:
            in_base = self._is_in_base(entity)
            more = self._degrees.get(entity) or 0
            is_there = more > 0 or more + self._base_degree(entity) > 0
            if is_there == in_base:
                self._present.drop(entity)
            else:
                self._present.put(entity, is_there)
            if not is_there:
                gone.append(entity)
                if entity >= self._known:  # nothing in the base has to be covered
                    self._degrees.drop(entity)
        self._counted.clear()
        return gone

    def done(self) -> tuple[HashTrieMap[int, int], HashTrieMap[int, bool]]:
        """How many facts more than in the base entities stand in, and whether they are there where that is other."""
        return self._degrees.done(), self._present.done()

    def _is_in_base(self, entity: int) -> bool:
        present = self._base.entities.present
        at = int(present.searchsorted(np.int32(entity)))
        return at < len(present) and int(present[at]) == entity

    def _base_degree(self, entity: int) -> int:
        """Facts that the base has of an entity; what matters is whether there are as many as were removed."""
        if entity >= self._known:
            return 0
        one = np.array([entity], dtype=np.int32)
        edges = int(self._base.index.degrees(one)[0])
        return edges + sum(len(column.read(one)[0]) for column in self._base.values)
