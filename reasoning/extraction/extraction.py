"""What came of extracting: the triples with where they stand, what was dropped and failed, and the graph they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kg_data.errors import SkylarkError
from kg_data.values import Value, plain_value
from reasoning.extraction.grounding import Reason
from reasoning.extraction.resolving import told_documents
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.changing.change import Change
from reasoning.graph.sources import Source, Sourced
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import TokenUsage

MOST_SHOWN = 5
"""Failures and names that are told one by one."""


@dataclass(frozen=True)
class Extracted:
    """A triple as people are shown it.

    Attributes:
        head, relation: names.
        tail: a name, or a value.
        source: the document with the line and the characters of the evidence.
        evidence: these characters of the document.
    """

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
    """A passage that could not be read.

    Attributes:
        place: the document and the line where it begins.
        reason: why, in a sentence.
    """

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
