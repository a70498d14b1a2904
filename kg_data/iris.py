"""How ids, types and values are spelled in RDF, for whoever reads or writes it.

A graph that came from RDF keeps its IRIs as ids. Any other id ("Q142", "Côte d'Ivoire", "/m/02mjmr") becomes a URN of
Skylark's own, `urn:skylark:entity:` with the id percent-encoded, so that writing a graph and reading it again gives the
ids that it had.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from urllib.parse import quote, unquote

from pyoxigraph import NamedNode

from kg_data.columns import ValueKind

ENTITY, RELATION, TYPE = "urn:skylark:entity:", "urn:skylark:relation:", "urn:skylark:type:"
POSITION = "urn:skylark:position"
"""Says of every entity of a graph its index, for SPARQL; it is no relation of the graph."""
PLACE = "urn:skylark:place"
"""Says of every relation of a graph its index among those of its kind, as `POSITION` does of entities."""
UNIT = "urn:skylark:unit"
"""Says of a relation with values their unit."""

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
RDFS_COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment"
OWL_INVERSE_OF = "http://www.w3.org/2002/07/owl#inverseOf"
SKOS_PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
SKOS_ALT_LABEL = "http://www.w3.org/2004/02/skos/core#altLabel"
XSD = "http://www.w3.org/2001/XMLSchema#"
_TAKEN = frozenset({RDF_TYPE, RDFS_LABEL, SKOS_PREF_LABEL, SKOS_ALT_LABEL})
"""What these say is said of a graph, not in it: a relation with such an id is written as a URN."""

DATATYPES: Mapping[ValueKind, str] = {
    "integer": f"{XSD}integer",
    "decimal": f"{XSD}double",
    "year": f"{XSD}gYear",
    "date": f"{XSD}date",
}
"""The datatype that values of each kind are written with; more are read."""


def entity_iri(identifier: str) -> str:
    """The IRI of an entity's id: the id itself where it is a http, https or urn IRI."""
    return _iri(identifier, ENTITY)


def relation_iri(identifier: str) -> str:
    """The IRI of a relation's id, or of the name of a relation that has values."""
    return _iri(identifier, RELATION)


def type_iri(name: str) -> str:
    """The IRI of a type's name."""
    return _iri(name, TYPE)


def entity_id(iri: str) -> str:
    """The id that `entity_iri` made this IRI of; any other IRI is an id as it is."""
    return _identifier(iri, ENTITY)


def relation_id(iri: str) -> str:
    """The id that `relation_iri` made this IRI of; any other IRI is an id as it is."""
    return _identifier(iri, RELATION)


def type_name(iri: str) -> str:
    """The name that `type_iri` made this IRI of; any other IRI is a name as it is."""
    return _identifier(iri, TYPE)


def lexical_form(kind: ValueKind, value: float) -> str:
    """A stored value as the text of a literal of `DATATYPES[kind]`, e.g. "0476" for a year."""
    if kind == "date":
        return datetime.date.fromordinal(int(value)).isoformat()
    if kind == "year":
        return f"{'-' if value < 0 else ''}{abs(int(value)):04d}"
    return repr(float(value)) if kind == "decimal" else str(int(value))


def _iri(identifier: str, prefix: str) -> str:
    taken = prefix == RELATION and identifier in _TAKEN
    return identifier if not taken and _stands_for_itself(identifier) else _encoded(identifier, prefix)


def _encoded(identifier: str, prefix: str) -> str:
    # Lone surrogates have no UTF-8 of their own; "surrogatepass" takes them there and back.
    encoded = quote(identifier, safe="", errors="surrogatepass")
    # A dot at the end is lawful, but escaped in Turtle (`entity:D.C\.`), which rdflib does not read.
    return prefix + (f"{encoded[:-1]}%2E" if encoded.endswith(".") else encoded)


def _identifier(iri: str, prefix: str) -> str:
    if not iri.startswith(prefix):
        return iri
    try:
        identifier = unquote(iri.removeprefix(prefix), errors="surrogatepass")
    except UnicodeDecodeError:
        return iri
    # Two IRIs never share one id: what this scheme would have written otherwise is left as it is.
    return identifier if identifier and _iri(identifier, prefix) == iri else iri


def _stands_for_itself(identifier: str) -> bool:
    if not identifier.startswith(("http://", "https://", "urn:")) or identifier.startswith("urn:skylark:"):
        return False
    try:
        NamedNode(identifier)
    except ValueError:
        return False
    return True
