"""A step that is too big for one prompt, in parts: what each part shows, and what no part has room for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids

Part = TypeVar("Part")


def with_left_out(parts: Sequence[Part], left_out: int) -> list[tuple[Part, int]]:
    """Each part with how much was left out of the step, which is told with the last."""
    return list(zip(parts, [0] * (len(parts) - 1) + [left_out], strict=True))


def drawn_members(inputs: Sequence[Ids], rng: random.Random) -> tuple[Ids, NDArray[np.int64]]:
    """The members of some sets in an order that is drawn, and in how many of the sets each is.

    Whichever members are left out later are so to be any.

    Returns:
        entity indexes, shape (n,), and counts from 1 to `len(inputs)`, shape (n,).
    """
    entities, uses = np.unique(np.concatenate(inputs), return_counts=True)
    order = np.array(rng.sample(range(len(entities)), len(entities)), dtype=np.int64)
    return entities[order], uses[order]


def set_parts(inputs: Sequence[Ids], entities: Ids, stretches: Sequence[Sequence[int]]) -> list[tuple[list[Ids], int]]:
    """The sets cut to each stretch of `entities`, by their places, and how many members were left out."""
    parts = [[np.intersect1d(members, entities[list(stretch)]) for members in inputs] for stretch in stretches]
    shown = sum(len(members) for part in parts for members in part)
    return with_left_out(parts, sum(map(len, inputs)) - shown)
