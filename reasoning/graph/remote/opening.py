"""A graph on a server opened: surveyed once, its names fetched where they are few, both kept for a day.

What is kept says when it was found out; `refresh` finds it out anew, and so it is where another graph is there by now.
Where a graph has changed a little since, it answers all the same: only new relations and names are not known here.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from kg_data.columns import RELATION, SKOS_ALT_LABEL
from kg_data.loaders.rdf import language_rank, local_name
from reasoning.errors import EndpointError, GraphError
from reasoning.graph import cache
from reasoning.graph.content import Description, GraphContent, RelationTable
from reasoning.graph.names import NameIndex, Names, StoredKeys, StringColumn
from reasoning.graph.remote.address import Address
from reasoning.graph.remote.client import SparqlClient
from reasoning.graph.remote.index import EndpointColumn, EndpointIndex, Server
from reasoning.graph.remote.names import EndpointEntities, LookedUpNames
from reasoning.graph.remote.profile import EndpointProfile, EndpointProfiler
from reasoning.graph.remote.terms import iri_text, listed_rows
from skylark.files import CACHE_VARIABLE

FRESH = 86_400
"""Seconds that what was found out of a graph is taken for what it is."""
FORM = 2
"""Of what is kept; raised where it means something else."""

Arrays = dict[str, NDArray[Any]]

log = logging.getLogger(__name__)


def open_endpoint(name: str, refresh: bool = False) -> tuple[GraphContent, Server]:
    """The parts of the graph of an endpoint, and what asks there.

    Args:
        name: `sparql:` and its address.
        refresh: whether to find out anew what the graph is like.

    Raises:
        EndpointError: the address is none, or the server fails.
    """
    address = Address.of(name)
    client = SparqlClient(address)
    folder = cache.graph_folder(address.file_name, hashlib.sha256(f"{FORM} {address.url}".encode()).hexdigest())
    saved = None
    if refresh:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        try:
            saved = cache.load(folder)
        except GraphError as error:
            cache.discard(folder, error)
        if saved is not None:
            details = saved[1]
            is_young = 0 <= time.time() - float(details["taken"]) < FRESH
            if not (is_young and EndpointProfiler(client).holds(EndpointProfile.of(details["survey"]))):
                shutil.rmtree(folder, ignore_errors=True)
                saved = None
    if saved is None:
        survey = EndpointProfiler(client).survey()
        saved = _named(client, survey), {"taken": time.time(), "survey": survey.to_dict()}
        try:
            cache.save(folder, *saved)
        except OSError as error:
            log.warning(
                "what %s is like could not be kept in %s (%s) and is found out anew next time; %s names another folder",
                address, folder, error, CACHE_VARIABLE,
            )  # fmt: skip
    arrays, details = saved
    return _opened(client, EndpointProfile.of(details["survey"]), arrays, details["taken"])


def _opened(client: SparqlClient, survey: EndpointProfile, arrays: Arrays, taken: float) -> tuple[GraphContent, Server]:
    names: Names
    if "ids_offsets" in arrays:
        ids, labels, keys = (
            StringColumn(arrays[f"{name}_blob"], arrays[f"{name}_offsets"]) for name in ("ids", "labels", "keys")
        )
        entities = EndpointEntities(client, survey, ids, labels)
        names = NameIndex(StoredKeys(keys, arrays["key_entities"]), labels, ids)
    else:
        entities = EndpointEntities(client, survey)
        names = LookedUpNames(client, survey, entities)
    relations = RelationTable(
        tuple(one.id for one in survey.relations),
        tuple(one.label for one in survey.relations),
        tuple(one.id for one in survey.values),
        tuple(one.label for one in survey.values),
        dict(survey.aliases),
    )
    index = EndpointIndex(client, survey, entities)
    columns = tuple(
        EndpointColumn(client, replace(one, label=name), survey.form.relation(one.id), entities)
        for one, name in zip(survey.values, relations.value_names, strict=True)
    )
    content = GraphContent(
        Description(client.address.name, f"SPARQL endpoint {client.address}", notes=_notes(survey)),
        relations,
        index,
        entities,
        names,
        columns,
    )
    return content, Server(client, survey, entities, index, taken)


def _notes(survey: EndpointProfile) -> tuple[str, ...]:
    notes = []
    if not survey.labels:
        notes.append("nothing in this graph has a name (rdfs:label or skos:prefLabel), so the ends of IRIs are names")
    if survey.sampled:
        notes.append(f"relations are counted in a sample of {survey.sampled:,} triples")
    if survey.texts:
        shown = ", ".join(survey.texts[:5]) + (f" and {len(survey.texts) - 5} more" if len(survey.texts) > 5 else "")
        notes.append(f"what leads to texts is no relation here: {shown}")
    return tuple(notes)


def _named(client: SparqlClient, survey: EndpointProfile) -> Arrays:
    """Ids, labels and name keys of all entities; {} where they are too many."""
    if survey.is_large:
        return {}
    entities = EndpointEntities(client, survey)
    try:
        iris = entities.listed()
        found = _names(client, survey)
    except EndpointError as error:
        if not error.too_much:
            raise
        log.warning("%s; names are looked up one by one", error)
        return {}
    entities.meet(iris)
    ids = list(entities.ids)
    labels, aliases = [], []
    for place, (iri, identifier) in enumerate(zip(iris, ids, strict=True)):
        names = [text for _, _, text in sorted(found.get(iri, ()))]
        shown = bool(names) and min(found[iri])[0] < 3
        plain = identifier if identifier != iri else local_name(iri).replace("_", " ")
        labels.append(names[0] if shown else plain)
        aliases += [(place, text) for text in names[shown:]]
    keys = StoredKeys.collect(labels, ids, aliases)
    arrays: Arrays = {"key_entities": keys.entities}
    for name, strings in (
        ("ids", StringColumn.from_strings(ids)),
        ("labels", StringColumn.from_strings(labels)),
        ("keys", keys.texts),
    ):
        arrays |= {f"{name}_blob": strings.blob, f"{name}_offsets": strings.offsets}
    return arrays


def _names(client: SparqlClient, survey: EndpointProfile) -> dict[str, list[tuple[int, int, str]]]:
    """The names of every IRI, each with how soon it is shown: rank of its language (3: never), of its predicate."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for place, predicate in enumerate((*survey.labels, SKOS_ALT_LABEL)):
        where = f"?entity {iri_text(predicate)} ?label . FILTER(ISIRI(?entity))"
        for node, label in listed_rows(client, ("entity", "label"), where, "entity"):
            if node is None or label is None or node.kind != "iri" or node.value.startswith(RELATION):
                continue
            rank = 3 if predicate == SKOS_ALT_LABEL else language_rank(label.language)
            if label.value.strip():
                found.setdefault(node.value, []).append((rank, place, label.value))
    return found
