"""A graph written as RDF or as rows and read again is the same graph."""

from __future__ import annotations

import csv
import datetime
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    relation_id,
)
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph.rdf import rdf_triples, write_graph
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.graph.test_exchange import awkward, kinds_of, triples_of
from tests.reasoning.made_dataset import make_dataset
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


def test_links_labels_types_names_positions_and_places_come_along() -> None:
    france = "http://x.org/France"
    assert about(KG, f"{RELATION}P36") == {(france, f"{RELATION}P36", f"{ENTITY}Q2")}
    labels = {(france, "France"), (f"{ENTITY}Q2", "Paris"), (f"{ENTITY}Q3", "Paris"), (f"{RELATION}P36", "capital")}
    assert {(s, o) for s, _, o in about(KG, RDFS_LABEL)} == labels
    assert about(KG, RDF_TYPE, SKOS_ALT_LABEL) == {
        (france, RDF_TYPE, f"{TYPE}country"), (france, SKOS_ALT_LABEL, "la france"),
    }  # fmt: skip
    assert {(s, o) for s, _, o in about(KG, POSITION)} == {(france, "0"), (f"{ENTITY}Q2", "1"), (f"{ENTITY}Q3", "2")}
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


def test_half_a_surrogate_pair_survives_in_the_id_and_is_replaced_in_the_label() -> None:
    kg = KnowledgeGraph.from_triples([("a\ud800", "r", "b")])
    assert ("urn:skylark:entity:a%ED%A0%80", RDFS_LABEL, "a\ufffd") in spoken(kg)


@pytest.mark.parametrize("identifier", [RDFS_LABEL, RDF_TYPE, SKOS_PREF_LABEL, SKOS_ALT_LABEL, POSITION])
def test_a_relation_with_an_id_that_the_export_uses_itself_is_told_apart(identifier: str) -> None:
    kg = KnowledgeGraph.from_triples([("a", identifier, "b")])
    (relation,) = {p for _, p, o in spoken(kg) if o == f"{ENTITY}b"}
    assert (relation != identifier, relation_id(relation)) == (True, identifier)


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"graph.xml.*\.nt or \.ttl"):
        KG.to_rdf(tmp_path / "graph.xml")
    with pytest.raises(GraphError, match=r"one of \.nt, \.ttl, \.jsonl, \.tsv, \.csv"):
        write_graph(KG, tmp_path / "g.xlsx")


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


# Read again ---------------------------------------------------------------------------------------------------------

IRI_IDS = KnowledgeGraph.from_columns(
    GraphColumns(
        name="iris",
        entity_ids=["http://x.org/a_b", "http://x.org/c", "mailto:a@x.org", "_:1", "Q1"],
        entity_labels=["http://x.org/a_b", "C", "mailto:a@x.org", "_:1", "Q1"],
        relation_ids=["http://x.org/r", "urn:x:s", "t"],
        relation_labels=["http://x.org/r", "S", "t"],
        splits={"graph": np.array([[0, 0, 1], [1, 1, 2], [2, 2, 3], [4, 0, 4]], dtype=np.int32)},
        relation_aliases={"http://x.org/r_of": (0, True), "r_reverse": (0, True), "another r": (0, False)},
        types=[(0, "a thing"), (0, "ex:thing"), (3, "a thing")],
        literals=[
            LiteralColumn("http://x.org/v", "year", np.array([1], dtype=np.int32), np.array([-5.0]), "years"),
            LiteralColumn("W", "integer", np.array([1], dtype=np.int32), np.array([7.0]), identifier="http://x.org/w"),
        ],
    )
)


