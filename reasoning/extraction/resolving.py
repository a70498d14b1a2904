"""From what texts say to facts of a graph: which thing a name means, which names are one, what does not fit.

A name means the thing of the graph that has it as its label, else as its id, else but for case, accents and marks, else
as another name, which is told. A name that is only alike is another thing; that is told too. In one run two spellings
are one thing where they are the same but for case, accents and marks, and never otherwise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from kg_data.columns import ValueKind
from kg_data.errors import UsageError
from kg_data.values import Value
from reasoning.extraction.graph_schema import ThingKinds
from reasoning.extraction.grounding import Grounded, Reason
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.graph.names import fold
from reasoning.graph.relations import Relation
from reasoning.graph.sources import Source, Sourced
from reasoning.graph.store import KnowledgeGraph

TYPE = "type"
"""The relation that says what things are, of a graph that is made of texts alone."""

MOST_COMPARED = 100
"""New names that are compared with all names of a graph, for the hint that one may have been misspelt."""

LARGEST_COMPARED = 200_000
"""Things of a graph of which that is done."""


@dataclass(frozen=True)
class Thing:
    """What a name means.

    Attributes:
        name: what the graph is told: the id of a thing that is there, else the new one's name.
        label: what people are shown.
        entity: in the graph, None where it is new.
    """

    name: str
    label: str
    entity: int | None = None


@dataclass
class Resolver:
    """Names of one run, resolved one triple after the other.

    Args:
        kg: the graph that is added to, None where there is none.
        schema: whose relations are checked against the graph at once.

    Attributes:
        facts: what the graph is to be told, kinds of new things included.
        merged: names that mean a thing of another name, each with that.
        alike: new names, each with the name of a thing that is spelled nearly so.

    Raises:
        UsageError: a relation has values in the schema and leads to things in the graph, or the other way round.
    """

    kg: KnowledgeGraph | None
    schema: ExtractionSchema
    facts: list[Sourced] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    alike: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kinds = None if self.kg is None else ThingKinds(self.kg)
        self._type_relation = TYPE if self._kinds is None else self._kinds.type_relation
        self._things: dict[str, Thing] = {}
        self._typed: set[tuple[str, str, str]] = set()
        self._values: dict[tuple[str, str], Value] = {}
        self._compared = 0
        self._relations = {relation.name: self._relation(relation) for relation in self.schema.relations}

    def add(self, triple: Grounded) -> tuple[str, str, str | Value] | Reason:
        """Take a triple; gives it as people are shown it, or why it does not fit the graph."""
        relation = triple.relation
        head = self._thing(triple.head, relation.heads)
        if isinstance(head, Reason):
            return head
        if isinstance(triple.tail, Value):
            value = self._value(head, relation, triple.tail)
            if isinstance(value, Reason):
                return value
            self._tell(head, relation, value, triple.source)
            return head.label, relation.name, value
        tail = self._thing(triple.tail, relation.tails)
        if isinstance(tail, Reason):
            return tail
        if head.name == tail.name:
            return Reason.SAME_ENDS
        self._tell(head, relation, tail.name, triple.source)
        self._type(tail, relation.tails, triple.source)
        return head.label, relation.name, tail.label

    def _tell(self, head: Thing, relation: RelationSchema, tail: str | Value, source: Source) -> None:
        self.facts.append(Sourced(head.name, self._relations[relation.name], tail, source))
        self._type(head, relation.heads, source)

    def _type(self, thing: Thing, kinds: tuple[str, ...], source: Source) -> None:
        """Say what a thing is, where the schema says that of the end at which it stands: once for each document."""
        if len(kinds) != 1 or self._type_relation is None:
            return
        if (told := (thing.name, kinds[0], source.document)) not in self._typed:
            self._typed.add(told)
            kind = self._thing(kinds[0], ())
            if isinstance(kind, Thing) and kind.name != thing.name:
                self.facts.append(Sourced(thing.name, self._type_relation, kind.name, source))

    def _thing(self, name: str, kinds: tuple[str, ...]) -> Thing | Reason:
        key = fold(name)
        if (known := self._things.get(key)) is not None and known.entity is None:
            return known
        if self.kg is None:
            return self._things.setdefault(key, Thing(name, name))
        found = self._in_graph(self.kg, name)
        if not found:
            self._compare(self.kg, name)
            return self._things.setdefault(key, Thing(name, name))
        assert self._kinds is not None
        wanted = set(map(fold, kinds))
        fitting = [entity for entity in found if not wanted or not (of := self._kinds.of(entity)) or of & wanted]
        if len(fitting) != 1:
            return Reason.AMBIGUOUS if len(fitting) > 1 else Reason.WRONG_KIND
        label = self.kg.name(fitting[0])
        if fold(label) != key:
            self.merged[name] = label
        return self._things.setdefault(key, Thing(self.kg.identifier(fitting[0]), label, fitting[0]))

    @staticmethod
    def _in_graph(kg: KnowledgeGraph, name: str) -> list[int]:
        """The things that have a name, but for case, accents and marks; of several those that are spelled so."""
        displayed = kg.displayed_as(name)
        if displayed is not None:
            return [displayed]
        if not kg.names.called(name):
            return []
        match = kg.names.match(name)
        return [] if match is None else list(match.entities)

    def _compare(self, kg: KnowledgeGraph, name: str) -> None:
        if self._compared >= MOST_COMPARED or kg.entity_count > LARGEST_COMPARED:
            return
        self._compared += 1
        match = kg.names.match(name)
        if match is not None and match.corrected_to is not None:
            self.alike[name] = match.corrected_to

    def _value(self, head: Thing, relation: RelationSchema, value: Value) -> Value | Reason:
        """A value, unless the thing has another one under the relation."""
        kind = self._kind_of_column(relation)
        if kind is not None and kind != value.kind:
            value = Value(kind, value.number)
        there = self._values.get((head.name, relation.name))
        if there is None and self.kg is not None and head.entity is not None:
            at = self._there(relation)
            if at is not None:
                column = self.kg.literals[at.index]
                numbers = column.read(np.array([head.entity], dtype=np.int32))[1].tolist()
                there = Value(column.kind, numbers[0]) if numbers else None
        if there is not None and there.number != value.number:
            return Reason.CONFLICT
        self._values[head.name, relation.name] = value
        return value

    def _relation(self, relation: RelationSchema) -> str:
        """The name by which the graph is told of a relation."""
        at = self._there(relation)
        if at is None or self.kg is None:
            return relation.name
        if at.inverse:
            raise UsageError(
                f'"{relation.name}" is the relation "{self.kg.label(at)}" of the graph backwards: name that one in the '
                "schema, with its head and tail"
            )
        kind = self._kind_of_column(relation)
        if (kind is None) != (relation.value is None) or (
            kind != relation.value and {kind, relation.value} != {"integer", "decimal"}
        ):
            has = "leads to things" if kind is None else f"has values, each of the kind {kind}"
            raise UsageError(
                f'in the graph the relation "{relation.name}" {has}, in the schema it '
                f"{'leads to things' if relation.value is None else f'has values of the kind {relation.value}'}: "
                "give it another name there, or the same tail"
            )
        return self.kg.label(at)

    def _there(self, relation: RelationSchema) -> Relation | None:
        found = [] if self.kg is None else self.kg.content.relations.named(relation.name)
        if len(found) > 1:
            raise UsageError(
                f'the graph has {len(found)} relations named "{relation.name}": leave it out of the schema'
            )
        return found[0] if found else None

    def _kind_of_column(self, relation: RelationSchema) -> ValueKind | None:
        at = self._there(relation)
        return None if at is None or self.kg is None or at.kind != "values" else self.kg.literals[at.index].kind


def told_documents(kg: KnowledgeGraph, documents: set[str]) -> Counter[tuple[str, str, object, Source]]:
    """What a graph says because some documents do: ids of head and relation, id or number of the tail, the source."""
    sources = kg.content.sources
    found: Counter[tuple[str, str, object, Source]] = Counter()
    for document in documents:
        for key in sources.said_by(document):
            head, relation, tail = key
            names = kg.content.relations
            if relation < 0:
                column = kg.literals[-1 - relation]
                number = column.read(np.array([head], dtype=np.int32))[1].tolist()[0]
                fact: tuple[str, str, object] = (kg.identifier(head), column.identifier, number)
            else:
                fact = (kg.identifier(head), names.identifier(Relation("edges", relation)), kg.identifier(tail))
            found.update((*fact, source) for source in sources.of(key) if source.document == document)
    return found
