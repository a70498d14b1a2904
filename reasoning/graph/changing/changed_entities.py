"""The entities of a changed graph: the base's, with those that were added, without those that are gone."""

from __future__ import annotations

from collections.abc import Container
from functools import cached_property

import numpy as np
from rpds import HashTrieMap

from reasoning.graph.changing.changed_names import ChangedKeys, ChangedStrings
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.changing.persistent import Lookup
from reasoning.graph.entities import StoredEntities
from reasoning.graph.index import Ids
from reasoning.graph.names import StringColumn, byte_order, fold


class ChangedEntities:
    """Entities of a base with changes; see `EntityTable`.

    Args:
        base: the base's.
        changes: what is other.
        keys: the folded names with the changes.
    """

    def __init__(self, base: StoredEntities, changes: EntityChanges, keys: ChangedKeys) -> None:
        self._base, self._changes, self._keys = base, changes, keys
        self._labels = ChangedStrings(base.labels, changes.ids, changes.labels, changes.gone)
        self._ids = ChangedStrings(base.ids, changes.ids, HashTrieMap(), changes.gone)
        self._known, self._is_plain = len(base.ids), not len(changes.doubtful_labels)

    def __reduce__(self) -> tuple[object, ...]:
        return ChangedEntities, (self._base, self._changes, self._keys)

    @property
    def ids(self) -> ChangedStrings:
        """Id of each entity in its source."""
        return self._ids

    @property
    def labels(self) -> ChangedStrings:
        """Label of each entity."""
        return self._labels

    @property
    def type_names(self) -> tuple[str, ...]:
        """The types, by number."""
        return self._changes.type_names

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays."""
        return self._base.nbytes

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id; None where there is none."""
        return entity_with_id(identifier, self._base, self._changes.by_id, self._changes.gone)

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        if self._is_plain or (label := self._labels[entity]) not in self._changes.doubtful_labels:
            return entity < self._known and self._base.shares_label(entity)
        return sum(self._labels[other] == label for other in self._keys.with_key(fold(label))) > 1

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where it has none."""
        return types_of(entity, self._base, self._changes.types, self.type_names)

    @cached_property
    def present(self) -> Ids:
        """Those that stand in a triple or have a value, sorted."""
        changed = self._changes.present
        lost, came = (
            np.array(sorted(entity for entity, there in changed.items() if there is wanted), dtype=np.int32)
            for wanted in (False, True)
        )
        kept = np.setdiff1d(self._base.present, lost, assume_unique=True) if len(lost) else self._base.present
        return np.insert(kept, np.searchsorted(kept, came), came)

    @cached_property
    def type_pairs(self) -> Ids:
        """All (entity, type number) pairs, shape (n, 2), sorted by entity."""
        changed = self._changes.types
        if not len(changed):
            return self._base.type_pairs
        kept = self._base.type_pairs
        kept = kept[~np.isin(kept[:, 0], np.array(list(changed), dtype=np.int32))]
        own = [(entity, number) for entity, numbers in changed.items() for number in numbers]
        pairs = np.concatenate((kept, np.array(own, dtype=np.int32).reshape(-1, 2)))
        return pairs[np.argsort(pairs[:, 0], kind="stable")]

    @cached_property
    def whole(self) -> StoredEntities:
        """The same entities as arrays; one that is gone has no label there, and a number behind its id.

        So no two have the same id, and no one that is gone is found by its label.
        """
        gone = HashTrieMap({entity: f"{self._ids[entity]}\0{entity}" for entity in self._changes.gone})
        ids = ChangedStrings(self._base.ids, self._changes.ids, gone, ())
        others = self._changes.labels.update(dict.fromkeys(self._changes.gone, ""))
        labels = ChangedStrings(self._base.labels, self._changes.ids, others, ())
        return StoredEntities(
            whole := ids.whole,
            labels.whole,
            byte_order(list(whole)) if gone else self._id_order(whole),
            self._sharing(),
            self.present,
            self.type_names,
            self.type_pairs,
        )

    def _id_order(self, ids: StringColumn) -> Ids:
        """The order of all ids, in which those of the base are sorted already."""
        known = len(self._base.ids)
        added = sorted(range(known, len(ids)), key=ids.__getitem__)
        places = [self._base.ids.span(ids[entity], self._base.id_order).start for entity in added]
        return np.insert(self._base.id_order, np.array(places, dtype=np.int64), np.array(added, dtype=np.int32))

    def _sharing(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        shared = np.zeros(len(self._ids), dtype=bool)
        shared[: len(self._base.ids)] = self._base.label_is_shared
        for label in self._changes.doubtful_labels:
            same = [entity for entity in self._keys.with_key(fold(label)) if self._labels[entity] == label]
            shared[same] = len(same) > 1
        return shared


def entity_with_id(identifier: str, base: StoredEntities, by_id: Lookup[str, int], gone: Container[int]) -> int | None:
    """The entity with exactly this id, where some were added to a base and some are gone; None where there is none."""
    if (added := by_id.get(identifier)) is not None:
        return added
    entity = base.find(identifier)
    return None if entity is None or entity in gone else entity


def types_of(
    entity: int, base: StoredEntities, changed: Lookup[int, tuple[int, ...]], type_names: tuple[str, ...]
) -> list[str]:
    """Names of an entity's types, where those of some are others than in a base, by number; [] where it has none."""
    numbers = changed.get(entity)
    if numbers is not None:
        return [type_names[number] for number in numbers]
    return base.types(entity) if entity < len(base.ids) else []