def content(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph holds, by ids."""
    relation = kg.relation_ids.__getitem__
    return {
        "links": {(kg.identifier(h), relation(r), kg.identifier(t)) for h, r, t in kg.index.whole.triples().tolist()},
        "values": {
            column.identifier: (
                column.relation,
                column.kind,
                column.unit,
                {(kg.identifier(e), v) for e, v in zip(column.entities.tolist(), column.values.tolist(), strict=True)},
            )
            for column in kg.literals
        },
        "labels": {kg.identifier(entity): kg.entity_labels[entity] for entity in kg.universe.tolist()},
        "types": {kg.identifier(entity): set(kg.types(entity)) for entity in kg.universe.tolist()},
        "relations": dict(zip(kg.relation_ids, kg.relation_labels, strict=True)),
        "inverses": {name: relation(r) for name, (r, inverse) in kg.relation_aliases.items() if inverse},
    }


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
class TestRoundTrip:
    def again(self, kg: KnowledgeGraph, folder: Path, suffix: str) -> KnowledgeGraph:
        kg.to_rdf(folder / f"graph{suffix}")
        return KnowledgeGraph.load(folder / f"graph{suffix}")

    @given(world=facts())
    def test_of_any_small_graph(self, tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
        kg = KnowledgeGraph.from_triples(world.triples)
        assert content(self.again(kg, tmp_path_factory.mktemp("rdf"), suffix)) == content(kg)

    def test_of_iris_hard_names_values_alone_and_inverse_relations(self, tmp_path: Path, suffix: str) -> None:
        # Half a surrogate pair has no form in RDF but in an encoded id.
        hard = [(name, f"r{name}", f"{name}2") for name in AWKWARD if name != "\ud800"]
        for kg in (
            IRI_IDS,
            KnowledgeGraph.from_triples(hard),
            KnowledgeGraph.from_triples([("a", "born", datetime.date(2000, 1, 2))]),
            KnowledgeGraph.load(make_dataset(tmp_path / "made", queries_of_each=0)),
        ):
            assert content(self.again(kg, tmp_path, suffix)) == content(kg)


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
class TestRoundTripOfRows:
    @pytest.mark.slow
    @given(world=facts())
    def test_of_any_small_graph(self, tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
        path = tmp_path_factory.mktemp("export") / f"g{suffix}"
        kg = KnowledgeGraph.from_triples(world.triples)
        write_graph(kg, path)
        assert triples_of(KnowledgeGraph.load(path)) == triples_of(kg)
        assert kinds_of(KnowledgeGraph.load(path)) == kinds_of(kg)

    def test_of_every_name_that_the_form_can_hold(self, tmp_path: Path, suffix: str) -> None:
        header = KnowledgeGraph.from_triples([("head", "relation", "tail")])
        write_graph(header, tmp_path / f"g{suffix}")
        assert triples_of(KnowledgeGraph.load(tmp_path / f"g{suffix}")) == {("head", "relation", "tail")}
        held = 0
        for number, name in enumerate(AWKWARD):
            kg = KnowledgeGraph.from_triples([(name, "r", "x")])
            path = tmp_path / f"{number}{suffix}"
            try:
                write_graph(kg, path)
            except GraphError as error:
                assert suffix != ".jsonl" and ".jsonl" in str(error) and not path.exists()
                continue
            held += 1
            assert list(KnowledgeGraph.load(path).entity_ids) == [name, "x"]
        assert held == len(AWKWARD) or (suffix != ".jsonl" and held > 15)


def test_json_lines_hold_years_shared_labels_and_special_characters(tmp_path: Path) -> None:
    write_graph(awkward(), tmp_path / "g.jsonl")
    again = KnowledgeGraph.load(tmp_path / "g.jsonl")
    assert triples_of(again) == triples_of(awkward())
    assert kinds_of(again) == kinds_of(awkward())


@given(st.lists(st.tuples(*[st.text(st.characters(), min_size=1)] * 3), min_size=1, max_size=5))
def test_json_lines_hold_every_name(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("export") / "g.jsonl"
    kg = KnowledgeGraph.from_triples(triples)
    write_graph(kg, path)
    assert triples_of(KnowledgeGraph.load(path)) == triples_of(kg)


def test_the_files_are_what_other_programs_read(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([('a "b", c', "r", "d"), ("d", "size", 5)])
    for suffix in (".csv", ".jsonl", ".tsv"):
        write_graph(kg, tmp_path / f"g{suffix}")
    expected = [["head", "relation", "tail", "type"], ['a "b", c', "r", "d", "entity"], ["d", "size", "5", "integer"]]
    with (tmp_path / "g.csv").open(newline="") as file:
        assert list(csv.reader(file)) == expected
    assert [line.split("\t") for line in (tmp_path / "g.tsv").read_text().splitlines()] == expected
    assert [json.loads(line)["tail"] for line in (tmp_path / "g.jsonl").read_text().splitlines()] == [
        "d",
        {"value": "5", "type": "integer"},
    ]


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl", ".nt", ".ttl"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(GraphError, match=rf"g{suffix} cannot be written: No space left"):
        write_graph(KnowledgeGraph.from_triples([("a", "r", "b")]), tmp_path / f"g{suffix}")
    assert list(tmp_path.iterdir()) == []
