"""The one form of an answer, whichever method gave it: ranked entities, the steps that led there, the evidence."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from reasoning.binding import BoundChain, BoundStep
from reasoning.completion.soft_run import SoftRun
from reasoning.evidence import Evidence, trace
from reasoning.exact import execute, execute_step, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.llms.usage import NO_USAGE, TokenUsage
from reasoning.query.tree import Query, Value
from reasoning.query_tree import tree_of
from reasoning.sub_question import sub_question

if TYPE_CHECKING:
    from reasoning.completion.proofs import Proof
    from reasoning.contrast import Contrast
    from reasoning.sentence import SentencePart

EVIDENCE_LIMIT = 200
"""Most triples an answer shows as evidence; `evidence_total` says how many there are."""

PROVED = 20
"""Answers, the surest first, whose proofs over predicted edges are shown."""


@dataclass(frozen=True)
class Attempt:
    """One call of the LLM for a step.

    Attributes:
        reply: what it wrote, "" where it wrote nothing or never answered.
        replied: whether it answered at all; False where the provider failed or time ran out.
        error: why the reply was refused, None where it was read.
        seconds: wall time of the call.
        usage: requests, tokens and cost.
    """

    reply: str
    error: str | None
    seconds: float
    replied: bool = True
    usage: TokenUsage = NO_USAGE

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "text": self.reply,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "usage": self.usage.to_dict(),
        }


@dataclass(frozen=True)
class Context:
    """What an LLM was shown for one step.

    Attributes:
        lines: the triples or sets, by display names, in the order shown.
        prompt: the messages as sent.
        tokens: tokens of the prompt by the model's tokenizer.
        relevant: triples (or set members) shown that the step is about.
        distractors: triples shown that it is not about.
        left_out: relevant triples (or members) that did not fit the token budget; of a step in several parts those
            beyond the last part, told with the last.
    """

    lines: tuple[str, ...]
    prompt: str
    tokens: int
    relevant: int
    distractors: int
    left_out: int

    @classmethod
    def together(cls, contexts: Sequence[Context]) -> Context:
        """Several contexts as one: lines and prompts behind each other, counts added up."""
        return cls(
            tuple(line for context in contexts for line in context.lines),
            "\n\n".join(context.prompt for context in contexts),
            sum(context.tokens for context in contexts),
            sum(context.relevant for context in contexts),
            sum(context.distractors for context in contexts),
            sum(context.left_out for context in contexts),
        )

    def counts(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "tokens": self.tokens,
            "relevant": self.relevant,
            "distractors": self.distractors,
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class StepPart:
    """A step as the LLM was asked for it: the whole step, or as much of it as one context holds.

    Every operation distributes over its parts: a projection over a partition of the edges that it follows, a set
    operation over a partition of the entities (each set cut to the same ones), so the step's members are the union of
    its parts' members.

    Attributes:
        context: what the LLM was shown.
        members: int32, shape (m,): the entities that it gave, in the order given.
        attempts: its replies.
        agrees: whether the context, read without fault, gives the same set.
        error: why the part failed, None where it did not.
        scores: shape (m,): the probability of each member where the model gives one.
    """

    context: Context
    members: Ids
    attempts: tuple[Attempt, ...]
    agrees: bool
    error: str | None = None
    scores: NDArray[np.float64] | None = None

    @property
    def seconds(self) -> float:
        """Wall time of all attempts."""
        return sum(attempt.seconds for attempt in self.attempts)

    def to_dict(self, kg: KnowledgeGraph, most: int) -> dict[str, Any]:
        """JSON-serialisable; at most `most` answers are listed."""
        shown: dict[str, Any] = {
            "answers": [kg.name(int(entity)) for entity in self.members[:most]],
            "count": len(self.members),
            "agrees": self.agrees,
            "replies": [attempt.to_dict() for attempt in self.attempts],
            "context": self.context.counts(),
        }
        return shown if self.error is None else {**shown, "error": self.error}


@dataclass(frozen=True)
class StepResult:
    """One step as it was done.

    Attributes:
        kg: the graph, for names.
        step: the bound step.
        inputs: the input sets that it was done with, each sorted.
        members: int32, shape (m,): the entities it gave, in the order given.
        by: "exact" (set algebra), "llm", or "completion" (soft logic over known and predicted edges).
        value: the number or truth value of a `count` or `exists` step.
        values: each member's value where the step reads values, in the members' order.
        error: why the step failed, None where it did not.
        agrees: whether exact execution of this operation on the same inputs gives the same set; None where `by` is
            not "llm".
        parts: the step as the LLM was asked for it; () where `by` is not "llm", several where the step is too big for
            one context, and after a failed part no more.
        parts_total: how many parts there were to ask.
        asked: the question where it was not the step's own (a whole query asked at once).
        scores: shape (m,): the probability of each member where the model gives one, or its confidence.
    """

    kg: KnowledgeGraph
    step: BoundStep
    inputs: tuple[Ids, ...]
    members: Ids
    by: Literal["exact", "llm", "completion"] = "exact"
    value: int | bool | None = None
    values: tuple[Value, ...] | None = None
    error: str | None = None
    agrees: bool | None = None
    parts: tuple[StepPart, ...] = ()
    parts_total: int = 0
    asked: str | None = None
    scores: NDArray[np.float64] | None = None

    @classmethod
    def exactly(cls, kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids]) -> StepResult:
        """The step done by set algebra."""
        found = execute_step(kg, step, inputs)
        values = None
        if found.values is not None and step.relation is not None:
            column = kg.literals[step.relation.index]
            values = tuple(kg.value(column, float(raw)) for raw in found.values)
        return cls(kg, step, tuple(inputs), found.members, value=found.value, values=values)

    @property
    def question(self) -> str:
        """The step as a question in English, earlier answers put in."""
        return self.asked or sub_question(self.kg, self.step, self.inputs)

    @property
    def context(self) -> Context | None:
        """What the LLM was shown, of several parts all together; None where it was not asked."""
        return Context.together([part.context for part in self.parts]) if self.parts else None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The LLM's replies, of several parts one behind the other."""
        return tuple(attempt for part in self.parts for attempt in part.attempts)

    @property
    def usage(self) -> TokenUsage:
        """Requests, tokens and cost of all attempts."""
        return TokenUsage.total(attempt.usage for attempt in self.attempts)

    @property
    def note(self) -> str | None:
        """In words, that the step was asked in several parts or left something out; None where neither is so."""
        context, told = self.context, []
        if self.parts_total > 1:
            told.append(f"was too big for one context and was asked in {self.parts_total} parts")
        if context is not None and context.left_out:
            what = "triples" if self.step.step.operation == "project" or self.asked else "members"
            told.append(f"left out {context.left_out:,} {what} that the token budget had no room for")
        return f"step {self.step.position + 1} {' and '.join(told)}" if told else None

    @property
    def entities(self) -> list[str]:
        """Display names of the members."""
        return [self.kg.name(int(entity)) for entity in self.members]

    def to_dict(self, most: int = 50) -> dict[str, Any]:
        """JSON-serialisable; at most `most` answers are listed, `count` says how many there are."""
        shown: dict[str, Any] = {
            "step": self.step.position + 1,
            "operation": self.step.step.operation,
            "question": self.question,
            "by": self.by,
            "answers": [self.kg.name(int(entity)) for entity in self.members[:most]],
            "count": len(self.members),
        }
        if self.values is not None:
            shown["values"] = [plain(value) for value in self.values[:most]]
        if self.value is not None:
            shown["value"] = self.value
        if self.by == "llm":
            shown["agrees"] = self.agrees
            shown["replies"] = [attempt.to_dict() for attempt in self.attempts]
            if self.context is not None:
                shown["context"] = self.context.counts()
            if self.parts_total > 1:
                shown["parts_total"] = self.parts_total
                shown["parts"] = [part.to_dict(self.kg, most) for part in self.parts]
        if self.error is not None:
            shown["error"] = self.error
        return shown


