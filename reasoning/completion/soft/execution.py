"""Soft logic over a query's chain: the most probable proof of every answer at once (QTO, Bai et al. 2023).

A projection gives each target the best product of its source's confidence and the edge's (max-product, exactly, over
every source), and remembers the source; walking back from an answer along them gives the most probable assignment of
all variables. Intersections multiply, unions add probabilistically, negations are 1 - min(1, scale * confidence).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.soft.adjacency import BLOCK, LARGEST, NeuralAdjacency
from reasoning.completion.soft.fuzzy import Confidences, FuzzySet, among_first, intersect, negate, unite
from reasoning.completion.soft.projection import add_strength, raise_best
from reasoning.errors import QueryError
from reasoning.execution.exact import execute_step
from reasoning.execution.formulas import starting_with
from reasoning.execution.step_set import StepSet
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep

PAIRS = 220_000_000
"""Most pairs of a source and an entity that a projection scores: all of them in a graph of up to 14,800 entities. A set
that holds most of a larger one is a hub's, spread so thin that each of its last thousands is worth next to nothing."""

EXACT_ALONE = frozenset({"every", "measure", "aggregate", "number"})
"""Operations that only exact execution has."""

_IN_WORDS = {"every": "every(...)", "aggregate": "a sum or another aggregate", "number": "arithmetic"}

FIRST = 32
"""Sources looked at before the others, the surest of a set: they tell how sure results can be."""


@dataclass(frozen=True)
class SoftLogic:
    """A graph with its neural adjacency, and how negation is scaled.

    Attributes:
        kg: the graph.
        adjacency: confidences of its edges.
        negation: the scale of a confidence that is negated.
        least: confidence from which on an entity counts as a member where a number is asked for.
    """

    kg: KnowledgeGraph
    adjacency: NeuralAdjacency
    negation: float = 1.0
    least: float = 0.5

    def execute(self, chain: BoundChain, done: Callable[[FuzzySet], None] = lambda result: None) -> list[FuzzySet]:
        """Every step's fuzzy set, in order; [] where the query is an anchor alone."""
        results: list[FuzzySet] = []
        for step in chain:
            results.append(self.step(step, self.inputs(step, results)))
            done(results[-1])
        return results

    def check(self, chain: BoundChain) -> None:
        """Refuse what soft logic has no rule for, before anything is done.

        Raises:
            QueryError: the chain measures by a formula, reckons with numbers, or asks for all members of a set.
        """
        for step in chain:
            if step.step.operation in EXACT_ALONE or step.step.formula is not None or step.number_places:
                what = _IN_WORDS.get(step.step.operation, "a measure in brackets or a number of the graph")
                raise QueryError(
                    f"likely answers cannot be found where a query has {what}: ask by method exact what the graph says"
                )

    def inputs(self, step: BoundStep, results: Sequence[FuzzySet]) -> list[FuzzySet]:
        """The fuzzy sets that a step starts from."""
        return [
            results[ref] if ref is not None else FuzzySet.crisp(np.array([anchor], dtype=np.int32))
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]

    def step(self, step: BoundStep, inputs: Sequence[FuzzySet]) -> FuzzySet:
        """One step's fuzzy set. What reads values keeps the confidence of the entities that have one."""
        operation, first = step.step.operation, inputs[0]
        if operation == "project" and not step.gives_values:
            assert step.relation is not None
            return self.project(first, 2 * step.relation.index + step.relation.inverse)
        if operation == "intersect":
            return intersect(inputs)
        if operation == "union":
            return unite(inputs)
        if operation == "difference":
            return intersect([first, negate(inputs[1], self.negation)])
        if operation == "complement":
            return self.listed(negate(first, self.negation))
        if operation in ("count", "exists"):
            return first
        listed = self.listed(first)
        if operation == "top":
            assert step.step.k is not None
            valued = self._valued(step, listed)
            members = FuzzySet(valued.members, listed.of(valued.members))
            assert valued.values is not None
            _, places = np.unique(-valued.values if step.step.largest else valued.values, return_inverse=True)
            return among_first(members, places, step.step.k)
        if operation == "name_starts":
            assert step.step.prefix is not None
            starting = listed.members[starting_with(self.kg, step.step.prefix, listed.members)]
            return FuzzySet(starting, listed.of(starting)).cut(0.0)
        valued = self._valued(step, listed)
        return FuzzySet(valued.members, listed.of(valued.members)).cut(0.0)

    def listed(self, fuzzy: FuzzySet) -> FuzzySet:
        """A set with every entity of the graph listed, where the rest is not 0."""
        if fuzzy.rest == 0:
            return fuzzy
        return FuzzySet(self.kg.universe, fuzzy.of(self.kg.universe)).cut(0.0)

    def crisp(self, fuzzy: FuzzySet) -> Ids:
        """Its members of at least the confidence `least`."""
        return self.listed(fuzzy).cut(self.least).members

    def project(self, source: FuzzySet, relation: int) -> FuzzySet:
        """Max-product of a fuzzy set with a directed relation.

        It ends where the sources that are left cannot give anything above the floor times the surest result: these are
        the most of a set, and nothing that they lead to would be ranked before thousands of others. Of more than
        `PAIRS` allow the surest are followed, and all certain ones.
        """
        best, via = np.zeros(self.kg.entity_count), np.full(self.kg.entity_count, -1, dtype=np.int32)
        for sources, confidence, starts, targets, edges in self._rows(source, relation, lambda: float(best.max())):
            raise_best(sources, confidence, starts, targets, edges, best, via)
        members = np.flatnonzero(via >= 0).astype(np.int32)
        return FuzzySet(members, best[members], 0.0, via[members])

    def gather(self, source: FuzzySet, relation: int) -> FuzzySet:
        """As `project`, with all ways to a target counted: 1 - prod(1 - confidence of the source * of the edge)."""
        strength = np.zeros(self.kg.entity_count)
        for rows in self._rows(source, relation, lambda: -math.expm1(-float(strength.max()))):
            add_strength(*rows[1:], LARGEST, strength)
        members = np.flatnonzero(strength > 0).astype(np.int32)
        return FuzzySet(members, -np.expm1(-strength[members]))

    def _rows(
        self, source: FuzzySet, relation: int, surest: Callable[[], float]
    ) -> Iterator[tuple[Ids, Confidences, NDArray[np.int64], Ids, NDArray[np.float32]]]:
        """Sources, their confidence, and their rows one after another, as the compiled loops take them.

        Args:
            surest: the surest result so far.
        """
        source = self.listed(source)
        # The surest first, so that level proofs keep the surest source.
        order = np.argsort(-source.confidence, kind="stable")
        order = order[: max(PAIRS // self.kg.entity_count, np.count_nonzero(source.confidence == 1))]
        start = 0
        while start < len(order):
            part = order[start : start + (BLOCK if start else FIRST)]
            part = part[source.confidence[part] >= self.adjacency.floor * surest()]
            if not len(part):
                return
            start += len(part)
            rows = self.adjacency.rows(relation, source.members[part])
            starts = np.concatenate([[0], np.cumsum([len(row.targets) for row in rows])]).astype(np.int64)
            if starts[-1]:
                targets = np.concatenate([row.targets for row in rows])
                edges = np.concatenate([row.confidence for row in rows])
                yield source.members[part], source.confidence[part], starts, targets, edges

    def _valued(self, step: BoundStep, listed: FuzzySet) -> StepSet:
        """The members that have the value which the step reads; a `top` step reads all of them, whatever its k."""
        if step.step.operation == "top":
            step = replace(step, step=replace(step.step, k=1 << 30))
        return execute_step(self.kg, step, [listed.members])
