"""What extracting would take, from the real prompts; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reasoning.extraction.messages import extracting_messages, proposing_messages
from reasoning.extraction.run import Run, Schema
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.language.hosted.prices import cost
from reasoning.language.hosted.providers import display_name, is_hosted
from reasoning.language.token_counting import CountsOwnTokens, count_tokens
from reasoning.language.usage import ExpectedUsage

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

    Attributes:
        documents, passages: how many there are.
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