@dataclass(frozen=True)
class Answer:
    """Ranked entities with the steps that led to them.

    Attributes:
        kg: the graph, for names and evidence.
        query: the logical query that was answered.
        method: "exact", "lark", "complete" or "hybrid".
        ranked: int32, shape (m,): entity indexes, best first.
        scores: shape (m,): the probability that the model gives each entity in the last step, where it gives one;
            else 1.0 for membership in a set.
        chain: the bound chain that was run.
        steps: its steps, in order; after a failed step there are no more.
        value: the number, date or truth value where the query asks for one.
        values: each ranked entity's value where the query reads values or ranks by them, else None.
        notes: what was read for names that did not fit exactly, and other things a reader should know.
        error: why the answer is incomplete, None where it is complete.
        reading: what it took to have a question in English read by a language model.
        understood: what a question in English was understood as and what else it may mean; None for a query.
        soft: the run over known and predicted edges; None where only the graph was asked.
        signals: of method hybrid what each entity is ranked by, shape (len(ranked), 3), see `completion.hybrid`.
    """

    kg: KnowledgeGraph = field(repr=False)
    query: Query
    method: str
    ranked: Ids
    scores: tuple[float, ...]
    chain: BoundChain = field(repr=False)
    steps: tuple[StepResult, ...] = field(repr=False)
    value: Value | bool | None = None
    values: tuple[Value, ...] | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    reading: TokenUsage = NO_USAGE
    understood: ReadQuestion | None = field(default=None, repr=False)
    soft: SoftRun | None = field(default=None, repr=False)
    signals: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def usage(self) -> TokenUsage:
        """Requests, tokens and cost of the whole answer."""
        return TokenUsage.total([self.reading, *(step.usage for step in self.steps)])

    @cached_property
    def entities(self) -> list[str]:
        """Display names, best first."""
        return [self.kg.name(int(entity)) for entity in self.ranked]

    @cached_property
    def ids(self) -> list[str]:
        """The entities' ids in the data set, best first."""
        return [self.kg.identifier(int(entity)) for entity in self.ranked]

    @property
    def evidence(self) -> list[Evidence]:
        """The triples behind the answer, at most `EVIDENCE_LIMIT`."""
        return self._traced[0]

    @property
    def evidence_total(self) -> int:
        """How many triples there are behind the answer."""
        return self._traced[1]

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        """Those of the first `PROVED` answers that soft logic has one of; () where only the graph was asked."""
        if self.soft is None or self.error is not None:
            return ()
        return tuple(self.soft.prove(entity) for entity in self.ranked[:PROVED].tolist() if self.soft.holds(entity))

    @property
    def sentence(self) -> str:
        """The answer in a sentence, made from the result alone; "" where it is incomplete."""
        return "".join(part.text for part in self.sentence_parts)

    @cached_property
    def sentence_parts(self) -> tuple[SentencePart, ...]:
        """The sentence in parts, each with the positions in `evidence` of what it rests on."""
        from reasoning.sentence import sentence_of  # a sentence is made of an answer

        return sentence_of(self)

    @cached_property
    def contrast(self) -> Contrast | None:
        """What settles a yes or no beside the answers, such as the other side of a comparison; None where nothing does,
        or where a language model found the answer."""
        if self.method != "exact" or self.error is not None:
            return None
        from reasoning.contrast import contrast_of

        return contrast_of(self.query, self.kg, bool(self.value), EVIDENCE_LIMIT)

    @cached_property
    def _traced(self) -> tuple[list[Evidence], int]:
        if self.error is not None or not self.steps:
            return [], 0
        if self.soft is not None:
            edges = list(dict.fromkeys(edge for proof in self.proofs for edge in proof.edges))
            return edges[:EVIDENCE_LIMIT], len(edges)
        if not any(step.asked for step in self.steps):
            inputs: list[Sequence[Ids]] = [step.inputs for step in self.steps]
        else:
            # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
            results = execute(self.kg, self.chain)
            inputs = [inputs_of(step, results) for step in self.chain]
        found, total = trace(self.kg, self.chain, inputs, np.sort(self.ranked), EVIDENCE_LIMIT)
        beside = [fact for fact in self.contrast.evidence if fact not in found] if self.contrast is not None else []
        return [*found, *beside][:EVIDENCE_LIMIT], total + len(beside)

    def to_dict(self) -> dict[str, Any]:
        """One JSON-serialisable object: query, method, answers (best first), value, sentence, steps, evidence,
        usage, error; of a question in English also how well it was understood and what else it may mean, and of
        methods complete and hybrid the proofs of the first answers."""
        answers: list[dict[str, Any]] = [
            {"entity": name, "id": identifier, "score": score}
            for name, identifier, score in zip(self.entities, self.ids, self.scores, strict=True)
        ]
        if self.values is not None:
            for entry, value in zip(answers, self.values, strict=True):
                entry["value"] = plain(value)
        shown = {
            "query": str(self.query),
            "verbalised": self.query.verbalise(self.kg),
            "tree": tree_of(self.query, self.kg).to_dict(),
            "method": self.method,
            "answers": answers,
            "value": plain(self.value),
            "sentence": self.sentence,
            "sentence_parts": [part.to_dict() for part in self.sentence_parts],
            "steps": [step.to_dict() for step in self.steps],
            "evidence": [triple.to_list() for triple in self.evidence],
            "evidence_total": self.evidence_total,
            "notes": list(self.notes),
            "usage": self.usage.to_dict(),
            "error": self.error,
        }
        if self.soft is not None:
            shown["proofs"] = [proof.to_dict() for proof in self.proofs]
        return shown if self.understood is None else {**self.understood.to_dict(self.kg), **shown}


def plain(value: Value | bool | None) -> int | float | str | bool | None:
    """A value as JSON can hold it: dates as ISO texts."""
    return value.isoformat() if isinstance(value, datetime.date) else value


# Reading a question by a model needs answers, and whoever writes an answer's schema needs this type.
from reasoning.questions.reading import ReadQuestion  # noqa: E402
