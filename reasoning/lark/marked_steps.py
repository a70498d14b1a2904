"""Steps answered by marks: each part is a sheet, and all parts of a step are marked together."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Attempt, Context, StepPart
from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.calling import at_once
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.marking.adapters import adapter_of, scheme_of
from reasoning.language.marking.passes import passes_of
from reasoning.language.marking.sheets import Sheet
from reasoning.language.usage import TokenUsage
from reasoning.lark.asking import StepAsker, StepTask, readable_line, set_line, set_names
from reasoning.lark.options import LarkOptions
from reasoning.lark.sheets import SheetCost, projection_sheet, set_sheet, sources_shown
from reasoning.query.binding import BoundStep
from reasoning.retrieval import Subgraph, packed

MOST_TOKENS = 512
"""Of a sheet's context, whatever the budget: longer ones are read no better, and two halves take less time."""

QUERIES_AT_ONCE = 8
"""Queries whose steps share passes."""


def queries_at_once(llm: BaseChatModel, options: LarkOptions, asked: int | None = None) -> int:
    """How many queries may be under way at once: those of a model that marks share its passes, see `at_once` else."""
    if marks_steps(llm, options):
        return asked or options.max_concurrency or QUERIES_AT_ONCE
    return at_once(llm, options, asked)


def marks_steps(llm: BaseChatModel, options: LarkOptions) -> bool:
    """Whether steps are answered by marks: the model was taught to, and ids alone are shown, a step at a time."""
    wanted = options.replies in ("auto", "marks") and options.prompting == "step" and options.names == "abstract"
    if options.replies == "marks" and (not wanted or adapter_of(llm) is None):
        raise LLMError("Replies by marks need a model with an adapter, prompting by step and abstract names")
    return wanted and adapter_of(llm) is not None


@dataclass(frozen=True)
class MarkTask(StepTask):
    """A step, or a part of one, as a sheet that the model reads."""

    sheet: Sheet


class MarkAsker(StepAsker[MarkTask]):
    """Has steps marked by a model with an adapter."""

    cost = SheetCost()

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        super().__init__(kg, llm, options)
        self.budget = min(options.token_budget, MOST_TOKENS)
        self._scheme = scheme_of(llm)

    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """See `StepAsker.stretches`."""
        room = self.budget - sets - 1
        return packed(uses.tolist(), room, room)

    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> MarkTask:
        """See `StepAsker.projection_task`."""
        shown = sources_shown(sources, relation, part.triples, rng)
        sheet = projection_sheet(self._scheme, shown, relation, part.triples, rng)
        lines = tuple(readable_line(self.kg, triple) for triple in part.triples.tolist())
        prompt = self._scheme.text(sheet.tokens)
        context = Context(lines, prompt, len(sheet), part.relevant, part.distractors, left_out)
        return MarkTask(context, np.unique(part.triples[part.about, 0 if relation.inverse else 2]), sheet)

    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> MarkTask:
        """See `StepAsker.set_task`."""
        shown = [rng.sample(members.tolist(), len(members)) for members in sets]
        sheet = set_sheet(self._scheme, step.step.operation, shown, rng)
        named = zip(set_names(len(shown)), shown, strict=True)
        lines = tuple(set_line(name, list(map(self.kg.name, members))) for name, members in named)
        context = Context(lines, self._scheme.text(sheet.tokens), len(sheet), sum(map(len, shown)), 0, left_out)
        return MarkTask(context, execute_step(self.kg, step, sets).members, sheet)

    def answers(self, tasks: Sequence[MarkTask]) -> Iterator[tuple[StepPart, float]]:
        """See `StepAsker.answers`; all tasks are marked together, and each has its share of the seconds."""
        llm = self.llm
        assert isinstance(llm, EmbeddedChatModel)
        began = time.perf_counter()
        try:
            marked = passes_of(llm).ask([task.sheet for task in tasks], self.options.timeout, llm.cancelled)
        except LLMError as failure:
            took = time.perf_counter() - began
            attempt = Attempt("", str(failure), took, False, TokenUsage(requests=1))
            nothing = np.zeros(0, dtype=np.int32)
            yield StepPart(tasks[0].context, nothing, (attempt,), False, str(failure)), took
            return
        took = (time.perf_counter() - began) / len(tasks)
        for task, probabilities in zip(tasks, marked, strict=True):
            members, scores = kept(task.sheet.candidates, probabilities)
            reply = " ".join("yes" if probability > 0.5 else "no" for probability in probabilities)
            usage = TokenUsage(1, 0, len(task.sheet), len(task.sheet.places), 0.0)
            attempt = Attempt(reply, None, took, True, usage)
            agrees = np.array_equal(np.sort(members), task.expected)
            yield StepPart(task.context, members, (attempt,), agrees, scores=scores), took


def kept(candidates: Ids, probabilities: NDArray[np.float64]) -> tuple[Ids, NDArray[np.float64]]:
    """The entities that are more likely kept than dropped, the surest first, with their probabilities.

    Of an entity with several marks the highest counts.
    """
    entities, of = np.unique(candidates, return_inverse=True)
    scores = np.zeros(len(entities))
    np.maximum.at(scores, of, probabilities)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0.5]
    return entities[order].astype(np.int32), scores[order]
