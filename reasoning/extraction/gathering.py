"""What passages say, gathered one after the other, so that what there is so far can be looked at at any time."""

from __future__ import annotations

from collections import Counter

from reasoning.extraction.extraction import Extracted, Extraction, Failure
from reasoning.extraction.grounding import Grounded, Reason, grounded
from reasoning.extraction.passages import Passage
from reasoning.extraction.replies import MOST_TRIPLES, TriplesReply, UnreadableReplyError
from reasoning.extraction.resolving import Resolver
from reasoning.extraction.schema import ExtractionSchema
from reasoning.graph.sources import Source
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.errors import LLMError
from reasoning.language.usage import TokenUsage

Said = tuple[TriplesReply, bool] | UnreadableReplyError | LLMError
"""A reply to a passage with whether it was cut off; or why there is none that can be read."""


class Gathering:
    """The passages of one run as their replies come.

    Args:
        kg: the graph whose names those of the texts are resolved against, None where there is none.
        schema: the relations that are looked for.

    Attributes:
        schema: the same.
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

    def add(self, passage: Passage, said: Said) -> None:
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
        """What came of the passages so far.

        Args:
            documents: the names of all documents of the run.
            usage: what the model took so far.
            kg: the graph that is added to.
        """
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
