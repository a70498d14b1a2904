"""The compiled loop. Every set is a sorted stretch of int32: of the index itself, or of one working area.

A union of many stretches is marked in a bitset with a second level above it that knows which words hold anything, so
that reading it back costs by what was marked and not by the size of the graph. Intersections and differences search
the larger set from where the last search ended, doubling the distance (Demaine, Lopez-Ortiz & Munro 2000), where the
sizes differ much, and merge otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from reasoning.execution.batch import COMPLEMENT, INTERSECT, PROJECT, UNION, Program, compiled
from reasoning.graph.index import Ids

DONE, WORK_IS_FULL, ANSWERS_ARE_FULL = range(3)
"""Why the loop ended."""

SEARCHED = 8
"""How many times larger a set must be to be searched instead of merged (measured on both query sets)."""

Words = NDArray[np.uint64]


class Side(NamedTuple):
    """One direction of an index, see `Adjacency`; all arrays read-only."""

    rows: NDArray[np.int64]
    sources: Ids
    starts: Ids
    targets: Ids


class Areas(NamedTuple):
    """Memory that the loop works in.

    Attributes:
        sets: int32: the sets made on the way, chain by chain.
        made: the same memory read-only: of one type with the index's arrays.
        words: uint64, shape (entities / 64,): the bitset, all 0.
        summary: uint64, shape (words / 64,): its second level, all 0.
        registers: int64, shape (steps of the longest chain, 3): where a step's set lies (0 in forward.targets, 1 in
            backward.targets, 2 in sets), from where, and up to where.
        given: int64, shape (most inputs of a step, 3): the same of a step's inputs.
    """

    sets: Ids
    made: Ids
    words: Words
    summary: Words
    registers: NDArray[np.int64]
    given: NDArray[np.int64]


@cast(Callable[[Any], Callable[[Any], Any]], intrinsic)  # its first argument is not the caller's
def _trailing_zeros(context: Any, word: Any) -> Any:
    """The position of the lowest bit that is set, of a word that is not 0."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@compiled
