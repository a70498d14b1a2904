"""All changes that one version of a graph lays over the graph below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, ValueKind
from reasoning.graph.content import ComputedColumn, GraphContent, Origin, RelationTable, StoredEntities, ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.names import NameIndex, StringColumn, byte_order
from reasoning.graph.provenance import FactKey, FactSources, Provenance
from reasoning.graph.updates.edges import ChangedIndex, DetachedEdges, EdgeChanges
from reasoning.graph.updates.overlay import ChangedEntities, ChangedKeys, EntityChanges

LAID_OVER = 1 / 8
"""Other values of up to this part of a column are laid over it; of more the column is made anew."""
LEAST = 1 << 10
"""So many are laid over it in any case."""

NO_VALUE = math.nan
"""Stands for a value that was removed."""


class ChangedColumn(ComputedColumn):
    """A column with other values laid over it.

    Args:
        base: the column.
        others: what an entity has in place of what it has there, `NO_VALUE` where it has none.
        kind: what the numbers stand for now.
        count: how many values there are.
    """

    def __init__(self, base: LiteralColumn, others: HashTrieMap[int, float], kind: ValueKind, count: int) -> None:
        self.base, self.others, self.kind, self._count = base, others, kind, count
        self.relation, self.identifier, self.unit = base.relation, base.identifier, base.unit

    def __reduce__(self) -> tuple[object, ...]:
        return ChangedColumn, (self.base, self.others, self.kind, self._count)

    @property
    def nbytes(self) -> int:
        """Bytes of the base's arrays and of what is laid over them."""
        return self.base.nbytes + 12 * len(self.others)

    def __len__(self) -> int:
        return self._count

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


MERGED_FROM = 1 / 4
"""A graph is merged with its changes when these are more than this part of its edges. Queries hardly need it:
`benchmarks/graph_changes.py` says how long they take with 5% in changes. Memory does, a change taking some hundred
bytes and a merged edge 16; merging 20 million triples takes 4 s, which 5 million changes pay for."""

LEAST_MERGED = 1 << 14
"""Fewer changes are not merged: small graphs are quick in any case."""


@dataclass(frozen=True, eq=False)
class Changes:
    """What is other than in a base; immutable.

    Attributes:
        base: the graph that was changed first, as arrays.
        origin: where that was loaded from, None where it was made of something else.
        relations: all relations now.
        edges, entities: what is other of these.
        values: the columns now.
        sources: who says what now.
    """

    base: GraphContent
    origin: Origin | None
    relations: RelationTable
    edges: EdgeChanges
    entities: EntityChanges
    values: tuple[ChangedColumn, ...]
    sources: FactSources

    @classmethod
    def none(cls, base: GraphContent, origin: Origin | None) -> Changes:
        """No changes of a graph, which is taken as arrays.

        Raises:
            GraphError: it cannot be.
        """
        base = base.whole
        columns = tuple(ChangedColumn(c.whole, HashTrieMap(), c.kind, len(c)) for c in base.values)
        edges, entities = EdgeChanges.none(base.index.whole), EntityChanges(base.entities.type_names)
        return cls(base, origin, base.relations, edges, entities, columns, base.sources)

    def detached(self) -> Detached:
        """The changes without what they are laid over."""
        own = zip(self.values, [*self.base.values, *[None] * len(self.values)], strict=False)
        columns = tuple(
            (column.others, column.kind, len(column)) if column.base is base else column for column, base in own
        )
        return Detached(self.relations, self.edges.detached(), self.entities, columns, self.sources.changed)

    @property
    def weight(self) -> int:
        """Edges, values and sources that are other than in the base, and entities that are gone."""
        values = sum(len(column.others) for column in self.values)
        return self.edges.weight + values + len(self.sources.changed) + len(self.entities.gone)

    def content(self) -> GraphContent:
        """The content of the changed graph."""
        base, entities = self.base.entities.whole, self.entities
        keys = ChangedKeys(self.base.names.whole, entities.added_keys, entities.hidden_keys, entities.gone)
        table = ChangedEntities(base, entities, keys)
        sizes = len(base.ids) + len(entities.ids), len(self.relations.ids)
        same = not self.edges.weight and sizes == (len(base.ids), len(self.base.relations.ids))
        index = self.base.index if same else ChangedIndex(self.edges, *sizes)
        return GraphContent(
            self.base.about,
            self.relations,
            index,
            table,
            NameIndex(keys, table.labels, table.ids),
            tuple(column.plain for column in self.values),
            self.sources,
            self,
        )


@dataclass(frozen=True, eq=False)
class Detached:
    """Changes without what they are laid over, which is loaded again.

    Attributes:
        relations, entities: as in `Changes`.
        edges: as `EdgeChanges.detached` gives them.
        columns: of each column of the base what is other in it; columns of their own whole.
        sources: as in `FactSources`.
    """

    relations: RelationTable
    edges: DetachedEdges
    entities: EntityChanges
    columns: tuple[ChangedColumn | tuple[HashTrieMap[int, float], ValueKind, int], ...]
    sources: HashTrieMap[FactKey, Provenance]

    def __call__(self, base: GraphContent, origin: Origin, /) -> GraphContent:
        """The changed content, made again."""
        values = tuple(
            column if isinstance(column, ChangedColumn) else ChangedColumn(base.values[at].whole, *column)
            for at, column in enumerate(self.columns)
        )
        edges = EdgeChanges.attached(base.index.whole, self.edges)
        sources = FactSources(base.sources.stored, self.sources)
        return Changes(base, origin, self.relations, edges, self.entities, values, sources).content()


def merged(content: GraphContent) -> GraphContent:
    """A changed graph as arrays, without the entities that are gone; what stays keeps its order."""
    changes, whole = content.changes, content.whole
    if changes is None or not len(changes.entities.gone):
        return whole
    entities, index = whole.entities.whole, whole.index.whole
    kept = np.ones(len(entities.ids), dtype=bool)
    kept[list(changes.entities.gone)] = False
    numbers = (np.cumsum(kept) - 1).astype(np.int32)
    ids, labels = (
        [text for text, stays in zip(column, kept, strict=True) if stays] for column in (entities.ids, entities.labels)
    )
    pairs = entities.type_pairs.copy()
    pairs[:, 0] = numbers[pairs[:, 0]]
    table = StoredEntities(
        StringColumn.from_strings(ids),
        StringColumn.from_strings(labels),
        byte_order(ids),
        entities.label_is_shared[kept],
        numbers[entities.present],
        entities.type_names,
        pairs,
    )
    keys = whole.names.whole.renumbered(numbers)
    return GraphContent(
        whole.about,
        whole.relations,
        index.renumbered(numbers, kept),
        table,
        NameIndex(keys, table.labels, table.ids),
        tuple(
            LiteralColumn(c.relation, c.kind, numbers[c.entities], c.values, c.unit, c.identifier) for c in whole.values
        ),
        FactSources(whole.sources.whole.renumbered(numbers), HashTrieMap()),
    )
