"""All that is other in a changed graph than in its base, and the graph's content made of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rpds import HashTrieMap

from kg_data.columns import LiteralColumn, ValueKind
from reasoning.graph.changing.changed_entities import ChangedEntities
from reasoning.graph.changing.changed_index import ChangedIndex
from reasoning.graph.changing.changed_names import ChangedKeys
from reasoning.graph.changing.changed_values import ChangedColumn
from reasoning.graph.changing.edge_changes import DetachedEdges, EdgeChanges
from reasoning.graph.changing.entity_changes import EntityChanges
from reasoning.graph.content import GraphContent
from reasoning.graph.entities import StoredEntities
from reasoning.graph.names import NameIndex, StringColumn, byte_order
from reasoning.graph.origin import Origin
from reasoning.graph.relations import RelationTable
from reasoning.graph.sources import FactKey, FactSources, Said

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
    sources: HashTrieMap[FactKey, Said]

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
    if not isinstance(changes, Changes) or not len(changes.entities.gone):
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
