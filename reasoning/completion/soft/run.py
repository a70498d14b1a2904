"""A query executed by soft logic, kept so that its answers can be explained.

A proof is the most probable assignment of every variable, and the edges that it rests on. It is found by walking back
from an answer along the sources that projections remembered. An intersection needs every branch, a union the surest
one; what is true by absence (a complement) has no edge to show, only its confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reasoning.answer import Assignment, Evidence, Proof
from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.fuzzy import FuzzySet
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep


@dataclass(frozen=True)
class SoftRun:
    """A chain with every step's fuzzy set.

    Attributes:
        logic: what it was executed with.
        chain: the bound chain.
        results: a fuzzy set for each step that is done.
    """

    logic: SoftLogic
    chain: BoundChain
    results: list[FuzzySet]

    def holds(self, entity: int) -> bool:
        """Whether soft logic gives an entity any confidence: a language model may answer with others."""
        result = self.chain.result
        return result is None or self.results[result].confidence_of(entity) > 0

    def prove(self, entity: int) -> Proof:
        """The most probable proof that an entity is an answer, which it holds."""
        logic, chain, results = self.logic, self.chain, self.results
        if chain.result is None:
            return Proof(logic.kg, entity, 1.0, (), ())
        assigned: dict[tuple[int, int], float] = {}
        edges: dict[tuple[int, int, int], Evidence] = {}
        values: list[Evidence] = []
        waiting = [(chain.result, entity)]
        while waiting:
            position, member = waiting.pop()
            if (position, member) in assigned:
                continue
            own = results[position].confidence_of(member)
            assigned[position, member] = own
            step, operation = chain.steps[position], chain.steps[position].step.operation
            sources: list[tuple[int | None, int]] = []
            if operation == "complement":
                continue
            if operation == "project" and not step.gives_values:
                assert step.relation is not None
                source = results[position].reached_from(member)
                relation = step.relation
                head, tail = (member, source) if relation.inverse else (source, member)
                confidence = logic.adjacency.confidence(2 * relation.index + relation.inverse, source, member)
                edges[head, relation.index, tail] = Evidence.edge(logic.kg, head, relation.index, tail, confidence)
                sources = [(step.inputs[0], source)]
            elif operation in ("project", "compare", "top"):
                values.append(_value_read(logic.kg, step, member))
                sources = [(step.inputs[0], member)]
            elif operation == "union":
                inputs = logic.inputs(step, results)
                surest = int(np.argmax([fuzzy.confidence_of(member) for fuzzy in inputs]))
                sources = [(step.inputs[surest], member)]
            elif operation == "difference":
                sources = [(step.inputs[0], member)]
            else:
                sources = [(ref, member) for ref in step.inputs]
            waiting += [(ref, source) for ref, source in reversed(sources) if ref is not None]
        assignments = [Assignment(step, member, own) for (step, member), own in sorted(assigned.items())]
        confidence = results[chain.result].confidence_of(entity)
        return Proof(logic.kg, entity, confidence, tuple(assignments), (*reversed(edges.values()), *values))


def _value_read(kg: KnowledgeGraph, step: BoundStep, entity: int) -> Evidence:
    assert step.relation is not None
    raw = kg.literals[step.relation.index].read(np.array([entity], dtype=np.int32))[1][0]
    return Evidence.value(kg, step.relation.index, entity, float(raw))
