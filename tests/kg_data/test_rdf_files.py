"""N-Triples and Turtle as graphs, and the IRIs of ids."""

import datetime
import re
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pyoxigraph
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg_data import columns
from kg_data.columns import RDF_TYPE, GraphColumns, ValueKind
from kg_data.loaders import load_path
from skylark.errors import DataError
from tests.kg_data.graph_files import links, load, values

PREFIXES = """@prefix : <http://x.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
"""Four lines."""
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
X = "http://x.org/"
DAY = float(datetime.date(1999, 1, 2).toordinal())


def turtle(folder: Path, content: str) -> GraphColumns:
    return load(folder, "g.ttl", PREFIXES + content)


def names(graph: GraphColumns, identifier: str) -> list[str]:
    """The label of an entity, then its aliases."""
    label = graph.entity_labels[list(graph.entity_ids).index(identifier)]
    return [label, *(name for entity, name in graph.aliases if graph.entity_ids[entity] == identifier)]


def types(graph: GraphColumns) -> set[tuple[str, str]]:
    return {(graph.entity_ids[entity], name) for entity, name in graph.types}


# Links ------------------------------------------------------------------------------------------------------------


def test_iris_are_ids_and_their_ends_names_but_those_of_skylark_are_plain_ids(tmp_path: Path) -> None:
    graph = turtle(tmp_path, ":New_York_City :locatedIn <http://y.org/country#Am%C3%A9rica/> .")
    assert links(graph) == {(f"{X}New_York_City", f"{X}locatedIn", "http://y.org/country#Am%C3%A9rica/")}
    assert (graph.entity_labels, graph.relation_labels) == (["New York City", "América"], ["locatedIn"])
    content = "<urn:skylark:entity:C%C3%B4te> <urn:skylark:relation:in%20a> <urn:skylark:entity:a/b:c> ."
    graph = turtle(tmp_path, content)
    assert links(graph) == {("Côte", "in a", "urn:skylark:entity:a/b:c")} and graph.entity_labels[0] == "Côte"


def test_nameless_nodes_are_numbered_the_same_way_each_time(tmp_path: Path) -> None:
    content, a, r = ":a :r [ :r :b ], [ :r :c ], _:x .", f"{X}a", f"{X}r"
    for _ in range(2):
        assert links(turtle(tmp_path, content)) == {
            (a, r, "_:[1]"), ("_:[1]", r, f"{X}b"), (a, r, "_:[2]"), ("_:[2]", r, f"{X}c"), (a, r, "_:x")
        }  # fmt: skip


def test_a_text_is_an_entity_named_by_it_and_an_empty_one_nothing(tmp_path: Path) -> None:
    content = ':a :motto "Fluctuat nec mergitur"@la, "true"^^xsd:boolean, "", " " ; :home "http://x.org/page" .'
    graph = turtle(tmp_path, content + ' :a rdfs:label "" .')
    assert {tail for _, _, tail in links(graph)} == {"Fluctuat nec mergitur", "true", f"{X}page"}
    assert names(graph, f"{X}page") == [f"{X}page"] and names(graph, f"{X}a") == ["a"]


def test_inverse_twins_fold_by_the_ends_of_their_iris_and_relations_of_one_name_keep_theirs(tmp_path: Path) -> None:
    graph = turtle(tmp_path, ":a :r :b . :d :r_reverse :c .")
    assert links(graph) == {(f"{X}{h}", f"{X}r", f"{X}{t}") for h, t in ("ab", "cd")}
    assert graph.relation_aliases["r_reverse"] == (0, True)
    graph = turtle(tmp_path, "@prefix y: <http://y.org/> . :a :r :b ; y:r :c ; :s :d .")
    assert (graph.relation_labels, graph.relation_aliases) == (["r", "r", "s"], {})


# Names and types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('rdfs:label "Parigi"@it, "Paris"@en', ["Paris", "Parigi"]),
        ('rdfs:label "Parigi"@it, "Paris"', ["Paris", "Parigi"]),
        ('rdfs:label "P", "Paris"@en-GB, "Parigi"@it', ["Paris", "P", "Parigi"]),
        ('rdfs:label "Paris"@fr, "Parigi"@it', ["Paris", "Parigi"]),
        ('rdfs:label "Paris"@fr, "Paris"@de', ["Paris"]),
        ('skos:altLabel "Lutetia"@en ; skos:prefLabel "Paris"', ["Paris", "Lutetia"]),
    ],
)
def test_english_goes_before_untagged_before_the_first_of_others(
    tmp_path: Path, said: str, expected: list[str]
) -> None:
    assert names(turtle(tmp_path, f":p {said} . :p :r :q ."), f"{X}p") == expected


def test_a_relation_s_label_names_it_and_makes_no_entity_but_what_is_only_named_is_one(tmp_path: Path) -> None:
    graph = turtle(
        tmp_path,
        ':P36 rdfs:label "capital"@en . :P1082 rdfs:label "population" . :c rdfs:label "C" .'
        '<urn:skylark:relation:n> rdfs:label "near" . <urn:skylark:entity:n> rdfs:label "N" .'
        ":fr :P36 :paris ; :P1082 68 . <urn:skylark:entity:n> <urn:skylark:relation:n> :fr .",
    )
    assert graph.relation_labels == ["capital", "near"] and graph.relation_aliases["P36"] == (0, False)
    assert list(values(graph)) == ["population"]
    assert sorted(graph.entity_labels) == ["C", "N", "fr", "paris"]


def test_a_type_with_an_iri_of_its_own_is_also_linked_and_one_of_skylark_s_is_not(tmp_path: Path) -> None:
    graph = turtle(tmp_path, ':paris a :City, :Capital . :City rdfs:label "city"@en .')
    assert types(graph) == {(f"{X}paris", "city"), (f"{X}paris", "Capital")}
    assert links(graph) == {(f"{X}paris", RDF_TYPE, f"{X}City"), (f"{X}paris", RDF_TYPE, f"{X}Capital")}
    assert graph.relation_labels == ["type"]
    city = "<urn:skylark:type:big%20city>"
    graph = turtle(tmp_path, f':paris a {city} ; :r :b . {city} rdfs:comment "Has many people." .')
    assert types(graph) == {(f"{X}paris", "big city")}
    assert (graph.definitions, len(links(graph))) == ({"big city": "Has many people."}, 1)


def test_a_comment_on_a_type_is_its_definition_in_english_where_it_may(tmp_path: Path) -> None:
    said = 'rdfs:comment "Viel bewohnt"@de, "Has many people."@en'
    graph = turtle(tmp_path, f":paris a :City ; :r :b ; rdfs:comment 'old' . :City {said} . :Village {said} .")
    assert graph.definitions == {"City": "Has many people."}
    assert (f"{X}City", f"{RDFS}comment", "Has many people.") in links(graph), "and a fact, as any text"


# Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "kind", "value"),
    [
        ('"-5"^^xsd:nonPositiveInteger', "integer", -5.0),
        ("1.5", "decimal", 1.5),
        ("1e3", "decimal", 1000.0),
        ('"0476"^^xsd:gYear', "year", 476.0),
        ('"-0044"^^xsd:gYear', "year", -44.0),
        ('"1999Z"^^xsd:gYear', "year", 1999.0),
        ('"1999-01-02+02:00"^^xsd:date', "date", DAY),
        ('"1999-01-02T23:59:59Z"^^xsd:dateTime', "date", DAY),
    ],
)
def test_typed_literals_are_values_whose_relation_keeps_its_iri(
    tmp_path: Path, literal: str, kind: str, value: float
) -> None:
    graph = turtle(tmp_path, f":a :v {literal} .")
    assert values(graph) == {"v": (kind, {f"{X}a": value})}
    assert [column.identifier for column in graph.literals] == [f"{X}v"]


def test_several_of_one_thing_make_names_of_all_and_a_note_says_so(tmp_path: Path) -> None:
    graph = turtle(tmp_path, ':a rdfs:label "A" ; :v 1, 2 ; :w 3, 3 . :b :v 4 . :v rdfs:label "size" .')
    assert values(graph) == {"w": ("integer", {f"{X}a": 3.0})}
    assert links(graph) == {(f"{X}a", f"{X}v", "1"), (f"{X}a", f"{X}v", "2"), (f"{X}b", f"{X}v", "4")}
    assert (graph.relation_labels, graph.entity_labels) == (["size"], ["A", "b", "1", "2", "4"])
    assert graph.notes == ['"size" is read as names: "A" has two values of it, 1 and 2']


# Files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["g.nt", "g.ttl"])
def test_a_byte_order_mark_and_line_ends_of_windows_are_no_matter(name: str, tmp_path: Path) -> None:
    fact = b"\xef\xbb\xbf<http://x.org/a> <http://x.org/r> <http://x.org/b> .\r\n"
    assert links(load(tmp_path, name, fact + b"# end\r\n")) == {(f"{X}a", f"{X}r", f"{X}b")}
    value = b'<http://x.org/a> <http://x.org/r> "x"^^<http://www.w3.org/2001/XMLSchema#integer> .\r\n'
    with pytest.raises(DataError, match="line 2: expected an integer"):
        load(tmp_path, name, fact + value)


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("g.nt", "@prefix : <http://x.org/> . :a :r :b .", "a file of Turtle has to be named .ttl"),
        ("g.ttl", "<a> <r> <b> .", "relative IRIs need a line such as @base"),
        ("g.ttl", '<urn:a> <urn:r> "' + "x" * 20_000_000, "without texts of more than 16 MB"),
    ],
    ids=count(),
)
def test_an_error_says_the_way_out(name: str, content: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(hint)):
        load(tmp_path, name, content)


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
        (':a :v 1 ;\n   :r :b .\n\n:b :v "1999"^^xsd:gYear .', 8,
         "values of one kind under \"http://x.org/v\" (line 5 has an integer), found 'the year 1999'"),
        (":a :r 1 .\n:a :r :b .", 6, 'entities or values as tails of "http://x.org/r" and not both (line 5'),
        (":a :r <<( :b :r :c )>> .", 5, "no triples within triples"),
        ("[ :r " * 50_000, 5, "Turtle"),
    ],
    ids=count(),
)  # fmt: skip
def test_the_error_names_the_line(tmp_path: Path, content: str, line: int | None, expected: str) -> None:
    with pytest.raises(DataError) as raised:
        turtle(tmp_path, content)
    assert expected in str(raised.value) and len(str(raised.value)) < 500
    assert raised.value.line == line


@pytest.mark.parametrize("name", ["x.ttl", "x.tsv"])
def test_a_folder_named_like_a_file_is_read_as_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"expected a folder with train\.txt"):
        load_path(tmp_path / name, "g")


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


# IRIs -------------------------------------------------------------------------------------------------------------


BOTH_WAYS = [
    pytest.param(columns.entity_iri, columns.entity_id, id="entity"),
    pytest.param(columns.relation_iri, columns.relation_id, id="relation"),
    pytest.param(columns.type_iri, columns.type_name, id="type"),
]
ANY_TEXT = st.text(st.characters(), min_size=1)  # lone surrogates among them


@pytest.mark.parametrize(("to_iri", "back"), BOTH_WAYS)
@given(identifier=ANY_TEXT | st.builds("http://{}".format, ANY_TEXT) | st.builds("urn:skylark:{}".format, ANY_TEXT))
@example(identifier="urn:skylark:entity:Paris")
@example(identifier="https://example.org/São Paulo")
def test_every_id_has_a_valid_iri_that_leads_back_to_it(
    to_iri: Callable[[str], str], back: Callable[[str], str], identifier: str
) -> None:
    iri = to_iri(identifier)
    pyoxigraph.NamedNode(iri)
    assert back(iri) == identifier


def test_an_iri_is_its_own_id_and_another_id_is_percent_encoded_behind_what_it_names() -> None:
    for iri in ("http://www.wikidata.org/entity/Q142", "https://example.org/é#x", "urn:isbn:0451450523"):
        assert columns.entity_iri(iri) == columns.entity_id(iri) == iri
    assert columns.entity_iri("Côte d'Ivoire") == "urn:skylark:entity:C%C3%B4te%20d%27Ivoire"
    assert columns.relation_iri("/film/genre") == "urn:skylark:relation:%2Ffilm%2Fgenre"
    assert columns.type_iri("city") == "urn:skylark:type:city"
    # A dot at the end is escaped in Turtle, which rdflib then refuses.
    assert columns.entity_iri("Washington, D.C.") == "urn:skylark:entity:Washington%2C%20D.C%2E"
    for iri in ("urn:skylark:entity:%61", "urn:skylark:entity:%FF", "urn:skylark:entity:"):
        assert columns.entity_id(iri) == iri, "the scheme does not write it, so it stays as it is"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("integer", 67e6, "67000000"),
        ("decimal", 0.1, "0.1"),
        ("year", 476.0, "0476"),
        ("year", -44.0, "-0044"),
        ("date", float(datetime.date(1999, 1, 2).toordinal()), "1999-01-02"),
    ],
)
def test_a_value_is_spelled_as_its_datatype_asks(kind: ValueKind, value: float, text: str) -> None:
    assert columns.lexical_form(kind, value) == text
