"""Edges of one relation as one number each, so that sets of them are sorted arrays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Adjacency, Ids

Keys = NDArray[np.int64]
"""Edges of one relation in one direction, sorted: the source in the upper half of each number, the target below."""

NO_KEYS: Keys = np.zeros(0, dtype=np.int64)
_LOWER = (1 << 32) - 1


def key(source: int, target: int) -> int:
    """One edge as a number."""
    return source << 32 | target


def keys_of(sources: Ids, targets: Ids) -> Keys:
    """Edges as numbers, in their order."""
    return np.asarray(sources.astype(np.int64) << 32 | targets)


def ends_of(keys: Keys) -> tuple[Ids, Ids]:
    """The sources and targets of edges."""
    return (keys >> 32).astype(np.int32), (keys & _LOWER).astype(np.int32)


def sorted_keys(keys: Iterable[int]) -> Keys:
    """Edges in any order as an array."""
    found = np.array(list(keys), dtype=np.int64)
    found.sort()
    return found


def turned(keys: Keys) -> Keys:
    """The same edges seen from their targets."""
    found = keys >> 32 | (keys & _LOWER) << 32
    found.sort()
    return np.asarray(found)


def among(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    """Which of some edges are among others, which are sorted; shape (n,)."""
    if not len(others):
        return np.zeros(len(keys), dtype=bool)
    at = np.searchsorted(others, keys)
    at[at == len(others)] = 0
    return np.asarray(others[at] == keys)


def leaving(keys: Keys, sources: Ids) -> Keys:
    """Those edges that leave some sources, which are sorted and unique."""
    if len(keys) <= len(sources):
        owners = ends_of(keys)[0]
        at = np.searchsorted(sources, owners)
        at[at == len(sources)] = 0
        return np.asarray(keys[sources[at] == owners])
    starts = sources.astype(np.int64) << 32
    low, high = np.searchsorted(keys, starts), np.searchsorted(keys, starts + (1 << 32))
    counts = high - low
    ends = np.cumsum(counts)
    return np.asarray(keys[np.arange(int(counts.sum())) + np.repeat(low - (ends - counts), counts)])


def holds(keys: Keys, one: int) -> bool:
    """Whether an edge is among others."""
    at = int(keys.searchsorted(one))
    return at < len(keys) and int(keys[at]) == one


def without(keys: Keys, others: Keys) -> Keys:
    """Those edges that are not among others."""
    return np.asarray(keys[~among(keys, others)]) if len(others) else keys


def joined(keys: Keys, others: Keys) -> Keys:
    """Edges of two sets that have none in common."""
    if not len(keys) or not len(others):
        return keys if len(keys) else others
    return np.insert(keys, np.searchsorted(keys, others), others)


def changed_by(added: Keys, removed: Keys, adding: Keys, removing: Keys) -> tuple[Keys, Keys]:
    """What is added to and removed from a base, after more is added and removed; what is undone is in neither."""
    back, gone = among(adding, removed), among(removing, added)
    return (
        joined(without(added, removing[gone]), adding[~back]),
        joined(without(removed, adding[back]), removing[~gone]),
    )


def adjacency_of(keys: Keys) -> Adjacency:
    """Edges of one relation, which has number 0, as rows."""
    sources, targets = ends_of(keys)
    return Adjacency.build(np.zeros(len(keys), dtype=np.int32), sources, targets, 1)
