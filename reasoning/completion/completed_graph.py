"""A graph with the best predicted edges beside its own: what a language model's chain is shown in method hybrid.

It holds the edges that a query's most probable proofs could use, some known and some predicted ones for each step, so
that a step is one short context however many edges an entity has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reasoning.completion.soft.execution import SoftLogic
from reasoning.completion.soft.fuzzy import FuzzySet
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain

SOURCES = 40
"""Entities of a step's set, the surest first, whose edges are looked at."""

KNOWN, ADDED = 40, 20
"""Edges of a step, those of the most probable proofs: known ones, and predicted ones."""

Edge = tuple[int, int, int]
"""Head, relation, tail by index."""


def complete_for(logic: SoftLogic, chain: BoundChain, results: Sequence[FuzzySet]) -> KnowledgeGraph:
    """The part of a graph that one query could use, with predicted edges; values are all there.

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
    return logic.kg.with_edges(np.array([*sorted(known), *predicted], dtype=np.int32).reshape(-1, 3), predicted)
