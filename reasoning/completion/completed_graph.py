"""A graph with the best predicted edges beside its own: what a language model's chain is shown in method hybrid.

Only the edges that a query's most probable proofs could use are added, a few for each step, so contexts stay short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reasoning.binding import BoundChain
from reasoning.completion.fuzzy import FuzzySet
from reasoning.completion.soft_execution import SoftLogic
from reasoning.graph.index import TripleIndex
from reasoning.graph.store import KnowledgeGraph

SOURCES = 20
"""Entities of a step's set, the surest first, whose predicted edges are looked at."""

ADDED = 20
"""Predicted edges that a step adds, those of the most probable proofs."""

Edge = tuple[int, int, int]
"""Head, relation, tail by index."""


class CompletedGraph(KnowledgeGraph):
    """A graph with predicted edges added.

    Args:
        kg: the graph.
        predicted: the edges that it lacks, with their confidence.
    """

    def __init__(self, kg: KnowledgeGraph, predicted: Mapping[Edge, float]) -> None:
        self.predicted = dict(predicted)
        arrays = dict(kg._arrays)
        if predicted:
            added = np.array(list(predicted), dtype=np.int32)
            triples = np.concatenate([kg.index.triples(), added])
            index = TripleIndex.build(triples, kg.entity_count, kg.relation_count)
            arrays |= {f"index_{name}": array for name, array in index.arrays().items()}
        super().__init__(arrays, kg._details)


def complete_for(logic: SoftLogic, chain: BoundChain, results: Sequence[FuzzySet]) -> CompletedGraph:
    """The graph with the predicted edges that matter to one query.

    Args:
        logic: that the query was executed with.
        chain: the query's chain.
        results: every step's fuzzy set.
    """
    predicted: dict[Edge, float] = {}
    for step in chain:
        if step.step.operation != "project" or step.gives_values:
            continue
        assert step.relation is not None
        source = logic.listed(logic.inputs(step, results)[0])
        first = np.argsort(-source.confidence, kind="stable")[:SOURCES]
        members = source.members[first]
        rows = logic.adjacency.rows(2 * step.relation.index + step.relation.inverse, members)
        found: list[tuple[float, float, int, int]] = []
        for member, own, row in zip(members.tolist(), source.confidence[first].tolist(), rows, strict=True):
            unknown = np.flatnonzero(row.confidence < 1)
            best = unknown[np.argsort(-row.confidence[unknown], kind="stable")[:ADDED]]
            for target, confidence in zip(row.targets[best].tolist(), row.confidence[best].tolist(), strict=True):
                found.append((own * confidence, confidence, member, target))
        for _, confidence, member, target in sorted(found, key=lambda item: -item[0])[:ADDED]:
            head, tail = (target, member) if step.relation.inverse else (member, target)
            predicted[head, step.relation.index, tail] = confidence
    return CompletedGraph(logic.kg, predicted)
