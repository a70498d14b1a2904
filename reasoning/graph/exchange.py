"""Graphs from and to Python objects: triples of names, NetworkX graphs."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
from kg_data.loaders.triples import fold_twins
from reasoning.errors import GraphError

if TYPE_CHECKING:
    from reasoning.graph.store import KnowledgeGraph

LARGEST_INTEGER = 2**53
"""Values are float64, which holds every whole number up to this."""


def columns_from_triples(
    triples: Iterable[tuple[Any, Any, Any]],
    name: str,
    types: Iterable[tuple[str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
) -> GraphColumns:
    """Columns of (head, relation, tail) triples; tails that are numbers or dates become literals."""
    links: list[tuple[str, str, str]] = []
    values: dict[str, dict[str, int | float | datetime.date]] = {}
    for number, triple in enumerate(triples, start=1):
        if not isinstance(triple, tuple | list) or len(triple) != 3:
            raise GraphError(f"triple {number}: expected (head, relation, tail), found {triple!r}")
        head, relation, tail = triple
        if isinstance(tail, int | float | datetime.date) and not isinstance(tail, bool):
            table = values.setdefault(_text(relation, number), {})
            if table.setdefault(_text(head, number), _storable(tail, number)) != tail:
                raise GraphError(
                    f'triple {number}: "{head}" already has {table[head]} as "{relation}"; '
                    "a relation with values holds one an entity"
                )
        else:
            links.append((_text(head, number), _text(relation, number), _text(tail, number)))
    entities: dict[str, int] = {}
    relations: dict[str, int] = {}
    rows = [
        (
            entities.setdefault(head, len(entities)),
            relations.setdefault(relation, len(relations)),
            entities.setdefault(tail, len(entities)),
        )
        for head, relation, tail in links
    ]
    named = list(relations)
    folded = fold_twins(named, named, named, {"graph": np.array(rows, dtype=np.int32).reshape(-1, 3)})
    for relation in values:
        if relation in relations:
            raise GraphError(f'relation "{relation}" has both entities and numbers as tails; give them two names')
    for table in values.values():
        for head in table:
            entities.setdefault(head, len(entities))
    pairs: dict[str, list[tuple[int, str]]] = {"types": [], "aliases": []}
    for what, given in (("types", types), ("aliases", aliases)):
        for entity, text in given:
            if entity not in entities:
                raise GraphError(f'{what}: the entity "{entity}" is in no triple')
            pairs[what].append((entities[entity], text))
    return GraphColumns(
        name=name,
        entity_ids=list(entities),
        entity_labels=list(entities),
        relation_ids=folded.ids,
        relation_labels=folded.labels,
        splits=folded.splits,
        relation_aliases=folded.aliases,
        literals=[_literal_column(relation, table, entities) for relation, table in values.items()],
        types=pairs["types"],
        aliases=pairs["aliases"],
    )


def _text(part: Any, number: int) -> str:
    if not isinstance(part, str) or not part:
        raise GraphError(f"triple {number}: expected a non-empty text, found {part!r}")
    return part


def _storable(value: float | datetime.date, number: int) -> float | datetime.date:
    if isinstance(value, datetime.datetime):
        raise GraphError(f"triple {number}: {value} has a time, only dates are kept; give its date()")
    if isinstance(value, float) and not math.isfinite(value):
        raise GraphError(f"triple {number}: {value} is no number that can be compared")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise GraphError(
            f"triple {number}: a whole number of {value.bit_length()} bits is too large to be kept exactly; "
            "give it as a text"
        )
    return value


def _literal_column(
    relation: str, table: dict[str, int | float | datetime.date], entities: dict[str, int]
) -> LiteralColumn:
    dates = {isinstance(value, datetime.date) for value in table.values()}
    if len(dates) > 1:
        raise GraphError(f'relation "{relation}" mixes dates and numbers; give them two names')
    kind: ValueKind = "integer"
    if dates == {True}:
        kind = "date"
    elif any(isinstance(value, float) for value in table.values()):
        kind = "decimal"
    raw = {
        entities[name]: float(value.toordinal() if isinstance(value, datetime.date) else value)
        for name, value in table.items()
    }
    order = sorted(raw)
    return LiteralColumn(
        relation=relation,
        kind=kind,
        entities=np.array(order, dtype=np.int32),
        values=np.array([raw[entity] for entity in order], dtype=np.float64),
    )


def columns_from_networkx(graph: nx.DiGraph | nx.Graph, name: str) -> GraphColumns:
    """Columns of a NetworkX graph; an undirected edge stands for both directions."""
    triples: list[tuple[str, str, str]] = []
    edges = (
        graph.edges(keys=True, data=True)
        if graph.is_multigraph()
        else ((u, v, None, d) for u, v, d in graph.edges(data=True))
    )
    for head, tail, key, data in edges:
        relation = data.get("relation", key if isinstance(key, str) else None)
        if relation is None:
            raise GraphError(
                f'the edge {head!r} -> {tail!r} names no relation: give it an attribute "relation" or a text as key'
            )
        triples.append((str(head), str(relation), str(tail)))
        if not graph.is_directed():
            triples.append((str(tail), str(relation), str(head)))
    present = {part for head, _, tail in triples for part in (head, tail)}
    values = [
        (str(node), str(key), value)
        for node, data in graph.nodes(data=True)
        for key, value in data.items()
        if isinstance(value, int | float | datetime.date) and not isinstance(value, bool)
    ]
    types = [(str(n), t) for n, data in graph.nodes(data=True) for t in _types(data) if str(n) in present]
    return columns_from_triples([*triples, *values], name, types)


def _types(data: dict[str, Any]) -> list[str]:
    given = data.get("types", ())
    return [given] if isinstance(given, str) else [str(t) for t in given] if isinstance(given, Iterable) else []


def graph_to_networkx(graph: KnowledgeGraph) -> nx.MultiDiGraph:
    """A MultiDiGraph with display names as nodes and relation ids as edge keys and `relation` attributes."""
    out = nx.MultiDiGraph(name=graph.graph_name)
    names = {int(entity): graph.name(int(entity)) for entity in graph.universe}
    for entity, name in names.items():
        out.add_node(name, id=graph.identifier(entity), types=graph.types(entity))
    for column in graph.literals:
        if column.relation in ("id", "types"):
            raise GraphError(f'a node already has the attribute "{column.relation}"; give the values another name')
        for entity, raw in zip(column.entities, column.values, strict=True):
            out.nodes[names[int(entity)]][column.relation] = graph.value(column, float(raw))
    for head, relation, tail in graph.index.triples().tolist():
        label = graph.relation_ids[relation]
        out.add_edge(names[head], names[tail], key=label, relation=label)
    return out
