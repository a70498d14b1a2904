"""A graph written as RDF or as rows and read again is the same graph."""

import csv
import datetime
import json
from pathlib import Path
from typing import Any

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
    relation_id,
)
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph.rdf import rdf_triples, write_graph
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.graph.test_exchange import awkward, kinds_of, triples_of
from tests.reasoning.made_columns import column, graph
from tests.reasoning.made_dataset import make_dataset
from tests.reasoning.random_queries import Facts, facts

Spoken = tuple[str, str, str]

KG = graph(
    {"http://x.org/France": "France", "Q2": "Paris", "Q3": "Paris", "unused": "Nothing"}, {"P36": "capital"},
    [[0, 0, 1]], column("founded", "year", {0: 843, 1: -52}), column("people", "integer", {2: 68e6}),
    column("area", "decimal", {0: 0.1}, "km2"), column("day", "date", {0: 735_599}),
    aliases=[(0, "La France"), (0, "france")], types=[(0, "country"), (3, "country")],
    definitions={"country": "A country has a seat in the assembly."},
)  # fmt: skip


def spoken(kg: KnowledgeGraph) -> set[Spoken]:
    """The triples of the export by what stands in them."""
    return {(t.subject.value, t.predicate.value, t.object.value) for t in rdf_triples(kg)}  # type: ignore[union-attr]


def test_what_a_graph_says_is_written() -> None:
    france, triples = "http://x.org/France", spoken(KG)
    about = {iri: {(s, o) for s, p, o in triples if p == iri} for _, iri, _ in triples}
    assert about[f"{RELATION}P36"] == {(france, f"{ENTITY}Q2")}
    labels = {(france, "France"), (f"{ENTITY}Q2", "Paris"), (f"{ENTITY}Q3", "Paris"), (f"{RELATION}P36", "capital")}
    assert about[RDFS_LABEL] == labels
    assert (about[RDF_TYPE], about[SKOS_ALT_LABEL]) == ({(france, f"{TYPE}country")}, {(france, "la france")})
    assert about[POSITION] == {(france, "0"), (f"{ENTITY}Q2", "1"), (f"{ENTITY}Q3", "2")}
    places = {(relation_id(s), o) for s, o in about[PLACE]}
    assert {("P36", "0"), ("founded", "0"), ("people", "1"), ("area", "2"), ("day", "3")} <= places
    values = {
        (relation_id(t.predicate.value), t.object.value, t.object.datatype.value.removeprefix(XSD))
        for t in rdf_triples(KG)
        if isinstance(t.object, pyoxigraph.Literal)
        and t.predicate.value not in (RDFS_COMMENT, RDFS_LABEL, PLACE, POSITION, SKOS_ALT_LABEL, UNIT)
    }
    assert values == {
        ("founded", "0843", "gYear"), ("founded", "-0052", "gYear"), ("people", "68000000", "integer"),
        ("area", "0.1", "double"), ("day", "2015-01-01", "date"),
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".nt", ".ttl", ".TTL"])
def test_a_file_holds_exactly_those_triples(suffix: str, tmp_path: Path) -> None:
    KG.to_rdf(tmp_path / f"graph{suffix}")
    form = pyoxigraph.RdfFormat.N_TRIPLES if suffix == ".nt" else pyoxigraph.RdfFormat.TURTLE
    read = {t.triple for t in pyoxigraph.parse(path=tmp_path / f"graph{suffix}", format=form)}
    assert (read, [path.name for path in tmp_path.iterdir()]) == (set(rdf_triples(KG)), [f"graph{suffix}"])


def test_names_that_are_hard_to_spell_are_told_apart() -> None:
    kg = KnowledgeGraph.from_triples([("a\ud800", "r", "b")])
    assert ("urn:skylark:entity:a%ED%A0%80", RDFS_LABEL, "a\ufffd") in spoken(kg)
    for identifier in (RDFS_LABEL, RDF_TYPE, SKOS_PREF_LABEL, SKOS_ALT_LABEL, POSITION):  # the export's own
        kg = KnowledgeGraph.from_triples([("a", identifier, "b")])
        (relation,) = {p for _, p, o in spoken(kg) if o == f"{ENTITY}b"}
        assert relation != identifier and relation_id(relation) == identifier


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"graph.xml.*\.nt or \.ttl"):
        KG.to_rdf(tmp_path / "graph.xml")
    with pytest.raises(GraphError, match=r"one of \.nt, \.ttl, \.jsonl, \.tsv, \.csv"):
        write_graph(KG, tmp_path / "g.xlsx")


