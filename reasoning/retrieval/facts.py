"""All that a graph says, edges and values alike, numbered as one, so that a search can rank them together.

The positions of edges are those in the index; behind them stand the values, column after column. A fact is written as
a row of int32, head, relation, tail, like a triple. Where the relation has values, its number is `kg.relation_count`
and more, and the tail, below 0, tells where the value stands in its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.values import ValueColumn
from reasoning.query.tree import Value


class Facts:
    """The facts of one graph.

    Attributes:
        labels: the name of each relation, by its number.
        identifiers: its id in the source.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self.labels = [*map(kg.relation_label, range(kg.relation_count)), *(c.relation for c in kg.literals)]
        self.identifiers = [*kg.relation_ids, *(column.identifier for column in kg.literals)]
        self._starts = list(accumulate(map(len, kg.literals), initial=kg.index.bound))

    def __len__(self) -> int:
        return self._starts[-1]

    def number(self, relation: Relation) -> int:
        """A relation's number in rows."""
        return relation.index + (self._kg.relation_count if relation.kind == "values" else 0)

    def rows(self, positions: Ids) -> Ids:
        """The facts at `positions`, shape (n, 3)."""
        column = np.searchsorted(self._starts, positions, "right") - 1
        rows = np.zeros((len(positions), 3), dtype=np.int32)
        rows[column < 0] = self._kg.index.triples(positions[column < 0])
        for number in np.unique(column[column >= 0]).tolist():
            at = column == number
            place = positions[at] - self._starts[number]
            relation = np.full(len(place), self._kg.relation_count + number)
            rows[at] = np.column_stack((self._kg.literals[number].entities[place], relation, -1 - place))
        return rows

    def around(self, entity: int) -> tuple[Ids, Ids, NDArray[np.bool_]]:
        """Positions (n,) of the facts about an entity, their rows (n, 3), and which of them enter it, (n,)."""
        out, into = (self._kg.index.around(entity, incoming) for incoming in (False, True))
        values = [
            start + place
            for start, column in zip(self._starts, self._kg.literals, strict=False)
            if (place := self._place(column, entity)) is not None
        ]
        positions = np.concatenate((out, np.array(values, dtype=np.int32), into)).astype(np.int32)
        rows = self.rows(positions)
        incoming = np.arange(len(positions)) >= len(out) + len(values)
        once = ~(incoming & (rows[:, 0] == rows[:, 2]))  # a loop is among both
        return positions[once], rows[once], incoming[once]

    def _place(self, column: ValueColumn, entity: int) -> int | None:
        """Where an entity's value stands in a column; None where it has none.

        What a server cannot hand over whole has no places, so its values are left out.
        """
        if (server := self._kg.server) is not None:
            there = len(column) <= server.client.limits.rows
            if not there or not len(column.read(np.array([entity], dtype=np.int32))[0]):
                return None
        place = int(np.searchsorted(column.entities, entity))
        return place if place < len(column.entities) and column.entities[place] == entity else None

    def value(self, row: Sequence[int]) -> Value | None:
        """What the tail of a row stands for where it is a value, None where it is an entity."""
        _, relation, tail = row
        if tail >= 0:
            return None
        column = self._kg.literals[relation - self._kg.relation_count]
        return self._kg.value(column, float(column.values[-1 - tail]))
