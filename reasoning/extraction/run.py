"""A run: documents divided, passages asked for, replies held against them, names resolved, in the texts' order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from kg_data.errors import UsageError
from reasoning.extraction.asking import Asker, open_model
from reasoning.extraction.documents import Texts, documents_of
from reasoning.extraction.extraction import Extraction
from reasoning.extraction.gathering import Gathering, Said
from reasoning.extraction.graph_schema import schema_of_graph
from reasoning.extraction.messages import extracting_messages, proposing_messages
from reasoning.extraction.options import ExtractionOptions
from reasoning.extraction.passages import Passage, passages
from reasoning.extraction.replies import (
    MOST_PROPOSED,
    RelationsReply,
    TriplesReply,
    UnreadableReplyError,
    relations_kind,
    triples_kind,
)
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.graph.names import fold
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

    def gathering(self, schema: ExtractionSchema) -> Gathering:
        """What nothing is gathered in yet: `gather` does it.

        Raises:
            UsageError: the schema does not fit the graph that is added to.
        """
        return Gathering(self._without_documents(), schema)

    def gather(self, gathering: Gathering) -> Iterator[Passage]:
        """Ask for the triples of one passage after the other; gives each once it is gathered.

        Whoever takes no more of them asks for no more: what was gathered until then is whole.

        Raises:
            LLMError: the model failed for several passages in a row, or for all.
        """
        for passage, said in self._replies(gathering.schema):
            gathering.add(passage, said)
            if isinstance(said, LLMError) and gathering.silent >= GIVEN_UP_AFTER:
                raise self._given_up(said, gathering.passages - len(gathering.failures))
            yield passage
        if gathering.failures and len(gathering.failures) == gathering.passages:
            raise LLMError(
                f"{display_name(self.llm)} could read none of {gathering.passages:,} passages: "
                f"{gathering.failures[0].reason}"
            )

    def gathered(self, gathering: Gathering) -> Extraction:
        """What came of the passages that were gathered so far."""
        return gathering.extraction(tuple(document.name for document in self.documents), self.usage, self.kg)

    def extract(self, schema: Schema | None, say: Say | None = None) -> Extraction:
        """See the function of this name."""
        gathering = self.gathering(self.given_schema(schema) or self.proposed_schema())
        for _ in self.gather(gathering):
            if say is not None:
                say(1)
        return self.gathered(gathering)

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

    def _replies(self, schema: ExtractionSchema) -> Iterator[tuple[Passage, Said]]:
        asker = Asker(self.llm, triples_kind(schema), self.options, self._spend)

        def asked(passage: Passage) -> tuple[Passage, Said]:
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
