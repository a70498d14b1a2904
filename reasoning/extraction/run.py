"""A run: documents divided, passages asked for, replies held against them, names resolved, in the texts' order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from kg_data.errors import UsageError
from reasoning.extraction.asking import Asker, open_model
from reasoning.extraction.documents import Texts, documents_of
from reasoning.extraction.extraction import Extracted, Extraction, Failure
from reasoning.extraction.graph_schema import schema_of_graph
from reasoning.extraction.grounding import Grounded, Reason, grounded
from reasoning.extraction.messages import extracting_messages, proposing_messages
from reasoning.extraction.options import ExtractionOptions
from reasoning.extraction.passages import Passage, passages
from reasoning.extraction.replies import (
    MOST_PROPOSED,
    MOST_TRIPLES,
    RelationsReply,
    TriplesReply,
    UnreadableReplyError,
    relations_kind,
    triples_kind,
)
from reasoning.extraction.resolving import Resolver
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.graph.names import fold
from reasoning.graph.sources import Source
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.calling import at_once
from reasoning.language.concurrent_map import concurrent_map
from reasoning.language.errors import LLMError
from reasoning.language.hosted.providers import display_name
from reasoning.language.usage import TokenUsage

SAMPLES = 4
"""Passages from which relations are proposed, evenly spread over all."""

GIVEN_UP_AFTER = 3
"""Passages in a row for which the model gave no reply, not even a wrong one: whatever ails it will not pass."""

Say = Callable[[int], object]
"""Is given how many passages were read since it was called last."""

Schema = ExtractionSchema | Mapping[str, object] | Path | KnowledgeGraph


def extract(
    documents: Texts,
    llm: str | BaseChatModel,
    schema: Schema | None = None,
    kg: KnowledgeGraph | None = None,
    options: ExtractionOptions | None = None,
    say: Say | None = None,
) -> Extraction:
    """What documents say, as triples with the words that say them.

    Args:
        documents: texts, files by their `Path`, or names with texts.
        llm: a chat model, see `load_llm`; the embedded one is refused.
        schema: the relations to look for: a schema, its content or file, or a graph whose relations they are. None
            takes those of `kg`; where that is None too, the model proposes them from a sample of the texts.
        kg: the graph that is to be added to: its names are what those in the texts are resolved against.
        options: how the model is asked.
        say: told of progress.

    Raises:
        UsageError: a document, the schema or the model cannot be used.
        LLMError: the model failed for several passages in a row, or for all; what it has replied is kept.
    """
    return Run(documents, llm, kg, options or ExtractionOptions()).extract(schema, say)


class Run:
    """Documents that one model is asked about.

    Args:
        documents, llm, kg, options: see `extract`.

    Attributes:
        llm: the chat model.
        documents: with their texts.
        usage: what the model took so far.
    """

    def __init__(
        self, documents: Texts, llm: str | BaseChatModel, kg: KnowledgeGraph | None, options: ExtractionOptions
    ) -> None:
        if kg is not None and kg.server is not None:
            raise UsageError(f'the graph "{kg.graph_name}" is on a server, where others change it: nothing is added')
        self.documents = documents_of(documents)
        self.llm = open_model(llm, options)
        self.kg, self.options = kg, options
        self.usage = TokenUsage()
        self._lock = threading.Lock()

    def passages(self) -> Iterator[Passage]:
        """The passages of all documents, in order."""
        for document in self.documents:
            yield from passages(document, self.options.chunk_tokens)

    def given_schema(self, schema: Schema | None) -> ExtractionSchema | None:
        """The schema that is meant; None where one is to be proposed.

        Raises:
            UsageError: it is none.
        """
        match schema:
            case None:
                return None if self.kg is None else schema_of_graph(self.kg)
            case ExtractionSchema():
                return schema
            case KnowledgeGraph():
                return schema_of_graph(schema)
            case Path():
                return ExtractionSchema.read(schema)
        return ExtractionSchema.from_dict(schema)

    def proposed_schema(self) -> ExtractionSchema:
        """The relations that the model proposes from a sample of the texts.

        Raises:
            LLMError: it failed, or proposes none that can be used.
        """
        asker = Asker(self.llm, relations_kind(), self.options, self._spend)
        try:
            said, _ = asker.ask(proposing_messages(self.samples()), RelationsReply)
        except UnreadableReplyError as error:
            raise LLMError(
                f"{display_name(self.llm)} proposed no schema ({error}): give one, or another model"
            ) from None
        found: dict[str, RelationSchema] = {}
        for row in said.relations[:MOST_PROPOSED]:
            try:
                relation = RelationSchema.from_dict(row.model_dump())
            except UsageError:
                continue
            found.setdefault(fold(relation.name), relation)
        if not found:
            raise LLMError(f"{display_name(self.llm)} proposed no relation for these texts: give a schema")
        return ExtractionSchema(tuple(found.values()))

    def samples(self) -> list[Passage]:
        """The passages from which relations are proposed."""
        total = self.count()
        chosen = {total * at // SAMPLES for at in range(SAMPLES)}
        return [passage for at, passage in enumerate(self.passages()) if at in chosen]

    def count(self) -> int:
        """How many passages there are."""
        return sum(1 for _ in self.passages())

    def extract(self, schema: Schema | None, say: Say | None = None) -> Extraction:
        """See the function of this name."""
        meant = self.given_schema(schema) or self.proposed_schema()
        resolver = Resolver(self._without_documents(), meant)
        triples: list[Extracted] = []
        dropped: Counter[Reason] = Counter()
        failures: list[Failure] = []
        total = cut_off = silent = 0
        for passage, said in self._replies(meant):
            total += 1
            if say is not None:
                say(1)
            place = Source(passage.document, passage.line)
            if isinstance(said, Exception):
                failures.append(Failure(place, str(said)))
                silent = silent + 1 if isinstance(said, LLMError) else 0
                if isinstance(said, LLMError) and silent >= GIVEN_UP_AFTER:
                    raise self._given_up(said, total - len(failures))
                continue
            silent = 0
            reply, was_cut_off = said
            cut_off += was_cut_off
            if len(reply.triples) > MOST_TRIPLES:
                dropped[Reason.TOO_MANY] += len(reply.triples) - MOST_TRIPLES
            seen: set[Grounded] = set()
            for row in reply.triples[:MOST_TRIPLES]:
                found = grounded(row, passage, meant)
                if isinstance(found, Grounded):
                    if found in seen:
                        continue
                    seen.add(found)
                    fact = resolver.add(found)
                    if not isinstance(fact, Reason):
                        triples.append(Extracted(*fact, found.source, found.evidence))
                        continue
                    found = fact
                dropped[found] += 1
        if failures and len(failures) == total:
            raise LLMError(f"{display_name(self.llm)} could read none of {total:,} passages: {failures[0].reason}")
        return Extraction(
            documents=tuple(document.name for document in self.documents),
            passages=total,
            schema=meant,
            triples=tuple(triples),
            facts=tuple(resolver.facts),
            dropped=dict(dropped),
            failures=tuple(failures),
            cut_off=cut_off,
            merged=resolver.merged,
            alike=resolver.alike,
            usage=self.usage,
            kg=self.kg,
        )

    def _without_documents(self) -> KnowledgeGraph | None:
        """The graph without what these documents said before, None where nothing is left."""
        if self.kg is None:
            return None
        there = self.kg.documents()
        before = [document.name for document in self.documents if document.name in there]
        if not before:
            return self.kg
        said = {key for name in before for key in self.kg.content.sources.said_by(name)}
        by_others = any(
            {source.document if source else None for source in self.kg.content.sources.said(key)} - {*before}
            for key in said
        )
        if len(said) == len(self.kg) + self.kg.value_count and not by_others:
            return None
        return self.kg.changed(remove_sources=before)

    def _replies(
        self, schema: ExtractionSchema
    ) -> Iterator[tuple[Passage, tuple[TriplesReply, bool] | UnreadableReplyError | LLMError]]:
        asker = Asker(self.llm, triples_kind(schema), self.options, self._spend)

        def asked(passage: Passage) -> tuple[Passage, tuple[TriplesReply, bool] | UnreadableReplyError | LLMError]:
            try:
                said, reply = asker.ask(extracting_messages(passage, schema), TriplesReply)
            except (UnreadableReplyError, LLMError) as error:
                return passage, error
            return passage, (said, reply.cut_off)

        return concurrent_map(asked, self.passages(), at_once(self.llm, self.options))

    def _given_up(self, error: LLMError, read: int) -> LLMError:
        kept = (
            "; the replies so far are kept, so the same call goes on from there" if self.options.cache and read else ""
        )
        return LLMError(f"{error} (given up after {GIVEN_UP_AFTER} passages in a row, {read:,} were read before{kept})")

    def _spend(self, usage: TokenUsage) -> None:
        with self._lock:
            self.usage += usage
