"""A chain run step by step, each answer put into the next step; a step asked in parts is the union of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.execution.events import ChainEvent, PartFinished, StepFinished, StepStarted
from reasoning.execution.exact import exact_result, execute_step, step_set
from reasoning.execution.step_result import StepPart, StepResult
from reasoning.execution.step_set import StepSet, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.asking import ASKED, StepAsker, rng_for
from reasoning.lark.marked_steps import MarkAsker, MarkTask, kept, marks_steps
from reasoning.lark.options import LarkOptions
from reasoning.lark.text_steps import TextAsker, TextTask
from reasoning.lark.whole_query import run_whole, whole_task
from reasoning.query.binding import BoundChain, BoundStep


def run_chain(kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions) -> Iterator[ChainEvent]:
    """Run a chain: a step begins, its parts are done where it has several, it is done; ends after a failed step."""
    if options.prompting == "whole" and len(chain):
        yield from run_whole(TextAsker(kg, llm, options), chain)
        return
    asker = _asker(kg, llm, options)
    results: list[StepSet] = []
    seconds: list[float] = []
    asked = [_is_asked(step) for step in chain]
    for step in chain:
        inputs = tuple(inputs_of(step, results))
        rest = sum(asked[step.position + 1 :])
        if not asked[step.position] or _is_surely_empty(step, inputs):
            yield StepStarted(step, kg, inputs, (), len(chain))
            results.append(step_set(kg, step, results))
            result = exact_result(kg, step, results)
        else:
            tasks = asker.tasks(step, inputs, rng_for(options.seed, chain, step.position))
            yield StepStarted(step, kg, inputs, tuple(task.context for task in tasks), len(chain))
            parts: list[StepPart] = []
            for part, waited in asker.answers(tasks):
                parts.append(part)
                seconds.append(waited)
                if len(tasks) > 1:
                    left = 0 if part.error is not None else rest + len(tasks) - len(parts)
                    yield PartFinished(part, len(parts), len(tasks), left * float(np.mean(seconds)))
            result = _merged(kg, step, inputs, parts, len(tasks))
            results.append(StepSet(np.sort(result.members)))
        yield StepFinished(result, rest * float(np.mean(seconds)) if seconds and result.error is None else 0.0)
        if result.error is not None:
            return


def rehearse(
    kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions
) -> Iterator[TextTask | MarkTask]:
    """The tasks that `run_chain` asks of a model that makes no mistake, parts of a step included; nothing is sent.

    A model's mistakes change the inputs of later steps, and so their prompts.

    Raises:
        QueryError: whole-query prompting has no such step.
    """
    if options.prompting == "whole" and len(chain):
        yield whole_task(TextAsker(kg, llm, options), chain)
        return
    asker = _asker(kg, llm, options)
    results: list[StepSet] = []
    for step in chain:
        inputs = inputs_of(step, results)
        if _is_asked(step) and not _is_surely_empty(step, inputs):
            yield from asker.tasks(step, inputs, rng_for(options.seed, chain, step.position))
        results.append(step_set(kg, step, results))


def _asker(kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> StepAsker[Any]:
    return MarkAsker(kg, llm, options) if marks_steps(llm, options) else TextAsker(kg, llm, options)


def _is_asked(step: BoundStep) -> bool:
    return step.step.operation in ASKED and not step.gives_values


def _is_surely_empty(step: BoundStep, inputs: Sequence[Ids]) -> bool:
    """Whether a step's inputs leave its answer empty, so that asking for it would tell nothing."""
    empty = [not len(members) for members in inputs]
    if step.step.operation == "union":
        return all(empty)
    return any(empty) if step.step.operation == "intersect" else empty[0]


def _merged(
    kg: KnowledgeGraph, step: BoundStep, inputs: tuple[Ids, ...], parts: Sequence[StepPart], total: int
) -> StepResult:
    """The step as its parts give it; where one failed, the step has."""
    error = parts[-1].error
    answers = np.concatenate([np.zeros(0, np.int32), *(part.members for part in parts if error is None)])
    members, scores = np.array(list(dict.fromkeys(answers.tolist())), dtype=np.int32), None
    if error is None and all(part.scores is not None for part in parts):
        # Of an entity that several parts give, the surest mark counts.
        members, scores = kept(answers, np.concatenate([part.scores for part in parts]))
    agrees = error is None and np.array_equal(np.sort(members), execute_step(kg, step, inputs).members)
    if error is not None and total > 1:
        error = f"part {len(parts)} of {total}: {error}"
    return StepResult(
        kg, step, inputs, members, "llm",
        error=error, agrees=agrees, parts=tuple(parts), parts_total=total, scores=scores,
    )  # fmt: skip
