"""The values of one relation, while they are being changed."""

from __future__ import annotations

from kg_data.columns import ValueKind
from kg_data.values import NUMBER_KINDS, Value, plain_value, read_value, typed_value
from reasoning.graph.changing.changed_values import NO_VALUE, ChangedColumn
from reasoning.graph.changing.persistent import MapDraft


class ColumnDraft:
    """A column that is being changed.

    Args:
        before: the column so far.

    Attributes:
        kind: what its numbers stand for now.
    """

    def __init__(self, before: ChangedColumn) -> None:
        self._before, self._others = before, MapDraft(before.others)
        self.kind: ValueKind = before.kind
        self._count = len(before)

    def read(self, tail: str | Value) -> Value:
        """The tail of a fact as a value of the column's kind, or, of a column of integers, as a decimal.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        if isinstance(tail, str):
            return read_value("decimal" if self.kind == "integer" and not _is_whole(tail) else self.kind, tail)
        if tail.kind in NUMBER_KINDS and self.kind in NUMBER_KINDS:
            return tail
        return typed_value(self.kind, plain_value(*tail))

    def value_of(self, entity: int) -> float | None:
        """The value of one entity, None where it has none."""
        if (other := self._others.get(entity)) is not None:
            return None if other != other else other
        return self._before.base_value(entity)

    def give(self, entity: int, value: Value) -> None:
        """Give a value to an entity that has none; integers and decimals together are decimals."""
        self._count += 1
        if value.kind == "decimal" and self.kind == "integer":
            self.kind = "decimal"
        if self._before.base_value(entity) == value.number:
            self._others.drop(entity)
        else:
            self._others.put(entity, value.number)

    def take(self, entity: int) -> None:
        """Take its value away from an entity that has one."""
        self._count -= 1
        self._others.put(entity, NO_VALUE)

    def done(self) -> ChangedColumn:
        """The column now."""
        return ChangedColumn(self._before.base, self._others.done(), self.kind, self._count).settled


def _is_whole(text: str) -> bool:
    return text.strip().lstrip("+-").isdecimal()
