"""From the steps of a run to its answer; and the run of method `exact`, whose steps are set algebra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from reasoning.answer import Answer
from reasoning.execution.emptied_by import emptied_note
from reasoning.execution.events import ChainEvent, StepFinished, StepStarted
from reasoning.execution.exact import StepSet, inputs_of
from reasoning.execution.ranking import by_support
from reasoning.execution.step_result import StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import TokenUsage
from reasoning.query.binding import BoundChain
from reasoning.query.tree import Value


def run_exact(kg: KnowledgeGraph, chain: BoundChain) -> Iterator[ChainEvent]:
    """Run a chain by set algebra, one event pair a step."""
    results: list[StepSet] = []
    for step in chain:
        inputs = inputs_of(step, results)
        yield StepStarted(step, kg, tuple(inputs), (), len(chain))
        result = StepResult.exactly(kg, step, inputs)
        results.append(StepSet(result.members, value=result.value))
        yield StepFinished(result, 0.0)


def conclude(
    kg: KnowledgeGraph,
    method: str,
    chain: BoundChain,
    steps: Sequence[StepResult],
    notes: tuple[str, ...],
    reading: TokenUsage,
) -> Answer:
    """The answer that the last step gives, or why there is none; ranked by value where the query reads values."""
    failed = next((step for step in steps if step.error is not None), None)
    value: Value | bool | None = None
    values: tuple[Value, ...] | None = None
    if chain.result is None:
        assert chain.anchor is not None
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
            order = sorted(range(len(ranked)), key=lambda i: values[i], reverse=descending)  # type: ignore[index]
            ranked = ranked[np.array(order, dtype=np.int64)]
            values = tuple(values[i] for i in order)
            if last.step.gives_values and len(values) == 1:
                value = values[0]
    error = None
    if failed is not None:
        error = f"step {failed.step.position + 1} of {len(chain)} failed: {failed.error}"
    notes = (*notes, *(step.note for step in steps if step.note is not None))
    scores = (1.0,) * len(ranked)
    if failed is None and steps and steps[-1].scores is not None:
        # Digits and not places: the smallest confidences are ranked too.
        scores = tuple(float(f"{score:.6g}") for score in steps[-1].scores)
    answer = Answer(kg, chain.query, method, ranked, scores, chain, tuple(steps), value, values, notes, error, reading)
    if not len(ranked) and not value and answer.contrast is None:
        became = emptied_note(chain, steps)
        answer = answer if became is None else replace(answer, notes=(*notes, became))
    return answer
