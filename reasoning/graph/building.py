"""From a source's columns to the content of a graph: indexed once, saved as it is, and mapped when opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kg_data.columns import GraphColumns
from reasoning.errors import GraphError
from reasoning.graph.content import Description, GraphContent
from reasoning.graph.entities import StoredEntities
from reasoning.graph.index import TripleIndex
from reasoning.graph.names import NameIndex, StoredKeys, StringColumn, byte_order
from reasoning.graph.relations import RelationTable


def build(columns: GraphColumns, splits: Sequence[str] | None = None) -> GraphContent:
    """The content of the graph that columns hold; `splits` chooses which triples it holds.

    Raises:
        GraphError: a named split is not there, or there are neither triples nor values.
    """
    chosen = tuple(columns.splits) if splits is None else tuple(splits)
    for split in chosen:
        if split not in columns.splits:
            there = ", ".join(columns.splits)
            raise GraphError(f'the graph "{columns.name}" has no split "{split}"; it has: {there}')
    parts = [np.asarray(columns.splits[split], dtype=np.int32) for split in chosen]
    triples = np.concatenate(parts) if parts else np.zeros((0, 3), dtype=np.int32)
    if not len(triples) and not columns.literals:
        raise GraphError(f'the graph "{columns.name}" has no triples; at least one (head, relation, tail) is needed')
    index = TripleIndex.build(triples, len(columns.entity_ids), len(columns.relation_ids))
    present = np.zeros(len(columns.entity_ids), dtype=bool)
    for standing in (triples[:, 0], triples[:, 2], *(column.entities for column in columns.literals)):
        present[standing] = True
    uses = Counter(columns.entity_labels)
    type_names = list(dict.fromkeys(name for _, name in columns.types))
    type_number = {name: number for number, name in enumerate(type_names)}
    pairs = np.array([(e, type_number[name]) for e, name in columns.types], dtype=np.int32).reshape(-1, 2)
    entities = StoredEntities(
        StringColumn.from_strings(columns.entity_ids),
        StringColumn.from_strings(columns.entity_labels),
        byte_order(columns.entity_ids),
        np.array([uses[label] > 1 for label in columns.entity_labels], dtype=bool),
        np.flatnonzero(present).astype(np.int32),
        tuple(type_names),
        pairs[np.argsort(pairs[:, 0], kind="stable")],
    )
    keys = StoredKeys.collect(columns.entity_labels, columns.entity_ids, columns.aliases)
    return GraphContent(
        Description(
            columns.name, columns.source, chosen, columns.left_out, tuple(columns.notes), dict(columns.definitions)
        ),
        RelationTable(
            tuple(columns.relation_ids),
            tuple(columns.relation_labels),
            tuple(column.identifier for column in columns.literals),
            tuple(column.relation for column in columns.literals),
            dict(columns.relation_aliases),
        ),
        index,
        entities,
        NameIndex(keys, entities.labels, entities.ids),
        tuple(columns.literals),
    )
