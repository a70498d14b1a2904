"""The one form of an answer, whichever method gave it: ranked entities, the steps that led there, the evidence."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from reasoning.binding import BoundChain, BoundStep
from reasoning.evidence import Evidence, trace
from reasoning.exact import execute, execute_step, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Query, Value
from reasoning.sub_question import sub_question

EVIDENCE_LIMIT = 200
"""Most triples an answer shows as evidence; `evidence_total` says how many there are."""


@dataclass(frozen=True)
class Attempt:
    """One call of the LLM for a step.

    Attributes:
        reply: what it wrote, "" where it wrote nothing or never answered.
        replied: whether it answered at all; False where the provider failed or time ran out.
        error: why the reply was refused, None where it was read.
        seconds: wall time of the call.
    """

    reply: str
    error: str | None
    seconds: float
    replied: bool = True


@dataclass(frozen=True)
class Context:
    """What an LLM was shown for one step.

    Attributes:
        lines: the triples or sets, by display names, in the order shown.
        prompt: the messages as sent.
        tokens: tokens of the prompt by the model's tokenizer.
        relevant: triples (or set members) shown that the step is about.
        distractors: triples shown that it is not about.
        left_out: relevant triples (or members) that did not fit the token budget.
    """

    lines: tuple[str, ...]
    prompt: str
    tokens: int
    relevant: int
    distractors: int
    left_out: int


@dataclass(frozen=True)
class StepResult:
    """One step as it was done.

    Attributes:
        kg: the graph, for names.
        step: the bound step.
        inputs: the input sets that it was done with, each sorted.
        members: int32, shape (m,): the entities it gave, in the order given.
        by: "exact" (set algebra) or "llm".
        value: the number or truth value of a `count` or `exists` step.
        values: each member's value where the step reads values, in the members' order.
        error: why the step failed, None where it did not.
        agrees: whether exact execution of this operation on the same inputs gives the same set; None where `by` is
            "exact".
        context: what the LLM was shown.
        attempts: the LLM's replies.
        asked: the question where it was not the step's own (a whole query asked at once).
    """

    kg: KnowledgeGraph
    step: BoundStep
    inputs: tuple[Ids, ...]
    members: Ids
    by: Literal["exact", "llm"] = "exact"
    value: int | bool | None = None
    values: tuple[Value, ...] | None = None
    error: str | None = None
    agrees: bool | None = None
    context: Context | None = None
    attempts: tuple[Attempt, ...] = ()
    asked: str | None = None

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
        if self.value is not None:
            shown["value"] = self.value
        if self.by == "llm":
            shown["agrees"] = self.agrees
            shown["replies"] = [
                {"text": a.reply, "error": a.error, "seconds": round(a.seconds, 3)} for a in self.attempts
            ]
            if self.context is not None:
                shown["context"] = {
                    "tokens": self.context.tokens,
                    "relevant": self.context.relevant,
                    "distractors": self.context.distractors,
                    "left_out": self.context.left_out,
                }
        if self.error is not None:
            shown["error"] = self.error
        return shown


@dataclass(frozen=True)
class Answer:
    """Ranked entities with the steps that led to them.

    Attributes:
        kg: the graph, for names and evidence.
        query: the logical query that was answered.
        method: "exact" or "lark".
        ranked: int32, shape (m,): entity indexes, best first.
        scores: shape (m,), 1.0 for membership in a set: neither method ranks by more than that.
        chain: the bound chain that was run.
        steps: its steps, in order; after a failed step there are no more.
        value: the number, date or truth value where the query asks for one.
        values: each ranked entity's value where the query reads values or ranks by them, else None.
        notes: what was read for names that did not fit exactly, and other things a reader should know.
        error: why the answer is incomplete, None where it is complete.
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
    def _traced(self) -> tuple[list[Evidence], int]:
        if self.error is not None or not self.steps:
            return [], 0
        if not any(step.asked for step in self.steps):
            inputs: list[Sequence[Ids]] = [step.inputs for step in self.steps]
        else:
            # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
            results = execute(self.kg, self.chain)
            inputs = [inputs_of(step, results) for step in self.chain]
        return trace(self.kg, self.chain, inputs, np.sort(self.ranked), EVIDENCE_LIMIT)

    def to_dict(self) -> dict[str, Any]:
        """One JSON-serialisable object: query, method, answers (best first), value, steps, evidence, error."""
        answers: list[dict[str, Any]] = [
            {"entity": name, "id": identifier, "score": score}
            for name, identifier, score in zip(self.entities, self.ids, self.scores, strict=True)
        ]
        if self.values is not None:
            for entry, value in zip(answers, self.values, strict=True):
                entry["value"] = plain(value)
        return {
            "query": str(self.query),
            "verbalised": self.query.verbalise(self.kg),
            "method": self.method,
            "answers": answers,
            "value": plain(self.value),
            "steps": [step.to_dict() for step in self.steps],
            "evidence": [triple.to_list() for triple in self.evidence],
            "evidence_total": self.evidence_total,
            "notes": list(self.notes),
            "error": self.error,
        }


def plain(value: Value | bool | None) -> int | float | str | bool | None:
    """A value as JSON can hold it: dates as ISO texts."""
    return value.isoformat() if isinstance(value, datetime.date) else value
