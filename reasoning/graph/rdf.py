"""A graph as RDF, for triple stores, editors and SPARQL engines; written with pyoxigraph, a triple at a time.

Ids are spelled as `kg_data.iris` says. Beside its triples the file holds each entity's label, types and other names,
each relation's label or unit, and `POSITION`, a number for every entity of the graph: SPARQL sees no entities, only
triples; with that mark a complement knows what there is, and entities keep their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kg_data.iris import (
    DATATYPES,
    ENTITY,
    OWL_INVERSE_OF,
    POSITION,
    RDF_TYPE,
    RDFS_LABEL,
    RELATION,
    SKOS_ALT_LABEL,
    TYPE,
    UNIT,
    XSD,
    entity_iri,
    lexical_form,
    relation_iri,
    type_iri,
)
from reasoning.errors import GraphError
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.graph.whole_file import written_whole
from reasoning.supplied import supplies

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


@supplies(KnowledgeGraph.to_rdf)
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
    """The triples of the file: what is said of relations, then entity by entity."""
    yield from _about_relations(kg)
    label, position, alias, type_ = map(NamedNode, (RDFS_LABEL, POSITION, SKOS_ALT_LABEL, RDF_TYPE))
    types = {name: NamedNode(type_iri(name)) for name in kg.type_names}
    aliases = _aliases(kg)
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
    named = [
        *zip(kg.relation_ids, kg.relation_labels, strict=True),
        *((column.identifier, column.relation) for column in kg.literals),
    ]
    for identifier, label in named:
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
    """What each entity's triples lead to."""
    relations = [NamedNode(relation_iri(identifier)) for identifier in kg.relation_ids]
    triples = kg.index.triples()
    order = np.argsort(triples[:, 0], kind="stable")
    starts, rest = _starts(kg, triples[order, 0]), triples[order, 1:]

    def of(entity: int) -> Iterator[tuple[NamedNode, NamedNode]]:
        own = rest[starts[entity] : starts[entity + 1]].tolist()
        return ((relations[relation], nodes[tail]) for relation, tail in own)

    return of


def _values(kg: KnowledgeGraph) -> _Objects:
    """What each entity has as values."""
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


def _aliases(kg: KnowledgeGraph) -> dict[int, list[str]]:
    """Names of each entity beside its label and id, in the folded form in which the graph keeps them."""
    found: dict[int, list[str]] = {}
    for number, entity in enumerate(kg.names.entities.tolist()):
        found.setdefault(entity, []).append(kg.names.keys[number])
    for entity, keys in found.items():
        own = {fold(name) for name in {kg.entity_labels[entity], kg.identifier(entity)}}
        found[entity] = [key for key in keys if key not in own]
    return found


def _text(text: str) -> Literal:
    """A name as a literal; half a surrogate pair, which no encoding holds, becomes the replacement character."""
    return Literal("".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text))
