"""The values of one relation, wherever they are kept."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import LiteralColumn, ValueKind
from reasoning.graph.index import Ids


class ValueColumn(Protocol):
    """What is asked of the values of one relation: numbers or dates, one an entity; see `LiteralColumn`."""

    @property
    def relation(self) -> str:
        """The relation's name."""
        ...

    @property
    def identifier(self) -> str:
        """The relation's id in the source."""
        ...

    @property
    def kind(self) -> ValueKind:
        """What the numbers stand for."""
        ...

    @property
    def unit(self) -> str:
        """The unit in words, "" where the number is a plain count."""
        ...

    @property
    def entities(self) -> Ids:
        """The entities that have a value, strictly increasing, shape (n,)."""
        ...

    @property
    def values(self) -> NDArray[np.float64]:
        """Their values, shape (n,)."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        ...

    @property
    def whole(self) -> LiteralColumn:
        """The same column as arrays.

        Raises:
            GraphError: the values cannot all be fetched.
        """
        ...

    def __len__(self) -> int:
        """How many values there are."""
        ...

    def some(self, most: int) -> tuple[Ids, NDArray[np.float64]]:
        """Entities with their values, each of shape (m,), where so many are enough: all where they are at hand, else at
        most so many."""
        ...

    def read(self, members: Ids) -> tuple[Ids, NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""
        ...
