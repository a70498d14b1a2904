"""N-Triples and Turtle as graphs."""

from __future__ import annotations

import datetime
import re
import socket
from itertools import count
from pathlib import Path

import pyoxigraph
import pytest

from kg_data.columns import RDF_TYPE, GraphColumns
from kg_data.loaders import load_path
from skylark.errors import DataError
from tests.kg_data.graph_files import links, values

PREFIXES = """@prefix : <http://x.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
"""Four lines."""
RDFS = "http://www.w3.org/2000/01/rdf-schema#"


def turtle(folder: Path, content: str) -> GraphColumns:
    path = folder / "g.ttl"
    path.write_text(PREFIXES + content, encoding="utf-8")
    return load_path(path, "g")


def label(graph: GraphColumns, identifier: str) -> str:
    return graph.entity_labels[list(graph.entity_ids).index(identifier)]


def aliases(graph: GraphColumns, identifier: str) -> list[str]:
    return [name for entity, name in graph.aliases if graph.entity_ids[entity] == identifier]


def types(graph: GraphColumns) -> set[tuple[str, str]]:
    return {(graph.entity_ids[entity], name) for entity, name in graph.types}


class TestLinks:
    def test_iris_are_ids_and_their_ends_names(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ":New_York_City :locatedIn <http://y.org/country#Am%C3%A9rica/> .")
        assert links(graph) == {
            ("http://x.org/New_York_City", "http://x.org/locatedIn", "http://y.org/country#Am%C3%A9rica/")
        }
        assert graph.entity_labels == ["New York City", "América"]
        assert graph.relation_labels == ["locatedIn"]

    def test_skylark_s_own_iris_are_plain_ids(self, tmp_path: Path) -> None:
        graph = turtle(
            tmp_path, "<urn:skylark:entity:C%C3%B4te> <urn:skylark:relation:in%20a> <urn:skylark:entity:a/b:c> ."
        )
        assert links(graph) == {("Côte", "in a", "urn:skylark:entity:a/b:c")}
        assert graph.entity_labels[0] == "Côte"

    def test_nameless_nodes_are_numbered_the_same_way_each_time(self, tmp_path: Path) -> None:
        content = ":a :r [ :r :b ], [ :r :c ], _:x ."
        assert links(turtle(tmp_path, content)) == links(turtle(tmp_path, content)) == {
            ("http://x.org/a", "http://x.org/r", "_:[1]"),
            ("_:[1]", "http://x.org/r", "http://x.org/b"),
            ("http://x.org/a", "http://x.org/r", "_:[2]"),
            ("_:[2]", "http://x.org/r", "http://x.org/c"),
            ("http://x.org/a", "http://x.org/r", "_:x"),
        }  # fmt: skip

    def test_a_text_is_an_entity_named_by_it(self, tmp_path: Path) -> None:
        graph = turtle(
            tmp_path, ':a :motto "Fluctuat nec mergitur"@la, "true"^^xsd:boolean ; :home "http://x.org/page" .'
        )
        assert {tail for _, _, tail in links(graph)} == {"Fluctuat nec mergitur", "true", "http://x.org/page"}
        assert label(graph, "http://x.org/page") == "http://x.org/page"

    def test_an_empty_text_is_nothing(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ':a :r :b ; :motto "", " " ; rdfs:label "" .')
        assert links(graph) == {("http://x.org/a", "http://x.org/r", "http://x.org/b")}

    def test_inverse_twins_fold_by_the_ends_of_their_iris(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ":a :r :b . :d :r_reverse :c .")
        assert links(graph) == {(f"http://x.org/{h}", "http://x.org/r", f"http://x.org/{t}") for h, t in ("ab", "cd")}
        assert graph.relation_aliases["r_reverse"] == (0, True)

    def test_relations_of_one_name_keep_their_iris_to_be_asked_by(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, "@prefix y: <http://y.org/> . :a :r :b ; y:r :c ; :s :d .")
        assert graph.relation_labels == ["r", "r", "s"]
        assert graph.relation_aliases == {}


class TestNames:
    @pytest.mark.parametrize(
        ("labels", "name", "others"),
        [
            ('"Paris"', "Paris", []),
            ('"Parigi"@it, "Paris"@en', "Paris", ["Parigi"]),
            ('"Parigi"@it, "Paris"', "Paris", ["Parigi"]),
            ('"P", "Paris"@en-GB, "Parigi"@it', "Paris", ["P", "Parigi"]),
            ('"Paris"@fr, "Parigi"@it', "Paris", ["Parigi"]),
            ('"Paris"@fr, "Paris"@de', "Paris", []),
        ],
    )
    def test_english_goes_before_untagged_before_the_first_of_others(
        self, tmp_path: Path, labels: str, name: str, others: list[str]
    ) -> None:
        graph = turtle(tmp_path, f":p rdfs:label {labels} . :p :r :q .")
        assert label(graph, "http://x.org/p") == name
        assert aliases(graph, "http://x.org/p") == others

    def test_alternative_labels_are_aliases(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ':p skos:altLabel "Lutetia"@en ; skos:prefLabel "Paris" ; :r :q .')
        assert label(graph, "http://x.org/p") == "Paris"
        assert aliases(graph, "http://x.org/p") == ["Lutetia"]

    def test_a_relation_s_label_names_it_and_makes_no_entity(self, tmp_path: Path) -> None:
        graph = turtle(
            tmp_path,
            ':P36 rdfs:label "capital"@en . :P1082 rdfs:label "population" .'
            '<urn:skylark:relation:n> rdfs:label "near" . <urn:skylark:entity:n> rdfs:label "N" .'
            ":fr :P36 :paris ; :P1082 68 . <urn:skylark:entity:n> <urn:skylark:relation:n> :fr .",
        )
        assert graph.relation_labels == ["capital", "near"]
        assert graph.relation_aliases["P36"] == (0, False)
        assert list(values(graph)) == ["population"]
        assert sorted(graph.entity_labels) == ["N", "fr", "paris"]

    def test_what_is_only_named_is_an_entity_without_facts(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ':a :r :b . :c rdfs:label "C" .')
        assert graph.entity_labels == ["a", "b", "C"]


class TestTypes:
    def test_a_type_with_an_iri_of_its_own_is_also_linked(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ':paris a :City, :Capital . :City rdfs:label "city"@en .')
        assert types(graph) == {("http://x.org/paris", "city"), ("http://x.org/paris", "Capital")}
        assert links(graph) == {
            ("http://x.org/paris", RDF_TYPE, "http://x.org/City"),
            ("http://x.org/paris", RDF_TYPE, "http://x.org/Capital"),
        }
        assert graph.relation_labels == ["type"]

    def test_a_type_of_skylark_s_is_a_type_alone(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ":paris a <urn:skylark:type:big%20city> ; :r :b .")
        assert types(graph) == {("http://x.org/paris", "big city")}
        assert len(links(graph)) == 1

    def test_a_comment_on_a_type_is_its_definition_in_english_where_it_may(self, tmp_path: Path) -> None:
        said = 'rdfs:comment "Viel bewohnt"@de, "Has many people."@en'
        graph = turtle(tmp_path, f":paris a :City ; :r :b ; rdfs:comment 'old' . :City {said} . :Village {said} .")
        assert graph.definitions == {"City": "Has many people."}
        assert ("http://x.org/City", f"{RDFS}comment", "Has many people.") in links(graph), "and a fact, as any text"

    def test_a_comment_on_a_type_of_skylark_s_is_no_fact(self, tmp_path: Path) -> None:
        city = "<urn:skylark:type:big%20city>"
        graph = turtle(tmp_path, f':paris a {city} ; :r :b . {city} rdfs:comment "Has many people." .')
        assert (graph.definitions, len(links(graph))) == ({"big city": "Has many people."}, 1)


class TestValues:
    @pytest.mark.parametrize(
        ("literal", "kind", "value"),
        [
            ('"-5"^^xsd:nonPositiveInteger', "integer", -5.0),
            ("1.5", "decimal", 1.5),
            ("1e3", "decimal", 1000.0),
            ('"0476"^^xsd:gYear', "year", 476.0),
            ('"-0044"^^xsd:gYear', "year", -44.0),
            ('"1999Z"^^xsd:gYear', "year", 1999.0),
            ('"1999-01-02+02:00"^^xsd:date', "date", float(datetime.date(1999, 1, 2).toordinal())),
            ('"1999-01-02T23:59:59Z"^^xsd:dateTime', "date", float(datetime.date(1999, 1, 2).toordinal())),
        ],
    )
    def test_typed_literals_are_values(self, tmp_path: Path, literal: str, kind: str, value: float) -> None:
        assert values(turtle(tmp_path, f":a :v {literal} .")) == {"v": (kind, {"http://x.org/a": value})}

    def test_several_of_one_thing_make_names_of_all_and_a_note_says_so(self, tmp_path: Path) -> None:
        graph = turtle(tmp_path, ':a rdfs:label "A" ; :v 1, 2 ; :w 3, 3 . :b :v 4 . :v rdfs:label "size" .')
        assert values(graph) == {"w": ("integer", {"http://x.org/a": 3.0})}
        a, b, v = (f"http://x.org/{name}" for name in "abv")
        assert links(graph) == {(a, v, "1"), (a, v, "2"), (b, v, "4")}
        assert (graph.relation_labels, graph.entity_labels) == (["size"], ["A", "b", "1", "2", "4"])
        assert graph.notes == ['"size" is read as names: "A" has two values of it, 1 and 2']

    def test_a_relation_with_values_keeps_its_iri_as_id(self, tmp_path: Path) -> None:
        (column,) = turtle(tmp_path, ":a :area 5 .").literals
        assert (column.identifier, column.relation) == ("http://x.org/area", "area")


class TestBrokenFiles:
    @pytest.mark.parametrize("suffix", [".nt", ".ttl"])
    def test_a_byte_order_mark_and_line_ends_of_windows_are_no_matter(self, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / f"g{suffix}"
        fact = b"\xef\xbb\xbf<http://x.org/a> <http://x.org/r> <http://x.org/b> .\r\n"
        path.write_bytes(fact + b"# end\r\n")
        assert links(load_path(path, "g")) == {("http://x.org/a", "http://x.org/r", "http://x.org/b")}
        path.write_bytes(
            fact + b'<http://x.org/a> <http://x.org/r> "x"^^<http://www.w3.org/2001/XMLSchema#integer> .\r\n'
        )
        with pytest.raises(DataError, match="line 2: expected an integer"):
            load_path(path, "g")

    @pytest.mark.parametrize(
        ("name", "content", "hint"),
        [
            ("g.nt", "@prefix : <http://x.org/> . :a :r :b .", "a file of Turtle has to be named .ttl"),
            ("g.ttl", "<a> <r> <b> .", "relative IRIs need a line such as @base"),
        ],
    )
    def test_an_error_says_the_way_out(self, name: str, content: str, hint: str, tmp_path: Path) -> None:
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=re.escape(hint)):
            load_path(tmp_path / name, "g")

    @pytest.mark.parametrize(
        ("content", "line", "expected"),
        [
            ("", None, "at least one triple"),
            ('\n:a rdfs:label "A" .', None, "at least one triple"),
            (":a :r :b .\n:a :r .\n", 6, "Turtle ("),
            (":a :r :b .\ny:a :r :b .\n", 6, "The prefix y: has not been declared"),
            (":a :r <b> .", 5, "No scheme found in an absolute IRI"),
            (':a :r :b .\n:a :v "many"^^xsd:integer .', 6, "an integer as value of \"http://x.org/v\", found 'many'"),
            (':a :v "INF"^^xsd:double .', 5, "a finite number"),
            (':a :v "-0044-03-15"^^xsd:date .', 5, "a date as YYYY-MM-DD"),
            (
                ':a :v 1 ;\n   :r :b .\n\n:b :v "1999"^^xsd:gYear .',
                8,
                "values of one kind under \"http://x.org/v\" (line 5 has an integer), found 'the year 1999'",
            ),
            (":a :r 1 .\n:a :r :b .", 6, 'entities or values as tails of "http://x.org/r" and not both (line 5'),
            (":a :r <<( :b :r :c )>> .", 5, "no triples within triples"),
            ("[ :r " * 50_000, 5, "Turtle"),
        ],
        ids=count(),
    )
    def test_the_error_names_the_line(self, tmp_path: Path, content: str, line: int | None, expected: str) -> None:
        with pytest.raises(DataError) as raised:
            turtle(tmp_path, content)
        assert expected in str(raised.value)
        assert raised.value.line == line
        assert len(str(raised.value)) < 500

    def test_a_text_without_an_end_does_not_fill_the_memory(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="without texts of more than 16 MB"):
            turtle(tmp_path, ':a :r "' + "x" * 20_000_000)

    @pytest.mark.parametrize("name", ["x.ttl", "x.tsv"])
    def test_a_folder_named_like_a_file_is_read_as_a_folder(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).mkdir()
        with pytest.raises(DataError, match=r"expected a folder with train\.txt"):
            load_path(tmp_path / name, "g")

    def test_nothing_is_fetched(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("a connection was opened")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        content = "@base <http://localhost:9/> . <a> <http://www.w3.org/2002/07/owl#imports> <http://localhost:9/b> ."
        assert len(links(turtle(tmp_path, content))) == 1


def test_the_same_triples_give_the_same_graph_in_both_languages(tmp_path: Path) -> None:
    graph = turtle(tmp_path, ':a a :T ; :r :b, "text" ; :v 5 ; rdfs:label "A"@en, "Ä"@de ; skos:altLabel "aa" .')
    triples = pyoxigraph.parse(path=tmp_path / "g.ttl", format=pyoxigraph.RdfFormat.TURTLE)
    pyoxigraph.serialize(triples, tmp_path / "g.nt", format=pyoxigraph.RdfFormat.N_TRIPLES)
    other = load_path(tmp_path / "g.nt", "g")
    assert (links(other), values(other), types(other)) == (links(graph), values(graph), types(graph))
    assert (other.entity_labels, other.aliases) == (graph.entity_labels, graph.aliases)
