"""Walking the body of a closed rule from one entity, compiled: how many ways lead to each end."""

from __future__ import annotations

from reasoning.completion.rules.directed_edges import DirectedEdges, first_at_least, group_of
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids


@compiled
def reach(
    x: int, group: int, body: Ids, edges: DirectedEdges, walks: Ids, ends: Ids, inner_walks: Ids, inner: Ids
) -> tuple[int, int]:
    """Walk a body from x, all entities on the way distinct.

    Args:
        x: the source.
        group: its group of the body's first relation.
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


@compiled
def between(x: int, y: int, body: Ids, edges: DirectedEdges) -> tuple[int, int, int]:
    """Walks of a body from x to y, all entities distinct, and the inner entities of one, -1 where there is none."""
    bounds, relations, _, starts, targets, _ = edges
    group = group_of(bounds, relations, x, body[0])
    count, first, second = 0, -1, -1
    if group < 0:
        return count, first, second
    for at in range(starts[group], starts[group + 1]):
        z = targets[at]
        if body[1] < 0:
            count += z == y
            continue
        onward = group_of(bounds, relations, z, body[1])
        if onward < 0 or z == y:
            continue
        for to in range(starts[onward], starts[onward + 1]):
            w = targets[to]
            if body[2] < 0:
                arrived = w == y
            else:
                arrived = False
                last = group_of(bounds, relations, w, body[2])
                if last >= 0 and w != x and w != y:
                    place = first_at_least(targets, starts[last], starts[last + 1], y)
                    arrived = place < starts[last + 1] and targets[place] == y
            if arrived:
                if count == 0:
                    first = z
                    second = w if body[2] >= 0 else -1
                count += 1
    return count, first, second
