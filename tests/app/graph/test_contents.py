from __future__ import annotations

import pytest

from app.graph.contents import (
    MOST_KINDS,
    MOST_LINKS,
    contents_html,
    relation_rows,
    schema_html,
    schema_layout,
    schema_of,
    type_counts,
)
from app.graph.page import description
from reasoning import KnowledgeGraph
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


@pytest.fixture
def plain() -> KnowledgeGraph:
    return KnowledgeGraph.from_triples(FACTS, name="plain")


def links(kg: KnowledgeGraph) -> set[tuple[str, tuple[str, ...], str]]:
    schema = schema_of(kg)
    return {(schema.kinds[link.head][0], link.relations, schema.kinds[link.tail][0]) for link in schema.links}


def test_every_relation_comes_with_a_fact_of_the_graph(typed: KnowledgeGraph) -> None:
    rows = relation_rows(typed)
    assert {row.name: row.facts for row in rows} == {"lives in": 3, "in": 2, "knows": 1, "age": 1}
    assert {(row.head, row.name, row.tail) for row in rows} <= {(h, r, str(t)) for h, r, t in FACTS}


def test_the_schema_links_types(typed: KnowledgeGraph) -> None:
    assert links(typed) == {
        ("person", ("lives in",), "city"), ("person", ("knows",), "person"), ("city", ("in",), "country"),
    }  # fmt: skip
    assert type_counts(typed)[0][1] == 2
    assert dict(type_counts(typed)) == {"person": 2, "city": 2, "country": 2, "smith": 1}


def test_without_types_what_relations_lead_from_and_to_stands_in(plain: KnowledgeGraph) -> None:
    assert links(plain) == {
        ("subjects of lives in", ("lives in",), "objects of lives in"),
        ("subjects of lives in", ("knows",), "subjects of lives in"),
        ("objects of lives in", ("in",), "objects of in"),
    }
    assert "no types" in schema_html(schema_of(plain))


def test_a_relation_that_only_says_the_types_is_no_part_of_the_schema() -> None:
    types = [(name, kind) for name, kind in TYPES if kind != "smith"]
    facts = [*FACTS, *((name, "is a", kind) for name, kind in types)]
    assert "is a" not in str(links(KnowledgeGraph.from_triples(facts, types=types)))


def test_the_picture_of_a_schema_is_bounded() -> None:
    facts = [(f"a{n}", f"r{n}", f"b{n}") for n in range(60)] + [(f"a{n}", "to", f"a{n + 1}") for n in range(60)]
    schema = schema_of(KnowledgeGraph.from_triples(facts))
    assert len(schema.kinds) <= MOST_KINDS
    assert len(schema.links) <= MOST_LINKS
    layout = schema_layout(schema)
    assert {edge.head for edge in layout.edges} | {edge.tail for edge in layout.edges} == {
        node.key for node in layout.nodes
    }
    assert len({(node.column, node.row) for node in layout.nodes}) == len(layout.nodes)


def test_the_section_counts_and_escapes() -> None:
    facts: list[tuple[str, str, str | int]] = [(SCRIPT, f"{SCRIPT} of", "B"), (SCRIPT, "size", 3)]
    page = assert_harmless(contents_html(KnowledgeGraph.from_triples(facts, types=[(SCRIPT, SCRIPT)])))
    assert SCRIPT in page.text
    assert "2facts" in page.text.replace(" ", "") or "facts2" in page.text.replace(" ", "")


def test_a_graph_of_values_alone_has_contents() -> None:
    assert "size" in assert_harmless(contents_html(KnowledgeGraph.from_triples([("A", "size", 3)]))).text


def test_the_note_and_the_section_count_the_same_facts(typed: KnowledgeGraph) -> None:
    assert description(typed).startswith(f"{len(FACTS)} facts, ")
    assert f"<dt>facts</dt><dd>{len(FACTS)}</dd>" in contents_html(typed)
