"""Events of a run, and the answer that is concluded from its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.answer import Answer, SoftAnswers
from reasoning.execution.formulas import divides_by_zero
from reasoning.execution.step_result import Context, StepPart, StepResult, step_notes
from reasoning.graph.index import Ids
from reasoning.graph.kinds import kind_of_all
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import NO_USAGE, TokenUsage
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Count, Value


@dataclass(frozen=True)
class BoundQuestion:
    """A question that was read and bound to the graph.

    Attributes:
        chain: its query as a chain of steps.
        notes: what was read for names that did not fit exactly, and what else was assumed.
        usage: what it took to have it read by a language model.
        understood: what a question in English was understood as; None for a query.
    """

    chain: BoundChain
    notes: tuple[str, ...] = ()
    usage: TokenUsage = NO_USAGE
    understood: ReadQuestion | None = None


@dataclass(frozen=True)
class StepStarted:
    """A step begins.

    Attributes:
        step: the bound step.
        kg: the graph, for names.
        inputs: its input sets.
        contexts: what the LLM is about to be shown, one context for each part of the step; () where no LLM is asked.
        total: steps in the chain.
        asked: the question where it is not the step's own (a whole query asked at once).
    """

    step: BoundStep
    kg: KnowledgeGraph
    inputs: Sequence[Ids]
    contexts: tuple[Context, ...]
    total: int
    asked: str | None = None

    @property
    def context(self) -> Context | None:
        """What the LLM is about to be shown, of several parts all together; None where no LLM is asked."""
        return Context.together(self.contexts) if self.contexts else None

    @property
    def question(self) -> str:
        """The step as a question in English."""
        from reasoning.verbalization.queries import sub_question

        return self.asked or sub_question(self.kg, self.step, self.inputs)


@dataclass(frozen=True)
class PartFinished:
    """A part of a step in several parts is done, or has failed.

    Attributes:
        part: what it gave.
        number: which part, from 1.
        total: parts of the step.
        remaining_seconds: an estimate for the parts and steps still to come.
    """

    part: StepPart
    number: int
    total: int
    remaining_seconds: float


@dataclass(frozen=True)
class StepFinished:
    """A step is done, or has failed.

    Attributes:
        result: what it gave.
        remaining_seconds: an estimate for the steps still to come, from the time that the steps so far took.
    """

    result: StepResult
    remaining_seconds: float


@dataclass(frozen=True)
class Finished:
    """The answer."""

    answer: Answer


ChainEvent = StepStarted | PartFinished | StepFinished
Event = ChainEvent | Finished


def collecting(steps: list[StepResult], events: Iterator[ChainEvent]) -> Iterator[ChainEvent]:
    """The events as they come; the result of each step that is done goes into `steps`."""
    for event in events:
        if isinstance(event, StepFinished):
            steps.append(event.result)
        yield event


MOST_LABELS = 1000
"""Answers that are put in the order of their names where a server has these."""


def conclude(
    kg: KnowledgeGraph,
    method: str,
    question: BoundQuestion,
    steps: Sequence[StepResult],
    soft: SoftAnswers | None = None,
) -> Answer:
    """The answer that the last step gives, or why there is none; ranked by value where the query reads values.

    `soft` is the run over known and predicted edges, where there was one.
    """
    chain = question.chain
    failed = next((step for step in steps if step.error is not None), None)
    value: Value | bool | None = None
    values: tuple[Value, ...] | None = None
    if chain.anchor is not None:
        ranked = np.array([chain.anchor], dtype=np.int32)
    elif failed is not None:
        ranked = np.zeros(0, dtype=np.int32)
    else:
        last = steps[-1]
        ranked, value, values = last.members, last.value, last.values
        if values is None and value is None and last.by == "exact":
            ranked = by_support(kg, chain, last)
        if values is not None:
            descending = last.step.step.operation != "top" or last.step.step.largest
            # Labels of many would have to be fetched from a server one by one.
            texts = kg.entity_labels if kg.server is None or len(ranked) <= MOST_LABELS else kg.entity_ids
            by_name = sorted(range(len(ranked)), key=lambda i: texts[int(ranked[i])])
            order = sorted(by_name, key=values.__getitem__, reverse=descending)
            ranked = ranked[np.array(order, dtype=np.int64)]
            values = tuple(values[i] for i in order)
            if last.step.gives_values and len(values) == 1:
                value = values[0]
    error = None
    if failed is not None:
        error = f"step {failed.step.position + 1} of {len(chain.steps)} failed: {failed.error}"
    scores = (1.0,) * len(ranked)
    if failed is None and steps and steps[-1].scores is not None:
        # Digits and not places: the smallest confidences are ranked too.
        scores = tuple(float(f"{score:.6g}") for score in steps[-1].scores)
    answer = Answer(
        kg, chain.query, method, ranked, scores, chain, tuple(steps), value, values,
        notes=(*question.notes, *chain.notes, *step_notes(steps)),
        error=error, reading=question.usage, understood=question.understood, soft=soft,
    )  # fmt: skip
    if isinstance(chain.query, Count) and failed is None and (note := counted_note(kg, ranked)):
        answer = replace(answer, notes=(*answer.notes, note))
    if not len(ranked) and not value and answer.contrast is None and (note := emptiness_note(chain, steps)):
        return replace(answer, notes=(*answer.notes, note))
    return answer


def counted_note(kg: KnowledgeGraph, counted: Ids) -> str | None:
    """What counts as a thing of the kind that was counted; None where the graph does not say."""
    kind = kind_of_all(kg, counted) if kg.definitions else None
    return None if kind is None else kg.definitions.get(kind)


def by_support(kg: KnowledgeGraph, chain: BoundChain, last: StepResult) -> Ids:
    """The members of the last step, done by set algebra, int32 of shape (m,).

    The most often reached come first, the query's own entities last.

    Returns:
        The members as int32, shape (m,).
    """
    members = last.members
    named = [entity for step in chain.steps for entity in step.anchors if entity is not None]
    reached = np.zeros(len(members), dtype=np.int64)
    relation = last.step.relation
    if last.reached is not None:
        reached = last.reached
    elif last.step.step.operation == "project" and relation is not None and relation.kind == "edges":
        sources = np.setdiff1d(last.inputs[0], np.array(named, dtype=np.int32))
        _, targets = kg.index.edges(sources.astype(np.int32), relation.index, relation.inverse)
        found, counts = np.unique(targets, return_counts=True)
        if len(found):
            at = np.minimum(np.searchsorted(found, members), len(found) - 1)
            reached = np.where(found[at] == members, counts[at], 0)
    order = np.arange(len(members))
    if kg.server is not None and kg.server.survey.is_large:  # things are numbered there as they are met
        order = np.argsort(np.argsort([kg.entity_ids[entity] for entity in members.tolist()], kind="stable"))
    return members[np.lexsort((order, -reached, np.isin(members, named)))]


def emptying_position(chain: BoundChain, members: Mapping[int, Ids]) -> int | None:
    """The position of the step at which an answer became empty, by what each step found; None where it is not empty.

    The inputs of that step that matter still held something.

    Returns:
        The position; None where the answer is not empty.
    """
    position = chain.result
    steps = {step.position: step for step in chain}
    while position is not None and position in members and not len(members[position]):
        operation = steps[position].step.operation
        # A union is empty only where all its inputs are, a difference where its first is, any other where one is.
        deciding = steps[position].inputs[:1] if operation == "difference" else steps[position].inputs
        before = next((ref for ref in deciding if ref is not None and ref in members and not len(members[ref])), None)
        if before is None or operation == "complement":
            return position
        position = before
    return None


def emptying_step(chain: BoundChain, steps: Sequence[StepResult]) -> StepResult | None:
    """The step at which an empty answer became empty; None where the answer is not empty, or a step failed."""
    if any(step.error is not None for step in steps):
        return None
    if steps and steps[-1].value is not None and steps[-1].step.step.operation in ("number", "aggregate"):
        return None  # a number needs no members
    results = {step.step.position: step for step in steps}
    # A number is no empty set; as the whole answer it is looked behind.
    sets = {at: step.members for at, step in results.items() if step.value is None or at == chain.result}
    position = emptying_position(chain, sets)
    return None if position is None else results[position]


def divided_by_zero(step: StepResult) -> bool:
    """Whether a step has nothing to give because a number is divided by 0."""
    formula, members = step.step.step.formula, step.inputs[0] if step.inputs else step.members
    if formula is None or step.value is not None:
        return False
    if step.step.step.operation == "number":
        members = np.zeros(1, dtype=np.int32)  # one row, whose member nothing asks for
    return divides_by_zero(step.kg, formula, members, step.inputs, step.numbers)


def emptiness_note(chain: BoundChain, steps: Sequence[StepResult]) -> str | None:
    """The same in words; None where no step made the answer empty."""
    step = emptying_step(chain, steps)
    if step is None:
        return None
    where = f"the answer is empty since step {step.step.position + 1} of {len(chain)}"
    if divided_by_zero(step):
        return f"{where} divides by 0: {step.question}"
    return f"{where} found nothing: {step.question} What the graph does not say may still be true"
