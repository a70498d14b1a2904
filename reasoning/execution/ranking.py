"""The order of answers that are all true: those that a person most likely asks for first.

A query gives a set. Read aloud, "who acted with Ann" does not mean Ann, so what the query names itself comes last; and
what many members of the set before lead to comes before what one of them does, or only what the query names.
"""

from __future__ import annotations

import numpy as np

from reasoning.execution.step_result import StepResult
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain


def by_support(kg: KnowledgeGraph, chain: BoundChain, last: StepResult) -> Ids:
    """The members of the last step, the most often reached first, the query's own entities last.

    Args:
        kg: the graph.
        chain: the query's chain.
        last: its last step, done by set algebra.

    Returns:
        The members as int32, shape (m,).
    """
    members = last.members
    named = [entity for step in chain for entity in step.anchors if entity is not None]
    reached = np.zeros(len(members), dtype=np.int64)
    relation = last.step.relation
    if last.step.step.operation == "project" and relation is not None and relation.kind == "edges":
        sources = np.setdiff1d(last.inputs[0], np.array(named, dtype=np.int32))
        _, targets = kg.index.edges(sources.astype(np.int32), relation.index, relation.inverse)
        found, counts = np.unique(targets, return_counts=True)
        if len(found):
            at = np.minimum(np.searchsorted(found, members), len(found) - 1)
            reached = np.where(found[at] == members, counts[at], 0)
    return members[np.lexsort((np.arange(len(members)), -reached, np.isin(members, named)))]
