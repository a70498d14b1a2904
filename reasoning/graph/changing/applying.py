"""From a change in names to a changed graph: what each name means in this graph, and whether the change fits it.

Names are taken as they are spelled, never corrected: a slip would change the wrong thing, and what is not known yet is
new. A change is applied as a whole or refused as a whole, since the graph that it is applied to stays as it is.
"""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, ValueKind
from kg_data.iris import lexical_form
from kg_data.loaders.triples import TWIN_SUFFIXES
from kg_data.supplied import supplies
from kg_data.values import Value, read_value, typed_value
from reasoning.errors import AmbiguousEntityError, ChangeError, UnknownEntityError, UnknownRelationError
from reasoning.graph.changing.change import Change, Wanted
from reasoning.graph.changing.changed_entities import EntityChanges
from reasoning.graph.changing.changed_values import NO_VALUE, ChangedColumn
from reasoning.graph.changing.changes import LEAST_MERGED, MERGED_FROM, Changes, merged
from reasoning.graph.changing.edge_changes import EdgeEditor
from reasoning.graph.changing.persistent import MapDraft
from reasoning.graph.names import fold, keys_of, nearest_texts
from reasoning.graph.relations import Relation
from reasoning.graph.sources import FactKey, FactSources, Said, Source, value_key
from reasoning.graph.store import KnowledgeGraph

log = logging.getLogger(__name__)

NUMBERS = ("integer", "decimal")
SHOWN = 3
"""Things named in an error that are like one that is not there."""
TOLD_EVERY = 1000
"""Facts after which it is said how far one is."""
LOOKED_AT = 1000
"""Tails among which these are looked for."""


Say = Callable[[int], object]
"""Is given how many facts were dealt with since it was called last."""


@dataclass(frozen=True)
class Effect:
    """What a change did to a graph.

    Attributes:
        added, removed: facts that were not there before, and that are no longer there.
        there: facts to be added that were there already.
        sourced: facts of which only the sources are others now.
        described: types, other names and labels that are others now.
    """

    added: int = 0
    removed: int = 0
    there: int = 0
    sourced: int = 0
    described: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.sourced or self.described)

    def __add__(self, other: Effect) -> Effect:
        return Effect(
            self.added + other.added,
            self.removed + other.removed,
            self.there + other.there,
            self.sourced + other.sourced,
            self.described + other.described,
        )