IRI_IDS = graph(
    {"http://x.org/a_b": "http://x.org/a_b", "http://x.org/c": "C", "mailto:a@x.org": "mailto:a@x.org", "_:1": "_:1",
     "Q1": "Q1"},
    {"http://x.org/r": "http://x.org/r", "urn:x:s": "S", "t": "t"}, [[0, 0, 1], [1, 1, 2], [2, 2, 3], [4, 0, 4]],
    column("http://x.org/v", "year", {1: -5}, "years"), column("W", "integer", {1: 7}, "", "http://x.org/w"),
    relation_aliases={"http://x.org/r_of": (0, True), "r_reverse": (0, True), "another r": (0, False)},
    types=[(0, "a thing"), (0, "ex:thing"), (3, "a thing")],
)  # fmt: skip


def content(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph holds, by ids."""
    relation = kg.relation_ids.__getitem__
    return {
        "links": {(kg.identifier(h), relation(r), kg.identifier(t)) for h, r, t in kg.index.whole.triples().tolist()},
        "values": {
            (column.identifier, column.relation, column.kind, column.unit, kg.identifier(e), v)
            for column in kg.literals
            for e, v in zip(column.entities.tolist(), column.values.tolist(), strict=True)
        },
        "entities": {kg.identifier(e): (kg.entity_labels[e], set(kg.types(e))) for e in kg.universe.tolist()},
        "aliases": {kg.identifier(e): sorted(names) for e, names in kg.names.aliases().items() if names},
        "definitions": kg.definitions,
        "relations": dict(zip(kg.relation_ids, kg.relation_labels, strict=True)),
        "inverses": {name: relation(r) for name, (r, inverse) in kg.relation_aliases.items() if inverse},
    }


def again(kg: KnowledgeGraph, path: Path) -> KnowledgeGraph:
    kg.to_rdf(path)
    return KnowledgeGraph.load(path)


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
@given(world=facts())
def test_any_small_graph_is_read_again(tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    assert content(again(kg, tmp_path_factory.mktemp("rdf") / f"graph{suffix}")) == content(kg)


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
def test_iris_hard_names_values_alone_and_inverse_relations_are_read_again(tmp_path: Path, suffix: str) -> None:
    # Half a surrogate pair has no form in RDF but in an encoded id.
    hard = KnowledgeGraph.from_triples([(name, f"r{name}", f"{name}2") for name in AWKWARD if name != "\ud800"])
    day = KnowledgeGraph.from_triples([("a", "born", datetime.date(2000, 1, 2))])
    for kg in (KG, IRI_IDS, hard, day, KnowledgeGraph.load(make_dataset(tmp_path / "made", queries_of_each=0))):
        assert content(again(kg, tmp_path / f"graph{suffix}")) == content(kg)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
@given(world=facts())
def test_rows_of_any_small_graph(tmp_path_factory: pytest.TempPathFactory, suffix: str, world: Facts) -> None:
    assert_rows_hold(KnowledgeGraph.from_triples(world.triples), tmp_path_factory.mktemp("export") / f"g{suffix}")


def assert_rows_hold(kg: KnowledgeGraph, path: Path) -> None:
    write_graph(kg, path)
    again = KnowledgeGraph.load(path)
    assert triples_of(again) == triples_of(kg) and kinds_of(again) == kinds_of(kg)


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_rows_of_every_name_that_the_form_can_hold(tmp_path: Path, suffix: str) -> None:
    assert_rows_hold(KnowledgeGraph.from_triples([("head", "relation", "tail")]), tmp_path / f"g{suffix}")
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


@given(st.lists(st.tuples(*[st.text(st.characters(), min_size=1)] * 3), min_size=1, max_size=5))
def test_json_lines_hold_every_name_years_and_shared_labels(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]]
) -> None:
    for kg in (KnowledgeGraph.from_triples(triples), awkward()):
        assert_rows_hold(kg, tmp_path_factory.mktemp("export") / "g.jsonl")


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
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / f"g{suffix}").write_text("old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(GraphError, match=rf"g{suffix} cannot be written: No space left"):
        write_graph(KnowledgeGraph.from_triples([("a", "r", "b")]), tmp_path / f"g{suffix}")
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [(f"g{suffix}", "old")]
