"""Extracted triples resolved to entities, with where they stand, what was dropped, and their graph.

A name means the thing of the graph that has it as its label, else as its id, else but for case, accents and marks,
else as another name, which is told. A name that is only alike is another thing; that is told too. In one run two
spellings are one thing where they are the same but for case, accents and marks, and never otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kg_data.columns import ValueKind
from kg_data.values import Value, plain_value
from reasoning.extraction.asking import MOST_TRIPLES, Grounded, Reason, TriplesReply, UnreadableReplyError, grounded
from reasoning.extraction.documents import Passage
from reasoning.extraction.schema import ExtractionSchema, RelationSchema, ThingKinds
from reasoning.graph.content import Relation
from reasoning.graph.names import fold
from reasoning.graph.provenance import Source, Sourced
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.updates.edits import Change
from reasoning.lm.calls import TokenUsage
from reasoning.lm.errors import LLMError
from skylark.errors import SkylarkError, UsageError

TYPE = "type"
"""The relation that says what things are, of a graph that is made of texts alone."""

MOST_COMPARED = 100
"""New names that are compared with all names of a graph, for the hint that one may have been misspelt."""

LARGEST_COMPARED = 200_000
"""Things of a graph of which that is done."""


@dataclass(frozen=True)
class Thing:
    """What a name means, and the label that people are shown.

    Attributes:
        name: what the graph is told: the id of a thing that is there, else the new one's name.
        entity: in the graph, None where it is new.
    """

    name: str
    label: str
    entity: int | None = None


@dataclass
class Resolver:
    """Names of one run, resolved one triple after the other, against the graph that is added to where there is one.

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


MOST_SHOWN = 5
"""Failures and names that are told one by one."""


@dataclass(frozen=True)
class Extracted:
    """A triple as people are shown it, with the document, line and characters of its evidence, and these characters."""

    head: str
    relation: str
    tail: str | Value
    source: Source
    evidence: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        tail = str(self.tail) if isinstance(self.tail, Value) and self.tail.kind == "date" else self.tail
        shown = plain_value(*tail) if isinstance(tail, Value) else tail
        return {
            "head": self.head, "relation": self.relation, "tail": shown, "evidence": self.evidence,
            **self.source.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """A passage that could not be read: the document and the line where it begins, and why, in a sentence."""

    place: Source
    reason: str


@dataclass(frozen=True, eq=False)
class Extraction:
    """What came of extracting from documents.

    Attributes:
        documents: their names.
        passages: how many there were.
        schema: the relations that were looked for.
        triples: what the documents say, in their order.
        facts: the same as the graph is told it, with the kinds of things.
        dropped: how many triples of the model's were dropped, by the reason.
        failures: passages that could not be read.
        cut_off: replies that ended at their length limit, so that what stood behind it is missing.
        merged: names that mean a thing of the graph by another name, each with that.
        alike: new names, each with the name of a thing of the graph that is spelled nearly so.
        usage: what the model took.
        kg: the graph that was added to, None where there was none.
    """

    documents: tuple[str, ...]
    passages: int
    schema: ExtractionSchema
    triples: tuple[Extracted, ...]
    facts: tuple[Sourced, ...]
    dropped: Mapping[Reason, int]
    failures: tuple[Failure, ...]
    cut_off: int
    merged: Mapping[str, str]
    alike: Mapping[str, str]
    usage: TokenUsage
    kg: KnowledgeGraph | None = None

    @property
    def change(self) -> Change:
        """What the graph that was added to is changed by: what its documents said before goes for what they say now.

        Of a document that could not all be read what it said before stays, since it may say so in what was not read.
        """
        there = () if self.kg is None else self.kg.documents()
        partly_read = {failure.place.document for failure in self.failures}
        before = [document for document in self.documents if document in there and document not in partly_read]
        return Change.of(self.facts, remove_sources=before)

    @property
    def graph(self) -> KnowledgeGraph:
        """The graph of the texts, or the one that was added to with what they say; itself where that changes nothing.

        Raises:
            SkylarkError: there is no triple for a graph.
            ChangeError: the documents were all that the graph was made of, and say nothing any more.
        """
        if self.kg is None:
            if not self.facts:
                raise SkylarkError(f"no graph can be made: {self.summary()}")
            return KnowledgeGraph.from_triples(self.facts, name=self.documents[0] if self.is_of_one else "texts")
        change, documents = self.change, set(self.documents)
        after = self.kg.changed(self.facts, remove_sources=change.remove_sources)
        return self.kg if told_documents(self.kg, documents) == told_documents(after, documents) else after

    @property
    def is_of_one(self) -> bool:
        """Whether there was one document."""
        return len(self.documents) == 1

    def summary(self) -> str:
        """What came of it, in one sentence."""
        count = len(self.triples)
        triples, passages = (
            f"{n:,} {word}{'s' * (n != 1)}" for n, word in ((count, "triple"), (self.passages, "passage"))
        )
        return f"{triples} in {passages} of {len(self.documents):,} document{'s' * (not self.is_of_one)}"

    def notes(self) -> Iterator[str]:
        """What a person should know of it, in sentences."""
        for reason, count in sorted(self.dropped.items(), key=lambda item: -item[1]):
            yield f"dropped {count:,} triple{'s' * (count != 1)} {reason}"
        if self.failures:
            first = "; ".join(f"{failure.place}: {failure.reason}" for failure in self.failures[:MOST_SHOWN])
            more = f"; and {len(self.failures) - MOST_SHOWN:,} more" if len(self.failures) > MOST_SHOWN else ""
            yield f"{len(self.failures):,} of {self.passages:,} passages could not be read ({first}{more})"
        if self.cut_off:
            yield f"{self.cut_off:,} replies were cut off at their length limit: take smaller passages (chunk_tokens)"
        for names, says in ((self.merged, 'was read as "{}" of the graph'), (self.alike, 'is a new thing beside "{}"')):
            for name, other in list(names.items())[:MOST_SHOWN]:
                yield f'"{name}" {says.format(other)}'
            if len(names) > MOST_SHOWN:
                yield f"and {len(names) - MOST_SHOWN:,} more such names"

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "documents": list(self.documents),
            "passages": self.passages,
            "schema": self.schema.to_dict(),
            "triples": [triple.to_dict() for triple in self.triples],
            "dropped": {reason.name.lower(): count for reason, count in sorted(self.dropped.items())},
            "failed": [{**failure.place.to_dict(), "reason": failure.reason} for failure in self.failures],
            "cut_off": self.cut_off,
            "merged": dict(self.merged),
            "alike": dict(self.alike),
            "usage": self.usage.to_dict(),
        }


