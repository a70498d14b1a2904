"""A chain run step by step, each step's answer put into the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.answer import StepResult
from reasoning.binding import BoundChain, BoundStep
from reasoning.events import StepFinished, StepStarted
from reasoning.exact import StepSet, execute_step, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.asking import ask
from reasoning.lark.options import LarkOptions
from reasoning.lark.tasks import ASKED, rng_for, step_task
from reasoning.lark.whole_query import run_whole


def run_chain(
    kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions
) -> Iterator[StepStarted | StepFinished]:
    """Run a chain, one event pair a step; ends after a failed step."""
    if options.prompting == "whole" and len(chain):
        yield from run_whole(kg, chain, llm, options)
        return
    results: list[StepSet] = []
    seconds: list[float] = []
    asked = [step.step.operation in ASKED and not step.gives_values for step in chain]
    for step in chain:
        inputs = tuple(inputs_of(step, results))
        if not asked[step.position] or _empty_whatever_is_said(step, inputs):
            yield StepStarted(step, kg, inputs, None, len(chain))
            result = StepResult.exactly(kg, step, inputs)
        else:
            task = step_task(kg, step, inputs, llm, options, rng_for(options.seed, chain, step.position))
            yield StepStarted(step, kg, inputs, task.context, len(chain))
            members, attempts, error = ask(llm, task, options)
            exact = execute_step(kg, step, inputs).members
            agrees = error is None and np.array_equal(np.sort(members), exact)
            result = StepResult(
                kg, step, inputs, members, "llm",
                error=error, agrees=agrees, context=task.context, attempts=attempts,
            )  # fmt: skip
            seconds.append(sum(attempt.seconds for attempt in attempts))
        results.append(StepSet(np.sort(result.members), value=result.value))
        rest = sum(asked[step.position + 1 :])
        yield StepFinished(result, rest * float(np.mean(seconds)) if seconds and result.error is None else 0.0)
        if result.error is not None:
            return


def _empty_whatever_is_said(step: BoundStep, inputs: Sequence[Ids]) -> bool:
    empty = [not len(part) for part in inputs]
    if step.step.operation == "union":
        return all(empty)
    return any(empty) if step.step.operation == "intersect" else empty[0]
