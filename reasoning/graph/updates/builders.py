"""Builders of changed entities, names, types and sources: mutable while a change is applied, then frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from kg_data.columns import ValueKind
from kg_data.values import NUMBER_KINDS, Value, plain_value, read_value, typed_value
from reasoning.errors import AmbiguousEntityError
from reasoning.graph.content import EntityTable, GraphContent
from reasoning.graph.names import fold, keys_of
from reasoning.graph.provenance import FactKey, FactSources, Provenance, Source
from reasoning.graph.updates.changes import NO_VALUE, ChangedColumn, Changes
from reasoning.graph.updates.overlay import EntityChanges, MapBuilder, entities_under, entity_with_id, types_of


class ColumnBuilder:
    """A column that is being changed.

    Attributes:
        kind: what its numbers stand for now.
    """

    def __init__(self, before: ChangedColumn) -> None:
        self._before, self._others = before, MapBuilder(before.others)
        self.kind: ValueKind = before.kind
        self._count = len(before)

    def read(self, tail: str | Value) -> Value:
        """The tail of a fact as a value of the column's kind, or, of a column of integers, as a decimal.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        if isinstance(tail, str):
            return read_value("decimal" if self.kind == "integer" and not _is_whole(tail) else self.kind, tail)
        if tail.kind in NUMBER_KINDS and self.kind in NUMBER_KINDS:
            return tail
        return typed_value(self.kind, plain_value(*tail))

    def value_of(self, entity: int) -> float | None:
        """The value of one entity, None where it has none."""
        if (other := self._others.get(entity)) is not None:
            return None if other != other else other
        return self._before.base_value(entity)

    def give(self, entity: int, value: Value) -> None:
        """Give a value to an entity that has none; integers and decimals together are decimals."""
        self._count += 1
        if value.kind == "decimal" and self.kind == "integer":
            self.kind = "decimal"
        if self._before.base_value(entity) == value.number:
            self._others.drop(entity)
        else:
            self._others.put(entity, value.number)

    def take(self, entity: int) -> None:
        """Take its value away from an entity that has one."""
        self._count -= 1
        self._others.put(entity, NO_VALUE)

    def done(self) -> ChangedColumn:
        """The column now."""
        return ChangedColumn(self._before.base, self._others.done(), self.kind, self._count).settled


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()


def _leave_out(draft: MapBuilder[str, tuple[int, ...]], key: str, entity: int) -> None:
    left = tuple(other for other in draft.get(key) or () if other != entity)
    if left:
        draft.put(key, left)
    else:
        draft.drop(key)


class NameBuilder:
    """Names that are being changed."""

    def __init__(self, base: GraphContent, before: EntityChanges, table: EntityTable) -> None:
        self._base, self._base_names, self._before, self._table = base.entities.whole, base.names, before, table
        self._first_new = len(self._base.ids) + len(before.ids)
        self._new_ids: list[str] = []
        self._by_id, self._labels = MapBuilder(before.by_id), MapBuilder(before.labels)
        self._gone, self._doubtful_labels = MapBuilder(before.gone), MapBuilder(before.ambiguous_labels)
        self._added, self._hidden = MapBuilder(before.added_keys), MapBuilder(before.hidden_keys)
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
        return entities_under(fold(name), self._base_names, self._added, self._hidden, self._gone)

    def add(self, name: str) -> int:
        """A new entity of a name that no other is known by: its id and its label."""
        entity = self._looked_up[name] = self._first_new + len(self._new_ids)
        self._new_ids.append(name)
        self._by_id.put(name, entity)  # no other has the name as its label: it would be the one that is meant
        self._add_keys(entity, keys_of(name, name))
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
            self._remove_key(entity, key)
        self._labels.put(entity, label)
        self._add_keys(entity, stays)
        self._doubt(before)
        self._doubt(label)
        self.look_up_anew()
        return True

    def give_alias(self, entity: int, alias: str) -> bool:
        """Let an entity be found by another name too; whether it was not before."""
        return self._add_keys(entity, [fold(alias)])

    def has_alias(self, entity: int, alias: str) -> bool:
        """Whether an entity is found by a name, be it its own or another."""
        return self._has_key(entity, fold(alias))

    def is_own(self, entity: int, alias: str) -> bool:
        """Whether a name is the entity's label or id, but for case, accents and marks."""
        return fold(alias) in keys_of(self.label(entity), self._identifier(entity))

    def remove_alias(self, entity: int, alias: str) -> None:
        """Let an entity no longer be found by another name."""
        self._remove_key(entity, fold(alias))

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
                self._remove_key(entity, key)
        self.look_up_anew()

    def done(self) -> EntityChanges:
        """What is other now, types and presence as before."""
        return replace(
            self._before,
            ids=self._before.ids.extended(self._new_ids),
            by_id=self._by_id.done(),
            labels=self._labels.done(),
            added_keys=self._added.done(),
            hidden_keys=self._hidden.done(),
            gone=self._gone.done(),
            ambiguous_labels=self._doubtful_labels.done(),
        )

    def _has_key(self, entity: int, key: str) -> bool:
        """Whether a folded name is one of an entity, be it gone or not."""
        if entity in (self._added.get(key) or ()):
            return True
        if entity >= len(self._base.ids) or entity in (self._hidden.get(key) or ()):
            return False
        return entity in self._base_names.with_key(key)

    def _add_keys(self, entity: int, keys: Iterable[str]) -> bool:
        """Let an entity be found by further keys; whether it was not found by one of them before."""
        new = False
        for key in keys:
            if self._has_key(entity, key):
                continue
            new = True
            if entity in (self._hidden.get(key) or ()):
                _leave_out(self._hidden, key, entity)
            else:
                others = (other for other in self._added.get(key) or () if other not in self._gone)
                self._added.put(key, (*others, entity))
        return new

    def _remove_key(self, entity: int, key: str) -> None:
        """Let an entity no longer be found by a key, where it was."""
        if entity in (self._added.get(key) or ()):
            _leave_out(self._added, key, entity)
        elif self._has_key(entity, key):
            self._hidden.put(key, (*(self._hidden.get(key) or ()), entity))

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


