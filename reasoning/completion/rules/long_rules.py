"""Rules whose body is a path of three edges: r(x, y) <- a(x, z), b(z, w), c(w, y).

There are too many bodies of three relations to count each, so those are counted that lead along several sampled edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.rules.closed_rules import BUCKETS, ClosedRules, bucket_of
from reasoning.completion.rules.directed_edges import DirectedEdges, group_of
from reasoning.completion.rules.options import RuleOptions
from reasoning.completion.rules.walking import reach
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids

SAMPLED = 100
"""Edges of each head that bodies are looked for along."""
STEPS, PATHS = 20_000, 2_000
"""Edges walked, and paths found, from the source of a sampled edge until the search is given up."""
COUNTED = 100
"""Bodies of each head that are counted, those found along the most edges."""
WALKS = 50_000
"""Edges walked to count a body; where these are too few its sources are sampled."""


def mine_long(edges: DirectedEdges, relations: int, options: RuleOptions) -> ClosedRules:
    """Find and count closed rules of three body relations; arguments as of `mine_closed`."""
    directed = 2 * relations
    generator = np.random.default_rng(options.seed)
    order = np.argsort(edges.relations, kind="stable")
    group_ends = np.searchsorted(edges.relations[order], np.arange(directed + 1))
    owners = np.repeat(np.arange(len(edges.relations)), np.diff(edges.starts))
    edge_order = np.argsort(edges.relations[owners], kind="stable")
    edge_ends = np.searchsorted(edges.relations[owners][edge_order], np.arange(directed + 1))
    size = len(edges.bounds) - 1
    walks, inner_walks = (np.zeros(size, dtype=np.int32) for _ in range(2))
    ends, inner = (np.empty(size, dtype=np.int32) for _ in range(2))
    known = np.zeros(size, dtype=np.int8)
    rows: list[NDArray[np.int64]] = []
    keys = np.empty(SAMPLED * PATHS, dtype=np.int64)
    for head in range(directed):
        mine = edge_order[edge_ends[head] : edge_ends[head + 1]]
        sample = generator.permutation(mine)[:SAMPLED]
        sources = edges.entities[owners[sample]]
        count = find_bodies(sources, edges.targets[sample], directed, int(generator.integers(1 << 30)), edges, keys)
        bodies, along = np.unique(keys[:count], return_counts=True)
        often = np.lexsort((bodies, -along))[:COUNTED]
        bodies = bodies[often[along[often] >= options.support]]
        body = np.column_stack((bodies // directed**2, bodies // directed % directed, bodies % directed)).astype(
            np.int32
        )
        for relations_of_body in body:
            first = int(relations_of_body[0])
            groups = generator.permutation(order[group_ends[first] : group_ends[first + 1]])
            counts = np.zeros((2, BUCKETS), dtype=np.int64)
            count_long(head, groups, relations_of_body, WALKS, edges, walks, ends, inner_walks, inner, known, counts)
            least = max(options.support, options.confidence * (counts[1].sum() + options.smoothing))
            if counts[0].sum() >= least:
                rows.append(np.concatenate(([head], relations_of_body, counts.ravel())))
    table = np.array(rows, dtype=np.int32).reshape(-1, 4 + 2 * BUCKETS)
    columns = (table[:, 0], table[:, 1:4], table[:, 4 : 4 + BUCKETS], table[:, 4 + BUCKETS :])
    return ClosedRules(*(np.ascontiguousarray(part) for part in columns))


@compiled
def find_bodies(
    sources: Ids, ends: Ids, directed: int, seed: int, edges: DirectedEdges, keys: NDArray[np.int64]
) -> int:
    """Bodies (a x d + b) x d + c that lead from each source to its end, each once an edge, into `keys`; how many."""
    bounds, relations, _, starts, targets, _ = edges
    np.random.seed(seed)
    near = np.full(len(bounds) - 1, -1, dtype=np.int64)
    after = np.full(len(targets), -1, dtype=np.int64)
    filled = 0
    for i in range(len(sources)):
        x, y = sources[i], ends[i]
        # The edges into y, chained by where they come from: the reverse of those that leave it.
        into = np.repeat(relations[bounds[y] : bounds[y + 1]], np.diff(starts[bounds[y] : bounds[y + 1] + 1])) ^ 1
        base = starts[bounds[y]]
        for e in range(base, starts[bounds[y + 1]]):
            after[e] = near[targets[e]]
            near[targets[e]] = e
        begin, steps = filled, STEPS
        own = starts[bounds[x]]
        firsts = np.repeat(relations[bounds[x] : bounds[x + 1]], np.diff(starts[bounds[x] : bounds[x + 1] + 1]))
        for at in np.random.permutation(len(firsts)):
            z = targets[own + at]
            if steps <= 0 or filled - begin >= PATHS:
                break
            if z == y:
                continue
            for g in range(bounds[z], bounds[z + 1]):
                for to in range(starts[g], starts[g + 1]):
                    steps -= 1
                    w = targets[to]
                    if w == x:
                        continue
                    e = near[w]
                    while e >= 0 and filled - begin < PATHS:
                        keys[filled] = (firsts[at] * directed + relations[g]) * directed + into[e - base]
                        filled += 1
                        e = after[e]
        for e in range(base, starts[bounds[y + 1]]):
            near[targets[e]] = -1
        once = np.unique(keys[begin:filled])
        keys[begin : begin + len(once)] = once
        filled = begin + len(once)
    return filled


@compiled
def count_long(
    head: int,
    groups: NDArray[np.int64],
    body: Ids,
    budget: int,
    edges: DirectedEdges,
    walks: Ids,
    ends: Ids,
    inner_walks: Ids,
    inner: Ids,
    known: NDArray[np.int8],
    counts: NDArray[np.int64],
) -> None:
    """Count pairs that a body leads to, with the head and in all, into `counts`, shape (2, BUCKETS)."""
    bounds, relations, entities, starts, targets, _ = edges
    for group in groups:
        if budget <= 0:
            break
        x = entities[group]
        count, steps = reach(x, group, body, edges, walks, ends, inner_walks, inner)
        budget -= steps
        own = group_of(bounds, relations, x, head)
        if own >= 0:
            known[targets[starts[own] : starts[own + 1]]] = 1
        for i in range(count):
            y = ends[i]
            bucket = bucket_of(walks[y])
            walks[y] = 0
            counts[1, bucket] += 1
            counts[0, bucket] += known[y]
        if own >= 0:
            known[targets[starts[own] : starts[own + 1]]] = 0
