"""A chain run step by step, each answer put into the next step; a step asked in parts is the union of their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.execution.events import ChainEvent, PartFinished, StepFinished, StepStarted
from reasoning.execution.exact import StepSet, exact_result, execute_step, inputs_of
from reasoning.execution.step_result import StepPart, StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.marking.adapters import scheme_of
from reasoning.lark.asking import ask_all
from reasoning.lark.marked_steps import MarkTask, kept, mark_all, mark_tasks, marks_steps
from reasoning.lark.options import LarkOptions
from reasoning.lark.tasks import ASKED, Task, rng_for, step_tasks
from reasoning.lark.whole_query import run_whole
from reasoning.query.binding import BoundChain, BoundStep


def run_chain(kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions) -> Iterator[ChainEvent]:
    """Run a chain: a step begins, its parts are done where it has several, it is done; ends after a failed step."""
    if options.prompting == "whole" and len(chain):
        yield from run_whole(kg, chain, llm, options)
        return
    scheme = scheme_of(llm) if marks_steps(llm, options) else None
    results: list[StepSet] = []
    seconds: list[float] = []
    asked = [step.step.operation in ASKED and not step.gives_values for step in chain]
    for step in chain:
        inputs = tuple(inputs_of(step, results))
        rest = sum(asked[step.position + 1 :])
        if not asked[step.position] or empty_whatever_is_said(step, inputs):
            yield StepStarted(step, kg, inputs, (), len(chain))
            result = exact_result(kg, step, inputs)
        else:
            rng = rng_for(options.seed, chain, step.position)
            tasks: Sequence[Task] | Sequence[MarkTask]
            if scheme is None:
                tasks = step_tasks(kg, step, inputs, llm, options, rng)
                given = _ask_parts(llm, tasks, options)
            else:
                tasks = mark_tasks(kg, step, inputs, scheme, options, rng)
                given = _mark_parts(llm, tasks, options)
            yield StepStarted(step, kg, inputs, tuple(task.context for task in tasks), len(chain))
            parts: list[StepPart] = []
            for part, waited in given:
                parts.append(part)
                seconds.append(waited)
                if len(tasks) > 1:
                    left = 0 if part.error is not None else rest + len(tasks) - len(parts)
                    yield PartFinished(part, len(parts), len(tasks), left * float(np.mean(seconds)))
            result = _merged(kg, step, inputs, parts, len(tasks))
        results.append(StepSet(np.sort(result.members), value=result.value))
        yield StepFinished(result, rest * float(np.mean(seconds)) if seconds and result.error is None else 0.0)
        if result.error is not None:
            return


def _ask_parts(llm: BaseChatModel, tasks: Sequence[Task], options: LarkOptions) -> Iterator[tuple[StepPart, float]]:
    """The parts in order, none after one that failed, and the seconds that each was waited for.

    Where several are asked at once the wait for one is shorter than its reply took.
    """
    began = time.perf_counter()
    for task, (members, attempts, error) in zip(tasks, ask_all(llm, tasks, options), strict=True):
        agrees = error is None and np.array_equal(np.sort(members), task.expected)
        yield StepPart(task.context, members, attempts, agrees, error), time.perf_counter() - began
        if error is not None:
            return
        began = time.perf_counter()


def _mark_parts(
    llm: BaseChatModel, tasks: Sequence[MarkTask], options: LarkOptions
) -> Iterator[tuple[StepPart, float]]:
    """The parts in order, all marked together, and each one's share of the seconds."""
    yield from ((part, part.seconds) for part in mark_all(llm, tasks, options))


def _merged(
    kg: KnowledgeGraph, step: BoundStep, inputs: tuple[Ids, ...], parts: Sequence[StepPart], total: int
) -> StepResult:
    """The step as its parts give it; where one failed, the step has."""
    error = parts[-1].error
    given = [] if error is not None else [part.members for part in parts]
    members = np.array(list(dict.fromkeys(np.concatenate([np.zeros(0, np.int32), *given]).tolist())), dtype=np.int32)
    scores = None
    if error is None and all(part.scores is not None for part in parts):
        # Of an entity that several parts give, the surest mark counts.
        members, scores = kept(np.concatenate(given), np.concatenate([part.scores for part in parts]))
    exact = execute_step(kg, step, inputs).members
    agrees = error is None and np.array_equal(np.sort(members), exact)
    if error is not None and total > 1:
        error = f"part {len(parts)} of {total}: {error}"
    return StepResult(
        kg,
        step,
        inputs,
        members,
        "llm",
        error=error,
        agrees=agrees,
        parts=tuple(parts),
        parts_total=total,
        scores=scores,
    )


def empty_whatever_is_said(step: BoundStep, inputs: Sequence[Ids]) -> bool:
    """Whether a step's inputs leave its answer empty, so that asking for it would tell nothing."""
    empty = [not len(part) for part in inputs]
    if step.step.operation == "union":
        return all(empty)
    return any(empty) if step.step.operation == "intersect" else empty[0]
