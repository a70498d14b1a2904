"""From a source's columns to the arrays of a graph: indexed once, saved as they are, and mapped when opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import GraphColumns
from reasoning.errors import GraphError
from reasoning.graph.index import TripleIndex
from reasoning.graph.names import NameIndex, StringColumn, byte_order


def build(columns: GraphColumns, splits: Sequence[str] | None = None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and details that a `KnowledgeGraph` is made of; `splits` chooses which triples it holds.

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
    for entities in (triples[:, 0], triples[:, 2], *(column.entities for column in columns.literals)):
        present[entities] = True
    keys, key_entities = NameIndex.collect(columns.entity_labels, columns.entity_ids, columns.aliases)
    type_names = list(dict.fromkeys(name for _, name in columns.types))
    type_number = {name: number for number, name in enumerate(type_names)}
    uses = Counter(columns.entity_labels)
    pairs = np.array([(e, type_number[name]) for e, name in columns.types], dtype=np.int32).reshape(-1, 2)
    arrays: dict[str, NDArray[Any]] = {f"index_{name}": array for name, array in index.arrays().items()}
    arrays |= {
        "universe": np.flatnonzero(present).astype(np.int32),
        "id_order": byte_order(columns.entity_ids),
        "label_is_shared": np.array([uses[label] > 1 for label in columns.entity_labels], dtype=bool),
        "key_entities": key_entities,
        "type_pairs": pairs[np.argsort(pairs[:, 0], kind="stable")],
    }
    for name, strings in (
        ("ids", StringColumn.from_strings(columns.entity_ids)),
        ("labels", StringColumn.from_strings(columns.entity_labels)),
        ("keys", keys),
    ):
        arrays |= {f"{name}_blob": strings.blob, f"{name}_offsets": strings.offsets}
    for i, column in enumerate(columns.literals):
        arrays |= {f"literal_entities_{i}": column.entities, f"literal_values_{i}": column.values}
    details = {
        "name": columns.name,
        "source": columns.source,
        "left_out": None if columns.left_out is None else asdict(columns.left_out),
        "notes": list(columns.notes),
        "splits": list(chosen),
        "relation_ids": list(columns.relation_ids),
        "relation_labels": list(columns.relation_labels),
        "relation_aliases": {name: list(target) for name, target in columns.relation_aliases.items()},
        "type_names": type_names,
        "literals": [
            {"id": c.identifier, "relation": c.relation, "kind": c.kind, "unit": c.unit} for c in columns.literals
        ],
    }
    return arrays, details
