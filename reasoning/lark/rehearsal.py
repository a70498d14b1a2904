"""The prompts of a chain before any is sent, the answers put in from exact execution: what a dry run counts."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.language_models import BaseChatModel

from reasoning.execution.exact import StepSet, execute_step, inputs_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.marking.adapters import scheme_of
from reasoning.lark.chain_run import empty_whatever_is_said
from reasoning.lark.marked_steps import MarkTask, mark_tasks, marks_steps
from reasoning.lark.options import LarkOptions
from reasoning.lark.tasks import ASKED, Task, rng_for, step_tasks
from reasoning.lark.whole_query import whole_task
from reasoning.query.binding import BoundChain


def rehearse(
    kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions
) -> Iterator[Task | MarkTask]:
    """The tasks that `run_chain` asks of a model that makes no mistake, parts of a step included.

    A model's mistakes change the inputs of later steps, and so their prompts.

    Raises:
        QueryError: whole-query prompting has no such step.
    """
    if options.prompting == "whole" and len(chain):
        yield whole_task(kg, chain, llm, options)
        return
    scheme = scheme_of(llm) if marks_steps(llm, options) else None
    results: list[StepSet] = []
    for step in chain:
        inputs = inputs_of(step, results)
        if step.step.operation in ASKED and not step.gives_values and not empty_whatever_is_said(step, inputs):
            rng = rng_for(options.seed, chain, step.position)
            if scheme is None:
                yield from step_tasks(kg, step, inputs, llm, options, rng)
            else:
                yield from mark_tasks(kg, step, inputs, scheme, options, rng)
        results.append(execute_step(kg, step, inputs))
