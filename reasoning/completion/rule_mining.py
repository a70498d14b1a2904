"""Mining of Horn rules from a graph by sampled walks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.batch import compiled
from reasoning.graph.index import Ids, TripleIndex


@dataclass(frozen=True)
class RuleOptions:
    """Which rules are kept and how they are added up.

    Attributes:
        support, confidence: least ones of a closed rule; confidence = support / (body + smoothing).
        constant_support, constant_confidence: the same of rules with constants, of which there are many more.
        smoothing: AnyBURL's pessimistic constant.
        rules: closed rules kept for each directed relation.
        top: strongest rules that an edge's confidence is made of.
        walks: edges walked for each relation that a body begins with; where these are too few its sources are sampled.
        sparse: most edges that an entity has on average, both directions counted, in a graph whose rules have bodies of
            three edges too. In a dense one these lead everywhere: on FB15k-237 (37 an entity) they take seven times as
            long and add nothing, on WN18RR (4 an entity) they raise MRR by 0.03.
        seed: seeds all samples.
    """

    support: int = 2
    confidence: float = 0.01
    constant_support: int = 3
    constant_confidence: float = 0.1
    smoothing: float = 5.0
    rules: int = 1000
    top: int = 3
    walks: int = 200_000_000
    sparse: float = 10.0
    seed: int = 0


class DirectedEdges(NamedTuple):
    """Edges of n triples between distinct entities in both directions, in g groups; all arrays sorted and read-only.

    A group is an entity e with a directed relation d: the targets {y : d(e, y)}. Seen from a target it is a *fact*: "y
    is what e has as d", or, the other way round, d's inverse leads from y to the constant e.

    A triple that leads from an entity to itself is left out: rules bind distinct entities (object identity), which also
    keeps a walk from using the edge that it is to prove.

    Attributes:
        bounds: int64, shape (entities + 1,): entity e's groups.
        relations: int32, shape (g,): each group's directed relation, sorted within an entity.
        entities: int32, shape (g,): each group's entity.
        starts: int64, shape (g + 1,): each group's targets.
        targets: int32, shape (2n,), sorted within a group.
        facts: int32, shape (2n,): for the edge d(e, y), the group of y with d's inverse (e is among its targets).
    """

    bounds: NDArray[np.int64]
    relations: Ids
    entities: Ids
    starts: NDArray[np.int64]
    targets: Ids
    facts: Ids

    @classmethod
    def build(cls, index: TripleIndex, entities: int) -> DirectedEdges:
        """Group the edges of an index over `entities` entities."""
        head, relation, tail = index.triples().astype(np.int64).T
        apart = head != tail
        head, relation, tail = head[apart], relation[apart], tail[apart]
        source, target = np.concatenate((head, tail)), np.concatenate((tail, head))
        directed = np.concatenate((2 * relation, 2 * relation + 1))
        order = np.lexsort((target, directed, source))
        source, directed, target = source[order], directed[order], target[order]
        first = np.ones(len(source), dtype=bool)
        first[1:] = (source[1:] != source[:-1]) | (directed[1:] != directed[:-1])
        starts = np.append(np.flatnonzero(first), len(source)).astype(np.int64)
        bounds = np.searchsorted(source[first], np.arange(entities + 1)).astype(np.int64)
        # Both halves list the same triples: the reverse of the edge at place i of one stands at place i of the other.
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        group = np.cumsum(first) - 1
        facts = group[place[(order + len(head)) % max(1, len(order))]]
        return cls(
            bounds,
            directed[first].astype(np.int32),
            source[first].astype(np.int32),
            starts,
            target.astype(np.int32),
            facts.astype(np.int32),
        )


@compiled
def first_at_least(values: Ids, low: int, high: int, wanted: int) -> int:
    """The first place from `low` on of sorted values that is at least `wanted`, `high` where there is none."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def group_of(bounds: NDArray[np.int64], relations: Ids, entity: int, relation: int) -> int:
    """The group of an entity with a directed relation, -1 where it has none."""
    end = bounds[entity + 1]
    place = first_at_least(relations, bounds[entity], end, relation)
    return place if place < end and relations[place] == relation else -1


@compiled
def reach(
    x: int, group: int, body: Ids, edges: DirectedEdges, walks: Ids, ends: Ids, inner_walks: Ids, inner: Ids
) -> tuple[int, int]:
    """Walk a body from x, all entities on the way distinct.

    Args:
        x, group: the source, and its group of the body's first relation.
        body: directed relations, shape (3,), -1 behind the end.
        edges: the graph.
        walks: out, shape (entities,): walks to each end; all 0 before.
        ends: out, shape (entities,): the ends.
        inner_walks, inner: as `walks` and `ends`, of a body of three after two; all 0 before and after.

    Returns:
        (how many ends there are, edges walked).
    """
    bounds, relations, _, starts, targets, _ = edges
    steps = starts[group + 1] - starts[group]
    if body[1] < 0:
        for i in range(steps):
            y = targets[starts[group] + i]
            ends[i] = y
            walks[y] = 1
        return steps, steps
    long = body[2] >= 0
    two_walks, two = (inner_walks, inner) if long else (walks, ends)
    count = 0
    for at in range(starts[group], starts[group + 1]):
        onward = group_of(bounds, relations, targets[at], body[1])
        if onward >= 0:
            steps += starts[onward + 1] - starts[onward]
            for to in range(starts[onward], starts[onward + 1]):
                w = targets[to]
                if w != x:
                    if two_walks[w] == 0:
                        two[count] = w
                        count += 1
                    two_walks[w] += 1
    if not long:
        return count, steps
    reached = 0
    for i in range(count):
        w = inner[i]
        ways = inner_walks[w]
        inner_walks[w] = 0
        onward = group_of(bounds, relations, w, body[2])
        if onward >= 0:
            steps += starts[onward + 1] - starts[onward]
            for to in range(starts[onward], starts[onward + 1]):
                y = targets[to]
                if y != x:
                    if walks[y] == 0:
                        ends[reached] = y
                        reached += 1
                    walks[y] += ways
    # Walks x, y, w, y went through their end already.
    for at in range(starts[group], starts[group + 1]):
        y = targets[at]
        if walks[y] > 0:
            walks[y] -= returns(x, y, body[1], body[2] ^ 1, edges)
    kept = 0
    for i in range(reached):
        if walks[ends[i]] > 0:
            ends[kept] = ends[i]
            kept += 1
    return kept, steps


@compiled
def returns(x: int, y: int, first: int, second: int, edges: DirectedEdges) -> int:
    """Entities other than x that are targets of y by both of two directed relations."""
    bounds, relations, _, starts, targets, _ = edges
    first_group, second_group = group_of(bounds, relations, y, first), group_of(bounds, relations, y, second)
    if first_group < 0 or second_group < 0:
        return 0
    i, j, count = starts[first_group], starts[second_group], 0
    while i < starts[first_group + 1] and j < starts[second_group + 1]:
        a, b = targets[i], targets[j]
        count += a == b and a != x
        i += a <= b
        j += b <= a
    return count


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
    """Count all closed rules of one and two body relations over 2 x `relations` directed ones."""
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
    """Count how the members of each group, and of each class, overlap with every group; a body is a premise's size."""
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