@supplies(KnowledgeGraph.changed)
def changed(
    graph: KnowledgeGraph,
    add: Iterable[tuple[object, ...]] = (),
    remove: Iterable[tuple[object, ...]] = (),
    *,
    types: Iterable[tuple[str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
    labels: Iterable[tuple[str, str]] = (),
    remove_types: Iterable[tuple[str, str]] = (),
    remove_aliases: Iterable[tuple[str, str]] = (),
    remove_sources: Iterable[str] = (),
) -> KnowledgeGraph:
    """See `KnowledgeGraph.changed`."""
    change = Change.of(
        add,
        remove,
        types=types,
        aliases=aliases,
        labels=labels,
        remove_types=remove_types,
        remove_aliases=remove_aliases,
        remove_sources=remove_sources,
    )
    return apply(graph, [change])[0]


def apply(
    graph: KnowledgeGraph, changes: Iterable[Change], say: Say | None = None, again: bool = False
) -> tuple[KnowledgeGraph, Effect]:
    """A graph with changes, one after the other, and what all did; the graph itself where they did nothing.

    Args:
        graph: the graph.
        changes: the changes.
        say: is given the number of facts that were dealt with since it was called last.
        again: they were applied before, so that nobody is warned of them once more.

    Raises:
        ChangeError: one does not fit the graph.
        UnknownEntityError, UnknownRelationError, AmbiguousEntityError: one names what is not there, or several.
    """
    if graph.server is not None:
        raise ChangeError(f'the graph "{graph.graph_name}" is on a server: it is changed there')
    effect, before = Effect(), _changes_of(graph)
    applying = Applying(graph, before, say)
    for change in changes:
        effect += applying.apply(change)
    notes = [] if again else applying.notes
    for note in notes[:SHOWN]:
        log.warning("%s", note)
    if (more := len(notes) - SHOWN) > 0:
        log.warning("and %s more such names", f"{more:,}")
    if not effect:
        return graph, effect
    after = applying.done()
    content = after.content()
    if not len(content.index) and not any(map(len, content.values)):
        raise ChangeError(f'nothing would be left of the graph "{graph.graph_name}": a graph has at least one fact')
    if after.weight > max(LEAST_MERGED, MERGED_FROM * len(before.base.index)):
        content = merged(content)
    return KnowledgeGraph.with_content(content, graph.predicted), effect


def is_done(graph: KnowledgeGraph, change: Change) -> bool:
    """Whether nothing is left that a change would do: what it removes is not there, and what it adds is.

    Raises:
        ChangeError: it does not fit the graph in another way.
        AmbiguousEntityError: several entities have one of its names.
    """
    return Applying(graph, _changes_of(graph)).is_done(change)


def _changes_of(graph: KnowledgeGraph) -> Changes:
    known = graph.content.changes
    return known if isinstance(known, Changes) else Changes.none(graph.content, graph.origin)


class Applying:
    """Applies changes to a graph.

    Names are looked up in what the changes so far have made of it, never in the graph that was given: so a log that is
    applied at one go means what each of its changes meant when it came.

    Args:
        graph: the graph.
        before: what is other in it than in its base.
        say: see `apply`.
    """

    def __init__(self, graph: KnowledgeGraph, before: Changes, say: Say | None = None) -> None:
        self._graph, self._before, self._say_how_far = graph, before, say
        self.notes: list[str] = []
        """What may not have been meant, in sentences."""
        self._base = before.base.entities.whole
        entities = before.entities
        self._edges = EdgeEditor(before.edges)
        self._relations = before.relations
        self._values: dict[int, _ColumnDraft] = {}
        self._columns = list(before.values)
        self._sources: MapDraft[FactKey, Said] = MapDraft(before.sources.changed)
        self._known_sources = bool(before.sources)
        self._ids: list[str] = []
        self._type_names = entities.type_names
        self._numbers, self._labels = MapDraft(entities.numbers), MapDraft(entities.labels)
        self._types, self._keys, self._hidden = (
            MapDraft(entities.types), MapDraft(entities.keys), MapDraft(entities.hidden)
        )  # fmt: skip
        self._degrees, self._present = MapDraft(entities.degrees), MapDraft(entities.present)
        self._gone, self._doubtful = MapDraft(entities.gone), MapDraft(entities.doubtful)
        self._found: dict[str, int] = {}
        self._touched: set[int] = set()
        self._described_now: dict[int, str] = {}
        self._adding: tuple[Wanted, ...] = ()
        self._first_new = len(self._base.ids) + len(entities.ids)

    # A change -----------------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> Effect:
        """Apply a change; removals come first, so that one change can put one thing in place of another."""
        effect, self._adding = Effect(), change.add
        self._found.clear()
        for document in change.remove_sources:
            effect += self._forget(document)
        for fact in self._told(change.remove):
            self._remove(fact, change.spelled)
        effect += Effect(removed=len(change.remove))
        for entity, name in change.remove_types:
            self._remove_type(entity, name)
        for entity, name in change.remove_aliases:
            self._remove_alias(entity, name)
        effects = Counter(self._add(fact, change.spelled) for fact in self._told(change.add))
        for one, times in effects.items():
            effect += Effect(one.added * times, one.removed * times, one.there * times, one.sourced * times)
        described = len(change.remove_types) + len(change.remove_aliases)
        for pairs, give in (
            (change.labels, self._give_label), (change.types, self._give_type), (change.aliases, self._give_alias)
        ):  # fmt: skip
            described += sum(give(entity, text) for entity, text in pairs)
        self._settle_presence()
        self._described_now.clear()
        return effect + Effect(described=described)

    def is_done(self, change: Change) -> bool:
        """See the function of this name."""
        if any(self._holds(fact, change.spelled) for fact in change.remove):
            return False
        for name, type_name in change.remove_types:
            entity = self._known(name)
            if entity is not None and type_name in [self._type_names[number] for number in self._type_numbers(entity)]:
                return False
        for name, alias in change.remove_aliases:
            entity = self._known(name)
            if entity is not None and self._has_key(entity, fold(alias)):
                return False
        sources = FactSources(self._before.sources.stored, self._sources.done())
        if any(sources.said_by(document) for document in change.remove_sources):
            return False
        rest = Change(change.add, (), change.types, change.aliases, change.labels, spelled=change.spelled)
        return not self.apply(rest)

    def _holds(self, fact: Wanted, spelled: bool) -> bool:
        """Whether the graph says a fact that may name what is not there."""
        relation, head = self._spelled(fact.relation) or self._twin(fact.relation), self._known(fact.head)
        if relation is None or head is None:
            return False
        if relation.kind == "values":
            there = self._column(relation.index).value_of(head)
            is_value = spelled or isinstance(fact.tail, Value)
            return there is not None and is_value and there == self._value_of(fact, relation.index).number
        tail = self._known(fact.tail) if isinstance(fact.tail, str) else None
        if tail is None:
            return False
        ends = (tail, head) if relation.inverse else (head, tail)
        return self._edges.holds(ends[0], relation.index, ends[1])

    def _told(self, facts: Sequence[Wanted]) -> Iterator[Wanted]:
        """The facts, with word of how far one is."""
        if self._say_how_far is None:
            yield from facts
            return
        for start in range(0, len(facts), TOLD_EVERY):
            part = facts[start : start + TOLD_EVERY]
            yield from part
            self._say_how_far(len(part))

    def done(self) -> Changes:
        """What is other in the graph now."""
        before = self._before.entities
        entities = EntityChanges(
            self._type_names,
            before.ids.extended(self._ids),
            self._numbers.done(),
            self._labels.done(),
            self._types.done(),
            self._keys.done(),
            self._hidden.done(),
            self._degrees.done(),
            self._present.done(),
            self._gone.done(),
            self._doubtful.done(),
        )
        for number, draft in self._values.items():
            self._columns[number] = draft.done()
        sources = FactSources(self._before.sources.stored, self._sources.done())
        return replace(
            self._before,
            relations=self._relations,
            edges=self._edges.done(),
            entities=entities,
            values=tuple(self._columns),
            sources=sources,
        )

    # Facts --------------------------------------------------------------------------------------------------------

    def _add(self, fact: Wanted, spelled: bool) -> Effect:
        relation = self._relation_for(fact, spelled)
        if relation.kind == "values":
            return self._add_value(fact, relation.index, self._value_of(fact, relation.index))
        assert isinstance(fact.tail, str)
        head, tail = self._entity_for(fact.head), self._entity_for(fact.tail)
        if relation.inverse:
            head, tail = tail, head
        key = (head, relation.index, tail)
        if self._edges.holds(*key):
            return self._say(key, fact.source, new=False)
        self._edges.put(*key, there=True)
        self._count((head, tail), 1)
        return self._say(key, fact.source, new=True)

    def _add_value(self, fact: Wanted, number: int, value: Value) -> Effect:
        entity, column = self._entity_for(fact.head), self._column(number)
        there, key = column.value_of(entity), value_key(entity, number)
        if there is None:
            column.put(entity, value)
            self._count((entity,), 1)
            return self._say(key, fact.source, new=True)
        if there != value.number:
            shown = lexical_form(column.kind, there)
            raise ChangeError(
                f'cannot add {fact}: "{fact.head}" has the {fact.relation} {shown}, and an entity has one value; '
                "remove that one in the same change"
            )
        return self._say(key, fact.source, new=False)

    def _remove(self, fact: Wanted, spelled: bool) -> None:
        relation = self._relation_there(fact)
        head = self._entity_there(fact.head)
        if relation.kind == "values":
            is_value = spelled or isinstance(fact.tail, Value)
            value = self._value_of(fact, relation.index) if is_value else None
            self._remove_value(fact, relation.index, head, value)
            return
        if not isinstance(fact.tail, str):
            raise ChangeError(
                f'cannot remove {fact}: "{fact.relation}" leads to entities, so the tail is a name'
                f"{self._has(head, relation)}"
            )
        tail = self._entity_there(fact.tail)
        key = (tail, relation.index, head) if relation.inverse else (head, relation.index, tail)
        if not self._edges.holds(*key):
            raise ChangeError(
                f"cannot remove {fact}: the graph does not say so{self._nearest(fact, head, relation, tail)}"
            )
        self._drop_edge(key)

    def _remove_value(self, fact: Wanted, number: int, entity: int, value: Value | None) -> None:
        column = self._column(number)
        there = column.value_of(entity)
        if there is None or value is None or there != value.number:
            has = "has none" if there is None else f"has {lexical_form(column.kind, there)}"
            raise ChangeError(f'cannot remove {fact}: of {fact.relation} "{fact.head}" {has}')
        self._drop_value(entity, number)

    def _drop_edge(self, key: FactKey) -> None:
        self._edges.put(*key, there=False)
        self._count((key[0], key[2]), -1)
        self._say_nothing(key)

    def _drop_value(self, entity: int, number: int) -> None:
        self._column(number).put(entity, None)
        self._count((entity,), -1)
        self._say_nothing(value_key(entity, number))

    def _count(self, ends: tuple[int, ...], by: int) -> None:
        for entity in ends:
            self._degrees.put(entity, (self._degrees.get(entity) or 0) + by)
            self._touched.add(entity)

    # Sources ------------------------------------------------------------------------------------------------------

    def _said(self, key: FactKey) -> Said:
        said = self._sources.get(key)
        if said is None and self._known_sources:
            said = self._before.sources.stored.of_fact(key)
        return said or ()

    def _say(self, key: FactKey, source: Source | None, new: bool) -> Effect:
        """Note who says a fact; of one that is new or that no document says the graph itself says nothing more."""
        said = self._said(key)
        if new:
            if source is not None:
                self._tell(key, (source,))
            return Effect(added=1)
        if (source is None and not said) or source in said:
            return Effect(there=1)
        # What was there without a source is said by the graph itself, whoever says it too.
        self._tell(key, (*(said or (None,)), source))
        return Effect(there=1, sourced=1)

    def _say_nothing(self, key: FactKey) -> None:
        if self._said(key):
            self._tell(key, ())

    def _tell(self, key: FactKey, said: Said) -> None:
        if said or (self._known_sources and self._before.sources.stored.of_fact(key)):
            self._sources.put(key, said)
            self._known_sources = True
        else:
            self._sources.drop(key)

    def _forget(self, document: str) -> Effect:
        """Remove a source, and the facts that only it said."""
        sources = FactSources(self._before.sources.stored, self._sources.done())
        facts = sources.said_by(document)
        if not facts:
            there = list(sources.documents())
            near = [f'"{name}"' for name in nearest_texts(document, there) or there[:SHOWN]]
            hint = f"; it has facts of {', '.join(near)}" if near else "; none of its facts has a source"
            raise ChangeError(f'the graph has no fact of the source "{document}"{hint}')
        effect = Effect()
        for key in facts:
            left = tuple(s for s in self._said(key) if s is None or s.document != document)
            if left:
                self._tell(key, () if left == (None,) else left)
                effect += Effect(sourced=1)
            elif key[1] < 0:
                self._drop_value(key[0], -1 - key[1])
                effect += Effect(removed=1)
            else:
                self._drop_edge(key)
                effect += Effect(removed=1)
        return effect

    # Entities -----------------------------------------------------------------------------------------------------

    def _entity_for(self, name: str) -> int:
        """The entity that a name means where something is added: a new one where none is known by it."""
        entity = self._known(name)
        if entity is not None:
            return entity
        if alike := self._with_key(fold(name)):
            self.notes.append(f'"{name}" is a new entity beside "{self._label(alike[0])}", which is found by it too')
        entity = self._found[name] = self._first_new + len(self._ids)
        self._ids.append(name)
        self._numbers.put(name, entity)  # no other has the name as its label: it would be the one that is meant
        self._add_keys(entity, keys_of(name, name))
        return entity

    def _entity_there(self, name: str) -> int:
        """The entity that a name means where something is removed.

        Raises:
            UnknownEntityError: there is none.
        """
        entity = self._known(name)
        if entity is None:
            raise UnknownEntityError(name, self._graph.names.nearest(name), self._graph.graph_name)
        return entity

    def _known(self, name: str) -> int | None:
        """The entity with exactly this id, else with exactly this label, else displayed so.

        Raises:
            AmbiguousEntityError: several have the label.
        """
        entity = self._found.get(name)
        if entity is None:
            entity = self._looked_up(name)
            if entity is None:
                return None
            self._found[name] = entity
        return entity

    def _looked_up(self, name: str) -> int | None:
        entity = self._with_id(name)
        if entity is not None:
            return entity
        same = self._labelled(name)
        if len(same) > 1:
            raise AmbiguousEntityError(name, [self._identifier(entity) for entity in same], len(same))
        return same[0] if same else self._displayed_as(name)

    def _with_id(self, identifier: str) -> int | None:
        if (added := self._numbers.get(identifier)) is not None:
            return added
        entity = self._base.find(identifier)
        return None if entity is None or self._gone.get(entity) else entity

    def _with_key(self, key: str) -> list[int]:
        """Entities under a folded name, rising."""
        hidden = self._hidden.get(key) or ()
        base = (entity for entity in self._before.base.names.with_key(key) if entity not in hidden)
        return sorted({entity for entity in (*base, *(self._keys.get(key) or ())) if not self._gone.get(entity)})

    def _labelled(self, label: str) -> list[int]:
        return [entity for entity in self._with_key(fold(label)) if self._label(entity) == label]

    def _needs_id(self, label: str) -> bool:
        """See `KnowledgeGraph.name`."""
        return len(self._labelled(label)) > 1 or self._displayed_as(label) is not None

    def _displayed_as(self, name: str) -> int | None:
        """See `KnowledgeGraph.displayed_as`."""
        start = name.find(" (") if name.endswith(")") else -1
        while start >= 0:
            entity = self._with_id(name[start + 2 : -1])
            if entity is not None and self._label(entity) == name[:start] and self._needs_id(name[:start]):
                return entity
            start = name.find(" (", start + 1)
        return None

    def _label(self, entity: int) -> str:
        if (label := self._labels.get(entity)) is not None:
            return label
        return self._ids[entity - self._first_new] if entity >= self._first_new else self._graph.entity_labels[entity]

    def _identifier(self, entity: int) -> str:
        return self._ids[entity - self._first_new] if entity >= self._first_new else self._graph.identifier(entity)

    def _doubt(self, label: str) -> None:
        if self._doubtful.get(label) is None:
            self._doubtful.put(label, True)

    def _add_keys(self, entity: int, keys: Iterable[str]) -> bool:
        """Let an entity be found by further keys; whether it was not found by one of them before."""
        new = False
        for key in keys:
            if self._has_key(entity, key):
                continue
            new = True
            hidden = self._hidden.get(key) or ()
            if entity in hidden:
                self._put_or_drop(self._hidden, key, tuple(other for other in hidden if other != entity))
            else:
                others = (other for other in self._keys.get(key) or () if not self._gone.get(other))
                self._keys.put(key, (*others, entity))
        return new

    def _remove_key(self, entity: int, key: str) -> None:
        added = self._keys.get(key) or ()
        if entity in added:
            self._put_or_drop(self._keys, key, tuple(other for other in added if other != entity))
        elif self._has_key(entity, key):
            self._hidden.put(key, (*(self._hidden.get(key) or ()), entity))

    def _has_key(self, entity: int, key: str) -> bool:
        if entity in (self._keys.get(key) or ()):
            return True
        if entity >= len(self._base.ids) or entity in (self._hidden.get(key) or ()):
            return False
        return entity in self._before.base.names.with_key(key)

    @staticmethod
    def _put_or_drop(draft: MapDraft[str, tuple[int, ...]], key: str, entities: tuple[int, ...]) -> None:
        if entities:
            draft.put(key, entities)
        else:
            draft.drop(key)

    # What is said of entities ---------------------------------------------------------------------------------------

    def _described(self, what: str, name: str) -> int:
        entity = self._known(name)
        if entity is None:
            near = self._graph.names.nearest(name)
            hint = f"; nearest names: {', '.join(near)}" if near else ""
            raise ChangeError(f'{what}: the entity "{name}" is in no triple{hint}')
        return entity

    def _given(self, what: str, name: str) -> int:
        """The entity that something is given to; it has to stay."""
        entity = self._described(what, name)
        self._described_now.setdefault(entity, f'{what}: of "{name}"')
        return entity

    def _give_label(self, name: str, label: str) -> bool:
        entity = self._given("labels", name)
        before = self._label(entity)
        if before == label:
            return False
        identifier = self._identifier(entity)
        stays = keys_of(label, identifier)
        if (key := fold(before)) not in stays:
            self._remove_key(entity, key)
        self._labels.put(entity, label)
        self._add_keys(entity, stays)
        self._doubt(before)
        self._doubt(label)
        self._found.clear()
        return True

    def _give_alias(self, name: str, alias: str) -> bool:
        return self._add_keys(self._given("aliases", name), [fold(alias)])

    def _remove_alias(self, name: str, alias: str) -> None:
        entity, key = self._described("remove_aliases", name), fold(alias)
        if not self._has_key(entity, key):
            raise ChangeError(f'remove_aliases: "{name}" is not known as "{alias}" too')
        if key in keys_of(self._label(entity), self._identifier(entity)):
            raise ChangeError(f'remove_aliases: "{alias}" is the own name of "{name}"; labels gives it another')
        self._remove_key(entity, key)

    def _type_numbers(self, entity: int) -> tuple[int, ...]:
        numbers = self._types.get(entity)
        if numbers is None and entity < len(self._base.ids):
            numbers = tuple(self._type_names.index(name) for name in self._base.types(entity))
        return numbers or ()

    def _give_type(self, name: str, type_name: str) -> bool:
        entity = self._given("types", name)
        if type_name not in self._type_names:
            self._type_names = (*self._type_names, type_name)
        number, numbers = self._type_names.index(type_name), self._type_numbers(entity)
        if number in numbers:
            return False
        self._types.put(entity, (*numbers, number))
        return True

    def _remove_type(self, name: str, type_name: str) -> None:
        entity = self._described("remove_types", name)
        numbers = self._type_numbers(entity)
        own = [self._type_names[number] for number in numbers]
        if type_name not in own:
            has = f"it has {', '.join(own)}" if own else "it has none"
            raise ChangeError(f'remove_types: "{name}" does not have the type "{type_name}"; {has}')
        self._types.put(entity, tuple(number for number in numbers if self._type_names[number] != type_name))

    def _settle_presence(self) -> None:
        """Let entities be there that something is said of, and those be gone that nothing is said of any more."""
        for entity in self._touched:
            there = entity < self._first_base and self._in_base(entity)
            more = self._degrees.get(entity) or 0
            if more > 0 or more + self._base_degree(entity) > 0:
                if there:
                    self._present.drop(entity)
                else:
                    self._present.put(entity, True)
            else:
                self._leave(entity, there)
        self._touched.clear()

    def _leave(self, entity: int, there: bool) -> None:
        if (described := self._described_now.get(entity)) is not None:
            raise ChangeError(f"{described} the last fact is removed in the same change, so that it is gone")
        identifier = self._identifier(entity)
        if there:
            self._present.put(entity, False)
        else:
            self._present.drop(entity)
        if self._numbers.get(identifier) == entity:
            self._numbers.drop(identifier)
        self._gone.put(entity, True)
        if self._graph_shares(entity):
            self._doubt(self._label(entity))
        if entity < self._first_base:
            self._types.put(entity, ())
        else:  # nothing in the base has to be covered
            self._types.drop(entity)
            self._degrees.drop(entity)
            for key in keys_of(self._label(entity), identifier):
                self._remove_key(entity, key)
        self._found.clear()

    def _graph_shares(self, entity: int) -> bool:
        """Whether the label of an entity may have been another's too."""
        if self._labels.get(entity) is not None:
            return True
        return entity < self._first_base and self._base.shares_label(entity)

    @property
    def _first_base(self) -> int:
        return len(self._base.ids)

    def _in_base(self, entity: int) -> bool:
        present = self._base.present
        at = int(present.searchsorted(np.int32(entity)))
        return at < len(present) and int(present[at]) == entity

    def _base_degree(self, entity: int) -> int:
        """Facts that the base has of an entity; what matters is whether there are as many as were removed."""
        if entity >= self._first_base:
            return 0
        one = np.array([entity], dtype=np.int32)
        edges = int(self._before.base.index.degrees(one)[0])
        return edges + sum(len(column.read(one)[0]) for column in self._before.base.values)

    # Relations ----------------------------------------------------------------------------------------------------

    def _relation_for(self, fact: Wanted, spelled: bool) -> Relation:
        """The relation that a name means where something is added: a new one where none is known by it."""
        relation = self._spelled(fact.relation)
        of_values = isinstance(fact.tail, Value)
        if relation is None:
            relation = self._twin(fact.relation) or self._new_relation(fact.relation, fact.tail)
        if relation.kind == "edges" and of_values:
            known = relation.index < self._graph.relation_count
            tails = self._graph.index.ends(relation.index, not relation.inverse)[:1].tolist() if known else []
            example = "".join(f', such as "{self._graph.name(tail)}"' for tail in tails)
            raise ChangeError(
                f'cannot add {fact}: "{fact.relation}" leads to entities{example}, and {fact.tail} is a value; '
                "as a text it is a name, and a value needs a relation of its own"
            )
        if relation.kind == "values" and not of_values and not spelled:
            raise ChangeError(
                f'cannot add {fact}: "{fact.relation}" has values, each '
                f'{_with_article(self._column(relation.index).kind)}, and "{fact.tail}" is a name; '
                "an entity needs a relation of its own"
            )
        return relation

    def _relation_there(self, fact: Wanted) -> Relation:
        relation = self._spelled(fact.relation) or self._twin(fact.relation)
        if relation is None:
            there = self._relations.names
            raise UnknownRelationError(
                fact.relation, nearest_texts(fact.relation, there) or there[:SHOWN], self._graph.graph_name
            )
        return relation

    def _spelled(self, name: str) -> Relation | None:
        found = self._relations.spelled(name)
        if len(found) > 1:
            raise UnknownRelationError(name, [self._relations.identifier(at) for at in found], self._graph.graph_name)
        return found[0] if found else None

    def _twin(self, name: str) -> Relation | None:
        """The relation that a name with or without the suffix of a twin is the inverse of."""
        stems = [name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)]
        for other in (*stems, *(name + suffix for suffix in TWIN_SUFFIXES)):
            found = self._relations.spelled(other)
            if len(found) == 1 and found[0].kind == "edges":
                relation = Relation("edges", found[0].index, not found[0].inverse)
                aliases = self._relations.aliases | {name: (relation.index, relation.inverse)}
                self._relations = replace(self._relations, aliases=aliases)
                return relation
        return None

    def _new_relation(self, name: str, tail: str | Value) -> Relation:
        stem = self._stem_added(name)
        if stem is not None and isinstance(tail, str):
            relation = self._new_relation(stem, tail)
            return self._twin(name) or relation
        table = self._relations
        if alike := table.named(name):
            self.notes.append(f'"{name}" is a new relation beside "{table.label(alike[0])}", which is found by it too')
        if isinstance(tail, str):
            self._relations = replace(table, ids=(*table.ids, name), labels=(*table.labels, name))
            return Relation("edges", len(table.ids))
        self._relations = replace(table, value_ids=(*table.value_ids, name), value_labels=(*table.value_labels, name))
        empty = LiteralColumn(name, tail.kind, np.zeros(0, dtype=np.int32), np.zeros(0))
        self._columns.append(ChangedColumn(empty, HashTrieMap(), tail.kind, 0))
        return Relation("values", len(table.value_ids))

    def _stem_added(self, name: str) -> str | None:
        """The name without the suffix of a twin, where the same change adds facts under it."""
        stems = {name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)}
        stems = {stem for stem in stems if not self._relations.spelled(stem)}
        edges = (fact.relation for fact in self._adding if stems and isinstance(fact.tail, str))
        return next((relation for relation in edges if relation in stems), None)

    # Values -------------------------------------------------------------------------------------------------------

    def _column(self, number: int) -> _ColumnDraft:
        draft = self._values.get(number)
        if draft is None:
            draft = self._values[number] = _ColumnDraft(self._columns[number])
        return draft

    def _value_of(self, fact: Wanted, number: int) -> Value:
        """The tail of a fact as a value of its relation's kind; integers and decimals together are decimals."""
        column, tail = self._column(number), fact.tail
        try:
            if isinstance(tail, str):
                return read_value("decimal" if column.kind == "integer" and not _is_whole(tail) else column.kind, tail)
            if tail.kind in NUMBERS and column.kind in NUMBERS:
                return tail
            return typed_value(column.kind, _plain(tail))
        except ValueError as error:
            raise ChangeError(
                f'expected {error} as "{fact.relation}", whose values are each {_with_article(column.kind)}, in {fact}'
            ) from None

    # Errors -------------------------------------------------------------------------------------------------------

    def _tails(self, head: int, relation: Relation) -> list[str]:
        if head >= self._graph.entity_count or relation.index >= self._graph.relation_count:
            return []
        found = self._graph.index.project(np.array([head], dtype=np.int32), relation.index, relation.inverse)
        return [self._graph.name(tail) for tail in found[:LOOKED_AT].tolist()]

    def _has(self, head: int, relation: Relation) -> str:
        tails = self._tails(head, relation)[:SHOWN]
        return f"; there it leads to {', '.join(map(_quoted, tails))}" if tails else ""

    def _nearest(self, fact: Wanted, head: int, relation: Relation, tail: int) -> str:
        """What the graph says that is nearest to a fact that it does not say."""
        tails = self._tails(head, relation)
        if tails:
            near = (nearest_texts(str(fact.tail), tails) or tails)[:SHOWN]
            return f'; what it says of "{fact.head}": {fact.relation} {", ".join(map(_quoted, near))}'
        if max(head, tail) < self._graph.entity_count:
            between = self._graph.index.triples(self._graph.index.around(head, False))
            labels = [self._graph.relation_label(r) for _, r, t in between.tolist() if t == tail]
            if labels:
                return f'; what leads from "{fact.head}" to "{fact.tail}": {", ".join(dict.fromkeys(labels))}'
        back = self._tails(head, Relation("edges", relation.index, not relation.inverse))
        if str(fact.tail) in back:
            return f'; it says ("{fact.tail}", "{fact.relation}", "{fact.head}")'
        return f'; it says no {fact.relation} of "{fact.head}"'


