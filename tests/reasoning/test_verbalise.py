from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph, Query
from reasoning.query.verbalise import label_words
from tests.reasoning.random_queries import NUMBER, queries, sets

# Ids that say nothing beside labels that do.
KG = KnowledgeGraph.from_columns(
    GraphColumns(
        name="labelled",
        entity_ids=["Q1", "Q2", "Q3"],
        entity_labels=["France", "Paris", "Paris"],
        relation_ids=["P36"],
        relation_labels=["hasCapital"],
        splits={"graph": np.array([[0, 0, 1]], dtype=np.int32)},
        relation_aliases={"P36_reverse": (0, True)},
        literals=[
            LiteralColumn("founded", "year", np.array([0, 1], dtype=np.int32), np.array([843.0, 250.0])),
            LiteralColumn("people", "integer", np.array([0], dtype=np.int32), np.array([68e6])),
        ],
    )
)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('"France"', "France"),
        ('capital("France")', "the capital of France"),
        ('~capital("Paris")', "everything whose capital is Paris"),
        ('capital_reverse("Paris")', "everything whose capital is Paris"),
        ('~capital_reverse("France")', "the capital of France"),
        ('!"a"', "everything except a"),
        ('!!"a"', "everything except (everything except a)"),
        ('people("a" | "b") > 1000000', "those of (a or b) whose people is above 1,000,000"),
        ('people("a") <= 2.5', "those of a whose people is at most 2.5"),
        ('born("a") != "2001-12-31"', "those of a whose born is other than 2001-12-31"),
        ('top(1, people, "a")', "the one with the largest people among a"),
        ('bottom(3, people, "a" | "b")', "the 3 with the smallest people among (a or b)"),
        ('count(capital("a"))', "how many there are of: the capital of a"),
        ('exists(capital("a"))', "whether there is any of: the capital of a"),
    ],
)
def test_a_query_in_words(query: str, words: str) -> None:
    assert Query.parse(query).verbalise() == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('P36("Q1")', "the has capital of France"),
        ('P36_reverse(entity("Q2"))', "everything whose has capital is Paris (Q2)"),
        ('founded("France") > 1066', "those of France whose founded is above 1066"),
        ('people("France") > 1066', "those of France whose people is above 1,066"),
    ],
)
def test_with_a_graph_ids_read_as_labels_and_years_as_years(query: str, words: str) -> None:
    assert Query.parse(query).verbalise(KG) == words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("capital", "capital"),
        ("place_of_birth", "place of birth"),
        ("/people/person/place_of_birth", "place of birth"),
        ("/a/b./c/d", "d"),
        ("locatedIn", "located in"),
        ("concept:athlete_plays", "athlete plays"),
        ("http://x.org/onto#borders", "borders"),
        ("USA", "USA"),
        ("_", "_"),
        ("/", "/"),
        ("...", "..."),
    ],
)
def test_a_relations_label_as_words(label: str, words: str) -> None:
    assert label_words(label) == words


NAMED = sets(entities=("Ann", "Bob", "Cid", "Dee"), relations=("likes", "parent"), ranked=(NUMBER,))


@given(queries(NAMED))
@settings(max_examples=150, deadline=None)
def test_every_name_is_told_as_often_as_it_is_asked_for(query: Query) -> None:
    words = query.verbalise()
    for name in ("Ann", "Bob", "Cid", "Dee"):
        assert words.count(name) == str(query).count(f'"{name}"')


@given(queries(NAMED))
@settings(max_examples=150, deadline=None)
def test_brackets_are_closed(query: Query) -> None:
    words = query.verbalise()
    assert words.count("(") == words.count(")")
