"""Exact execution of a bound query, and the evidence triples that an answer rests on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reasoning.answer import EVIDENCE_LIMIT, Answer, Evidence
from reasoning.execution.conclusion import BoundQuestion, Event, Finished, StepFinished, StepStarted, conclude
from reasoning.execution.formulas import (
    PASSES,
    Facts,
    aggregated,
    chosen,
    measured,
    one_number,
    raw,
    reaching_all,
    starting_with,
)
from reasoning.execution.remote_results import RemoteStep, RemoteStepInputs, RemoteStepResults, inputs_behind
from reasoning.execution.step_result import StepResult, StepSet, inputs_of, numbers_of
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep, as_value, bind
from reasoning.query.tree import Compare, Count, Entity, Exists, Query, Top, Value


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
            sets = RemoteStepResults(kg, kg.server, chain)
            for step in chain.steps:
                yield StepStarted(step, kg, RemoteStepInputs(step, sets), (), len(chain))
                steps.append(RemoteStep(kg, step, sets))
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
        return RemoteStepResults(kg, kg.server, chain)
    results: list[StepSet] = []
    for step in chain.steps:
        results.append(step_set(kg, step, results))
    return results


def step_set(kg: KnowledgeGraph, step: BoundStep, results: Sequence[StepSet]) -> StepSet:
    """What a step gives, by the sets of the steps before it."""
    return execute_step(kg, step, inputs_of(step, results), numbers_of(step, results))


def execute_step(kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], numbers: Sequence[float] = ()) -> StepSet:
    """One step's result of its input sets, each sorted and unique, and of numbers as `numbers_of` gives them."""
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


def evidence_of(answer: Answer) -> tuple[list[Evidence], int]:
    """The triples behind an answer, at most `EVIDENCE_LIMIT`, and how many there are in all."""
    if answer.error is not None or not answer.steps:
        return [], 0
    if answer.soft is not None:
        edges = list(dict.fromkeys(edge for proof in answer.proofs for edge in proof.edges))
        return edges[:EVIDENCE_LIMIT], len(edges)
    kg, chain = answer.kg, answer.chain
    inputs: Sequence[Sequence[Ids]]
    numbers: Sequence[Sequence[float]]
    if kg.server is not None:
        sets = RemoteStepResults(kg, kg.server, chain)
        inputs = inputs_behind(sets, np.sort(answer.ranked), EVIDENCE_LIMIT)
        numbers = [numbers_of(step, sets) for step in chain]
    elif not any(step.asked for step in answer.steps):
        inputs = [step.inputs for step in answer.steps]
        numbers = [step.numbers for step in answer.steps]
    else:
        # Asked as a whole there were no inputs between; the exact ones show what the graph says of the answers.
        results = execute(kg, chain)
        inputs = [inputs_of(step, results) for step in chain]
        numbers = [numbers_of(step, results) for step in chain]
    evidence, total = trace(kg, chain, inputs, np.sort(answer.ranked), EVIDENCE_LIMIT, numbers)
    contrasting = () if answer.contrast is None else answer.contrast.evidence
    further = [fact for fact in contrasting if fact not in evidence]
    return [*evidence, *further][:EVIDENCE_LIMIT], total + len(further)


