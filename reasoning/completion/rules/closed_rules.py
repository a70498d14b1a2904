"""Rules whose body is a path from one entity to the other: r(x, y) <- a(x, y) and r(x, y) <- a(x, z), b(z, y).

AnyBURL's cyclic rules (Meilicke et al. 2019, "Anytime Bottom-Up Rule Learning for Knowledge Graph Completion"), with
one thing added: how many paths lead from x to y says much, so each rule is counted apart for few and for many of them.
All variables stand for distinct entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.rules.directed_edges import DirectedEdges
from reasoning.completion.rules.options import RuleOptions
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids

BUCKETS = 5
"""Rules are counted apart for pairs that 1, 2, 3 to 4, 5 to 8, and more walks lead to."""
NONE = -1
"""Where a body has no further relation."""


class ClosedRules(NamedTuple):
    """Rules head(x, y) <- path from x to y; each array's first axis is that of the rules.

    Attributes:
        head: int32, shape (rules,): the directed relation that a rule predicts.
        body: int32, shape (rules, 3): the directed relations of the path, -1 behind its end.
        support: int32, shape (rules, BUCKETS): pairs (x, y) that the path leads to and that have the head.
        size: int32, shape (rules, BUCKETS): all pairs (x, y), x != y, that the path leads to.
    """

    head: Ids
    body: Ids
    support: Ids
    size: Ids


def mine_closed(edges: DirectedEdges, relations: int, options: RuleOptions) -> ClosedRules:
    """Count all closed rules of one and two body relations.

    Args:
        edges: the graph, over 2 x `relations` directed relations.
        relations: relations, not counting directions.
        options: their support, confidence, smoothing, walks and seed.
    """
    directed, support, smoothing = 2 * relations, options.support, options.smoothing
    tables: list[NDArray[np.int64]] = []
    order = np.argsort(edges.relations, kind="stable")
    ends = np.searchsorted(edges.relations[order], np.arange(directed + 1))
    generator = np.random.default_rng(options.seed)
    for first in range(directed):
        groups = order[ends[first] : ends[first + 1]]
        if not len(groups):
            continue
        singles, size = np.zeros(directed, dtype=np.int64), np.zeros(1, dtype=np.int64)
        pairs = np.zeros((directed, directed, BUCKETS), dtype=np.int32)
        bodies = np.zeros((directed, BUCKETS), dtype=np.int64)
        count_closed(generator.permutation(groups), options.walks, edges, singles, size, pairs, bodies)
        singles[first] = 0
        head = np.flatnonzero((singles >= support) & (singles >= options.confidence * (size[0] + smoothing)))
        once = np.zeros((len(head), 2, BUCKETS), dtype=np.int64)
        once[:, 0, 0], once[:, 1, 0] = singles[head], size[0]
        tables.append(
            np.column_stack((head, np.full_like(head, first), np.full_like(head, NONE), once.reshape(-1, 2 * BUCKETS)))
        )
        sums = pairs.sum(axis=2)
        second, head = np.nonzero(sums >= support)
        counts: NDArray[np.int64] = np.stack((pairs[second, head], bodies[second]), axis=1).astype(np.int64)
        likely = (counts[:, 0] / (counts[:, 1] + smoothing)).max(axis=1)
        whole = sums[second, head] / (counts[:, 1].sum(axis=1) + smoothing)
        good = np.maximum(likely, whole) >= options.confidence
        tables.append(np.column_stack((head, np.full_like(head, first), second, counts.reshape(-1, 2 * BUCKETS)))[good])
    table = np.concatenate(tables).astype(np.int32) if tables else np.zeros((0, 3 + 2 * BUCKETS), dtype=np.int32)
    body = np.column_stack((table[:, 1:3], np.full(len(table), NONE, dtype=np.int32)))
    return ClosedRules(table[:, 0], body, table[:, 3 : 3 + BUCKETS], table[:, 3 + BUCKETS :])


def best_of(parts: Sequence[ClosedRules], smoothing: float, most: int) -> ClosedRules:
    """The `most` rules of each head that are the most confident, sorted by head, then confidence."""
    head, body, support, size = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    confidences = support.sum(axis=1) / (size.sum(axis=1) + smoothing)
    order = np.lexsort((body[:, 2], body[:, 1], body[:, 0], -confidences, head))
    kept = order[np.arange(len(order)) - np.searchsorted(head[order], head[order]) < most]
    return ClosedRules(*(np.ascontiguousarray(array[kept]) for array in (head, body, support, size)))


def strengths(rules: ClosedRules, smoothing: float) -> NDArray[np.float32]:
    """Strength of each rule, -log(1 - confidence), shape (rules, BUCKETS, 2); last 1 where the pair is a known edge.

    A bucket's confidence is (support + k c) / (size + k) with the whole rule's c = support / (size + k): a bucket that
    was seldom seen says what the whole rule says. A known edge takes itself out of the support.
    """
    support, size = rules.support.astype(np.float64), rules.size.astype(np.float64)
    result = np.empty((*support.shape, 2), dtype=np.float32)
    for known in (0, 1):
        whole = np.maximum(support.sum(axis=1) - known, 0) / (size.sum(axis=1) + smoothing)
        inside = np.maximum(support - known, 0)
        result[..., known] = -np.log1p(-(inside + smoothing * whole[:, None]) / (size + smoothing))
    return result


@compiled
def bucket_of(walks: int) -> int:
    """Which bucket so many walks fall into."""
    bucket = 0
    while walks > 1 << bucket and bucket < BUCKETS - 1:
        bucket += 1
    return bucket


@compiled
def count_closed(
    groups: NDArray[np.int64],
    walks: int,
    edges: DirectedEdges,
    singles: NDArray[np.int64],
    size: NDArray[np.int64],
    pairs: NDArray[np.int32],
    bodies: NDArray[np.int64],
) -> None:
    """Count the bodies first(x, y) and first(x, z), second(z, y) for the groups of one first relation.

    Args:
        groups: groups of that relation, walked in this order until `walks` edges were.
        singles: out, shape (d,): pairs of first(x, y) that have head d too; `size`, shape (1,), all pairs.
        pairs: out, shape (d, d): by second relation and head; `bodies`, shape (d,), all pairs by second relation.
    """
    bounds, relations, entities, starts, targets, _ = edges
    count = len(bounds) - 1
    edge_of = np.full(count, -1, dtype=np.int64)
    after = np.full(len(targets), -1, dtype=np.int64)
    ways = np.zeros(count, dtype=np.int32)
    ends = np.empty(count, dtype=np.int32)
    waiting = np.full(len(bodies), -1, dtype=np.int64)
    queue_next = np.empty(len(relations), dtype=np.int64)
    queue_group = np.empty(len(relations), dtype=np.int64)
    reached = np.empty(len(bodies), dtype=np.int64)
    relation_of = np.empty(len(targets), dtype=np.int32)
    for group in groups:
        if walks <= 0:
            break
        x = entities[group]
        # The edges of x, chained by target.
        for g in range(bounds[x], bounds[x + 1]):
            for e in range(starts[g], starts[g + 1]):
                relation_of[e] = relations[g]
                after[e] = edge_of[targets[e]]
                edge_of[targets[e]] = e
        queued, heads = 0, 0
        for at in range(starts[group], starts[group + 1]):
            z = targets[at]
            size[0] += 1
            e = edge_of[z]
            while e >= 0:
                singles[relation_of[e]] += 1
                e = after[e]
            for g in range(bounds[z], bounds[z + 1]):
                second = relations[g]
                if waiting[second] < 0:
                    reached[heads] = second
                    heads += 1
                queue_next[queued], queue_group[queued] = waiting[second], g
                waiting[second] = queued
                queued += 1
        for i in range(heads):
            second = reached[i]
            ended = 0
            q = waiting[second]
            waiting[second] = -1
            while q >= 0:
                g = queue_group[q]
                walks -= starts[g + 1] - starts[g]
                for at in range(starts[g], starts[g + 1]):
                    y = targets[at]
                    if y != x:
                        if ways[y] == 0:
                            ends[ended] = y
                            ended += 1
                        ways[y] += 1
                q = queue_next[q]
            for j in range(ended):
                y = ends[j]
                bucket = bucket_of(ways[y])
                ways[y] = 0
                bodies[second, bucket] += 1
                e = edge_of[y]
                while e >= 0:
                    pairs[second, relation_of[e], bucket] += 1
                    e = after[e]
        for g in range(bounds[x], bounds[x + 1]):
            for e in range(starts[g], starts[g + 1]):
                edge_of[targets[e]] = -1
