"""Steps answered by marks: each part is a sheet, and all parts of a step are marked together."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Attempt, Context, StepPart
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language import EmbeddedChatModel, LLMError
from reasoning.language.calling import at_once
from reasoning.language.marking.adapters import adapter_of
from reasoning.language.marking.scheme import MarkScheme
from reasoning.language.marking.shared_passes import passes_of
from reasoning.language.marking.sheets import Sheet
from reasoning.language.usage import TokenUsage
from reasoning.lark.options import LarkOptions
from reasoning.lark.parts import drawn_members, set_parts, with_left_out
from reasoning.lark.sheets import SheetCost, projection_sheet, set_sheet, sources_shown
from reasoning.lark.tasks import readable_line
from reasoning.query.binding import BoundStep
from reasoning.retrieval import Subgraph, packed, retrieve

MOST_TOKENS = 512
"""Of a sheet's context, whatever the budget: longer ones are read no better, and two halves take less time."""


QUERIES_AT_ONCE = 8
"""Queries whose steps share passes."""


def queries_at_once(llm: BaseChatModel, options: LarkOptions, asked: int | None = None) -> int:
    """How many queries may be under way at once: those of a model that marks share its passes, see `at_once` else."""
    if marks_steps(llm, options):
        return asked or options.max_concurrency or QUERIES_AT_ONCE
    return at_once(llm, options, asked)


@dataclass(frozen=True)
class MarkTask:
    """A step, or a part of one, as a sheet.

    Attributes:
        sheet: what the model reads.
        context: the same, for display and checks.
        expected: what the context gives, read without fault, sorted; for the check beside the reply alone.
    """

    sheet: Sheet
    context: Context
    expected: Ids


def marks_steps(llm: BaseChatModel, options: LarkOptions) -> bool:
    """Whether steps are answered by marks: the model was taught to, and ids alone are shown, a step at a time."""
    wanted = options.replies in ("auto", "marks") and options.prompting == "step" and options.names == "abstract"
    if options.replies == "marks" and (not wanted or adapter_of(llm) is None):
        raise LLMError("Replies by marks need a model with an adapter, prompting by step and abstract names")
    return wanted and adapter_of(llm) is not None


def mark_tasks(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    scheme: MarkScheme,
    options: LarkOptions,
    rng: random.Random,
) -> list[MarkTask]:
    """One step as sheets within the budget: one where it fits, at most `options.max_parts`."""
    budget = min(options.token_budget, MOST_TOKENS)
    if step.step.operation != "project":
        return _set_tasks(kg, step, inputs, scheme, budget, options.max_parts, rng)
    assert step.relation is not None
    found = retrieve(kg, inputs[0], step.relation, budget, SheetCost(), rng, options.max_parts)
    return [
        _projection_task(kg, step, inputs[0], part, beyond, scheme, rng)
        for part, beyond in with_left_out(found.parts, found.left_out)
    ]


def _projection_task(
    kg: KnowledgeGraph,
    step: BoundStep,
    sources: Ids,
    part: Subgraph,
    left_out: int,
    scheme: MarkScheme,
    rng: random.Random,
) -> MarkTask:
    relation = step.relation
    assert relation is not None
    shown = sources_shown(sources, relation, part.triples, rng)
    sheet = projection_sheet(scheme, shown, relation, part.triples, rng)
    lines = tuple(readable_line(kg, triple) for triple in part.triples.tolist())
    context = Context(lines, scheme.text(sheet.tokens), len(sheet), part.relevant, part.distractors, left_out)
    return MarkTask(sheet, context, np.unique(part.triples[part.about, 0 if relation.inverse else 2]))


def _set_tasks(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    scheme: MarkScheme,
    budget: int,
    max_parts: int,
    rng: random.Random,
) -> list[MarkTask]:
    entities, uses = drawn_members(inputs, rng)
    room = budget - len(inputs) - 1
    stretches = packed(uses.tolist(), room, room)[:max_parts] or [[]]
    parts = set_parts(inputs, entities, stretches)
    return [_set_task(kg, step, part, beyond, scheme, rng) for part, beyond in parts]


def _set_task(
    kg: KnowledgeGraph, step: BoundStep, sets: Sequence[Ids], left_out: int, scheme: MarkScheme, rng: random.Random
) -> MarkTask:
    shown = [rng.sample(members.tolist(), len(members)) for members in sets]
    sheet = set_sheet(scheme, step.step.operation, shown, rng)
    lines = tuple(
        f"{chr(ord('A') + number)}: {', '.join(map(kg.name, members)) or '(empty)'}"
        for number, members in enumerate(shown)
    )
    context = Context(lines, scheme.text(sheet.tokens), len(sheet), sum(map(len, shown)), 0, left_out)
    return MarkTask(sheet, context, execute_step(kg, step, sets).members)


def mark_all(llm: BaseChatModel, tasks: Sequence[MarkTask], options: LarkOptions) -> list[StepPart]:
    """What each task gave, all of them marked together; of an entity with several marks the highest counts."""
    assert isinstance(llm, EmbeddedChatModel)
    began = time.perf_counter()
    try:
        marked = passes_of(llm).mark([task.sheet for task in tasks], options.timeout, llm.cancelled)
    except LLMError as failure:
        took = time.perf_counter() - began
        attempt = Attempt("", str(failure), took, False, TokenUsage(requests=1))
        nothing = np.zeros(0, dtype=np.int32)
        return [StepPart(tasks[0].context, nothing, (attempt,), False, str(failure))]
    took = (time.perf_counter() - began) / len(tasks)
    return [_part(task, probabilities, took) for task, probabilities in zip(tasks, marked, strict=True)]


def _part(task: MarkTask, probabilities: NDArray[np.float64], seconds: float) -> StepPart:
    members, scores = kept(task.sheet.candidates, probabilities)
    usage = TokenUsage(1, 0, len(task.sheet), len(task.sheet.places), 0.0)
    reply = " ".join("yes" if probability > 0.5 else "no" for probability in probabilities)
    attempt = Attempt(reply, None, seconds, True, usage)
    return StepPart(task.context, members, (attempt,), np.array_equal(np.sort(members), task.expected), scores=scores)


def kept(candidates: Ids, probabilities: NDArray[np.float64]) -> tuple[Ids, NDArray[np.float64]]:
    """The entities that are more likely kept than dropped, the surest first, with their probabilities."""
    entities, of = np.unique(candidates, return_inverse=True)
    scores = np.zeros(len(entities))
    np.maximum.at(scores, of, probabilities)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0.5]
    return entities[order].astype(np.int32), scores[order]
