from __future__ import annotations

import datetime
import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyoxigraph
import pytest
from hypothesis import given

from kg_data.columns import (
    ENTITY,
    PLACE,
    POSITION,
    RDF_TYPE,
    RDFS_COMMENT,
    RDFS_LABEL,
    RELATION,
    SKOS_ALT_LABEL,
    SKOS_PREF_LABEL,
    TYPE,
    UNIT,
    XSD,
    GraphColumns,
    LiteralColumn,
    entity_id,
    relation_id,
)
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph.rdf import rdf_triples
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.random_queries import Facts, facts

Spoken = tuple[str, str, str]

KG = KnowledgeGraph.from_columns(
    GraphColumns(
        name="labelled",
        entity_ids=["http://x.org/France", "Q2", "Q3", "unused"],
        entity_labels=["France", "Paris", "Paris", "Nothing"],
        relation_ids=["P36"],
        relation_labels=["capital"],
        splits={"graph": np.array([[0, 0, 1]], dtype=np.int32)},
        aliases=[(0, "La France"), (0, "france")],
        types=[(0, "country"), (3, "country")],
        definitions={"country": "A country has a seat in the assembly."},
        literals=[
            LiteralColumn("founded", "year", np.array([0, 1], dtype=np.int32), np.array([843.0, -52.0])),
            LiteralColumn("people", "integer", np.array([2], dtype=np.int32), np.array([68e6])),
            LiteralColumn("area", "decimal", np.array([0], dtype=np.int32), np.array([0.1]), unit="km2"),
            LiteralColumn("day", "date", np.array([0], dtype=np.int32), np.array([735_599.0])),
        ],
    )
)


def spoken(kg: KnowledgeGraph) -> set[Spoken]:
    """The triples of the export by what stands in them."""
    return {(t.subject.value, t.predicate.value, t.object.value) for t in rdf_triples(kg)}  # type: ignore[union-attr]


def about(kg: KnowledgeGraph, *predicates: str) -> set[Spoken]:
    return {triple for triple in spoken(kg) if triple[1] in predicates}


def test_an_iri_stands_for_itself_and_any_other_id_becomes_a_urn() -> None:
    assert about(KG, f"{RELATION}P36") == {("http://x.org/France", f"{RELATION}P36", f"{ENTITY}Q2")}


def test_labels_are_those_of_the_entities_in_the_graph_and_of_relations_named_otherwise() -> None:
    labels = {("http://x.org/France", "France"), (f"{ENTITY}Q2", "Paris"), (f"{ENTITY}Q3", "Paris")}
    assert {(s, o) for s, _, o in about(KG, RDFS_LABEL)} == labels | {(f"{RELATION}P36", "capital")}


def test_types_and_other_names_come_along() -> None:
    assert about(KG, RDF_TYPE, SKOS_ALT_LABEL) == {
        ("http://x.org/France", RDF_TYPE, f"{TYPE}country"),
        ("http://x.org/France", SKOS_ALT_LABEL, "la france"),
    }


def test_every_entity_of_the_graph_has_its_position_and_nothing_else_has_one() -> None:
    assert {(s, o) for s, _, o in about(KG, POSITION)} == {
        ("http://x.org/France", "0"),
        (f"{ENTITY}Q2", "1"),
        (f"{ENTITY}Q3", "2"),
    }


def test_every_relation_has_its_place_among_those_of_its_kind() -> None:
    places = {(relation_id(s), o) for s, _, o in about(KG, PLACE)}
    assert {("P36", "0"), ("founded", "0"), ("people", "1"), ("area", "2"), ("day", "3")} <= places


