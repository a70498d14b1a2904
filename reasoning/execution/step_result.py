"""Results of steps: sets of entities, values, and what the graph did not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import QueryError
from reasoning.execution.formulas import chosen, raw
from reasoning.graph.content import ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import NO_USAGE, TokenUsage
from reasoning.query.binding import BoundStep
from reasoning.query.tree import Value, json_value


@dataclass(frozen=True)
class StepSet:
    """What one step gives.

    Attributes:
        members: int32, sorted, unique, shape (m,).
        values: float64 of shape (m,) where the step reads values or ranks by them, else None.
        value: the number or truth value that the step gives, as columns store it, else None.
        total: how many members there are where these are the first of them, None where they are all.
        reached: int64, shape (m,): from how many of the set before a projection led to each member, if that is known.
    """

    members: Ids
    values: NDArray[np.float64] | None = None
    value: float | bool | None = None
    total: int | None = None
    reached: NDArray[np.int64] | None = None

    def number(self, what: str) -> float:
        """The one number that the step gives, NaN where it gives none; several are a `QueryError` of `what`."""
        if self.value is not None:
            return float(self.value)
        if self.values is None or not len(self.values):
            return float("nan")
        if len(self.values) > 1:
            raise QueryError(
                f"{what} gives {len(self.values):,} values where one number is needed: take their sum, average, "
                "minimum or maximum, or reckon for each member in brackets, as in [population(it) / area(it)](...)"
            )
        return float(self.values[0])


def inputs_of(step: BoundStep, results: Sequence[StepSet]) -> list[Ids]:
    """The input sets of a step: its anchors as sets of one, and what earlier steps gave."""
    return [
        results[ref].members if ref is not None else np.array([anchor], dtype=np.int32)
        for ref, anchor in zip(step.inputs, step.anchors, strict=True)
    ]


def numbers_of(step: BoundStep, results: Sequence[StepSet]) -> list[float]:
    """The number of each input of a step, NaN where it gives none or it is not used; [] where none is used.

    Raises:
        QueryError: an input whose number is used gives several.
    """
    if not step.number_places:
        return []
    numbers = [float("nan")] * len(step.inputs)
    for place in step.number_places:
        ref = step.inputs[place]
        assert ref is not None
        numbers[place] = results[ref].number(f"step {ref + 1}")
    return numbers


TIED_NAMED = 5
"""Names of those who share a place that a note lists."""


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


@dataclass(frozen=True, eq=False)
class StepResult:
    """One step as it was done.

    Attributes:
        kg: the graph, for names.
        step: the bound step.
        inputs: the input sets that it was done with, each sorted.
        members: int32, shape (m,): the entities it gave, in the order given.
        by: "exact" (set algebra), "llm", or "completion" (soft logic over known and predicted edges).
        value: the number, date or truth value that the step gives, None where it gives none.
        values: each member's value where the step reads values, in the members' order.
        numbers: the number of each input as columns store it, where the step uses the number of one.
        error: why the step failed, None where it did not.
        agrees: whether exact execution of this operation on the same inputs gives the same set; None where `by` is
            not "llm".
        parts: the step as the LLM was asked for it; () where `by` is not "llm", several where the step is too big for
            one context, and after a failed part no more.
        parts_total: how many parts there were to ask.
        asked: the question where it was not the step's own (a whole query asked at once).
        scores: shape (m,): the probability of each member where the model gives one, or its confidence.
        total: how many members there are where these are the first of them, None where they are all.
        reached: shape (m,): from how many of the set before a projection led to each member, where that is known.
    """

    kg: KnowledgeGraph
    step: BoundStep
    inputs: Sequence[Ids]
    members: Ids
    by: Literal["exact", "llm", "completion"] = "exact"
    value: Value | bool | None = None
    values: tuple[Value, ...] | None = None
    numbers: tuple[float, ...] = ()
    error: str | None = None
    agrees: bool | None = None
    parts: tuple[StepPart, ...] = ()
    parts_total: int = 0
    asked: str | None = None
    scores: NDArray[np.float64] | None = None
    total: int | None = None
    reached: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self.members) if self.total is None else self.total

    @property
    def column(self) -> ValueColumn | None:
        """The column that its values are read from; None where it reads none, or reckons them."""
        relation = self.step.relation
        return None if relation is None or relation.kind != "values" else self.kg.literals[relation.index]

    @property
    def question(self) -> str:
        """The step as a question in English, earlier answers put in."""
        from reasoning.verbalization.queries import sub_question

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
            "count": self.count,
        }
        if self.values is not None:
            shown["values"] = [json_value(value) for value in self.values[:most]]
        if self.value is not None:
            shown["value"] = json_value(self.value)
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


def step_notes(steps: Sequence[StepResult]) -> list[str]:
    """In words, what of its steps an answer should say: ties for a last place, members without a value, parts."""
    notes = []
    places = {step.step.position: ranking for step in steps if (ranking := _ranking_of_place(step, steps)) is not None}
    within = {ranking.step.position for ranking in places.values()}
    for step in steps:
        # The last of the two largest is the second largest: what is said of the place says it of the two as well.
        if (ranking := places.get(step.step.position)) is not None:
            note = _place_note(step, ranking)
        else:
            note = None if step.step.position in within else _tie_note(step)
        notes += [said for said in (note, _without_value_note(step)) if said is not None]
        context, parts = step.context, []
        if step.parts_total > 1:
            parts.append(f"was too big for one context and was asked in {step.parts_total} parts")
        if context is not None and context.left_out:
            what = "triples" if step.step.step.operation == "project" or step.asked else "members"
            parts.append(f"left out {context.left_out:,} {what} that the token budget had no room for")
        if parts:
            notes.append(f"step {step.step.position + 1} {' and '.join(parts)}")
    if steps and steps[-1].total is not None:
        notes.append(f"the first {len(steps[-1].members):,} of {steps[-1].total:,} members are listed")
    return notes


def _tie_note(step: StepResult) -> str | None:
    """Who shares the last place of a ranking that so gives more than were asked for; None where nobody does."""
    k = step.step.step.k
    values = None if k is None else step.values
    if k is None or values is None or len(values) <= k:
        return None
    numbers = np.array([raw(value) for value in values])
    last = step.members[chosen(numbers, 1, not step.step.step.largest, reckoned=step.step.step.formula is not None)]
    return (
        f"{_named(step, last)} share place {len(values) - len(last) + 1}, so {len(values):,} are given instead of {k:,}"
    )


def _without_value_note(step: StepResult) -> str | None:
    """Which members a sum, an average or a list of numbers leaves out, since the graph has no number of them."""
    if step.step.step.operation not in ("aggregate", "measure") or not step.inputs:
        return None
    asked, reckoned = step.inputs[0], len(step.members)
    if len(asked) in (reckoned, step.kg.universe_size):  # all things of a graph were never meant to have one
        return None
    lacking = np.setdiff1d(asked, step.members, assume_unique=True)
    what = "number" if step.column is None else step.column.relation
    has, is_ = ("has", "is") if len(lacking) == 1 else ("have", "are")
    return f"{len(lacking):,} of {len(asked):,} {has} no {what} here and {is_} left out: {_named(step, lacking)}"


def _ranking_of_place(step: StepResult, steps: Sequence[StepResult]) -> StepResult | None:
    """The ranking whose last place a step gives, as `bottom(1, m, top(3, m, S))` gives the third; None for others."""
    own = step.step.step
    if own.operation != "top" or own.k != 1 or (source := step.step.inputs[0]) is None:
        return None
    ranking = next(other for other in steps if other.step.position == source)
    of, measure = ranking.step.step, (own.relation, own.formula)
    same = of.operation == "top" and (of.relation, of.formula) == measure and of.largest != own.largest
    return ranking if same and step.values is not None and ranking.values is not None else None


def _place_note(step: StepResult, ranking: StepResult) -> str | None:
    """Who shares the place that is asked for, or that there is no such place; None where one alone has it."""
    assert ranking.step.step.k is not None
    k, count = ranking.step.step.k, len(ranking.members)
    if 0 < count < k:
        return f"there are only {count:,} places, so the last of them is given instead of place {k:,}"
    if len(step.members) < 2:
        return None
    first = count - len(step.members) + 1
    covering = f", so that nobody else has place {k:,}" if first < k else ""
    return f"{_named(step, step.members)} share place {first:,}{covering}"


def _named(step: StepResult, entities: Ids) -> str:
    names = [step.kg.name(int(entity)) for entity in entities[:TIED_NAMED]]
    return ", ".join(names) + (f" and {len(entities) - TIED_NAMED:,} more" if len(entities) > TIED_NAMED else "")
