"""Many lists of entities end to end: the answers of a batch, scored in one call of numpy and not in a thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids


@dataclass(frozen=True)
class IdLists:
    """n lists of entities, t in all.

    Attributes:
        ids: int32, shape (t,): the lists one behind the other.
        offsets: int64, shape (n + 1,): list i is `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: Ids
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Sequence[Ids]) -> IdLists:
        """Lists put together, each of shape (m,)."""
        offsets = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in lists], out=offsets[1:])
        return cls(np.concatenate([np.zeros(0, dtype=np.int32), *lists]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, position: int) -> Ids:
        """One list, a view."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        return self.ids[self.offsets[position] : self.offsets[position + 1]]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How long each list is, shape (n,)."""
        return np.diff(self.offsets)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The list that each id is in, shape (t,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Each id's place in its list, from 0, shape (t,)."""
        return np.arange(len(self.ids)) - self.offsets[self.owners]

    def keys(self, entities: int) -> NDArray[np.int64]:
        """One number for each (list, id), the same in all `IdLists` over as many entities, shape (t,)."""
        return self.owners * entities + self.ids

    def count(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of each list's ids are chosen (t truth values), shape (n,)."""
        return np.bincount(self.owners[chosen], minlength=len(self))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over each list of a value for each id (shape (t,)), shape (n,)."""
        # Added one by one in the list's order: the sum is the same whatever other lists stand around it.
        return np.bincount(self.owners, weights=values, minlength=len(self)).astype(np.float64)
