"""Method complete: every step answered by soft logic, over the edges of the graph and those that are predicted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from reasoning.completion.fitted import find_predictor, load_predictor
from reasoning.completion.options import CompletionOptions
from reasoning.completion.predictor import LinkPredictor
from reasoning.completion.soft.adjacency import NeuralAdjacency, Predictor
from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.run import SoftRun
from reasoning.execution.conclusion import conclude
from reasoning.execution.events import (
    BoundQuestion,
    ChainEvent,
    Event,
    Finished,
    StepFinished,
    StepStarted,
    collecting,
)
from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundStep
from reasoning.query.tree import Value


def open_predictor(kg: KnowledgeGraph, options: CompletionOptions) -> LinkPredictor:
    """The link predictor that the options name, or the one that is kept for the graph.

    Raises:
        CompletionError: there is none for this graph, or the one that is named or given does not fit it.
    """
    if isinstance(options.model, LinkPredictor):
        options.model.trained_on.check(kg, "the link predictor that is given")
        return options.model
    return find_predictor(kg) if options.model is None else load_predictor(Path(options.model), kg)


def soft_logic(kg: KnowledgeGraph, predictor: Predictor | None, options: CompletionOptions) -> SoftLogic:
    """Soft logic over a graph and its link predictor; without a predictor only known edges are there."""
    adjacency = NeuralAdjacency(kg.index.whole, predictor, options.floor, options.missing, options.most_bytes)
    return SoftLogic(kg, adjacency, options.negation, options.least)


class Complete:
    """Method `complete` over one graph.

    Attributes:
        logic: soft logic over the graph and its link predictor.
    """

    name: ClassVar[str] = "complete"
    asks_model: ClassVar[bool] = False
    goes_beyond_graph: ClassVar[bool] = True

    def __init__(self, kg: KnowledgeGraph, _llm: object, _options: object, completion: CompletionOptions) -> None:
        self.logic = soft_logic(kg, open_predictor(kg, completion), completion)
        self._completion = completion

    def deciding(self) -> dict[str, Any]:
        """The options and the link predictor."""
        predictor = self.logic.adjacency.predictor
        return self._completion.deciding() | {"predictor": None if predictor is None else predictor.digest}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """Two events a step, then the answer."""
        self.logic.check(question.chain)
        run = SoftRun(self.logic, question.chain, [])
        steps: list[StepResult] = []
        yield from collecting(steps, run_complete(run, self._completion.least))
        yield Finished(conclude(self.logic.kg, self.name, question, steps, run))


def run_complete(run: SoftRun, least: float) -> Iterator[ChainEvent]:
    """Run a chain by soft logic, one event pair a step.

    Args:
        run: the chain, with no results yet; filled on the way.
        least: answers, which the last step gives, below this confidence are left out.
    """
    logic, chain, kg = run.logic, run.chain, run.logic.kg
    for step in chain:
        fuzzy_inputs = logic.inputs(step, run.results)
        inputs = tuple(logic.crisp(fuzzy) for fuzzy in fuzzy_inputs)
        yield StepStarted(step, kg, inputs, (), len(chain))
        fuzzy_result = logic.step(step, fuzzy_inputs)
        run.results.append(fuzzy_result)
        members, confidence = fuzzy_result.ranked(kg.universe)
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
