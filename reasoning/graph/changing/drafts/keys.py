"""The folded names that entities are found by, while they are being changed."""

from __future__ import annotations

from collections.abc import Container, Iterable

from rpds import HashTrieMap

from reasoning.graph.changing.changed_names import entities_under
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.content import GraphContent


class KeyDraft:
    """Folded names that are being changed.

    Args:
        base: the graph that was changed first.
        before: what is other in it so far.
        gone: entities that are no longer found, by whatever name.
    """

    def __init__(self, base: GraphContent, before: EntityChanges, gone: Container[int]) -> None:
        self._base, self._known, self._gone = base.names, len(base.entities.ids), gone
        self._added, self._hidden = MapDraft(before.added_keys), MapDraft(before.hidden_keys)

    def with_key(self, key: str) -> list[int]:
        """Entities under a key, rising."""
        return entities_under(key, self._base, self._added, self._hidden, self._gone)

    def has(self, entity: int, key: str) -> bool:
        """Whether a key is one of an entity, be it gone or not."""
        if entity in (self._added.get(key) or ()):
            return True
        if entity >= self._known or entity in (self._hidden.get(key) or ()):
            return False
        return entity in self._base.with_key(key)

    def add(self, entity: int, keys: Iterable[str]) -> bool:
        """Let an entity be found by further keys; whether it was not found by one of them before."""
        new = False
        for key in keys:
            if self.has(entity, key):
                continue
            new = True
            if entity in (self._hidden.get(key) or ()):
                _leave_out(self._hidden, key, entity)
            else:
                others = (other for other in self._added.get(key) or () if other not in self._gone)
                self._added.put(key, (*others, entity))
        return new

    def remove(self, entity: int, key: str) -> None:
        """Let an entity no longer be found by a key, where it was."""
        if entity in (self._added.get(key) or ()):
            _leave_out(self._added, key, entity)
        elif self.has(entity, key):
            self._hidden.put(key, (*(self._hidden.get(key) or ()), entity))

    def done(self) -> tuple[HashTrieMap[str, tuple[int, ...]], HashTrieMap[str, tuple[int, ...]]]:
        """The keys that are added to the base's, and those of its that are hidden."""
        return self._added.done(), self._hidden.done()


def _leave_out(draft: MapDraft[str, tuple[int, ...]], key: str, entity: int) -> None:
    left = tuple(other for other in draft.get(key) or () if other != entity)
    if left:
        draft.put(key, left)
    else:
        draft.drop(key)
