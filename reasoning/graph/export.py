"""A graph in the forms that Skylark reads: a file, a NetworkX graph, a pandas frame.

RDF holds everything. Rows hold what `KnowledgeGraph.to_pandas` gives: entities by display name, relations by id, values
with their type.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kg_data.columns import ValueKind
from kg_data.iris import lexical_form
from reasoning.errors import GraphError
from reasoning.graph.exchange import ENTITY, ID, LABEL, TYPES, VALUE_TYPES
from reasoning.graph.rdf import FORMATS, write_rdf
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.whole_file import written_whole
from reasoning.supplied import supplies

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

Row = tuple[str, str, str, ValueKind | None]
"""Head, relation, tail as text, and its type where it is a value."""


def write_graph(kg: KnowledgeGraph, path: Path) -> None:
    """Write a graph in the form that the file's suffix names, whole or not at all.

    Raises:
        GraphError: another suffix, a name that the form cannot hold, or a file that cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        write_rdf(kg, path)
        return
    write = _WRITERS.get(suffix)
    if write is None:
        known = ", ".join([*FORMATS, *_WRITERS])
        raise GraphError(f'"{path.name}" names no form that is written; the name must end in one of {known}')
    with written_whole(path) as binary:
        write(binary, rows(kg))


def rows(kg: KnowledgeGraph) -> Iterator[Row]:
    """The triples of a graph, then its values."""
    name = _names(kg)
    for start in range(0, len(kg), _STRETCH):
        for head, relation, tail in kg.index.triples(slice(start, start + _STRETCH)).tolist():
            yield name[head], kg.relation_ids[relation], name[tail], None
    for column in kg.literals:
        for entity, value in zip(column.entities.tolist(), column.values.tolist(), strict=True):
            yield name[entity], column.identifier, lexical_form(column.kind, value), column.kind


_STRETCH = 1 << 20


def _write_tsv(file: IO[bytes], triples: Iterator[Row]) -> None:
    file.write(b"head\trelation\ttail\ttype\n")
    for row in triples:
        file.write(_encoded("\t".join(_fields(row, ".tsv", "\t\n\r"))))


def _write_csv(file: IO[bytes], triples: Iterator[Row]) -> None:
    lines = csv.writer(_Encoding(file), lineterminator="\n")
    lines.writerow(("head", "relation", "tail", "type"))
    for row in triples:
        lines.writerow(_fields(row, ".csv", "\r"))


class _Encoding:
    """What the csv module writes to."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(_encoded(line.removesuffix("\n")))


def _fields(row: Row, form: str, forbidden: str) -> list[str]:
    head, relation, tail, kind = row
    for name in (head, relation, tail):
        if name != name.strip() or any(char in name for char in forbidden):
            raise GraphError(f"a {form} file cannot hold the name {name!r}; .jsonl, .nt and .ttl can")
    return [head, relation, tail, kind or "entity"]


def _encoded(line: str) -> bytes:
    try:
        return f"{line}\n".encode()
    except UnicodeEncodeError:
        raise GraphError(f"half a surrogate pair in {line!r} has no form in UTF-8; .jsonl can hold it") from None


def _write_json_lines(file: IO[bytes], triples: Iterator[Row]) -> None:
    for head, relation, tail, kind in triples:
        item = {"head": head, "relation": relation, "tail": {"value": tail, "type": kind} if kind else tail}
        file.write(json.dumps(item).encode() + b"\n")


_WRITERS: Mapping[str, Callable[[IO[bytes], Iterator[Row]], None]] = {
    ".jsonl": _write_json_lines,
    ".tsv": _write_tsv,
    ".csv": _write_csv,
}


@supplies(KnowledgeGraph.to_networkx)
def to_networkx(graph: KnowledgeGraph) -> nx.MultiDiGraph:
    """See `KnowledgeGraph.to_networkx`."""
    import networkx as nx

    value_types = {column.identifier: column.kind for column in graph.literals}
    out = nx.MultiDiGraph(name=graph.graph_name, **({VALUE_TYPES: value_types} if value_types else {}))
    names = _names(graph)
    for entity, name in names.items():
        attributes = {ID: graph.identifier(entity), LABEL: graph.entity_labels[entity], TYPES: graph.types(entity)}
        out.add_node(name, **attributes)
    for column in graph.literals:
        if column.identifier in (ID, LABEL, TYPES):
            raise GraphError(f'a node already has the attribute "{column.identifier}"; give the values another name')
        for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True):
            out.nodes[names[entity]][column.identifier] = graph.value(column, raw)
    for head, relation, tail in graph.index.triples().tolist():
        key = graph.relation_ids[relation]
        out.add_edge(names[head], names[tail], key=key, relation=key)
    return out


@supplies(KnowledgeGraph.to_pandas)
def to_pandas(graph: KnowledgeGraph) -> pd.DataFrame:
    """See `KnowledgeGraph.to_pandas`; the values stand after the links."""
    import pandas as pd

    names = _names(graph)
    rows: list[tuple[str, str, Any, str]] = [
        (names[head], graph.relation_ids[relation], names[tail], ENTITY)
        for head, relation, tail in graph.index.triples().tolist()
    ]
    rows += [
        (names[entity], column.identifier, graph.value(column, raw), column.kind)
        for column in graph.literals
        for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["head", "relation", "tail", "type"]).astype({"tail": object})


def _names(graph: KnowledgeGraph) -> dict[int, str]:
    return {entity: graph.name(entity) for entity in graph.universe.tolist()}