PassageReply = tuple[TriplesReply, bool] | UnreadableReplyError | LLMError
"""A reply to a passage with whether it was cut off; or why there is none that can be read."""


class Gathering:
    """The passages of one run as their replies come.

    Attributes:
        passages: how many were read, those that failed included.
        failures: passages that could not be read.
        silent: how many of the last ones in a row the model gave no reply to, not even a wrong one.
    """

    def __init__(self, kg: KnowledgeGraph | None, schema: ExtractionSchema) -> None:
        self.schema = schema
        self.passages = self.silent = 0
        self.failures: list[Failure] = []
        self._resolver = Resolver(kg, schema)
        self._triples: list[Extracted] = []
        self._dropped: Counter[Reason] = Counter()
        self._cut_off = 0

    def add(self, passage: Passage, said: PassageReply) -> None:
        """Take what a model said of the next passage, and hold it against its words."""
        self.passages += 1
        if isinstance(said, Exception):
            self.failures.append(Failure(Source(passage.document, passage.line), str(said)))
            self.silent = self.silent + 1 if isinstance(said, LLMError) else 0
            return
        self.silent = 0
        reply, was_cut_off = said
        self._cut_off += was_cut_off
        if len(reply.triples) > MOST_TRIPLES:
            self._dropped[Reason.TOO_MANY] += len(reply.triples) - MOST_TRIPLES
        seen: set[Grounded] = set()
        for row in reply.triples[:MOST_TRIPLES]:
            found = grounded(row, passage, self.schema)
            if isinstance(found, Grounded):
                if found in seen:
                    continue
                seen.add(found)
                fact = self._resolver.add(found)
                if not isinstance(fact, Reason):
                    self._triples.append(Extracted(*fact, found.source, found.evidence))
                    continue
                found = fact
            self._dropped[found] += 1

    def extraction(self, documents: tuple[str, ...], usage: TokenUsage, kg: KnowledgeGraph | None) -> Extraction:
        """What came of the passages so far, for all documents of the run."""
        return Extraction(
            documents=documents,
            passages=self.passages,
            schema=self.schema,
            triples=tuple(self._triples),
            facts=tuple(self._resolver.facts),
            dropped=dict(self._dropped),
            failures=tuple(self.failures),
            cut_off=self._cut_off,
            merged=dict(self._resolver.merged),
            alike=dict(self._resolver.alike),
            usage=usage,
            kg=kg,
        )
