"""Rules that know an end by name: r(x, c) <- a(x, c') and r(x, c) <- a(x, _), counted exactly.

They are how "plays the violin" suggests "classical music" (AnyBURL's acyclic rules, Meilicke et al. 2019, "Anytime
Bottom-Up Rule Learning for Knowledge Graph Completion"). All of them compare two sets of entities: whoever is in one
tends to be in the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.rules.directed_edges import DirectedEdges
from reasoning.completion.rules.options import RuleOptions
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids


class ConstantRules(NamedTuple):
    """Rules "whoever is in group p is in group q": q(x) <- p(x); each array of shape (rules,).

    With q the group of entity c and relation d, the rule says inverse(d)(x, c). Numbers from g on stand for the
    bodies a(x, _): g + a is the set of entities that have directed relation a.

    Attributes:
        premise: int32, sorted.
        conclusion: int32, sorted by (relation, entity) within a premise.
        support: int32: members of both.
    """

    premise: Ids
    conclusion: Ids
    support: Ids


def with_classes(edges: DirectedEdges, relations: int) -> tuple[NDArray[np.int64], Ids]:
    """Members of every group, then of every class {x : relation a leaves x}, as (starts, members).

    Shapes (g + 2 x `relations` + 1,) and (members of all,).
    """
    order = np.argsort(edges.relations, kind="stable")
    sizes = np.bincount(edges.relations, minlength=2 * relations)
    starts = np.concatenate((edges.starts, edges.starts[-1] + np.cumsum(sizes)))
    return starts, np.concatenate((edges.targets, edges.entities[order]))


def mine_constant(edges: DirectedEdges, relations: int, options: RuleOptions) -> ConstantRules:
    """Count how the members of each group, and of each class, overlap with every group.

    Args:
        edges: the graph, over 2 x `relations` directed relations.
        relations: relations, not counting directions.
        options: their support, confidence and smoothing; the body is the premise's size.
    """
    starts, members = with_classes(edges, relations)
    arguments = (
        starts,
        members,
        len(edges.relations),
        edges.bounds,
        edges.starts,
        edges.facts,
        options.constant_support,
        options.smoothing,
        options.constant_confidence,
    )
    nothing = np.empty(0, dtype=np.int32)
    count = count_overlaps(*arguments, nothing, nothing, nothing)
    premise, conclusion, counted = (np.empty(count, dtype=np.int32) for _ in range(3))
    count_overlaps(*arguments, premise, conclusion, counted)
    order = np.lexsort((edges.entities[conclusion], edges.relations[conclusion], premise))
    return ConstantRules(premise[order], conclusion[order], counted[order])


@compiled
def count_overlaps(
    set_starts: NDArray[np.int64],
    members: Ids,
    groups: int,
    bounds: NDArray[np.int64],
    starts: NDArray[np.int64],
    facts: Ids,
    support: int,
    smoothing: float,
    confidence: float,
    premise: Ids,
    conclusion: Ids,
    counted: Ids,
) -> int:
    """Rules found; written into the last three arrays where these have room."""
    overlap = np.zeros(groups, dtype=np.int32)
    touched = np.empty(groups, dtype=np.int32)
    filled = 0
    for group in range(len(set_starts) - 1):
        size = set_starts[group + 1] - set_starts[group]
        if size < support:
            continue
        count = 0
        for at in range(set_starts[group], set_starts[group + 1]):
            member = members[at]
            for e in range(starts[bounds[member]], starts[bounds[member + 1]]):
                fact = facts[e]
                if overlap[fact] == 0:
                    touched[count] = fact
                    count += 1
                overlap[fact] += 1
        least = max(np.float64(support), confidence * (size + smoothing))
        for i in range(count):
            fact = touched[i]
            if overlap[fact] >= least and fact != group:
                if filled < len(premise):
                    premise[filled], conclusion[filled], counted[filled] = group, fact, overlap[fact]
                filled += 1
            overlap[fact] = 0
    return filled
