"""An extraction run in the texts' order, and an estimate of what it would take.

The estimate counts the real prompts; nothing is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from reasoning.extraction.asking import (
    MOST_PROPOSED,
    Asker,
    ExtractionOptions,
    RelationsReply,
    TriplesReply,
    UnreadableReplyError,
    extracting_messages,
    open_model,
    proposing_messages,
    relations_kind,
    triples_kind,
)
from reasoning.extraction.documents import Passage, Texts, documents_of, passages
from reasoning.extraction.extraction import Extraction, Gathering, PassageReply
from reasoning.extraction.schema import ExtractionSchema, RelationSchema, schema_of_graph
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import ExpectedUsage, TokenUsage, concurrent_map
from reasoning.lm.errors import LLMError
from reasoning.lm.hosted import cost, display_name, is_hosted
from reasoning.lm.loading import at_once
from reasoning.lm.replies import CountsOwnTokens, count_tokens
from skylark.errors import UsageError

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
    """Documents that one model is asked about, see `extract`; `usage` is what the model took so far."""

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
        """The relations that the model proposes from a sample of the texts; a `LLMError` where none can be used."""
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
        """What nothing is gathered in yet: `gather` does it. A `UsageError` where the schema does not fit the graph."""
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

    def _replies(self, schema: ExtractionSchema) -> Iterator[tuple[Passage, PassageReply]]:
        asker = Asker(self.llm, triples_kind(schema), self.options, self._spend)

        def asked(passage: Passage) -> tuple[Passage, PassageReply]:
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


REPLY = (0.1, 1.0)
"""Tokens of a reply for each of its passage: of a text that says little, and of one that is full of facts."""

EMPTY = 8
"""Tokens of a reply without a triple."""

PROPOSAL = (60, 400)
"""Tokens of a proposed schema."""

STAND_IN = ExtractionSchema(tuple(RelationSchema(f"relation {n}", ("kind",), ("kind",)) for n in range(15)))
"""A schema of the size of one that is to be proposed."""


@dataclass(frozen=True, kw_only=True)
class ExtractionEstimate(ExpectedUsage):
    """What a run would take, with a request for a schema where the model is to propose one; replies are at their
    briefest those to texts that say little, at their longest those to such as are full of facts.
    """

    documents: int
    passages: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {"documents": self.documents, "passages": self.passages, **super().to_dict()}

    def __str__(self) -> str:
        """In words, for a terminal."""
        read = f"{self.documents:,} document{'s' * (self.documents != 1)}\n  passages       {self.passages:,}"
        return f"Estimate, nothing was sent: {read}\n{super().__str__()}"


def estimate(run: Run, schema: Schema | None, proposing: bool = False) -> ExtractionEstimate:
    """What a run would take; `proposing` counts the proposal of a schema alone.

    Raises:
        UsageError: the schema is none.
    """
    meant = None if proposing else run.given_schema(schema)
    count = tokens_in = low = high = 0
    for passage in run.passages():
        count += 1
        if not proposing:
            messages = extracting_messages(passage, meant or STAND_IN)
            prompt, own = count_tokens(run.llm, ["\n".join(message.text for message in messages), passage.text])
            tokens_in += prompt
            low += EMPTY + int(REPLY[0] * own)
            high += EMPTY + int(REPLY[1] * own)
    requests = 0 if proposing else count
    if meant is None:
        requests += 1
        proposal = "\n".join(message.text for message in proposing_messages(run.samples()))
        tokens_in += count_tokens(run.llm, [proposal])[0]
        low, high = low + PROPOSAL[0], high + PROPOSAL[1]
    bounds = [cost(run.llm, run.options, tokens_in, tokens) for tokens in (low, high)]
    return ExtractionEstimate(
        documents=len(run.documents),
        passages=count,
        requests=requests,
        input_tokens=tokens_in,
        output_tokens=(low, high),
        cost=None if bounds[0] is None or bounds[1] is None else (bounds[0], bounds[1]),
        assumptions=tuple(_assumptions(run, meant is None and not proposing)),
    )


def _assumptions(run: Run, proposes: bool) -> Iterator[str]:
    yield "every first reply can be read, none is in the cache, and no request has to be sent again"
    yield "a reply has from a tenth of its passage's tokens to as many"
    if not isinstance(run.llm, CountsOwnTokens):
        yield f"three characters are a token, since the tokenizer of {display_name(run.llm)} is not on this machine"
    if is_hosted(run.llm):
        yield "the model writes no thoughts before its replies, which providers charge as tokens out"
    if proposes:
        yield f"the schema that is proposed has {len(STAND_IN.relations)} relations"
