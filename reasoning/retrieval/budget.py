"""A token budget: what triples cost, and how more than it holds is parted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reasoning.graph.index import Ids

CHEAPEST_TRIPLE = 3
"""Tokens that no triple costs less than, to bound what is looked at before anything is rendered."""


class TripleCost(Protocol):
    """What triples, int32 of shape (n, 3), cost in a prompt."""

    def together(self, triples: Ids) -> int:
        """Tokens of a context that holds these triples and no others."""

    def at_most(self, triples: Ids) -> list[int]:
        """The most tokens of each triple, whatever else is in its context, shape (n,)."""


def packed(prices: Sequence[int], room: int, budget: int) -> list[list[int]]:
    """Positions in their order, parted so that no part costs more than `room`.

    One item that costs more than the room, but no more than the budget, is a part of its own; one that costs more than
    the budget is in none.

    Args:
        prices: tokens of each item.
        room: tokens that a part may take.
        budget: tokens that an item may take, at least `room`.
    """
    parts: list[list[int]] = []
    left = 0
    for position, price in enumerate(prices):
        if price > budget:
            continue
        if price > left:
            parts.append([])
            left = room
        parts[-1].append(position)
        left -= price
    return parts
