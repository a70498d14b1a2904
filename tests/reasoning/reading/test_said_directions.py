"""The direction that a sentence says is kept, and a word far from every relation is asked back."""

from __future__ import annotations

import pytest

from reasoning.execution.exact import execute
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.reading import understand
from reasoning.reading.rules.constructions import said_way

COMPANIES = KnowledgeGraph.from_triples(
    [
        *((name, "type", "company") for name in ("Acme", "Beta", "Gamma")),
        *((name, "type", "person") for name in ("Ada", "Bob", "Cid")),
        ("Ada", "manages", "Bob"),
        ("Bob", "manages", "Cid"),
        ("Ada", "employed_by", "Acme"),
        ("Bob", "employed_by", "Acme"),
        ("Acme", "parent_of", "Beta"),
        ("Beta", "parent_of", "Gamma"),
        ("Acme", "acquired", "Gamma"),
    ]
)
FAMILY = KnowledgeGraph.from_triples(
    [
        ("Anna", "mother_of", "Ben"),
        ("Anna", "mother_of", "Cora"),
        ("Fay", "mother_of", "Eli"),
        ("Dan", "father_of", "Ben"),
        ("Ben", "father_of", "Eli"),
        ("Ben", "married_to", "Fay"),
        ("Fay", "married_to", "Ben"),
        ("Anna", "married_to", "Dan"),
        ("Dan", "married_to", "Anna"),
        ("Ben", "born_in", "Graz"),
        ("Cora", "born_in", "Graz"),
        ("Ben", "likes", "chess"),
        ("Eli", "likes", "chess"),
    ]
)


def answer(question: str, kg: KnowledgeGraph) -> object:
    """True or False, or the names of what is found."""
    found = understand(question, kg)
    assert found.query is not None, found.problem
    last = execute(kg, bind(found.query, kg))[-1]
    return last.value if last.value is not None else {kg.entity_labels[int(one)] for one in last.members}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does Ada manage Bob?", True),
        ("Does Bob manage Ada?", False),
        ("Is Ada the manager of Bob?", True),
        ("Is Ada Bob's manager?", True),
        ("Is Bob Ada's manager?", False),
        ("Who is Bob's manager?", {"Ada"}),
        ("Who manages Ada?", set()),
        ("Who does Cid manage?", set()),
        ("Who is managed by Ada?", {"Bob"}),
        ("Was Gamma acquired by Acme?", True),
        ("Was Acme acquired by Gamma?", False),
        ("Which company did Gamma acquire?", set()),
        ("Who is the parent of Acme?", set()),
        ("Is Beta the parent of Acme?", False),
        ("Does Ada employ Acme?", False),
        ("Does Acme employ Ada?", True),
        ("Who are the employees of Acme?", {"Ada", "Bob"}),
    ],
)
def test_a_said_direction_is_kept_in_a_graph_with_types(question: str, expected: object) -> None:
    assert answer(question, COMPANIES) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is Anna the mother of Ben?", True),
        ("Is Ben the mother of Anna?", False),
        ("Who is Anna's mother?", set()),
        ("Who is the father of Dan?", set()),
        ("Whose mother is Anna?", {"Ben", "Cora"}),
        ("Was Ben born in Graz?", True),
        ("Was Graz born in Ben?", False),
        ("Does chess like Ben?", False),
        ("Who is married to Fay?", {"Ben"}),
    ],
)
def test_a_said_direction_is_kept_in_a_graph_without_types(question: str, expected: object) -> None:
    assert answer(question, FAMILY) == expected


@pytest.mark.parametrize(
    ("label", "text", "construction", "inverse"),
    [
        ("manages", "manager", "of", True),
        ("managed by", "manager", "of", False),
        ("mother of", "mother", "of", True),
        ("mother of", "mother", "having", False),
        ("boss", "boss", "of", False),
        ("employs", "employees", "of", False),
        ("employer", "employees", "of", True),
        ("born in", "born", "participle", True),
        ("sells", "sold", "participle", None),
        ("capital", "capital", "verb", None),
    ],
)
def test_the_shape_of_a_name_says_what_a_noun_means(
    label: str, text: str, construction: str, inverse: bool | None
) -> None:
    assert said_way(label, text, construction) is inverse


def test_most_pairs_both_ways_make_a_relation_symmetric() -> None:
    pairs = [("Peru", "borders", "Chile"), ("Chile", "borders", "Peru"), ("Peru", "borders", "Brazil")]
    assert answer("What borders Brazil?", KnowledgeGraph.from_triples(pairs)) == {"Peru"}
    assert answer("What does Brazil border?", KnowledgeGraph.from_triples(pairs)) == {"Peru"}


def test_what_is_a_kind_of_what_is_asked_of_the_relation_that_says_it() -> None:
    kg = KnowledgeGraph.from_triples(
        [
            ("frog", "is_a", "amphibian"),
            ("amphibian", "is_a", "animal"),
            ("animal", "is_a", "organism"),
            ("amphibian", "is_a", "organism"),
            ("cell", "part_of", "animal"),
        ]
    )
    assert answer("Is a frog an animal?", kg) is True
    assert answer("Is an animal an amphibian?", kg) is False


@pytest.mark.slow
@pytest.mark.parametrize("noun", ["king", "governor", "summit", "motto", "island"])
def test_a_noun_that_only_brings_a_relation_to_mind_is_asked_back(noun: str) -> None:
    found = understand(f"What is the {noun} of Spain?", KnowledgeGraph.load("world"))
    assert found.query is None
    assert noun in found.problem