def test_values_are_literals_of_the_type_that_their_kind_has() -> None:
    values = {
        (relation_id(t.predicate.value), t.object.value, t.object.datatype.value.removeprefix(XSD))
        for t in rdf_triples(KG)
        if isinstance(t.object, pyoxigraph.Literal)
        and t.predicate.value not in (RDFS_COMMENT, RDFS_LABEL, PLACE, POSITION, SKOS_ALT_LABEL, UNIT)
    }
    assert values == {
        ("founded", "0843", "gYear"),
        ("founded", "-0052", "gYear"),
        ("people", "68000000", "integer"),
        ("area", "0.1", "double"),
        ("day", "2015-01-01", "date"),
    }


def test_what_was_written_is_read_as_the_same_graph(tmp_path: Path) -> None:
    KG.to_rdf(tmp_path / "graph.ttl")
    again = KnowledgeGraph.load(tmp_path / "graph.ttl")
    # A file is read in the order of its facts, so that relations may come in another one.
    assert spoken(again) - about(again, PLACE) == spoken(KG) - about(KG, PLACE)
    assert again.definitions == KG.definitions


@pytest.mark.parametrize("suffix", [".nt", ".ttl", ".TTL"])
def test_a_file_holds_exactly_those_triples(suffix: str, tmp_path: Path) -> None:
    KG.to_rdf(tmp_path / f"graph{suffix}")
    form = pyoxigraph.RdfFormat.N_TRIPLES if suffix == ".nt" else pyoxigraph.RdfFormat.TURTLE
    read = {t.triple for t in pyoxigraph.parse(path=tmp_path / f"graph{suffix}", format=form)}
    assert (read, [path.name for path in tmp_path.iterdir()]) == (set(rdf_triples(KG)), [f"graph{suffix}"])


@given(facts())
def test_no_triple_is_lost_or_added(world: Facts) -> None:
    links = {
        (entity_id(s), relation_id(p), entity_id(o))
        for s, p, o in spoken(KnowledgeGraph.from_triples(world.triples))
        if p.startswith(RELATION) and o.startswith(ENTITY)
    }
    assert links == world.links


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
def test_no_name_breaks_the_file_or_is_taken_for_another(suffix: str, tmp_path: Path) -> None:
    triples = [(name, name, other) for name, other in pairwise(AWKWARD)]
    KnowledgeGraph.from_triples(triples).to_rdf(tmp_path / f"graph{suffix}")
    read = [t.triple for t in pyoxigraph.parse(path=tmp_path / f"graph{suffix}")]
    links = [t for t in read if isinstance(t.object, pyoxigraph.NamedNode)]
    said = {(entity_id(t.subject.value), relation_id(t.predicate.value), entity_id(t.object.value)) for t in links}
    assert said == set(triples)


def test_half_a_surrogate_pair_survives_in_the_id_and_is_replaced_in_the_label() -> None:
    kg = KnowledgeGraph.from_triples([("a\ud800", "r", "b")])
    assert ("urn:skylark:entity:a%ED%A0%80", RDFS_LABEL, "a\ufffd") in spoken(kg)


@pytest.mark.parametrize("identifier", [RDFS_LABEL, RDF_TYPE, SKOS_PREF_LABEL, SKOS_ALT_LABEL, POSITION])
def test_a_relation_with_an_id_that_the_export_uses_itself_is_told_apart(identifier: str) -> None:
    kg = KnowledgeGraph.from_triples([("a", identifier, "b")])
    (relation,) = {p for _, p, o in spoken(kg) if o == f"{ENTITY}b"}
    assert (relation != identifier, relation_id(relation)) == (True, identifier)


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r'"graph.xml" names no form of RDF; the name must end in .nt or .ttl'):
        KG.to_rdf(tmp_path / "graph.xml")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "graph.nt"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(GraphError, match=r"graph\.nt cannot be written: File too large"):
            KG.to_rdf(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("graph.nt", "old")]


def test_a_graph_of_values_alone_is_written(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("a", "born", datetime.date(2000, 1, 2))])
    kg.to_rdf(tmp_path / "graph.nt")
    assert f'<{RELATION}born> "2000-01-02"^^<{XSD}date> .' in (tmp_path / "graph.nt").read_text()
