from __future__ import annotations

from reasoning import KnowledgeGraph, Query
from reasoning.execution.exact import outcome, outcome_behind

KG = KnowledgeGraph.from_triples([
    ("Ann", "knows", "Bo"), ("Ann", "knows", "Cy"), ("Bo", "knows", "Cy"), ("Ann", "age", 40), ("Bo", "age", 40),
])  # fmt: skip


def of(text: str) -> object:
    return outcome(Query.parse(text), KG)


def behind(text: str) -> object:
    return outcome_behind(Query.parse(text), KG)


def test_queries_that_give_the_same_things_have_one_outcome() -> None:
    assert of('knows("Ann") & knows("Bo")') == of('knows("Bo")') == of('"Cy"')
    assert of('sum(age, ~knows("Cy"))') == of('age("Ann") + age("Bo")') == 80


def test_equal_values_of_two_things_are_two_outcomes() -> None:
    assert of('age("Ann")') != of('age("Bo")')


def test_a_truth_value_is_no_number() -> None:
    assert of('exists(knows("Bo"))') != of('count(knows("Bo"))')


def test_behind_a_number_that_counts_stands_what_it_counts() -> None:
    assert of('count(knows("Bo"))') == of('count(~knows("Bo"))')
    assert behind('count(knows("Bo"))') != behind('count(~knows("Bo"))')
    assert behind('exists(knows("Bo"))') == behind('exists("Cy")')


def test_what_counts_nothing_is_told_by_its_text() -> None:
    assert behind('count(knows("Cy"))') == 'count(knows("Cy"))'
    assert behind('exists(~knows("Ann"))') != behind('exists(knows("Cy"))')
