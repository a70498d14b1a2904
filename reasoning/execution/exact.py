"""The exact executor: set algebra over the graph, the oracle for everything else.

Every method answers the same bound chain; what this one computes is true of the graph by construction, so it supplies
the answers of method `exact`, the check beside each step of an LLM's chain, and the gold of protocol reading.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import LiteralColumn
from reasoning.execution.conclusion import conclude
from reasoning.execution.events import BoundQuestion, Event, Finished, StepFinished, StepStarted
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.tree import Value

_COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class StepSet:
    """What one step gives.

    Attributes:
        members: int32, sorted, unique, shape (m,).
        values: float64 of shape (m,) where the step reads values or ranks by them, else None.
        value: the number or truth value of `count` and `exists`, else None.
    """

    members: Ids
    values: NDArray[np.float64] | None = None
    value: int | bool | None = None


class Exact:
    """Method `exact`: every step by set algebra over the graph; nothing else that a reasoner has is used."""

    name: ClassVar[str] = "exact"
    asks_model: ClassVar[bool] = False
    goes_beyond_graph: ClassVar[bool] = False

    def __init__(self, kg: KnowledgeGraph, *_unused: object) -> None:
        self._kg = kg

    def deciding(self) -> dict[str, Any]:
        """Nothing decides its answers but the graph."""
        return {}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """Two events a step, then the answer."""
        steps: list[StepResult] = []
        results: list[StepSet] = []
        total = len(question.chain.steps)
        for step in question.chain.steps:
            inputs = inputs_of(step, results)
            yield StepStarted(step, self._kg, tuple(inputs), (), total)
            results.append(execute_step(self._kg, step, inputs))
            steps.append(exact_result(self._kg, step, inputs, results[-1]))
            yield StepFinished(steps[-1], 0.0)
        yield Finished(conclude(self._kg, self.name, question, steps))


def exact_result(
    kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], result: StepSet | None = None
) -> StepResult:
    """A step done by set algebra, as a step of a run; `result` is what it gives, where that is known already."""
    result = result or execute_step(kg, step, inputs)
    values = None
    if result.values is not None and step.relation is not None:
        column = kg.literals[step.relation.index]
        values = tuple(kg.value(column, float(raw)) for raw in result.values)
    return StepResult(kg, step, tuple(inputs), result.members, value=result.value, values=values)


def execute(kg: KnowledgeGraph, chain: BoundChain) -> list[StepSet]:
    """Every step's exact result, in order; [] where the query is an anchor alone."""
    results: list[StepSet] = []
    for step in chain.steps:
        results.append(execute_step(kg, step, inputs_of(step, results)))
    return results


def inputs_of(step: BoundStep, results: Sequence[StepSet]) -> list[Ids]:
    """The input sets of a step: its anchors as sets of one, and what earlier steps gave."""
    return [
        results[ref].members if ref is not None else np.array([anchor], dtype=np.int32)
        for ref, anchor in zip(step.inputs, step.anchors, strict=True)
    ]


def execute_step(kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids]) -> StepSet:
    """One step's result for the given input sets (each sorted and unique)."""
    operation, first = step.step.operation, inputs[0]
    if operation == "project":
        assert step.relation is not None
        if step.relation.kind == "values":
            return StepSet(*_values(kg.literals[step.relation.index], first))
        return StepSet(kg.index.project(first, step.relation.index, step.relation.inverse))
    if operation == "intersect":
        for other in inputs[1:]:
            first = np.intersect1d(first, other, assume_unique=True)
        return StepSet(first)
    if operation == "union":
        return StepSet(np.unique(np.concatenate(inputs)))
    if operation == "difference":
        return StepSet(np.setdiff1d(first, inputs[1], assume_unique=True))
    if operation == "complement":
        return StepSet(np.setdiff1d(kg.universe, first, assume_unique=True))
    if operation == "count":
        return StepSet(first, value=len(first))
    if operation == "exists":
        return StepSet(first, value=len(first) > 0)
    assert step.relation is not None
    column = kg.literals[step.relation.index]
    members, values = _values(column, first)
    if operation == "compare":
        assert step.step.operator is not None and step.step.value is not None
        passed = _COMPARE[step.step.operator](values, _as_stored(step.step.value))
        return StepSet(members[passed], values[passed])
    assert operation == "top" and step.step.k is not None
    by_name = sorted(range(len(members)), key=lambda i: kg.entity_labels[int(members[i])])
    order = sorted(by_name, key=lambda i: -values[i] if step.step.largest else values[i])
    chosen = np.sort(np.array(order[: step.step.k], dtype=np.int64))
    return StepSet(members[chosen], values[chosen])


def _values(column: LiteralColumn, members: Ids) -> tuple[Ids, NDArray[np.float64]]:
    at = np.searchsorted(column.entities, members)
    at[at == len(column.entities)] = 0
    has = column.entities[at] == members if len(column.entities) else np.zeros(len(members), dtype=bool)
    return members[has], np.asarray(column.values[at[has]])


def _as_stored(value: Value) -> float:
    return float(value.toordinal() if isinstance(value, datetime.date) else value)
