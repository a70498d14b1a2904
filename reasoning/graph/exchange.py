"""Graphs from Python objects: triples of names, NetworkX graphs, pandas frames."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kg_data.columns import GraphColumns
from kg_data.loaders import LoadingOptions, load_path
from kg_data.loaders.facts import Facts
from kg_data.loaders.tables import HEADER_ROLES
from kg_data.values import VALUE_KINDS, WAY_OUT, ValueConflict, is_kind, is_value, typed_value, value_of
from reasoning.errors import GraphError
from reasoning.graph.names import nearest_texts
from skylark.errors import DataError

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

Fact = tuple[Any, Any, Any, str | None]
"""Head, relation, tail, and the tail's type: "entity", a kind of value, or None where the tail itself tells."""

LINK = "entity"
"""The type of a tail that is no value."""

ID, LABEL, TYPES = "id", "label", "types"
"""Attributes of NetworkX nodes that are no values."""
VALUE_TYPES = "value_types"
"""Attribute of NetworkX graphs: relation to the type of its values, since a year looks like any other number."""


# Triples ----------------------------------------------------------------------------------------------------------


def columns_from_triples(
    triples: Iterable[tuple[Any, Any, Any]],
    name: str,
    types: Iterable[tuple[str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
) -> GraphColumns:
    """Columns of (head, relation, tail) triples; tails that are numbers or dates become literals."""

    if not isinstance(triples, Iterable) or hasattr(triples, "columns"):
        raise GraphError(
            f"expected (head, relation, tail) triples, found {type(triples).__name__}; frames are read by from_pandas"
        )

    def facts() -> Iterator[Fact]:
        for number, triple in enumerate(triples, start=1):
            if not isinstance(triple, tuple | list | np.ndarray) or len(triple) != 3:
                raise GraphError(f"triple {number}: expected (head, relation, tail), found {triple!r}")
            head, relation, tail = triple
            yield head, relation, tail, None

    return _columns(facts(), lambda row: f"triple {row + 1}", name, types=types, aliases=aliases)


def _columns(
    rows: Iterable[Fact],
    place_of: Callable[[int], str],
    name: str,
    types: Iterable[tuple[str, str]] = (),
    aliases: Iterable[tuple[str, str]] = (),
    labels: Mapping[str, str] | None = None,
) -> GraphColumns:
    """Columns of facts.

    Args:
        rows: the facts.
        place_of: says in the caller's words where the fact of a 0-based number stands, e.g. "triple 1".
        name: name of the graph.
        types, aliases: (entity, type) and (entity, other name) pairs.
        labels: entity to its display name, where that is not the id.

    Raises:
        GraphError: a fact is none, or two do not fit into one graph.
    """
    facts = Facts()
    try:
        for row, fact in enumerate(rows):
            _add(facts, row, fact, place_of)
        known = {"types": list(types), "aliases": list(aliases)}
        for what, pairs in known.items():
            for entity, _ in pairs:
                if entity not in facts.entities:
                    raise GraphError(f'{what}: the entity "{entity}" is in no triple')
        indexed = {what: [(facts.entities[entity], text) for entity, text in pairs] for what, pairs in known.items()}
        shown = None if labels is None else [labels.get(entity, entity) for entity in facts.entities.ids]
        return facts.columns(name, entity_labels=shown, types=indexed["types"], aliases=indexed["aliases"])
    except ValueConflict as conflict:
        raise GraphError(
            f"{place_of(conflict.row)}: expected {conflict.expected} "
            f"({place_of(conflict.other)} has {conflict.other_has}), found {conflict.found}; {WAY_OUT}"
        ) from None


def _add(facts: Facts, row: int, fact: Fact, place_of: Callable[[int], str]) -> None:
    head, relation, tail, kind = fact
    _require_text(head, "text as head", row, place_of)
    _require_text(relation, "text as relation", row, place_of)
    if kind == LINK or (kind is None and not is_value(tail)):
        _require_text(tail, "text as tail" if kind == LINK else "text, a number or a date as tail", row, place_of)
        facts.link(head, relation, tail, row)
        return
    if kind is not None and not is_kind(kind):
        raise GraphError(f"{place_of(row)}: expected the type {LINK}, {', '.join(VALUE_KINDS)}, found {kind!r}")
    try:
        value = value_of(tail) if kind is None else typed_value(kind, tail)
    except ValueError as error:
        raise GraphError(f'{place_of(row)}: expected {error} as "{relation}", found {_shown(tail)}') from None
    facts.value(head, relation, value, row)


def _require_text(part: Any, expected: str, row: int, place_of: Callable[[int], str]) -> None:
    if not isinstance(part, str) or not part:
        hint = "; numbers that are names have to be texts" if is_value(part) else ""
        raise GraphError(f"{place_of(row)}: expected a non-empty {expected}, found {_shown(part)}{hint}")


def _shown(item: Any) -> str:
    if isinstance(item, int) and item.bit_length() > 128:
        return f"a number of {item.bit_length()} bits"
    return repr(item)


# NetworkX ---------------------------------------------------------------------------------------------------------


def columns_from_networkx(graph: nx.DiGraph | nx.Graph, name: str) -> GraphColumns:
    """Columns of a NetworkX graph; an undirected edge stands for both directions."""
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise GraphError(f"expected a NetworkX graph, found {type(graph).__name__}")
    ids = _node_ids(graph)
    links = list(_links(graph, ids))
    value_types = graph.graph.get(VALUE_TYPES, {})
    values = [
        (ids[node], str(key), value, value_types.get(key))
        for node, data in graph.nodes(data=True)
        for key, value in data.items()
        if is_value(value)
    ]
    facts = [*links, *values]
    present = {part for head, _, tail, _ in links for part in (head, tail)} | {head for head, *_ in values}
    return _columns(
        facts,
        lambda row: f"the {'edge' if row < len(links) else 'node'} with {facts[row][:3]!r}",
        name,
        types=[(ids[n], t) for n, data in graph.nodes(data=True) for t in _types(data) if ids[n] in present],
        labels={ids[n]: _label(n, data) for n, data in graph.nodes(data=True)},
    )


def _node_ids(graph: nx.Graph) -> dict[Any, str]:
    """Each node's id: its attribute "id" where that is a text, else the node itself as text."""
    ids: dict[Any, str] = {}
    nodes: dict[str, Any] = {}
    for node, data in graph.nodes(data=True):
        given = data.get(ID)
        ids[node] = given if isinstance(given, str) and given else str(node)
        if nodes.setdefault(ids[node], node) != node:
            raise GraphError(f"the nodes {nodes[ids[node]]!r} and {node!r} have one id, {ids[node]!r}")
    return ids


def _links(graph: nx.Graph, ids: Mapping[Any, str]) -> Iterator[Fact]:
    if graph.is_multigraph():
        edges = graph.edges(keys=True, data=True)
    else:
        edges = ((head, tail, None, data) for head, tail, data in graph.edges(data=True))
    for head, tail, key, data in edges:
        relation = data.get("relation", key if isinstance(key, str) else None)
        if relation is None:
            raise GraphError(
                f'the edge {head!r} -> {tail!r} names no relation: give it an attribute "relation" or a text as key'
                f"{'; its attributes: ' + ', '.join(map(str, data)) if data else ''}"
            )
        yield ids[head], str(relation), ids[tail], LINK
        if not graph.is_directed():
            yield ids[tail], str(relation), ids[head], LINK


def _label(node: Any, data: Mapping[str, Any]) -> str:
    given = data.get(LABEL)
    return given if isinstance(given, str) and given else str(node)


def _types(data: Mapping[str, Any]) -> list[str]:
    given = data.get(TYPES, ())
    return [given] if isinstance(given, str) else [str(t) for t in given] if isinstance(given, Iterable) else []


# pandas -----------------------------------------------------------------------------------------------------------


def columns_from_pandas(
    frame: pd.DataFrame, name: str, head: str = "head", relation: str = "relation", tail: str = "tail"
) -> GraphColumns:
    """Columns of a frame with a triple in each row, and perhaps the tail's type in a column "type"."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise GraphError(f"expected a pandas DataFrame, found {type(frame).__name__}")
    for role, column in (("head", head), ("relation", relation), ("tail", tail)):
        _require_column(frame, role, column)
    typed = "type" in frame.columns
    kinds = frame["type"].astype(object).where(frame["type"].notna(), None).tolist() if typed else [None] * len(frame)
    if empty := [column for column in (head, relation, tail) if frame[column].isna().any()]:
        missing = frame[empty].isna().any(axis=1)
        raise GraphError(
            f"row {frame.index[missing.argmax()]}: nothing stands in {' or '.join(map(_quoted, empty))}; "
            f"frame.dropna(subset=[{', '.join(map(_quoted, empty))}]) leaves such rows out"
        )
    parts = (frame[column].astype(object).tolist() for column in (head, relation, tail))
    return _columns(zip(*parts, kinds, strict=True), lambda row: f"row {frame.index[row]}", name)


def columns_from_table(frame: pd.DataFrame, name: str, thing: str | None = None) -> GraphColumns:
    """Columns of a frame with a row for each thing, read as the table that it is once it is a file.

    A named index is its first column; things are named by the column `thing`, the first one where that is None.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise GraphError(f"expected a pandas DataFrame, found {type(frame).__name__}")
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    if thing is not None:
        _require_column(frame, "head", thing)
        frame = frame[[thing, *(column for column in frame.columns if column != thing)]]
    # A table's cells hold days.
    days = {column: frame[column].dt.date for column in frame.select_dtypes(["datetime", "datetimetz"])}
    frame = frame.assign(**days)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name.replace('/', ' ')}.csv"
        # Whole numbers beside gaps are fractions until they are converted.
        frame.convert_dtypes().to_csv(path, index=False)
        try:
            return load_path(path, name, LoadingOptions(table=True, infer_values=True))
        except DataError as error:
            raise GraphError(str(error).replace(str(path), "the frame as CSV")) from None


def _require_column(frame: pd.DataFrame, role: str, column: str) -> None:
    there = [str(name) for name in frame.columns]
    if there.count(column) > 1:
        raise GraphError(f'the frame has several columns "{column}"')
    if not there:
        raise GraphError(f'the frame has no column "{column}", nor any other')
    if column not in there:
        alike = [name for name in there if HEADER_ROLES.get(name.lower()) == HEADER_ROLES[role]]
        nearest = (alike or nearest_texts(column, there, count=1) or there)[0]
        as_table = f'; where each row is a thing that "{there[0]}" names, table=True reads it so'
        raise GraphError(
            f'the frame has no column "{column}"; it has: {", ".join(there)}; say which it is, e.g. {role}="{nearest}"'
            f"{'' if alike or len(there) < 2 else as_table}"
        )


def _quoted(text: str) -> str:
    return f'"{text}"'
