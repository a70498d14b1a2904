"""The types of entities, while they are being changed."""

from __future__ import annotations

from rpds import HashTrieMap

from reasoning.graph.changing.changed_entities import types_of
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.entities import StoredEntities


class TypeDraft:
    """Types that are being changed.

    Args:
        base: the entities that were changed first.
        before: what is other of them so far.
    """

    def __init__(self, base: StoredEntities, before: EntityChanges) -> None:
        self._base, self._names, self._types = base, before.type_names, MapDraft(before.types)

    def of(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where it has none."""
        return types_of(entity, self._base, self._types, self._names)

    def give(self, entity: int, name: str) -> bool:
        """Give an entity a type, be it a new one; whether it did not have it before."""
        own = self.of(entity)
        if name in own:
            return False
        if name not in self._names:
            self._names = (*self._names, name)
        self._put(entity, [*own, name])
        return True

    def take(self, entity: int, name: str) -> None:
        """Take a type away from an entity, which has it."""
        self._put(entity, [own for own in self.of(entity) if own != name])

    def leave(self, entity: int) -> None:
        """Let an entity have no types, since it is gone."""
        if entity < len(self._base.ids):
            self._types.put(entity, ())
        else:  # nothing in the base has to be covered
            self._types.drop(entity)

    def done(self) -> tuple[tuple[str, ...], HashTrieMap[int, tuple[int, ...]]]:
        """All types, and the numbers of those of each entity whose types are others than in the base."""
        return self._names, self._types.done()

    def _put(self, entity: int, names: list[str]) -> None:
        self._types.put(entity, tuple(map(self._names.index, names)))
