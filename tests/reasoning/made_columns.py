"""Small graphs made of columns, where ids, labels, years or splits matter that triples of names do not say."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
from reasoning import KnowledgeGraph


def column(name: str, kind: ValueKind, values: Mapping[int, float], *unit_and_identifier: str) -> LiteralColumn:
    entities, numbers = np.array([*values], dtype=np.int32), np.array([*values.values()], dtype=np.float64)
    return LiteralColumn(name, kind, entities, numbers, *unit_and_identifier)


def graph(
    entities: Mapping[str, str], relations: Mapping[str, str], triples: list[list[int]], *literals: LiteralColumn,
    **more: Any,
) -> KnowledgeGraph:  # fmt: skip
    """A graph of entities and relations by id with their labels, and of triples by number."""
    splits = {"graph": np.array(triples, dtype=np.int32)}
    ids = [*entities], [*entities.values()], [*relations], [*relations.values()]
    return KnowledgeGraph.from_columns(GraphColumns("made", *ids, splits, literals=literals, **more))
