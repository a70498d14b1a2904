"""The values of a graph, column by column, while they are being changed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, ValueKind
from reasoning.graph.changing.changed_values import ChangedColumn
from reasoning.graph.changing.drafts.column import ColumnDraft


class ValueDraft:
    """Columns that are being changed.

    Args:
        before: the columns so far.
    """

    def __init__(self, before: Iterable[ChangedColumn]) -> None:
        self._columns = list(before)
        self._drafts: dict[int, ColumnDraft] = {}

    def column(self, number: int) -> ColumnDraft:
        """A column, to be read and changed."""
        draft = self._drafts.get(number)
        if draft is None:
            draft = self._drafts[number] = ColumnDraft(self._columns[number])
        return draft

    def add(self, relation: str, kind: ValueKind) -> None:
        """A new column, without values so far."""
        empty = LiteralColumn(relation, kind, np.zeros(0, dtype=np.int32), np.zeros(0))
        self._columns.append(ChangedColumn(empty, HashTrieMap(), kind, 0))

    def done(self) -> tuple[ChangedColumn, ...]:
        """The columns now."""
        drafts = self._drafts
        return tuple(drafts[at].done() if at in drafts else column for at, column in enumerate(self._columns))
