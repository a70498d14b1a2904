"""The exact executor: set algebra over the graph, the oracle for everything else.

Every method answers the same bound chain; what this one computes is true of the graph by construction, so it supplies
the answers of method `exact`, the check beside each step of an LLM's chain, and the gold of protocol reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.conclusion import conclude
from reasoning.execution.events import BoundQuestion, Event, Finished, StepFinished, StepStarted
from reasoning.execution.formulas import (
    PASSES,
    aggregated,
    chosen,
    measured,
    one_number,
    raw,
    reaching_all,
    starting_with,
)
from reasoning.execution.served import ServedInputs, ServedSets, ServedStep
from reasoning.execution.step_result import StepResult
from reasoning.execution.step_set import StepSet, inputs_of, numbers_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.number_kinds import as_value
from reasoning.query.tree import Value


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
        kg, chain = self._kg, question.chain
        steps: list[StepResult] = []
        if kg.server is not None:
            sets = ServedSets(kg, kg.server, chain)
            for step in chain.steps:
                yield StepStarted(step, kg, ServedInputs(step, sets), (), len(chain))
                steps.append(ServedStep(kg, step, sets))
                yield StepFinished(steps[-1], 0.0)
        else:
            results: list[StepSet] = []
            for step in chain.steps:
                yield StepStarted(step, kg, inputs_of(step, results), (), len(chain))
                results.append(step_set(kg, step, results))
                steps.append(exact_result(kg, step, results))
                yield StepFinished(steps[-1], 0.0)
        yield Finished(conclude(kg, self.name, question, steps))


def exact_result(kg: KnowledgeGraph, step: BoundStep, results: Sequence[StepSet]) -> StepResult:
    """A step done by set algebra, as a step of a run; `results` are the sets of the steps up to and with it."""
    found, values = results[step.position], None
    value: Value | bool | None = found.value
    if found.values is not None:
        values = tuple(as_value(step.kind, float(raw)) for raw in found.values)
    if step.gives_number and found.value is not None:
        value = as_value(step.kind, float(found.value))
    inputs, numbers = tuple(inputs_of(step, results)), tuple(numbers_of(step, results))
    return StepResult(kg, step, inputs, found.members, value=value, values=values, numbers=numbers)


def execute(kg: KnowledgeGraph, chain: BoundChain) -> Sequence[StepSet]:
    """Every step's exact result, in order; [] where the query is an anchor alone.

    Of a graph on a server each is asked for when it is looked at, and all but the last may hold the first members only.
    """
    if kg.server is not None:
        return ServedSets(kg, kg.server, chain)
    results: list[StepSet] = []
    for step in chain.steps:
        results.append(step_set(kg, step, results))
    return results


def step_set(kg: KnowledgeGraph, step: BoundStep, results: Sequence[StepSet]) -> StepSet:
    """What a step gives, by the sets of the steps before it."""
    return execute_step(kg, step, inputs_of(step, results), numbers_of(step, results))


def execute_step(kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], numbers: Sequence[float] = ()) -> StepSet:
    """One step's result.

    Args:
        kg: the graph.
        step: the step.
        inputs: its input sets, each sorted and unique.
        numbers: as `numbers_of` gives them.
    """
    operation, first = step.step.operation, inputs[0] if inputs else np.zeros(0, dtype=np.int32)
    if operation == "project":
        assert step.relation is not None
        if step.relation.kind == "values":
            return StepSet(*kg.literals[step.relation.index].read(first))
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
    if operation == "every":
        assert step.relation is not None
        return StepSet(reaching_all(kg, step.relation.index, step.relation.inverse, first))
    if operation == "name_starts":
        assert step.step.prefix is not None
        return StepSet(first[starting_with(kg, step.step.prefix, first)])
    if operation == "number":
        assert step.step.formula is not None
        number = one_number(kg, step.step.formula, inputs, numbers)
        return StepSet(np.zeros(0, dtype=np.int32), value=None if np.isnan(number) else number)
    members, values = measure_of(kg, step, inputs, numbers)
    if operation == "compare":
        assert step.step.operator is not None
        value = numbers[-1] if step.step.value is None else raw(step.step.value)
        # Nothing passes a comparison with what is no number, also not that it is another.
        passed = PASSES[step.step.operator](values, value) & (not np.isnan(value))
        return StepSet(members[passed], values[passed])
    if operation == "aggregate":
        assert step.step.kind is not None
        number = aggregated(step.step.kind, values)
        return StepSet(members, values, None if np.isnan(number) else number)
    if operation == "measure":
        return StepSet(members, values)
    assert operation == "top" and step.step.k is not None
    highest = chosen(values, step.step.k, step.step.largest, reckoned=step.step.formula is not None)
    return StepSet(members[highest], values[highest])


def measure_of(
    kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], numbers: Sequence[float]
) -> tuple[Ids, NDArray[np.float64]]:
    """The members of a step's first input that have a number by its measure, and the numbers."""
    if step.relation is not None:
        return kg.literals[step.relation.index].read(inputs[0])
    assert step.step.formula is not None
    values = measured(kg, step.step.formula, inputs[0], inputs, numbers)
    has = ~np.isnan(values)
    return inputs[0][has], values[has]
