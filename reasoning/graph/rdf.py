"""A graph in the forms that Skylark reads: a file of RDF or of rows, a NetworkX graph, a pandas frame.

RDF holds everything, for triple stores, editors and SPARQL engines; pyoxigraph writes it, a triple at a time. Ids are
spelled as `kg_data.columns` says. Beside its triples the file holds each entity's label, types and other names, each
relation's label or unit, and numbers for both, `POSITION` and `PLACE`: SPARQL sees no entities, only triples. With
these marks a complement knows what there is, and on a server both keep their order.

Rows hold what `KnowledgeGraph.to_pandas` gives: entities by display name, relations by id, values
with their type.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kg_data.columns import (
    DATATYPES,
    ENTITY,
    OWL_INVERSE_OF,
    PLACE,
    POSITION,
    RDF_TYPE,
    RDFS_COMMENT,
    RDFS_LABEL,
    RELATION,
    SKOS_ALT_LABEL,
    TYPE,
    UNIT,
    XSD,
    ValueKind,
    entity_iri,
    lexical_form,
    relation_iri,
    type_iri,
)
from reasoning.errors import GraphError
from reasoning.graph.exchange import ID, LABEL, LINK, TYPES, VALUE_TYPES
from reasoning.graph.index import Ids, stretches
from reasoning.graph.store import KnowledgeGraph
from skylark.files import whole_file
from skylark.installation import require

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
    for triples in stretches(kg.index):
        for head, relation, tail in triples.tolist():
            yield name[head], kg.relation_ids[relation], name[tail], None
    for column in kg.literals:
        for entity, value in zip(column.entities.tolist(), column.values.tolist(), strict=True):
            yield name[entity], column.identifier, lexical_form(column.kind, value), column.kind


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
    for triples in stretches(graph.index):
        for head, relation, tail in triples.tolist():
            key = graph.relation_ids[relation]
            out.add_edge(names[head], names[tail], key=key, relation=key)
    return out


def to_pandas(graph: KnowledgeGraph) -> pd.DataFrame:
    """See `KnowledgeGraph.to_pandas`; the values stand after the links."""
    require("A frame", "pandas")
    import pandas as pd

    names = _names(graph)
    rows: list[tuple[str, str, Any, str]] = [
        (names[head], graph.relation_ids[relation], names[tail], LINK)
        for triples in stretches(graph.index)
        for head, relation, tail in triples.tolist()
    ]
    rows += [
        (names[entity], column.identifier, graph.value(column, raw), column.kind)
        for column in graph.literals
        for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["head", "relation", "tail", "type"]).astype({"tail": object})


def _names(graph: KnowledgeGraph) -> dict[int, str]:
    return {entity: graph.name(entity) for entity in graph.universe.tolist()}


# RDF -----------------------------------------------------------------------------------------------------------------


_Objects = Callable[[int], Iterator[tuple[NamedNode, NamedNode | Literal]]]

SKYLARK, RDFS = "urn:skylark:", "http://www.w3.org/2000/01/rdf-schema#"

FORMATS = {".nt": RdfFormat.N_TRIPLES, ".ttl": RdfFormat.TURTLE}
PREFIXES = {
    "entity": ENTITY,
    "relation": RELATION,
    "type": TYPE,
    "skylark": SKYLARK,
    "rdfs": RDFS,
    "skos": SKOS_ALT_LABEL.removesuffix("altLabel"),
    "xsd": XSD,
}


def write_rdf(kg: KnowledgeGraph, path: str | Path) -> None:
    """Write a graph as N-Triples or Turtle, whole or not at all; see `KnowledgeGraph.to_rdf`.

    Raises:
        GraphError: the file's name ends in neither .nt nor .ttl, or it cannot be written.
    """
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise GraphError(f'"{path.name}" names no form of RDF; the name must end in {" or ".join(FORMATS)}')
    with written_whole(path) as file:
        serialize(rdf_triples(kg), file, form, prefixes=PREFIXES if form == RdfFormat.TURTLE else None)


def rdf_triples(kg: KnowledgeGraph) -> Iterator[Triple]:
    """The triples of the file: what is said of relations and types, then entity by entity."""
    yield from _about_relations(kg)
    for name, definition in kg.definitions.items():
        yield Triple(NamedNode(type_iri(name)), NamedNode(RDFS_COMMENT), _text(definition))
    label, position, alias, type_ = map(NamedNode, (RDFS_LABEL, POSITION, SKOS_ALT_LABEL, RDF_TYPE))
    types = {name: NamedNode(type_iri(name)) for name in kg.type_names}
    aliases = kg.names.aliases()
    nodes = {entity: NamedNode(entity_iri(kg.identifier(entity))) for entity in kg.universe.tolist()}
    edges, values = _edges(kg, nodes), _values(kg)
    for entity, node in nodes.items():
        yield Triple(node, position, Literal(entity))
        yield Triple(node, label, _text(kg.entity_labels[entity]))
        yield from (Triple(node, type_, types[name]) for name in kg.types(entity))
        yield from (Triple(node, alias, _text(name)) for name in aliases.get(entity, ()))
        for objects in (edges, values):
            yield from (Triple(node, relation, value) for relation, value in objects(entity))


def _about_relations(kg: KnowledgeGraph) -> Iterator[Triple]:
    relations = kg.content.relations
    named = [
        *((place, *names) for place, names in enumerate(zip(relations.ids, relations.labels, strict=True))),
        *((place, *names) for place, names in enumerate(zip(relations.value_ids, relations.value_labels, strict=True))),
    ]
    for place, identifier, label in named:
        yield Triple(NamedNode(relation_iri(identifier)), NamedNode(PLACE), Literal(place))
        # Without a label an IRI is shown by its end.
        if label != identifier or relation_iri(identifier) == identifier:
            yield Triple(NamedNode(relation_iri(identifier)), NamedNode(RDFS_LABEL), _text(label))
    for name, (relation, inverse) in kg.relation_aliases.items():
        node = NamedNode(relation_iri(kg.relation_ids[relation]))
        if inverse:
            yield Triple(NamedNode(relation_iri(name)), NamedNode(OWL_INVERSE_OF), node)
        else:
            yield Triple(node, NamedNode(SKOS_ALT_LABEL), _text(name))
    for column in kg.literals:
        if column.unit:
            yield Triple(NamedNode(relation_iri(column.identifier)), NamedNode(UNIT), _text(column.unit))


def _edges(kg: KnowledgeGraph, nodes: Mapping[int, NamedNode]) -> _Objects:
    relations = [NamedNode(relation_iri(identifier)) for identifier in kg.relation_ids]
    triples = np.concatenate([np.zeros((0, 3), dtype=np.int32), *stretches(kg.index)])
    order = np.argsort(triples[:, 0], kind="stable")
    starts, rest = _starts(kg, triples[order, 0]), triples[order, 1:]

    def of(entity: int) -> Iterator[tuple[NamedNode, NamedNode]]:
        own = rest[starts[entity] : starts[entity + 1]].tolist()
        return ((relations[relation], nodes[tail]) for relation, tail in own)

    return of


def _values(kg: KnowledgeGraph) -> _Objects:
    relations = [NamedNode(relation_iri(column.identifier)) for column in kg.literals]
    datatypes = [NamedNode(DATATYPES[column.kind]) for column in kg.literals]
    entities = np.concatenate([np.zeros(0, dtype=np.int32), *(column.entities for column in kg.literals)])
    numbers = np.repeat(np.arange(len(kg.literals)), [len(column.entities) for column in kg.literals])
    raw = np.concatenate([np.zeros(0), *(column.values for column in kg.literals)])
    order = np.argsort(entities, kind="stable")
    starts, numbers, raw = _starts(kg, entities[order]), numbers[order], raw[order]

    def of(entity: int) -> Iterator[tuple[NamedNode, Literal]]:
        own = slice(starts[entity], starts[entity + 1])
        for number, value in zip(numbers[own].tolist(), raw[own].tolist(), strict=True):
            text = lexical_form(kg.literals[number].kind, value)
            yield relations[number], Literal(text, datatype=datatypes[number])

    return of


def _starts(kg: KnowledgeGraph, owners: Ids) -> NDArray[np.int64]:
    """Where each entity's stretch begins in rows sorted by entity, shape (entities + 1,)."""
    return np.searchsorted(owners, np.arange(kg.entity_count + 1, dtype=owners.dtype))


def _text(text: str) -> Literal:
    """A name as a literal; half a surrogate pair, which no encoding holds, becomes the replacement character."""
    return Literal("".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text))


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its place when all is written; after an error nothing is left of it.

    Raises:
        GraphError: it cannot be written, the disk being full, say.
    """
    try:
        with whole_file(path) as part, part.open("wb") as file:
            yield file
    except OSError as error:
        raise GraphError(f"{path} cannot be written: {error.strerror or error}") from error
