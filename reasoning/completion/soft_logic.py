"""Queries executed over degrees of membership: fuzzy sets, t-norms and soft projections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reasoning.answer import Assignment, Evidence, Proof
from reasoning.completion.adjacency import BLOCK, LARGEST, NeuralAdjacency
from reasoning.errors import QueryError
from reasoning.execution.batch import compiled
from reasoning.execution.exact import execute_step
from reasoning.execution.formulas import starting_with
from reasoning.execution.step_result import StepSet
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep

Confidences = NDArray[np.float64]


@dataclass(frozen=True)
class FuzzySet:
    """How sure each entity is to be a member.

    Attributes:
        members: int32, sorted, unique, shape (m,).
        confidence: float64 from 0 to 1, shape (m,).
        rest: the confidence of every entity that is not listed.
        via: after a projection, the entity that each member was best reached from, int32, shape (m,); else None.
    """

    members: Ids
    confidence: Confidences
    rest: float = 0.0
    via: Ids | None = None

    @classmethod
    def crisp(cls, members: Ids) -> FuzzySet:
        """Certain members and no others."""
        return cls(np.asarray(members, dtype=np.int32), np.ones(len(members)))

    def of(self, entities: Ids) -> Confidences:
        """The confidence of each of `entities`, shape (len(entities),)."""
        if not len(self.members):
            return np.full(len(entities), self.rest)
        at = np.minimum(np.searchsorted(self.members, entities), len(self.members) - 1)
        return np.where(self.members[at] == entities, self.confidence[at], self.rest)

    def confidence_of(self, entity: int) -> float:
        """The confidence of one entity."""
        return float(self.of(np.array([entity], dtype=np.int32))[0])

    def reached_from(self, member: int) -> int:
        """The entity that a member of a projection's result was best reached from."""
        assert self.via is not None
        return int(self.via[np.searchsorted(self.members, member)])

    def cut(self, least: float) -> FuzzySet:
        """Without the listed members whose confidence is 0 or below `least`; only where the rest is 0."""
        if self.rest > 0:
            return self
        kept = (self.confidence > 0) & (self.confidence >= least)
        via = None if self.via is None else self.via[kept]
        return FuzzySet(self.members[kept], self.confidence[kept], 0.0, via)

    def ranked(self, universe: Ids) -> tuple[Ids, Confidences]:
        """Entities with a confidence above 0, the surest first, level ones in the order of their index."""
        members, confidence = self.members, self.confidence
        if self.rest > 0:
            members = universe
            confidence = self.of(universe)
        order = np.lexsort((members, -confidence))
        order = order[confidence[order] > 0]
        return members[order], confidence[order]


def intersect(sets: Sequence[FuzzySet]) -> FuzzySet:
    """In all of them: the product (product t-norm)."""
    positive = [fuzzy for fuzzy in sets if fuzzy.rest == 0]
    if positive:
        members = positive[0].members
        for fuzzy in positive[1:]:
            members = np.intersect1d(members, fuzzy.members, assume_unique=True)
    else:
        members = _listed(sets)
    confidence, rest = np.ones(len(members)), 1.0
    for fuzzy in sets:
        confidence = confidence * fuzzy.of(members)
        rest *= fuzzy.rest
    return FuzzySet(members, confidence, rest).cut(0.0)


def unite(sets: Sequence[FuzzySet]) -> FuzzySet:
    """In any of them: the probabilistic sum, 1 - (1 - a)(1 - b)."""
    members = _listed(sets)
    missing, rest = np.ones(len(members)), 1.0
    for fuzzy in sets:
        missing = missing * (1 - fuzzy.of(members))
        rest *= 1 - fuzzy.rest
    return FuzzySet(members, 1 - missing, 1 - rest)


def negate(fuzzy: FuzzySet, scale: float) -> FuzzySet:
    """Not in it: 1 - min(1, scale * confidence); a scale above 1 lets likely members count as members."""
    return FuzzySet(fuzzy.members, 1 - np.minimum(1.0, scale * fuzzy.confidence), 1 - min(1.0, scale * fuzzy.rest))


def among_first(fuzzy: FuzzySet, places: NDArray[np.int64], k: int) -> FuzzySet:
    """In the set and among its first `k`: sure members push those behind them out, and those that tie stand together.

    The confidence of a member is its own times the probability that fewer than k of those before it are members, all
    independent (the Poisson binomial distribution, kept up to k). `places`, shape (m,), are alike for those that tie.
    """
    count = np.zeros(k)
    count[0] = 1.0
    confidence = np.zeros(len(places))
    for place in np.unique(places):
        level = np.flatnonzero(places == place)
        confidence[level] = fuzzy.confidence[level] * count.sum()
        for own in fuzzy.confidence[level].tolist():
            moved = count * own
            count -= moved
            count[1:] += moved[:-1]
    return FuzzySet(fuzzy.members, confidence).cut(0.0)


def _listed(sets: Sequence[FuzzySet]) -> Ids:
    return np.unique(np.concatenate([fuzzy.members for fuzzy in sets]))


@compiled
def raise_best(
    sources: Ids,
    confidence: Confidences,
    starts: NDArray[np.int64],
    targets: Ids,
    edges: NDArray[np.float32],
    best: Confidences,
    via: Ids,
) -> None:
    """Raise the best products so far, where those of these rows are better.

    Args:
        sources: int32, shape (s,).
        confidence: the confidence of each source, shape (s,).
        starts: int64, shape (s + 1,): source i's edges are `targets[starts[i]:starts[i + 1]]`.
        targets, edges: where each edge leads, and its confidence, shape (m,).
        best: the best product of every entity, raised in place.
        via: the source of the best product, set in place.
    """
    for row in range(len(sources)):
        for position in range(starts[row], starts[row + 1]):
            product = confidence[row] * edges[position]
            target = targets[position]
            if product > best[target]:
                best[target] = product
                via[target] = sources[row]


@compiled
def add_strength(
    confidence: Confidences,
    starts: NDArray[np.int64],
    targets: Ids,
    edges: NDArray[np.float32],
    most: float,
    strength: Confidences,
) -> None:
    """Add -log(1 - product) of every edge of these rows to its target's strength, see `raise_best`.

    Args:
        most: the largest product that counts, so that 1 minus it has a logarithm.
        strength: the strength of every entity, raised in place.
    """
    for row in range(len(confidence)):
        for position in range(starts[row], starts[row + 1]):
            strength[targets[position]] -= np.log1p(-min(confidence[row] * edges[position], most))


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
    """A graph with the confidences of its edges.

    Attributes:
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
        """Raise a `QueryError` for what soft logic has no rule for, before anything is done."""
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
        """Sources, their confidence, and their rows one after another, as the compiled loops take them."""
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


@dataclass(frozen=True)
class SoftRun:
    """A bound chain with a fuzzy set for each of its steps that is done."""

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
                assert step.relation is not None
                column = step.relation.index
                raw = logic.kg.literals[column].read(np.array([member], dtype=np.int32))[1][0]
                values.append(Evidence.value(logic.kg, column, member, float(raw)))
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
