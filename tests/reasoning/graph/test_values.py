"""Typed values from a query's text to what a person reads, of every kind."""

import datetime
import json

import pytest

from reasoning import Query, Reasoner
from reasoning.verbalization.answers import answer_text
from reasoning.verbalization.words import readable
from tests.reasoning.made_columns import column, graph

DAY = datetime.date(1999, 12, 31)


KG = graph(
    {name: name for name in ("land", "Ash", "Birch", "Cedar")}, {"town": "town"}, [[0, 0, 1], [0, 0, 2], [0, 0, 3]],
    column("people", "integer", {1: 1_234_567, 2: 500}), column("area", "decimal", {1: 1500, 2: 2.25}, "km²"),
    column("founded", "year", {1: 1990, 2: -44, 3: 1990}),
    column("opened", "date", {1: DAY.toordinal(), 2: datetime.date(1850, 1, 2).toordinal()}),
)  # fmt: skip
EXACT = Reasoner(KG, method="exact")


def test_each_kind_is_compared_and_ranked() -> None:
    found = {
        'people({}) > 500': "A", 'people({}) >= 500': "AB", 'people({}) = 500': "B", 'people({}) != 500': "A",
        'area({}) < 1500': "B", 'area({}) <= 1500': "AB", 'area({}) = 2.25': "B", 'founded({}) >= 1990': "AC",
        'founded({}) < -43': "B", 'founded({}) > 1989.5': "AC", 'opened({}) > "1999-12-30"': "A",
        'opened({}) = "1999-12-31"': "A", 'opened({}) != "1999-12-31"': "B", 'top(1, opened, {})': "A",
        'bottom(1, founded, {})': "B", 'top(2, founded, {})': "AC",
    }  # fmt: skip
    queries = {query: query.format('town("land")') for query in found}
    assert {key: "".join(name[0] for name in EXACT.answer(query).entities) for key, query in queries.items()} == found
    assert all(str(Query.parse(query)) == query for query in queries.values())


@pytest.mark.parametrize(
    ("query", "value", "shown"),
    [
        ('people("Ash")', 1_234_567, "1,234,567"), ('area("Ash")', 1500.0, "1,500 km²"),
        ('founded("Ash")', 1990, "1990"),
        ('area("Birch")', 2.25, "2.25 km²"), ('founded("Birch")', -44, "-44"), ('opened("Ash")', DAY, "1999-12-31"),
        ('count(people(town("land")))', 2, "2"), ('exists(people("Cedar"))', False, "no"),
    ],
)  # fmt: skip
def test_one_value_is_the_answers_value_and_is_shown_with_its_unit(query: str, value: object, shown: str) -> None:
    answer = EXACT.answer(query)
    assert (answer.value, type(answer.value)) == (value, type(value))
    assert f"Answer: {shown}" in answer_text(answer).splitlines()


@pytest.mark.parametrize(
    ("query", "lines", "values"),
    [
        ('people(town("land"))', ["  Ash: 1,234,567", "  Birch: 500"], [1_234_567, 500]),
        ('area(town("land")) > 1', ["  Ash: 1,500 km²", "  Birch: 2.25 km²"], [1500.0, 2.25]),
        ('top(3, founded, town("land"))', ["  Ash: 1990", "  Cedar: 1990", "  Birch: -44"], [1990, 1990, -44]),
        ('bottom(1, opened, town("land"))', ["  Birch: 1850-01-02"], ["1850-01-02"]),
    ],
)
def test_the_values_of_several_stand_behind_their_names(query: str, lines: list[str], values: list[object]) -> None:
    answer = EXACT.answer(query)
    text = answer_text(answer).splitlines()
    start = text.index(lines[0])
    assert text[start : start + len(lines) + 1] == [*lines, ""]
    assert sorted(map(str, answer.to_dict()["steps"][-1]["values"])) == sorted(map(str, values))
    given = [entry["value"] for entry in json.loads(json.dumps(answer.to_dict()))["answers"]]
    assert (given, [*map(type, given)]) == (values, [*map(type, values)])


@pytest.mark.parametrize(
    ("query", "question", "outcome", "evidence"),
    [
        ('people("Ash")', "What is the people of Ash?", "1,234,567", ["people", 1_234_567]),
        ('area("Ash") < 1e6', "For which of (Ash) is the area below 1,000,000 km²?", "1,500 km²", ["area", 1500.0]),
        ('founded("Ash") > 1900', "For which of (Ash) is the founded after 1900?", "1990", ["founded", 1990]),
        ('opened("Ash") = "1999-12-31"', "For which of (Ash) is the opened 1999-12-31?", "1999-12-31",
         ["opened", "1999-12-31"]),
        ('top(1, area, "Ash")', "Which one of (Ash) has the largest area?", "1,500 km²", ["area", 1500.0]),
        ('bottom(2, opened, "Ash")', "Which 2 of (Ash) have the earliest opened?", "1999-12-31",
         ["opened", "1999-12-31"]),
    ],
)  # fmt: skip
def test_a_step_asks_for_values_in_words_and_shows_them(
    query: str, question: str, outcome: str, evidence: list[object]
) -> None:
    answer = EXACT.answer(query)
    text = answer_text(answer).splitlines()
    assert text[text.index(f"  1. {question}") + 1] == f"     Ash ({outcome})"
    (shown,) = json.loads(json.dumps(answer.to_dict()))["evidence"]
    assert shown == ["Ash", *evidence] and type(shown[2]) is type(evidence[1])


def test_a_value_for_the_eye() -> None:
    texts: list[tuple[int | float | datetime.date | bool, str]] = [
        (1_234_567, "1,234,567"), (-1_234_567, "-1,234,567"), (1500.0, "1,500"), (0.1, "0.1"), (-0.0, "0"),
        (1234.5, "1,234.5"), (1e300, "1e+300"), (DAY, "1999-12-31"), (True, "yes"), (False, "no"),
    ]  # fmt: skip
    assert [readable(value) for value, _ in texts] == [text for _, text in texts]
