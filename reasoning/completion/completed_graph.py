"""A graph with the best predicted edges beside its own: what a language model's chain is shown in method hybrid.

It holds the edges that a query's most probable proofs could use, some known and some predicted ones for each step, so
that a step is one short context however many edges an entity has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.fuzzy import FuzzySet
from reasoning.graph.index import TripleIndex
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain

SOURCES = 40
"""Entities of a step's set, the surest first, whose edges are looked at."""

KNOWN, ADDED = 40, 20
"""Edges of a step, those of the most probable proofs: known ones, and predicted ones."""

Edge = tuple[int, int, int]
"""Head, relation, tail by index."""


class CompletedGraph(KnowledgeGraph):
    """The part of a graph that a query could use, with predicted edges; values are all there.

    Args:
        kg: the graph.
        known: the edges of it that are kept.
        predicted: edges that it lacks, with their confidence.
    """

    def __init__(self, kg: KnowledgeGraph, known: Collection[Edge], predicted: Mapping[Edge, float]) -> None:
        self.predicted = dict(predicted)
        triples = np.array([*known, *predicted], dtype=np.int32).reshape(-1, 3)
        index = TripleIndex.build(triples, kg.entity_count, kg.relation_count)
        arrays = {f"index_{name}": array for name, array in index.arrays().items()}
        super().__init__(dict(kg._arrays) | arrays, kg._details)


def complete_for(logic: SoftLogic, chain: BoundChain, results: Sequence[FuzzySet]) -> CompletedGraph:
    """The edges that matter to one query, known and predicted.

    Args:
        logic: that the query was executed with.
        chain: the query's chain.
        results: every step's fuzzy set.
    """
    known: set[Edge] = set()
    predicted: dict[Edge, float] = {}
    for step in chain:
        if step.step.operation != "project" or step.gives_values:
            continue
        assert step.relation is not None
        source = logic.listed(logic.inputs(step, results)[0])
        first = np.argsort(-source.confidence, kind="stable")[:SOURCES]
        members = source.members[first]
        if not len(members):
            continue
        rows = logic.adjacency.rows(2 * step.relation.index + step.relation.inverse, members)
        sources = np.repeat(members, [len(row.targets) for row in rows])
        targets = np.concatenate([row.targets for row in rows])
        confidence = np.concatenate([row.confidence for row in rows])
        proofs = np.repeat(source.confidence[first], [len(row.targets) for row in rows]) * confidence
        order = np.argsort(-proofs, kind="stable")
        certain = confidence[order] == 1
        for position in (*order[certain][:KNOWN].tolist(), *order[~certain][:ADDED].tolist()):
            ends = int(sources[position]), int(targets[position])
            head, tail = ends[::-1] if step.relation.inverse else ends
            if confidence[position] == 1:
                known.add((head, step.relation.index, tail))
            else:
                predicted[head, step.relation.index, tail] = float(confidence[position])
    return CompletedGraph(logic.kg, sorted(known), predicted)
