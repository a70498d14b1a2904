"""The entities of a graph: their ids, labels and types, and which of them it says something about."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.names import Labels, StringColumn, Strings


class EntityTable(Protocol):
    """What is asked of the entities of a graph, wherever they are kept."""

    @property
    def ids(self) -> Strings:
        """Id of each entity in its source."""
        ...

    @property
    def labels(self) -> Labels:
        """Label of each entity; may repeat."""
        ...

    @property
    def present(self) -> Ids:
        """Those that stand in a triple or have a value, sorted."""
        ...

    @property
    def type_names(self) -> tuple[str, ...]:
        """The types, by number."""
        ...

    @property
    def type_pairs(self) -> Ids:
        """All (entity, type number) pairs, shape (n, 2), sorted by entity."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        ...

    @property
    def whole(self) -> StoredEntities:
        """The same entities as arrays.

        Raises:
            GraphError: they cannot all be fetched.
        """
        ...

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id; None where there is none."""
        ...

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        ...

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where the source gives none."""
        ...


@dataclass(frozen=True, eq=False)
class StoredEntities:
    """Entities in arrays; see `EntityTable`.

    Attributes:
        ids, labels: by entity.
        id_order: int32, shape (e,): the permutation that sorts the ids by bytes.
        label_is_shared: bool, shape (e,).
        present: int32, sorted.
        type_names: by number.
        type_pairs: int32, shape (n, 2), sorted by entity.
    """

    ids: StringColumn
    labels: StringColumn
    id_order: Ids
    label_is_shared: NDArray[np.bool_]
    present: Ids
    type_names: tuple[str, ...]
    type_pairs: Ids

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = (self.id_order, self.label_is_shared, self.present, self.type_pairs)
        return self.ids.nbytes + self.labels.nbytes + sum(array.nbytes for array in arrays)

    @property
    def whole(self) -> StoredEntities:
        """Itself."""
        return self

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id; None where there is none."""
        place = self.ids.first(identifier, self.id_order)
        return None if place is None else int(self.id_order[place])

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        return bool(self.label_is_shared[entity])

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where the source gives none."""
        typed = np.asarray(self.type_pairs[:, 0])  # `searchsorted` would copy this column for each search
        low, high = bisect_left(typed, entity), bisect_right(typed, entity)
        return [self.type_names[number] for number in self.type_pairs[low:high, 1]]
