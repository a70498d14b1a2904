"""Builders of changed facts, relations and values, with the nearest facts for an edit that fits none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, lexical_form
from kg_data.loaders.facts import TWIN_SUFFIXES
from kg_data.values import Value, with_article
from reasoning.errors import ChangeError, UnknownEntityError, UnknownRelationError
from reasoning.graph.content import Relation, RelationTable
from reasoning.graph.names import nearest_texts
from reasoning.graph.provenance import FactKey, Source, value_key
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.builders import ColumnBuilder, EntityBuilder, SourceBuilder
from reasoning.graph.updates.changes import ChangedColumn, Changes
from reasoning.graph.updates.edges import EdgeEditor
from reasoning.graph.updates.edits import Change, Effect, FactEdit

NEAREST = 3
"""Relations named in an error where one is not there."""


class RelationBuilder:
    """Relations that are being changed; `note` is given, in a sentence, what may not have been meant."""

    def __init__(self, before: RelationTable, graph_name: str, note: Callable[[str], object]) -> None:
        self._table, self._graph_name, self._note = before, graph_name, note

    def known(self, name: str) -> Relation | None:
        """The relation with exactly this name, else the one whose twin it names; None where there is neither.

        Raises:
            UnknownRelationError: several relations have it as their label.
        """
        found = self._table.spelled(name)
        if len(found) > 1:
            ids = [self._table.identifier(at) for at in found]
            raise UnknownRelationError(name, ids, self._graph_name, several=True)
        return found[0] if found else self._twin(name)

    def there(self, name: str) -> Relation:
        """The relation that a name means, as `known`.

        Raises:
            UnknownRelationError: there is none, or several have the name.
        """
        relation = self.known(name)
        if relation is None:
            names = self._table.names
            raise UnknownRelationError(name, nearest_texts(name, names) or names[:NEAREST], self._graph_name)
        return relation

    def add(self, name: str, of_values: bool, wanted: Iterable[FactEdit]) -> Relation:
        """A new relation of a name that none is known by.

        Args:
            name: its id and its label; where other facts have it without the suffix of a twin, the inverse of that one.
            of_values: whether it has values.
            wanted: the facts that come with it.
        """
        stem = None if of_values else self._stem(name, wanted)
        if stem is not None:
            relation = self.add(stem, of_values, wanted)
            return self._twin(name) or relation
        table = self._table
        if alike := table.named(name):
            self._note(f'"{name}" is a new relation beside "{table.label(alike[0])}", which is found by it too')
        if of_values:
            self._table = replace(table, value_ids=(*table.value_ids, name), value_labels=(*table.value_labels, name))
            return Relation("values", len(table.value_ids))
        self._table = replace(table, ids=(*table.ids, name), labels=(*table.labels, name))
        return Relation("edges", len(table.ids))

    def done(self) -> RelationTable:
        """The relations now."""
        return self._table

    def _twin(self, name: str) -> Relation | None:
        """The relation that a name with or without the suffix of a twin is the inverse of."""
        stems = [name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)]
        for other in (*stems, *(name + suffix for suffix in TWIN_SUFFIXES)):
            found = self._table.spelled(other)
            if len(found) == 1 and found[0].kind == "edges":
                relation = Relation("edges", found[0].index, not found[0].inverse)
                aliases = self._table.aliases | {name: (relation.index, relation.inverse)}
                self._table = replace(self._table, aliases=aliases)
                return relation
        return None

    def _stem(self, name: str, wanted: Iterable[FactEdit]) -> str | None:
        """The name without the suffix of a twin, where there is no such relation and facts come under it."""
        stems = {name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)}
        stems = {stem for stem in stems if not self._table.spelled(stem)}
        edges = (fact.relation for fact in wanted if stems and isinstance(fact.tail, str))
        return next((relation for relation in edges if relation in stems), None)


SHOWN = 3
"""Things that an error names."""
LOOKED_AT = 1000
"""Tails among which the nearest are looked for."""


class NearestFacts:
    """Puts into words what a graph says; each text ends a sentence, and is "" where there is nothing to say.

    Entities and relations may be new ones, of which the graph says nothing.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph

    def example(self, relation: Relation) -> str:
        """An entity that a relation between entities leads to."""
        if relation.index >= self._graph.relation_count:
            return ""
        tails = self._graph.index.ends(relation.index, not relation.inverse)[:1].tolist()
        return "".join(f', such as "{self._graph.name(tail)}"' for tail in tails)

    def tails(self, head: int, relation: Relation) -> str:
        """What a relation between entities leads to from one of them."""
        tails = self._tails(head, relation)[:SHOWN]
        return f"; there it leads to {quoted(tails)}" if tails else ""

    def instead(self, fact: FactEdit, head: int, relation: Relation, tail: int) -> str:
        """What the graph says in place of a fact between entities that it does not say; the fact is in names."""
        tails = self._tails(head, relation)
        if tails:
            near = (nearest_texts(str(fact.tail), tails) or tails)[:SHOWN]
            return f'; what it says of "{fact.head}": {fact.relation} {quoted(near)}'
        if max(head, tail) < self._graph.entity_count:
            between = self._graph.index.triples(self._graph.index.around(head, False))
            labels = [self._graph.relation_label(r) for _, r, t in between.tolist() if t == tail]
            if labels:
                return f'; what leads from "{fact.head}" to "{fact.tail}": {", ".join(dict.fromkeys(labels))}'
        back = self._tails(head, Relation("edges", relation.index, not relation.inverse))
        if str(fact.tail) in back:
            return f'; it says ("{fact.tail}", "{fact.relation}", "{fact.head}")'
        return f'; it says no {fact.relation} of "{fact.head}"'

    def _tails(self, head: int, relation: Relation) -> list[str]:
        if head >= self._graph.entity_count or relation.index >= self._graph.relation_count:
            return []
        found = self._graph.index.project(np.array([head], dtype=np.int32), relation.index, relation.inverse)
        return [self._graph.name(tail) for tail in found[:LOOKED_AT].tolist()]