def trace(
    kg: KnowledgeGraph,
    chain: BoundChain,
    inputs: Sequence[Sequence[Ids]],
    answers: Ids,
    limit: int,
    numbers: Sequence[Sequence[float]] = (),
) -> tuple[list[Evidence], int]:
    """The triples behind `answers`, at most `limit` of them, and how many there are in all.

    Args:
        kg: the graph.
        chain: the bound chain that was run.
        inputs: for each step the input sets that it was run with.
        answers: the entities to be explained, sorted.
        limit: the most triples returned.
        numbers: for each step the numbers that it was run with; () where no step uses any.
    """
    if chain.result is None:
        return [], 0
    needed: dict[int, Ids] = {chain.result: answers}
    facts = Facts()
    for step in reversed(chain.steps):
        wanted = needed.get(step.position)
        if wanted is None:
            continue
        sources = list(inputs[step.position])
        operation = step.step.operation
        if operation == "project" and not step.gives_values:
            assert step.relation is not None
            left, right = _between(kg, sources[0], wanted, step.relation)
            facts.edges.append(_triples(left, step.relation, right))
            sources[0] = np.unique(left)
        elif operation == "every":
            assert step.relation is not None
            left, right = _between(kg, wanted, sources[0], step.relation)
            facts.edges.append(_triples(left, step.relation, right))
        elif step.step.measures or step.gives_values:
            members = sources[0] if step.gives_number else np.intersect1d(sources[0], wanted)
            if step.relation is not None:
                having, values = kg.literals[step.relation.index].read(members)
                for entity, raw in zip(having.tolist(), values.tolist(), strict=True):
                    facts.values[step.relation.index, entity] = raw
                sources[0] = members
            else:
                ran_with = numbers[step.position] if numbers else ()
                sources = _read_by_formula(kg, step, [members, *sources[1:]], ran_with, facts)
        elif operation == "complement":
            continue
        elif operation == "number":
            pass  # it rests on all that its numbers rest on
        else:
            kept = 1 if operation == "difference" else len(sources)
            sources = [np.intersect1d(source, wanted) for source in sources[:kept]]
        for ref, source in zip(step.inputs, sources, strict=False):
            if ref is not None:
                needed[ref] = np.union1d(needed[ref], source) if ref in needed else source
    every = np.unique(np.concatenate(facts.edges), axis=0) if facts.edges else np.zeros((0, 3), dtype=np.int32)
    shown_values = [
        Evidence.value(kg, index, entity, raw) for (index, entity), raw in islice(facts.values.items(), limit)
    ]
    shown = [Evidence.edge(kg, *triple) for triple in every[: limit - len(shown_values)].tolist()]
    return [*shown, *shown_values], len(every) + len(facts.values)


def _between(kg: KnowledgeGraph, sources: Ids, targets: Ids, relation: Relation) -> tuple[Ids, Ids]:
    """The edges that lead from `sources` to `targets`, both sorted and unique."""
    if kg.server is not None:
        return kg.server.index.between(sources, targets, relation.index, relation.inverse)
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    used = np.isin(right, targets)
    return left[used], right[used]


def _triples(left: Ids, relation: Relation, right: Ids) -> Ids:
    """Edges followed from `left` to `right` as triples, shape (m, 3)."""
    heads, tails = (right, left) if relation.inverse else (left, right)
    return np.column_stack((heads, np.full(len(heads), relation.index), tails)).astype(np.int32)


def _read_by_formula(
    kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids], numbers: Sequence[float], facts: Facts
) -> list[Ids]:
    """Take down what a formula reads of its members; gives of each input what takes part in that."""
    assert step.step.formula is not None
    own = Facts()
    measured(kg, step.step.formula, inputs[0], inputs, numbers or [float("nan")] * len(inputs), own)
    facts.edges += own.edges
    facts.values |= own.values
    ends = [edges[:, column] for edges in own.edges for column in (0, 2)]
    met = np.unique(np.concatenate([*ends, np.array([entity for _, entity in own.values], dtype=np.int32)]))
    used = [
        source if place in step.number_places else np.intersect1d(source, met) for place, source in enumerate(inputs)
    ]
    return [inputs[0], *used[1:]]


def outcome(query: Query, kg: KnowledgeGraph) -> Hashable:
    """A set of entities by number, a value, a text of a truth value, or a set of entities with the value of each.

    Raises:
        SkylarkError: the query cannot be asked of the graph.
    """
    if isinstance(query, Entity):
        return frozenset((query.index(kg),))
    last = execute(kg, bind(query, kg))[-1]
    if isinstance(last.value, bool):
        return str(last.value)  # True is 1 to Python
    if last.value is not None:
        return last.value
    if last.values is not None and not isinstance(query, Compare | Top):
        return frozenset(zip(last.members.tolist(), last.values.tolist(), strict=True))
    return frozenset(last.members.tolist())


def outcome_behind(query: Query, kg: KnowledgeGraph) -> Hashable:
    """The same, but of a query that counts or says whether there is something, what it counts: small numbers, and yes
    and no, agree by chance. Where there is nothing, the query's own text.

    Raises:
        SkylarkError: the query cannot be asked of the graph.
    """
    if not isinstance(query, Count | Exists):
        return outcome(query, kg)
    inner = outcome(query.part, kg)
    return (type(query).__name__, inner) if inner else str(query)
