"""The values of one relation in a changed graph: a base column with other values laid over it."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, ValueKind
from reasoning.graph.index import Ids
from reasoning.graph.values import ValueColumn

LAID_OVER = 1 / 8
"""Other values of up to this part of a column are laid over it; of more the column is made anew."""
LEAST = 1 << 10
"""So many are laid over it in any case."""

NO_VALUE = math.nan
"""Stands for a value that was removed."""


class ChangedColumn:
    """A column with other values laid over it; see `ValueColumn`.

    Args:
        base: the column.
        others: what an entity has in place of what it has there, `NO_VALUE` where it has none.
        kind: what the numbers stand for now.
        count: how many values there are.
    """

    def __init__(self, base: LiteralColumn, others: HashTrieMap[int, float], kind: ValueKind, count: int) -> None:
        self.base, self.others, self._kind, self._count = base, others, kind, count

    def __reduce__(self) -> tuple[object, ...]:
        return ChangedColumn, (self.base, self.others, self._kind, self._count)

    @property
    def relation(self) -> str:
        """The relation's name."""
        return self.base.relation

    @property
    def identifier(self) -> str:
        """The relation's id in the source."""
        return self.base.identifier

    @property
    def kind(self) -> ValueKind:
        """What the numbers stand for."""
        return self._kind

    @property
    def unit(self) -> str:
        """The unit in words."""
        return self.base.unit

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays and of what is laid over them."""
        return self.base.nbytes + 12 * len(self.others)

    def __len__(self) -> int:
        return self._count

    @property
    def entities(self) -> Ids:
        """The entities that have a value, sorted."""
        return self.whole.entities

    @property
    def values(self) -> NDArray[np.float64]:
        """Their values."""
        return self.whole.values

    def some(self, most: int) -> tuple[Ids, NDArray[np.float64]]:
        """Entities with their values, where not all are needed: all, since they are at hand."""
        return self.whole.some(most)

    def base_value(self, entity: int) -> float | None:
        """The value that one entity has in the base, None where it has none."""
        at = int(self.base.entities.searchsorted(np.int32(entity)))
        there = at < len(self.base.entities) and self.base.entities[at] == entity
        return float(self.base.values[at]) if there else None

    def read(self, members: Ids) -> tuple[Ids, NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""
        having, values = self.base.read(members)
        entities, others = self._others
        at = np.searchsorted(entities, members)
        at[at == len(entities)] = 0
        other = entities[at] == members if len(entities) else np.zeros(len(members), dtype=bool)
        if not other.any():
            return having, values
        kept = ~np.isin(having, members[other], assume_unique=True)
        return _with(having[kept], values[kept], members[other], others[at[other]])

    @cached_property
    def whole(self) -> LiteralColumn:
        """The same column as arrays."""
        entities, others = self._others
        kept = ~np.isin(self.base.entities, entities, assume_unique=True)
        having, values = _with(self.base.entities[kept], self.base.values[kept], entities, others)
        return LiteralColumn(self.relation, self.kind, having, values, self.unit, self.identifier)

    @property
    def plain(self) -> ValueColumn:
        """The base column where nothing is other."""
        return self if len(self.others) or self.base.kind != self.kind else self.base

    @property
    def settled(self) -> ChangedColumn:
        """The same column, made anew where much of it is other than in the base."""
        if len(self.others) <= max(LEAST, LAID_OVER * len(self.base)):
            return self
        return ChangedColumn(self.whole, HashTrieMap(), self.kind, self._count)

    @cached_property
    def _others(self) -> tuple[Ids, NDArray[np.float64]]:
        entities = np.fromiter(self.others.keys(), dtype=np.int32, count=len(self.others))
        values = np.fromiter(self.others.values(), dtype=np.float64, count=len(self.others))
        order = np.argsort(entities)
        return entities[order], values[order]


def _with(
    having: Ids, values: NDArray[np.float64], entities: Ids, others: NDArray[np.float64]
) -> tuple[Ids, NDArray[np.float64]]:
    """Values with those of further entities (sorted), of which some are `NO_VALUE`."""
    there = ~np.isnan(others)
    places = np.searchsorted(having, entities[there])
    return np.insert(having, places, entities[there]), np.insert(values, places, others[there])
