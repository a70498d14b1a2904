"""What the rules of a relation say of every candidate, one source at a time: the compiled walks.

Each candidate keeps its few strongest rules and the sum of all, so nothing larger than a row of entities is ever held,
however many rules there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.rules.closed_rules import bucket_of
from reasoning.completion.rules.directed_edges import DirectedEdges, group_of
from reasoning.completion.rules.walking import reach
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids

REST, OFTEN = 1e-3, 1e-6
"""Weights that let the sum of all rules, and then how often a candidate is a target, decide between equals."""
Bounds = NDArray[np.int64]


class Sets(NamedTuple):
    """What constant rules compare, and their two orders; see `ConstantRules`.

    Attributes:
        starts, members: the members of groups and classes, see `with_classes`.
        premise_bounds: int64: each premise's stretch of `conclusions` and `supports`.
        conclusion_bounds: int64: each conclusion's stretch of `premises` and `premise_supports`.
    """

    starts: Bounds
    members: Ids
    premise_bounds: Bounds
    conclusions: Ids
    supports: Ids
    conclusion_bounds: Bounds
    premises: Ids
    premise_supports: Ids


class Scratch(NamedTuple):
    """What `score_rows` reckons in; between two rows everything in it is 0 but for `ends`, `inner` and `touched`.

    Attributes:
        known, walks, ends, inner_walks, inner, total, touched: of shape (entities,).
        strongest: the strongest rules of each candidate, shape (entities, top).
    """

    known: NDArray[np.int8]
    walks: Ids
    ends: Ids
    inner_walks: Ids
    inner: Ids
    total: NDArray[np.float32]
    touched: Ids
    strongest: NDArray[np.float32]

    @classmethod
    def of(cls, entities: int, top: int) -> Scratch:
        """One for so many entities, of which so many rules count."""
        walks, ends, inner_walks, inner, touched = np.zeros((5, entities), np.int32)
        known, total = np.zeros(entities, np.int8), np.zeros(entities, np.float32)
        return cls(known, walks, ends, inner_walks, inner, total, touched, np.zeros((entities, top), np.float32))


@compiled
def rule_strength(support: int, size: int, smoothing: float) -> float:
    """-log(1 - support / (size + smoothing)): strength of several rules adds up to noisy-or."""
    return float(-np.log1p(-support / (size + smoothing)))


@compiled
def add(
    strongest: NDArray[np.float32], total: NDArray[np.float32], touched: Ids, count: int, y: int, weight: float
) -> int:
    """Give candidate y the strength of one more rule; how many candidates have any is `count`, before and after."""
    if not weight > 0.0:
        return count
    if total[y] == 0.0:
        touched[count] = y
        count += 1
    total[y] += weight
    i = strongest.shape[1] - 1
    if weight > strongest[y, i]:
        while i > 0 and strongest[y, i - 1] < weight:
            strongest[y, i] = strongest[y, i - 1]
            i -= 1
        strongest[y, i] = weight
    return count


@compiled
def score_rows(
    relation: int,
    sources: Ids,
    popularity: NDArray[np.float32],
    loops: NDArray[np.float32],
    looped: NDArray[np.int8],
    bodies: Ids,
    path_strengths: NDArray[np.float32],
    edges: DirectedEdges,
    sets: Sets,
    smoothing: float,
    scratch: Scratch,
    rows: NDArray[np.float32],
) -> None:
    """The strength for all entities as targets of a directed relation; see `RulePredictor.strength`.

    Args:
        popularity: float32, shape (2, entities): strength from how many edges of the relation lead to each entity, all
            of them and all but one.
        loops: float32, shape (2,): strength that the relation leads from an entity to itself, unknown and known.
        looped: int8, shape (entities,): whether it is known to.
        bodies, path_strengths: the relation's closed rules.
        rows: out, shape (sources, entities).
    """
    bounds, relations, entities, starts, targets, facts = edges
    set_starts, members, premise_bounds, conclusions, supports, conclusion_bounds, premises, premise_supports = sets
    groups, inverse = len(relations), relation ^ 1
    known, walks, ends, inner_walks, inner, total, touched, strongest = scratch
    for row in range(len(sources)):
        x, found = sources[row], 0
        own = group_of(bounds, relations, x, relation)
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                known[targets[at]] = 1
        for rule in range(len(bodies)):
            group = group_of(bounds, relations, x, bodies[rule, 0])
            if group >= 0:
                count, _ = reach(x, group, bodies[rule], edges, walks, ends, inner_walks, inner)
                for i in range(count):
                    y = ends[i]
                    strength = path_strengths[rule, bucket_of(walks[y]), known[y]]
                    found = add(strongest, total, touched, found, y, strength)
                    walks[y] = 0
        # What x is in says of named targets: conclusions (y, inverse).
        for g in range(bounds[x], bounds[x + 1]):
            for at in range(starts[g], starts[g + 1] + 1):
                premise = facts[at] if at < starts[g + 1] else groups + relations[g]
                low, high = premise_bounds[premise], premise_bounds[premise + 1]
                end = high
                while low < high:
                    middle = (low + high) >> 1
                    if relations[conclusions[middle]] < inverse:
                        low = middle + 1
                    else:
                        high = middle
                while low < end and relations[conclusions[low]] == inverse:
                    y = entities[conclusions[low]]
                    if y != x:
                        support = supports[low] - known[y]
                        of_set = set_starts[premise + 1] - set_starts[premise]
                        weight = rule_strength(support, of_set, smoothing)
                        found = add(strongest, total, touched, found, y, weight)
                    low += 1
        # What candidates are in says of x: the conclusion (x, relation).
        if own >= 0:
            for i in range(conclusion_bounds[own], conclusion_bounds[own + 1]):
                low, high = set_starts[premises[i]], set_starts[premises[i] + 1]
                weight = rule_strength(premise_supports[i], high - low, smoothing)
                lower = rule_strength(premise_supports[i] - 1, high - low, smoothing)
                for at in range(low, high):
                    y = members[at]
                    if y != x:
                        found = add(strongest, total, touched, found, y, lower if known[y] else weight)
        if loops[looped[x]] > 0.0:
            found = add(strongest, total, touched, found, x, loops[looped[x]])
        rows[row] = popularity[0]
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                rows[row, targets[at]] = popularity[1, targets[at]]
        for at in range(found):
            y = touched[at]
            best = np.float32(0.0)
            for i in range(strongest.shape[1]):
                best += strongest[y, i]
                strongest[y, i] = 0.0
            rows[row, y] += best + REST * (total[y] - best)
            total[y] = 0.0
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                known[targets[at]] = 0