def search(ids: Ids, low: int, high: int, wanted: int) -> int:
    """The first place from `low` on whose id is at least `wanted`, `high` where there is none."""
    step = 1
    while low + step < high and ids[low + step] < wanted:
        low += step
        step *= 2
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) >> 1
        if ids[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def mark(words: Words, summary: Words, ids: Ids) -> None:
    """Put ids into the bitset."""
    for i in ids:
        word = i >> 6
        words[word] |= np.uint64(1) << np.uint64(i & 63)
        summary[word >> 6] |= np.uint64(1) << np.uint64(word & 63)


@compiled
def unmark(words: Words, summary: Words, out: Ids, start: int) -> int:
    """Empty the bitset into `out`, sorted, from `start` on; the place behind the last."""
    for high in range(len(summary)):
        upper = summary[high]
        summary[high] = 0
        while upper:
            word = (high << 6) + np.int64(_trailing_zeros(upper))
            upper &= upper - np.uint64(1)
            bits = words[word]
            words[word] = 0
            base = word << 6
            while bits:
                out[start] = base + np.int64(_trailing_zeros(bits))
                start += 1
                bits &= bits - np.uint64(1)
    return start


@compiled
def intersect(left: Ids, right: Ids, out: Ids, start: int) -> int:
    """Members of both, into `out` from `start` on; the place behind the last. `left` is the smaller."""
    at, end = 0, len(right)
    if end > SEARCHED * len(left):
        for wanted in left:
            at = search(right, at, end, wanted)
            if at == end:
                break
            if right[at] == wanted:
                out[start] = wanted
                start += 1
        return start
    i = 0
    while i < len(left) and at < end:
        a, b = left[i], right[at]
        # Written always, kept only where both are equal: no branch to mispredict. Never past len(left) places.
        out[start] = a
        start += a == b
        i += a <= b
        at += b <= a
    return start


@compiled
def subtract(left: Ids, right: Ids, out: Ids, start: int) -> int:
    """Members of `left` that are not in `right`, into `out` from `start` on; the place behind the last."""
    at, end = 0, len(right)
    if end > SEARCHED * len(left):
        for member in left:
            at = search(right, at, end, member)
            out[start] = member
            start += at == end or right[at] != member
        return start
    i = 0
    while i < len(left) and at < end:
        a, b = left[i], right[at]
        out[start] = a
        start += a < b
        i += a <= b
        at += b <= a
    for rest in range(i, len(left)):
        out[start] = left[rest]
        start += 1
    return start


@compiled
def project(
    members: Ids, sources: Ids, starts: Ids, targets: Ids, at: int, high: int, words: Words, summary: Words
) -> tuple[int, int, int]:
    """Mark the targets of all members that are among `sources[at:high]`, the rows of a relation.

    Returns:
        (rows found, the last of them, targets marked at most); with one row nothing is marked, it is a set already.
    """
    found, row, marked, i = 0, -1, 0, 0
    # Each id of the smaller side is searched in the larger.
    by_source = high - at < len(members)
    while i < len(members) and at < high:
        if by_source:
            i = search(members, i, len(members), sources[at])
        else:
            at = search(sources, at, high, members[i])
        if i < len(members) and at < high and members[i] == sources[at]:
            found += 1
            if found > 1:
                if found == 2:
                    mark(words, summary, targets[starts[row] : starts[row + 1]])
                    marked += starts[row + 1] - starts[row]
                mark(words, summary, targets[starts[at] : starts[at + 1]])
                marked += starts[at + 1] - starts[at]
            row = at
        if by_source:
            at += 1
        else:
            i += 1
    return found, row, marked


@compiled
def stretch(place: int, start: int, end: int, forward: Ids, backward: Ids, made: Ids) -> Ids:
    """The set that lies there, see `Areas.registers`."""
    if place == 0:
        return forward[start:end]
    if place == 1:
        return backward[start:end]
    return made[start:end]


@compiled
def run(
    first: int,
    program: Program,
    forward: Side,
    backward: Side,
    universe: Ids,
    entities: int,
    areas: Areas,
    answers: Ids,
    offsets: NDArray[np.int64],
) -> tuple[int, int]:
    """Answer chains from `first` on until all are done or an area is full.

    Args:
        first: the chain to begin with; `offsets[first]` says where its answers go.
        program: the chains.
        forward, backward: the two directions of the index.
        universe: the entities that a complement is taken of, sorted, read-only.
        entities: entities in all.
        areas: memory to work in.
        answers, offsets: the result, see `IdLists`.

    Returns:
        (the chain that was not answered, why).
    """
    # Unpacked once: handed on as tuples, every call would count references to all of them.
    registers, given, words, summary = areas.registers, areas.given, areas.words, areas.summary
    sets, made, room = areas.sets, areas.made, len(areas.sets)
    leads, follows = forward.targets, backward.targets
    chains, opcodes, sides, bounds, inputs = program
    for chain in range(first, len(chains) - 1):
        begin, top = chains[chain], 0
        for step in range(begin, chains[chain + 1]):
            low, opcode = bounds[step], opcodes[step]
            arity, register = bounds[step + 1] - low, step - begin
            if top + arity > room:
                return chain, WORK_IS_FULL
            for i in range(arity):
                reference = inputs[low + i]
                if reference >= 0:
                    given[i] = registers[reference]
                else:
                    # An anchor is a set of one.
                    sets[top] = -1 - reference
                    given[i, 0], given[i, 1], given[i, 2] = 2, top, top + 1
                    top += 1
            registers[register, 0], registers[register, 1] = 2, top
            left = stretch(given[0, 0], given[0, 1], given[0, 2], leads, follows, made)
            if opcode == PROJECT:
                relation, inverse = sides[step] >> 1, sides[step] & 1
                rows, sources, starts, targets = forward
                if inverse:
                    rows, sources, starts, targets = backward
                found, row, marked = project(
                    left, sources, starts, targets, rows[relation], rows[relation + 1], words, summary
                )
                if found == 1:
                    registers[register, 0] = inverse
                    registers[register, 1], registers[register, 2] = starts[row], starts[row + 1]
                    continue
                if top + min(marked, entities) > room:
                    # The chain begins anew in a larger area, so nothing may stay marked.
                    words[:] = 0
                    summary[:] = 0
                    return chain, WORK_IS_FULL
                top = unmark(words, summary, sets, top)
            elif opcode == UNION:
                size = 0
                for i in range(arity):
                    size += given[i, 2] - given[i, 1]
                if top + min(size, entities) > room:
                    return chain, WORK_IS_FULL
                for i in range(arity):
                    mark(words, summary, stretch(given[i, 0], given[i, 1], given[i, 2], leads, follows, made))
                top = unmark(words, summary, sets, top)
            elif opcode == INTERSECT:
                smallest = 0
                for i in range(1, arity):
                    if given[i, 2] - given[i, 1] < given[smallest, 2] - given[smallest, 1]:
                        smallest = i
                for part in range(3):
                    given[0, part], given[smallest, part] = given[smallest, part], given[0, part]
                left = stretch(given[0, 0], given[0, 1], given[0, 2], leads, follows, made)
                if top + len(left) > room:
                    return chain, WORK_IS_FULL
                end = top
                for i in range(1, arity):
                    # From the second on in place: what is written is never ahead of what is read.
                    end = intersect(
                        left, stretch(given[i, 0], given[i, 1], given[i, 2], leads, follows, made), sets, top
                    )
                    left = made[top:end]
                top = end
            else:
                right = left
                if opcode == COMPLEMENT:
                    left = universe
                else:
                    right = stretch(given[1, 0], given[1, 1], given[1, 2], leads, follows, made)
                if top + len(left) > room:
                    return chain, WORK_IS_FULL
                top = subtract(left, right, sets, top)
            registers[register, 2] = top
        last = chains[chain + 1] - 1 - begin
        result = stretch(registers[last, 0], registers[last, 1], registers[last, 2], leads, follows, made)
        used = offsets[chain]
        if used + len(result) > len(answers):
            return chain, ANSWERS_ARE_FULL
        answers[used : used + len(result)] = result
        offsets[chain + 1] = used + len(result)
    return len(chains) - 1, DONE
