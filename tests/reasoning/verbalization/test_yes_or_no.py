"""A yes or no with what settles it: both sides of a comparison, the value that fails, the fact that is denied."""

from __future__ import annotations

import pytest

from reasoning import KnowledgeGraph, Reasoner
from reasoning.query.tree import Query

PEOPLE = {"Avon": 900, "Brent": 700, "Cole": 700, "Dart": 100}
KG = KnowledgeGraph.from_triples(
    [
        *((land, "population", number) for land, number in PEOPLE.items()),
        *((land, "type", "country") for land in [*PEOPLE, "Esk"]),
        *(("Avon", "continent", "Europe"), ("Brent", "continent", "Asia"), ("Esk", "borders", "Avon")),
    ],
    "lands",
    [(land, "country") for land in [*PEOPLE, "Esk"]],
)
REASONER = Reasoner(KG, method="exact")
COUNTRIES = '~type("country")'


@pytest.mark.parametrize(
    ("query", "told", "values"),
    [
        (
            'exists(top(1, population, "Brent" | "Avon") & "Brent")',
            "No: the population of Brent is 700 and that of Avon 900.",
            {"Brent": 700, "Avon": 900},
        ),
        (
            'exists(top(1, population, "Brent" | "Dart") & "Brent")',
            "Yes: the population of Brent is 700 and that of Dart 100.",
            {"Brent": 700, "Dart": 100},
        ),
        (
            f'exists("Dart" & top(1, population, {COUNTRIES}))',
            "No: the population of Dart is 100; Avon (900) has the largest population among those that"
            " are of type country.",
            {"Dart": 100, "Avon": 900},
        ),
        (
            f'exists("Avon" & bottom(2, population, {COUNTRIES}))',
            "No: the population of Avon is 900; Dart (100) and Brent (700) have the smallest populations"
            " among those that are of type country.",
            {"Avon": 900, "Dart": 100, "Brent": 700},
        ),
        (
            'exists(population("Avon") < 400)',
            "No: the population of Avon is 900, and not below 400.",
            {"Avon": 900},
        ),
        (
            'exists(population("Brent") > population("Avon"))',
            "No: the population of Brent is 700, and not above the population of Avon, 900.",
            {"Brent": 700, "Avon": 900},
        ),
        (
            f'exists("Dart" & (population({COUNTRIES}) >= 400))',
            "No: the population of Dart is 100, and not at least 400.",
            {"Dart": 100},
        ),
        (
            f'exists("Dart" & (population({COUNTRIES}) >= population("Avon") / 8))',
            "No: the population of Dart is 100, and not at least the population of Avon divided by 8, 112.5.",
            {"Avon": 900, "Dart": 100},
        ),
        ('exists("Avon" & !~continent("Europe"))', "No: Avon has Europe as continent.", {"Avon": "Europe"}),
    ],
)
def test_what_settles_it_is_told_and_stands_in_the_evidence(query: str, told: str, values: dict[str, object]) -> None:
    answer = REASONER.answer(Query.parse(query))
    assert answer.sentence == told
    assert {fact.head: fact.tail for fact in answer.evidence} == values
    assert answer.evidence_total == len(values)
    assert not any("may still be true" in note for note in answer.notes)
    for part in answer.sentence_parts:
        if part.text in {str(value) for value in values.values() if isinstance(value, int)}:
            assert part.evidence, part.text


@pytest.mark.parametrize(
    "query",
    [
        'exists(top(1, population, "Esk" | "Avon") & "Esk")',  # of Esk there is no value
        'exists(population("Esk") > 5)',
        f'exists("Dart" & (population({COUNTRIES}) >= population("Esk")))',
        'exists("Dart" & ~continent("Europe"))',
        'exists("Avon" & ~borders("Esk") & ~continent("Asia"))',
    ],
)
def test_what_the_graph_does_not_know_is_not_said_to_be_false(query: str) -> None:
    answer = REASONER.answer(Query.parse(query))
    assert answer.sentence.startswith("No: the graph does not say that")
    assert any("may still be true" in note for note in answer.notes)


def test_one_who_ties_with_the_last_place_is_among_the_chosen_and_a_model_has_no_contrast() -> None:
    assert REASONER.answer(Query.parse(f'exists("Cole" & bottom(2, population, {COUNTRIES}))')).value is True
    answer = Reasoner(KG, llm="copy", method="lark").answer(Query.parse('exists("Avon" & !~continent("Europe"))'))
    assert answer.contrast is None