class _ColumnDraft:
    """A column that is being changed."""

    def __init__(self, before: ChangedColumn) -> None:
        self._before, self._others = before, MapDraft(before.others)
        self.kind: ValueKind = before.kind
        self._count = len(before)

    def value_of(self, entity: int) -> float | None:
        """The value of one entity, None where it has none."""
        if (other := self._others.get(entity)) is not None:
            return None if other != other else other
        return self._before.base_value(entity)

    def put(self, entity: int, value: Value | None) -> None:
        """Give an entity without a value one, or take it away."""
        self._count += -1 if value is None else 1
        if value is None:
            self._others.put(entity, NO_VALUE)
            return
        if value.kind == "decimal" and self.kind == "integer":
            self.kind = "decimal"
        if self._before.base_value(entity) == value.number:
            self._others.drop(entity)
        else:
            self._others.put(entity, value.number)

    def done(self) -> ChangedColumn:
        return ChangedColumn(self._before.base, self._others.done(), self.kind, self._count).settled


def _plain(value: Value) -> object:
    """A value as the Python object that it was given as."""
    if value.kind == "date":
        return datetime.date.fromordinal(int(value.number))
    return value.number if value.kind == "decimal" else int(value.number)


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdigit()


def _with_article(kind: str) -> str:
    return f"{'an' if kind == 'integer' else 'a'} {kind}"


def _quoted(text: str) -> str:
    return f'"{text}"'
