"""What entities are called, while they are being changed: their ids, labels and other names.

Names are looked up in what the changes so far have made of them, never in the graph that was given: so a log that is
applied at one go means what each of its changes meant when it came.
"""

from __future__ import annotations

from dataclasses import replace

from reasoning.errors import AmbiguousEntityError
from reasoning.graph.changing.changed_entities import entity_with_id
from reasoning.graph.changing.drafts.keys import KeyDraft
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.content import GraphContent
from reasoning.graph.entities import EntityTable
from reasoning.graph.names import fold, keys_of


class NameDraft:
    """Names that are being changed.

    Args:
        base: the graph that was changed first.
        before: what is other in it so far.
        table: the entities with these changes.
    """

    def __init__(self, base: GraphContent, before: EntityChanges, table: EntityTable) -> None:
        self._base, self._before, self._table = base.entities.whole, before, table
        self._first_new = len(self._base.ids) + len(before.ids)
        self._new_ids: list[str] = []
        self._by_id, self._labels = MapDraft(before.by_id), MapDraft(before.labels)
        self._gone, self._doubtful_labels = MapDraft(before.gone), MapDraft(before.doubtful_labels)
        self._keys = KeyDraft(base, before, self._gone)
        self._looked_up: dict[str, int] = {}

    def look_up_anew(self) -> None:
        """Forget what names meant before."""
        self._looked_up.clear()

    def known(self, name: str) -> int | None:
        """The entity with exactly this id, else with exactly this label, else displayed so; None where none is.

        Raises:
            AmbiguousEntityError: several have the label.
        """
        entity = self._looked_up.get(name)
        if entity is None:
            entity = self._meant(name)
            if entity is None:
                return None
            self._looked_up[name] = entity
        return entity

    def alike(self, name: str) -> list[int]:
        """Entities that a name finds but for case, accents and marks, rising."""
        return self._keys.with_key(fold(name))

    def add(self, name: str) -> int:
        """A new entity of a name that no other is known by: its id and its label."""
        entity = self._looked_up[name] = self._first_new + len(self._new_ids)
        self._new_ids.append(name)
        self._by_id.put(name, entity)  # no other has the name as its label: it would be the one that is meant
        self._keys.add(entity, keys_of(name, name))
        return entity

    def label(self, entity: int) -> str:
        """The entity's label."""
        if (label := self._labels.get(entity)) is not None:
            return label
        is_new = entity >= self._first_new
        return self._new_ids[entity - self._first_new] if is_new else self._table.labels[entity]

    def give_label(self, entity: int, label: str) -> bool:
        """Give an entity another label in place of its own; whether it had another before."""
        before = self.label(entity)
        if before == label:
            return False
        stays = keys_of(label, self._identifier(entity))
        if (key := fold(before)) not in stays:
            self._keys.remove(entity, key)
        self._labels.put(entity, label)
        self._keys.add(entity, stays)
        self._doubt(before)
        self._doubt(label)
        self.look_up_anew()
        return True

    def give_alias(self, entity: int, alias: str) -> bool:
        """Let an entity be found by another name too; whether it was not before."""
        return self._keys.add(entity, [fold(alias)])

    def has_alias(self, entity: int, alias: str) -> bool:
        """Whether an entity is found by a name, be it its own or another."""
        return self._keys.has(entity, fold(alias))

    def is_own(self, entity: int, alias: str) -> bool:
        """Whether a name is the entity's label or id, but for case, accents and marks."""
        return fold(alias) in keys_of(self.label(entity), self._identifier(entity))

    def remove_alias(self, entity: int, alias: str) -> None:
        """Let an entity no longer be found by another name."""
        self._keys.remove(entity, fold(alias))

    def leave(self, entity: int) -> None:
        """Let an entity no longer be found by any name, since it is gone."""
        identifier, is_of_base = self._identifier(entity), entity < len(self._base.ids)
        if self._by_id.get(identifier) == entity:
            self._by_id.drop(identifier)
        self._gone.put(entity, True)
        label, is_renamed = self.label(entity), self._labels.get(entity) is not None
        if is_renamed or (is_of_base and self._base.shares_label(entity)):
            self._doubt(label)  # perhaps another had it too, which has it alone now
        if not is_of_base:  # nothing in the base has to be covered
            for key in keys_of(label, identifier):
                self._keys.remove(entity, key)
        self.look_up_anew()

    def done(self) -> EntityChanges:
        """What is other now, types and presence as before."""
        added_keys, hidden_keys = self._keys.done()
        return replace(
            self._before,
            ids=self._before.ids.extended(self._new_ids),
            by_id=self._by_id.done(),
            labels=self._labels.done(),
            added_keys=added_keys,
            hidden_keys=hidden_keys,
            gone=self._gone.done(),
            doubtful_labels=self._doubtful_labels.done(),
        )

    def _identifier(self, entity: int) -> str:
        is_new = entity >= self._first_new
        return self._new_ids[entity - self._first_new] if is_new else self._table.ids[entity]

    def _meant(self, name: str) -> int | None:
        entity = self._with_id(name)
        if entity is not None:
            return entity
        same = self._labelled(name)
        if len(same) > 1:
            raise AmbiguousEntityError(name, [self._identifier(entity) for entity in same], len(same))
        return same[0] if same else self._displayed_as(name)

    def _with_id(self, identifier: str) -> int | None:
        return entity_with_id(identifier, self._base, self._by_id, self._gone)

    def _labelled(self, label: str) -> list[int]:
        return [entity for entity in self.alike(label) if self.label(entity) == label]

    def _needs_id(self, label: str) -> bool:
        """See `KnowledgeGraph.name`."""
        return len(self._labelled(label)) > 1 or self._displayed_as(label) is not None

    def _displayed_as(self, name: str) -> int | None:
        """See `KnowledgeGraph.displayed_as`."""
        start = name.find(" (") if name.endswith(")") else -1
        while start >= 0:
            entity = self._with_id(name[start + 2 : -1])
            if entity is not None and self.label(entity) == name[:start] and self._needs_id(name[:start]):
                return entity
            start = name.find(" (", start + 1)
        return None

    def _doubt(self, label: str) -> None:
        if label not in self._doubtful_labels:
            self._doubtful_labels.put(label, True)
