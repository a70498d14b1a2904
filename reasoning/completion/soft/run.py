"""The run of method `complete`: every step by soft logic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reasoning.completion.soft.soft_run import SoftRun
from reasoning.execution.events import ChainEvent, StepFinished, StepStarted
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundStep
from reasoning.query.tree import Value


def run_complete(run: SoftRun, least: float) -> Iterator[ChainEvent]:
    """Run a chain by soft logic, one event pair a step.

    Args:
        run: the chain, with no results yet; filled on the way.
        least: answers, which the last step gives, below this confidence are left out.
    """
    logic, chain, kg = run.logic, run.chain, run.logic.kg
    for step in chain:
        given = logic.inputs(step, run.results)
        inputs = tuple(logic.crisp(one) for one in given)
        yield StepStarted(step, kg, inputs, (), len(chain))
        found = logic.step(step, given)
        run.results.append(found)
        members, confidence = found.ranked(kg.universe)
        if step.position == chain.result:
            kept = confidence >= least
            members, confidence = members[kept], confidence[kept]
        value: int | bool | None = None
        if step.step.operation in ("count", "exists"):
            kept = confidence >= logic.least
            members, confidence = members[kept], confidence[kept]
            value = len(members) if step.step.operation == "count" else len(members) > 0
        result = StepResult(
            kg, step, inputs, members, "completion", value=value, values=_values(kg, step, members), scores=confidence
        )
        yield StepFinished(result, 0.0)


def _values(kg: KnowledgeGraph, step: BoundStep, members: Ids) -> tuple[Value, ...] | None:
    """What the step reads of each member, where it reads values."""
    if step.relation is None or step.relation.kind != "values":
        return None
    column = kg.literals[step.relation.index]
    at = np.searchsorted(column.entities, members)
    return tuple(kg.value(column, float(raw)) for raw in column.values[at])
