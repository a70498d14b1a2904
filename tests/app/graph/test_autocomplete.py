from __future__ import annotations

from typing import Any

import pytest

from app.graph.contents import MOST_SHOWN, completions, word_at
from app.graph.graphs import GraphRegistry
from reasoning import KnowledgeGraph, Query


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


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('borders("Portu', 'borders("Portugal"'),
        ("borders(Portu", 'borders("Portugal"'),
        ("~bor", "~borders("),
        ('"capital', '"capital of"('),
        ("bor", "borders("),
        ("What borders Portu", "What borders Portugal"),
        ('in("portsc', 'in("Pörtschach"'),
        ('in("the p', 'in("The \\"Port\\""'),
        ("popu", "population("),
    ],
)
def test_the_word_at_the_cursor_is_completed(shelf: GraphRegistry, text: str, result: str) -> None:
    assert written(shelf, text) == result


def test_in_the_middle_of_a_query_what_follows_stays(shelf: GraphRegistry) -> None:
    assert written(shelf, 'borders("Portu") & in("Spain")', cursor=14) == 'borders("Portugal") & in("Spain")'
    assert written(shelf, 'bor("Portugal") & in("Spain")', cursor=3) == 'borders("Portugal") & in("Spain")'


def test_the_best_connected_come_first_and_every_choice_can_be_asked(shelf: GraphRegistry) -> None:
    choices = asked(shelf, 'borders("Por')["choices"]
    assert [choice["shown"] for choice in choices] == ["Portugal", "Porto", "Pörtschach"]
    for choice in choices:
        Query.parse(f"borders({choice['insert']})")


@pytest.mark.parametrize("text", ["", "What", 'borders("Portugal")', 'borders("Portugal") & ', "Which?", '"', "  "])
def test_where_no_word_stands_nothing_is_proposed(shelf: GraphRegistry, text: str) -> None:
    assert asked(shelf, text)["choices"] == []


def test_a_field_for_a_name_takes_the_name_alone(shelf: GraphRegistry) -> None:
    assert asked(shelf, "port", "entity")["choices"][0]["insert"] == "Portugal"
    assert asked(shelf, "~bor", "relation")["choices"][0]["insert"] == "~borders"


def test_many_names_cost_little_and_few_are_shown() -> None:
    shelf = GraphRegistry(["world"])
    own = shelf.own.add("me", KnowledgeGraph.from_triples((f"name {n}", "r", "hub") for n in range(30_000)))
    got = completions(shelf, {"graph": own.key, "text": 'r("name', "cursor": 7, "kind": "query"})
    assert len(got["choices"]) == MOST_SHOWN  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [None, [], "x", 3])
def test_what_is_no_object_is_refused(shelf: GraphRegistry, wanted: object) -> None:
    with pytest.raises(ValueError, match="object"):
        completions(shelf, wanted)


def test_the_place_within_quotes_minds_escapes() -> None:
    place = word_at('r("a \\" b', 9)
    assert place is not None
    assert (place.start, place.typed, place.quoted) == (2, 'a " b', True)
    assert word_at('r("a")', 6) is None
