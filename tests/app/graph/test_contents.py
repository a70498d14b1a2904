from typing import Any

import pytest

from app.graph.contents import (
    MOST_KINDS,
    MOST_LINKS,
    MOST_SHOWN,
    completions,
    contents_html,
    relation_rows,
    schema_html,
    schema_layout,
    schema_of,
    type_counts,
    word_at,
)
from app.graph.graphs import GraphRegistry
from app.graph.page import description
from reasoning import KnowledgeGraph, Query
from tests.app.test_views import SCRIPT, assert_harmless

FACTS: list[tuple[str, str, str | int]] = [
    ("Ann", "lives in", "Rome"), ("Bob", "lives in", "Rome"), ("Bob", "lives in", "Oslo"), ("Ann", "knows", "Bob"),
    ("Rome", "in", "Italy"), ("Oslo", "in", "Norway"), ("Bob", "age", 40),
]  # fmt: skip
TYPES = [
    ("Ann", "person"), ("Bob", "person"), ("Bob", "smith"), ("Rome", "city"), ("Oslo", "city"), ("Italy", "country"),
    ("Norway", "country"),
]  # fmt: skip


@pytest.fixture
def typed() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(FACTS, name="typed", types=TYPES)


def links(kg: KnowledgeGraph) -> set[tuple[str, tuple[str, ...], str]]:
    schema = schema_of(kg)
    return {(schema.kinds[link.head][0], link.relations, schema.kinds[link.tail][0]) for link in schema.links}


def test_every_relation_comes_with_a_fact_and_the_section_counts_and_escapes(typed: KnowledgeGraph) -> None:
    rows = relation_rows(typed)
    assert {row.name: row.facts for row in rows} == {"lives in": 3, "in": 2, "knows": 1, "age": 1}
    assert {(row.head, row.name, row.tail) for row in rows} <= {(h, r, str(t)) for h, r, t in FACTS}
    facts: list[tuple[str, str, str | int]] = [(SCRIPT, f"{SCRIPT} of", "B"), (SCRIPT, "size", 3)]
    page = assert_harmless(contents_html(KnowledgeGraph.from_triples(facts, types=[(SCRIPT, SCRIPT)])))
    assert SCRIPT in page.text
    assert "size" in assert_harmless(contents_html(KnowledgeGraph.from_triples([("A", "size", 3)]))).text
    assert description(typed).startswith(f"{len(FACTS)} facts, ")
    assert f"<dt>facts</dt><dd>{len(FACTS)}</dd>" in contents_html(typed)


def test_the_schema_links_types_else_what_relations_lead_from_and_to(typed: KnowledgeGraph) -> None:
    plain = KnowledgeGraph.from_triples(FACTS, name="plain")
    assert links(typed) == {
        ("person", ("lives in",), "city"), ("person", ("knows",), "person"), ("city", ("in",), "country"),
    }  # fmt: skip
    assert dict(type_counts(typed)) == {"person": 2, "city": 2, "country": 2, "smith": 1}
    assert links(plain) == {
        ("subjects of lives in", ("lives in",), "objects of lives in"),
        ("subjects of lives in", ("knows",), "subjects of lives in"),
        ("objects of lives in", ("in",), "objects of in"),
    }
    assert "no types" in schema_html(schema_of(plain))
    # A relation that only says the types is no part of the schema.
    types = [(name, kind) for name, kind in TYPES if kind != "smith"]
    facts = [*FACTS, *((name, "is a", kind) for name, kind in types)]
    assert "is a" not in str(links(KnowledgeGraph.from_triples(facts, types=types)))


def test_the_picture_of_a_schema_is_bounded() -> None:
    facts = [(f"a{n}", f"r{n}", f"b{n}") for n in range(60)] + [(f"a{n}", "to", f"a{n + 1}") for n in range(60)]
    schema = schema_of(KnowledgeGraph.from_triples(facts))
    assert len(schema.kinds) <= MOST_KINDS and len(schema.links) <= MOST_LINKS
    layout = schema_layout(schema)
    assert {end for edge in layout.edges for end in (edge.head, edge.tail)} == {node.key for node in layout.nodes}
    assert len({(node.column, node.row) for node in layout.nodes}) == len(layout.nodes)


@pytest.fixture
def shelf() -> GraphRegistry:
    facts: list[tuple[str, str, str | int]] = [
        ("Portugal", "borders", "Spain"), ("Porto", "in", "Portugal"), ("Spain", "borders", "France"),
        ("Madrid", "capital of", "Spain"), ("Pörtschach", "in", "Austria"), ('The "Port"', "in", "Spain"),
        ("Portugal", "population", 10),
    ]  # fmt: skip
    shelf = GraphRegistry(["world"])
    shelf.own.add("me", KnowledgeGraph.from_triples(facts, name="test"))
    return shelf


def asked(shelf: GraphRegistry, text: str, kind: str = "query", cursor: int | None = None) -> dict[str, Any]:
    (key,) = shelf.own._held
    place = len(text) if cursor is None else cursor
    return completions(shelf, {"graph": key, "text": text, "cursor": place, "kind": kind})


def written(shelf: GraphRegistry, text: str, number: int = 0, cursor: int | None = None) -> str:
    got = asked(shelf, text, cursor=cursor)
    insert: str = got["choices"][number]["insert"]
    return text[: got["start"]] + insert + text[got["end"] :]


def test_the_word_at_the_cursor_is_completed_and_what_follows_stays(shelf: GraphRegistry) -> None:
    for text, result in (
        ("borders(Portu", 'borders("Portugal"'), ("~bor", "~borders("), ('"capital', '"capital of"('),
        ("What borders Portu", "What borders Portugal"), ('in("portsc', 'in("Pörtschach"'),
        ('in("the p', 'in("The \\"Port\\""'), ("popu", "population("),
    ):  # fmt: skip
        assert written(shelf, text) == result
    assert written(shelf, 'borders("Portu") & in("Spain")', cursor=14) == 'borders("Portugal") & in("Spain")'
    assert written(shelf, 'bor("Portugal") & in("Spain")', cursor=3) == 'borders("Portugal") & in("Spain")'


def test_the_best_connected_come_first_and_every_choice_can_be_asked(shelf: GraphRegistry) -> None:
    choices = asked(shelf, 'borders("Por')["choices"]
    assert [choice["shown"] for choice in choices] == ["Portugal", "Porto", "Pörtschach"]
    for choice in choices:
        Query.parse(f"borders({choice['insert']})")
    for text in ("", "What", 'borders("Portugal")', 'borders("Portugal") & ', "Which?", '"'):
        assert asked(shelf, text)["choices"] == [], "where no word stands nothing is proposed"
    # A field for a name takes the name alone.
    assert asked(shelf, "port", "entity")["choices"][0]["insert"] == "Portugal"
    assert asked(shelf, "~bor", "relation")["choices"][0]["insert"] == "~borders"
    # Of many names few are shown.
    own = shelf.own.add("you", KnowledgeGraph.from_triples((f"name {n}", "r", "hub") for n in range(3_000)))
    got = completions(shelf, {"graph": own.key, "text": 'r("name', "cursor": 7, "kind": "query"})
    assert len(got["choices"]) == MOST_SHOWN  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="object"):
        completions(shelf, None)
    # The place within quotes minds escapes.
    place = word_at('r("a \\" b', 9)
    assert place is not None and (place.start, place.typed, place.quoted) == (2, 'a " b', True)
    assert word_at('r("a")', 6) is None
