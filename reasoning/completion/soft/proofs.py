"""Why a soft answer holds: the most probable assignment of every variable, and the edges that it rests on.

Walked back from an answer along the sources that projections remembered. Of an intersection every branch is needed, of
a union the surest is taken; what is true by absence (a complement) has no edge to show, only its confidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reasoning.answer import Assignment, Evidence, Proof
from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.fuzzy import FuzzySet
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep


def prove(logic: SoftLogic, chain: BoundChain, results: Sequence[FuzzySet], entity: int) -> Proof:
    """The most probable proof that `entity` is an answer.

    Args:
        logic: that the chain was executed with.
        chain: the bound chain.
        results: every step's fuzzy set.
        entity: an answer's index, of a confidence above 0.
    """
    if chain.result is None:
        return Proof(logic.kg, entity, 1.0, (), ())
    assigned: dict[tuple[int, int], float] = {}
    edges: dict[tuple[int, int, int], Evidence] = {}
    read: list[Evidence] = []
    waiting = [(chain.result, entity)]
    while waiting:
        position, member = waiting.pop()
        if (position, member) in assigned:
            continue
        own = _confidence(results[position], member)
        assigned[position, member] = own
        step, operation = chain.steps[position], chain.steps[position].step.operation
        sources: list[tuple[int | None, int]] = []
        if operation == "complement":
            continue
        if operation == "project" and not step.gives_values:
            assert step.relation is not None
            source = _via(results[position], member)
            relation = step.relation
            head, tail = (member, source) if relation.inverse else (source, member)
            confidence = logic.adjacency.confidence(2 * relation.index + relation.inverse, source, member)
            edges[head, relation.index, tail] = Evidence.edge(logic.kg, head, relation.index, tail, confidence)
            sources = [(step.inputs[0], source)]
        elif operation in ("project", "compare", "top"):
            read.append(_value_read(logic.kg, step, member))
            sources = [(step.inputs[0], member)]
        elif operation == "union":
            inputs = logic.inputs(step, results)
            surest = int(np.argmax([_confidence(one, member) for one in inputs]))
            sources = [(step.inputs[surest], member)]
        elif operation == "difference":
            sources = [(step.inputs[0], member)]
        else:
            sources = [(ref, member) for ref in step.inputs]
        waiting += [(ref, source) for ref, source in reversed(sources) if ref is not None]
    assignments = [Assignment(step, member, own) for (step, member), own in sorted(assigned.items())]
    return Proof(
        logic.kg,
        entity,
        _confidence(results[chain.result], entity),
        tuple(assignments),
        (*reversed(edges.values()), *read),
    )


def _value_read(kg: KnowledgeGraph, step: BoundStep, entity: int) -> Evidence:
    assert step.relation is not None
    column = kg.literals[step.relation.index]
    raw = column.values[np.searchsorted(column.entities, entity)]
    return Evidence(kg.name(entity), column.relation, kg.value(column, float(raw)), entity, None)


def _confidence(one: FuzzySet, entity: int) -> float:
    return float(one.of(np.array([entity], dtype=np.int32))[0])


def _via(one: FuzzySet, entity: int) -> int:
    assert one.via is not None
    at = int(np.searchsorted(one.members, entity))
    assert one.members[at] == entity
    return int(one.via[at])