class EntityBuilder:
    """Entities that are being changed, of which one without any fact is gone; `names` is what they are called."""

    def __init__(self, before: Changes, table: EntityTable) -> None:
        self._base, self._entities, self._known = before.base, before.base.entities.whole, len(before.base.entities.ids)
        self.names = NameBuilder(before.base, before.entities, table)
        self._type_names, self._types = before.entities.type_names, MapBuilder(before.entities.types)
        self._degrees, self._present = MapBuilder(before.entities.degrees), MapBuilder(before.entities.present)
        self._counted: set[int] = set()

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where it has none."""
        return types_of(entity, self._entities, self._types, self._type_names)

    def give_type(self, entity: int, name: str) -> bool:
        """Give an entity a type, be it a new one; whether it did not have it before."""
        own = self.types(entity)
        if name in own:
            return False
        if name not in self._type_names:
            self._type_names = (*self._type_names, name)
        self._put_types(entity, [*own, name])
        return True

    def take_type(self, entity: int, name: str) -> None:
        """Take a type away from an entity, which has it."""
        self._put_types(entity, [own for own in self.types(entity) if own != name])

    def count(self, entities: Iterable[int], by: int) -> None:
        """Note a fact of each of some entities: one more (1) or one less (-1)."""
        for entity in entities:
            self._degrees.put(entity, (self._degrees.get(entity) or 0) + by)
            self._counted.add(entity)

    def settle(self) -> list[int]:
        """Let those be there that something is said of now, and those be gone that nothing is; the latter.

        One that loses its last fact and gets another one before it is settled stays what it was.
        """
        gone, present = [], self._entities.present
        for entity in self._counted:
            more = self._degrees.get(entity) or 0
            is_there = more > 0 or more + self._base_degree(entity) > 0
            at = int(present.searchsorted(np.int32(entity)))
            if is_there == (at < len(present) and int(present[at]) == entity):
                self._present.drop(entity)
            else:
                self._present.put(entity, is_there)
            if not is_there:
                gone.append(entity)
                self.names.leave(entity)
                if entity < self._known:
                    self._types.put(entity, ())
                else:  # nothing in the base has to be covered
                    self._types.drop(entity)
                    self._degrees.drop(entity)
        self._counted.clear()
        return gone

    def done(self) -> EntityChanges:
        """What is other of them now."""
        return replace(
            self.names.done(),
            type_names=self._type_names,
            types=self._types.done(),
            degrees=self._degrees.done(),
            present=self._present.done(),
        )

    def _put_types(self, entity: int, names: list[str]) -> None:
        self._types.put(entity, tuple(map(self._type_names.index, names)))

    def _base_degree(self, entity: int) -> int:
        """Facts that the base has of an entity; what matters is whether there are as many as were removed."""
        if entity >= self._known:
            return 0
        one = np.array([entity], dtype=np.int32)
        edges = int(self._base.index.degrees(one)[0])
        return edges + sum(len(column.read(one)[0]) for column in self._base.values)


class SourceBuilder:
    """Sources that are being changed."""

    def __init__(self, before: FactSources) -> None:
        self._stored, self._changed = before.stored, MapBuilder(before.changed)

    def add(self, fact: FactKey, source: Source | None) -> None:
        """Note who says a fact that is new; None stands for the graph itself, which says no more than the fact."""
        if source is not None:
            self._put(fact, (source,))

    def add_to(self, fact: FactKey, source: Source | None) -> bool:
        """Note who says a fact that is there; whether that was not known before."""
        said = self._said(fact)
        if (source is None and not said) or source in said:
            return False
        # What was there without a source is said by the graph itself, whoever says it too.
        self._put(fact, (*(said or (None,)), source))
        return True

    def take(self, fact: FactKey, document: str) -> bool:
        """Let a document no longer say a fact that it says; whether anyone else says it, so that it stays."""
        left = tuple(source for source in self._said(fact) if source is None or source.document != document)
        if left:
            self._put(fact, () if left == (None,) else left)
        return bool(left)

    def remove(self, fact: FactKey) -> None:
        """Let nobody say a fact, since it is removed."""
        if self._said(fact):
            self._put(fact, ())

    def done(self) -> FactSources:
        """The sources now."""
        return FactSources(self._stored, self._changed.done())

    def _said(self, fact: FactKey) -> Provenance:
        said = self._changed.get(fact)
        return self._stored.of_fact(fact) if said is None else said

    def _put(self, fact: FactKey, said: Provenance) -> None:
        if said or self._stored.of_fact(fact):
            self._changed.put(fact, said)
        else:  # nothing that is stored has to be covered
            self._changed.drop(fact)
