"""What a change did to a graph, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """What a change did to a graph.

    Attributes:
        added, removed: facts that were not there before, and that are no longer there.
        there: facts to be added that were there already.
        sourced: facts of which only the sources are others now.
        described: types, other names and labels that are others now.
    """

    added: int = 0
    removed: int = 0
    there: int = 0
    sourced: int = 0
    described: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.sourced or self.described)

    def __add__(self, other: Effect) -> Effect:
        return Effect(
            self.added + other.added,
            self.removed + other.removed,
            self.there + other.there,
            self.sourced + other.sourced,
            self.described + other.described,
        )

    def __mul__(self, times: int) -> Effect:
        return Effect(
            self.added * times,
            self.removed * times,
            self.there * times,
            self.sourced * times,
            self.described * times,
        )
