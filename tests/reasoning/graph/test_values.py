"""Typed values from a query's text to what a person reads, of every kind."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

from kg_data.columns import GraphColumns, LiteralColumn, ValueKind
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.verbalization.answers import answer_text
from reasoning.verbalization.words import readable

DAY = datetime.date(1999, 12, 31)


def column(name: str, kind: ValueKind, values: dict[int, float], unit: str = "") -> LiteralColumn:
    return LiteralColumn(name, kind, np.array([*values], dtype=np.int32), np.array([*values.values()]), unit)


KG = KnowledgeGraph.from_columns(
    GraphColumns(
        name="towns",
        entity_ids=["land", "Ash", "Birch", "Cedar"],
        entity_labels=["land", "Ash", "Birch", "Cedar"],
        relation_ids=["town"],
        relation_labels=["town"],
        splits={"graph": np.array([[0, 0, 1], [0, 0, 2], [0, 0, 3]], dtype=np.int32)},
        literals=[
            column("people", "integer", {1: 1_234_567, 2: 500}),
            column("area", "decimal", {1: 1500.0, 2: 2.25}, "km²"),
            column("founded", "year", {1: 1990, 2: -44, 3: 1990}),
            column("opened", "date", {1: float(DAY.toordinal()), 2: float(datetime.date(1850, 1, 2).toordinal())}),
        ],
    )
)
EXACT = Reasoner(KG, method="exact")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('people(town("land")) > 500', ["Ash"]),
        ('people(town("land")) >= 500', ["Ash", "Birch"]),
        ('people(town("land")) = 500', ["Birch"]),
        ('people(town("land")) != 500', ["Ash"]),
        ('area(town("land")) < 1500', ["Birch"]),
        ('area(town("land")) <= 1500', ["Ash", "Birch"]),
        ('area(town("land")) = 2.25', ["Birch"]),
        ('founded(town("land")) >= 1990', ["Ash", "Cedar"]),
        ('founded(town("land")) < -43', ["Birch"]),
        ('founded(town("land")) > 1989.5', ["Ash", "Cedar"]),
        ('opened(town("land")) > "1999-12-30"', ["Ash"]),
        ('opened(town("land")) = "1999-12-31"', ["Ash"]),
        ('opened(town("land")) != "1999-12-31"', ["Birch"]),
        ('top(1, opened, town("land"))', ["Ash"]),
        ('bottom(1, founded, town("land"))', ["Birch"]),
        ('top(2, founded, town("land"))', ["Ash", "Cedar"]),
    ],
)
def test_each_kind_is_compared_and_ranked(query: str, found: list[str]) -> None:
    assert (EXACT.answer(query).entities, str(Query.parse(query))) == (found, query)


@pytest.mark.parametrize(
    ("query", "value", "shown"),
    [
        ('people("Ash")', 1_234_567, "Answer: 1,234,567"),
        ('area("Ash")', 1500.0, "Answer: 1,500 km²"),
        ('area("Birch")', 2.25, "Answer: 2.25 km²"),
        ('founded("Ash")', 1990, "Answer: 1990"),
        ('founded("Birch")', -44, "Answer: -44"),
        ('opened("Ash")', DAY, "Answer: 1999-12-31"),
        ('count(town("land"))', 3, "Answer: 3"),
        ('count(people(town("land")))', 2, "Answer: 2"),
        ('exists(people("Cedar"))', False, "Answer: no"),
    ],
)
def test_one_value_is_the_answers_value_and_is_shown_with_its_unit(query: str, value: object, shown: str) -> None:
    answer = EXACT.answer(query)
    assert (answer.value, type(answer.value)) == (value, type(value))
    assert shown in answer_text(answer).splitlines()


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ('people(town("land"))', ["  Ash: 1,234,567", "  Birch: 500"]),
        ('area(town("land")) > 1', ["  Ash: 1,500 km²", "  Birch: 2.25 km²"]),
        ('top(3, founded, town("land"))', ["  Ash: 1990", "  Cedar: 1990", "  Birch: -44"]),
        ('bottom(1, opened, town("land"))', ["  Birch: 1850-01-02"]),
    ],
)
def test_the_values_of_several_stand_behind_their_names(query: str, lines: list[str]) -> None:
    text = answer_text(EXACT.answer(query)).splitlines()
    start = text.index(lines[0])
    assert text[start : start + len(lines) + 1] == [*lines, ""]


@pytest.mark.parametrize(
    ("query", "question", "outcome"),
    [
        ('people("Ash")', "What is the people of Ash?", "Ash (1,234,567)"),
        ('people("Ash") >= 2000', "For which of (Ash) is the people at least 2,000?", "Ash (1,234,567)"),
        ('area("Ash") < 1e6', "For which of (Ash) is the area below 1,000,000 km²?", "Ash (1,500 km²)"),
        ('founded("Ash") > 1900', "For which of (Ash) is the founded after 1900?", "Ash (1990)"),
        ('opened("Ash") = "1999-12-31"', "For which of (Ash) is the opened 1999-12-31?", "Ash (1999-12-31)"),
        ('top(1, area, "Ash")', "Which one of (Ash) has the largest area?", "Ash (1,500 km²)"),
        ('bottom(2, opened, "Ash")', "Which 2 of (Ash) have the earliest opened?", "Ash (1999-12-31)"),
    ],
)
def test_a_step_asks_for_values_in_words_and_shows_them(query: str, question: str, outcome: str) -> None:
    text = answer_text(EXACT.answer(query)).splitlines()
    assert text[text.index(f"  1. {question}") + 1] == f"     {outcome}"


@pytest.mark.parametrize(
    ("query", "evidence"),
    [
        ('people("Ash")', ["Ash", "people", 1_234_567]),
        ('area("Ash") > 5', ["Ash", "area", 1500.0]),
        ('top(1, founded, "Ash")', ["Ash", "founded", 1990]),
        ('count(opened("Ash"))', ["Ash", "opened", "1999-12-31"]),
    ],
)
def test_the_literal_that_was_read_is_the_evidence(query: str, evidence: list[object]) -> None:
    shown = json.loads(json.dumps(EXACT.answer(query).to_dict()))["evidence"]
    assert (shown, [type(part) for part in shown[0]]) == ([evidence], [type(part) for part in evidence])


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ('people(town("land"))', [1_234_567, 500]),
        ('area(town("land")) > 0', [1500.0, 2.25]),
        ('bottom(3, founded, town("land"))', [-44, 1990, 1990]),
        ('opened(town("land"))', ["1999-12-31", "1850-01-02"]),
    ],
)
def test_json_keeps_the_kinds_apart(query: str, values: list[object]) -> None:
    given = [entry["value"] for entry in json.loads(json.dumps(EXACT.answer(query).to_dict()))["answers"]]
    assert (given, [*map(type, given)]) == (values, [*map(type, values)])


def test_json_holds_the_values_that_a_step_read() -> None:
    (step,) = EXACT.answer('opened("Ash" | "Birch") < "1900-01-01"').to_dict()["steps"][1:]
    assert (step["answers"], step["values"]) == (["Birch"], ["1850-01-02"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_234_567, "1,234,567"), (-1_234_567, "-1,234,567"), (1500.0, "1,500"), (0.1, "0.1"), (-0.0, "0"),
        (1234.5, "1,234.5"), (1e300, "1e+300"), (DAY, "1999-12-31"), (True, "yes"), (False, "no"),
    ],
)  # fmt: skip
def test_a_value_for_the_eye(value: int | float | datetime.date | bool, text: str) -> None:
    assert readable(value) == text