def quoted(texts: Iterable[str]) -> str:
    """Texts in quotes, one after the other."""
    return ", ".join(f'"{text}"' for text in texts)


class FactBuilder:
    """Facts that are being changed; `note` is given, in a sentence, what may not have been meant.

    What does not fit is a `ChangeError`, whose message tells what the graph says instead; a name that is not there,
    where something is removed, or that means several is an error of its own kind.
    """

    def __init__(
        self, graph: KnowledgeGraph, before: Changes, entities: EntityBuilder, note: Callable[[str], object]
    ) -> None:
        self._graph, self._entities, self._note = graph, entities, note
        self._relations = RelationBuilder(before.relations, graph.graph_name, note)
        self._edges, self._columns = EdgeEditor(before.edges), list(before.values)
        self._column_builders: dict[int, ColumnBuilder] = {}
        self._sources = SourceBuilder(before.sources)
        self._nearest = NearestFacts(graph)

    def add(self, fact: FactEdit, change: Change) -> Effect:
        """Add a fact of a change; of one that is there, note who says it.

        Raises:
            ChangeError: a value stands where entities stand or the other way round, or the entity has another value.
            UnknownRelationError, AmbiguousEntityError: a name means several.
        """
        relation = self._relation_for(fact, change)
        if relation.kind == "values":
            return self._add_value(fact, relation.index, self._value(fact, relation.index))
        assert isinstance(fact.tail, str)
        head, tail = self._entity_for(fact.head), self._entity_for(fact.tail)
        key = _edge(head, relation, tail)
        if self._edges.holds(*key):
            return self._said(key, fact.source)
        self._edges.put(*key, there=True)
        return self._added(key, fact.source, (head, tail))

    def remove(self, fact: FactEdit, change: Change) -> None:
        """Remove a fact of a change, whoever says it.

        Raises:
            ChangeError: the graph does not say it; the message tells what it says.
            UnknownEntityError, UnknownRelationError, AmbiguousEntityError: a name is not there, or means several.
        """
        relation = self._relations.there(fact.relation)
        head = self._entity_there(fact.head)
        if relation.kind == "values":
            self._remove_value(fact, relation.index, head, change.spelled)
            return
        if not isinstance(fact.tail, str):
            raise ChangeError(
                f'cannot remove {fact}: "{fact.relation}" leads to entities, so the tail is a name'
                f"{self._nearest.tails(head, relation)}"
            )
        tail = self._entity_there(fact.tail)
        key = _edge(head, relation, tail)
        if not self._edges.holds(*key):
            raise ChangeError(
                f"cannot remove {fact}: the graph does not say so{self._nearest.instead(fact, head, relation, tail)}"
            )
        self._drop(key)

    def holds(self, fact: FactEdit, change: Change) -> bool:
        """Whether the graph says a fact of a change, which may name what is not there.

        Raises:
            ChangeError: its tail is no value of its relation.
            UnknownRelationError, AmbiguousEntityError: a name means several.
        """
        relation, head = self._relations.known(fact.relation), self._entities.names.known(fact.head)
        if relation is None or head is None:
            return False
        if relation.kind == "values":
            there = self._column(relation.index).value_of(head)
            is_value = change.spelled or isinstance(fact.tail, Value)
            return there is not None and is_value and there == self._value(fact, relation.index).number
        tail = self._entities.names.known(fact.tail) if isinstance(fact.tail, str) else None
        return tail is not None and self._edges.holds(*_edge(head, relation, tail))

    def forget(self, document: str) -> Effect:
        """Remove a document from the sources, and the facts that only it said.

        Raises:
            ChangeError: it says nothing; the message names the nearest.
        """
        sources = self._sources.done()
        facts = sources.said_by(document)
        if not facts:
            there = list(sources.documents())
            near = nearest_texts(document, there) or there[:SHOWN]
            hint = f"it has facts of {quoted(near)}" if near else "none of its facts has a source"
            raise ChangeError(f'the graph has no fact of the source "{document}"; {hint}')
        staying = 0
        for key in facts:
            if self._sources.take(key, document):
                staying += 1
            else:
                self._drop(key)
        return Effect(removed=len(facts) - staying, sourced=staying)

    def are_said_by(self, document: str) -> bool:
        """Whether a document says any of them."""
        return bool(self._sources.done().said_by(document))

    def done(self, before: Changes) -> Changes:
        """What is other in the graph now, but for its entities, which are as in `before`."""
        return replace(
            before,
            relations=self._relations.done(),
            edges=self._edges.done(),
            values=tuple(
                self._column_builders[at].done() if at in self._column_builders else column
                for at, column in enumerate(self._columns)
            ),
            sources=self._sources.done(),
        )

    # What names mean ------------------------------------------------------------------------------------------------

    def _relation_for(self, fact: FactEdit, change: Change) -> Relation:
        """The relation that a name means where something is added: a new one where none is known by it."""
        tail = fact.tail
        of_values = isinstance(tail, Value)
        relation = self._relations.known(fact.relation)
        if relation is None:
            relation = self._relations.add(fact.relation, of_values, change.add)
            if isinstance(tail, Value):
                empty = LiteralColumn(fact.relation, tail.kind, np.zeros(0, dtype=np.int32), np.zeros(0))
                self._columns.append(ChangedColumn(empty, HashTrieMap(), tail.kind, 0))
        if relation.kind == "edges" and of_values:
            raise ChangeError(
                f'cannot add {fact}: "{fact.relation}" leads to entities{self._nearest.example(relation)}, and {tail} '
                "is a value; as a text it is a name, and a value needs a relation of its own"
            )
        if relation.kind == "values" and not of_values and not change.spelled:
            kind = self._column(relation.index).kind
            raise ChangeError(
                f'cannot add {fact}: "{fact.relation}" has values, each {with_article(kind)}, and "{tail}" is a name; '
                "an entity needs a relation of its own"
            )
        return relation

    def _entity_for(self, name: str) -> int:
        """The entity that a name means where something is added: a new one where none is known by it."""
        names = self._entities.names
        entity = names.known(name)
        if entity is not None:
            return entity
        if alike := names.alike(name):
            self._note(f'"{name}" is a new entity beside "{names.label(alike[0])}", which is found by it too')
        return names.add(name)

    def _entity_there(self, name: str) -> int:
        entity = self._entities.names.known(name)
        if entity is None:
            raise UnknownEntityError(name, self._graph.names.nearest(name), self._graph.graph_name)
        return entity

    def _column(self, number: int) -> ColumnBuilder:
        """A column, to be read and changed."""
        if number not in self._column_builders:
            self._column_builders[number] = ColumnBuilder(self._columns[number])
        return self._column_builders[number]

    def _value(self, fact: FactEdit, column: int) -> Value:
        draft = self._column(column)
        try:
            return draft.read(fact.tail)
        except ValueError as error:
            raise ChangeError(
                f'expected {error} as "{fact.relation}", whose values are each {with_article(draft.kind)}, in {fact}'
            ) from None

    # Facts by what they mean ----------------------------------------------------------------------------------------

    def _add_value(self, fact: FactEdit, number: int, value: Value) -> Effect:
        entity, column = self._entity_for(fact.head), self._column(number)
        there, key = column.value_of(entity), value_key(entity, number)
        if there is None:
            column.give(entity, value)
            return self._added(key, fact.source, (entity,))
        if there != value.number:
            shown = lexical_form(column.kind, there)
            raise ChangeError(
                f'cannot add {fact}: "{fact.head}" has the {fact.relation} {shown}, and an entity has one value; '
                "remove that one in the same change"
            )
        return self._said(key, fact.source)

    def _remove_value(self, fact: FactEdit, number: int, entity: int, spelled: bool) -> None:
        column = self._column(number)
        value = self._value(fact, number) if spelled or isinstance(fact.tail, Value) else None
        there = column.value_of(entity)
        if there is None or value is None or there != value.number:
            has = "has none" if there is None else f"has {lexical_form(column.kind, there)}"
            raise ChangeError(f'cannot remove {fact}: of {fact.relation} "{fact.head}" {has}')
        self._drop(value_key(entity, number))

    def _added(self, key: FactKey, source: Source | None, entities: tuple[int, ...]) -> Effect:
        """Count a fact that is new among those of its entities, and note who says it."""
        self._entities.count(entities, 1)
        self._sources.add(key, source)
        return Effect(added=1)

    def _said(self, key: FactKey, source: Source | None) -> Effect:
        """Note who says a fact that is there."""
        return Effect(there=1, sourced=int(self._sources.add_to(key, source)))

    def _drop(self, key: FactKey) -> None:
        head, relation, tail = key
        if relation < 0:  # a value: see `FactKey`
            self._column(-1 - relation).take(head)
            self._entities.count((head,), -1)
        else:
            self._edges.put(*key, there=False)
            self._entities.count((head, tail), -1)
        self._sources.remove(key)


def _edge(head: int, relation: Relation, tail: int) -> FactKey:
    return (tail, relation.index, head) if relation.inverse else (head, relation.index, tail)
