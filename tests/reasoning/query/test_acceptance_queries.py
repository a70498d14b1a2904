"""Queries over the built-in graph whose answers are certain, written from general knowledge."""

from __future__ import annotations

from pathlib import Path

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import Answer

ROWS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parents[2] / "data" / "world_queries.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return Reasoner(KnowledgeGraph.load("world"), method="exact")


def expected_set(expected: str, reasoner: Reasoner) -> set[int]:
    return {reasoner.kg.entity(name) for name in expected.split("|")}


def expected_value(query: str, expected: str) -> bool | int | None:
    """The number or truth value that a query asks for, None where it asks for a set."""
    if query.startswith("exists("):
        return {"true": True, "false": False}[expected]
    return int(expected) if query.startswith("count(") else None


@pytest.mark.parametrize(("query", "expected", "mode"), ROWS, ids=[row[0] for row in ROWS])
def test_the_world_answers(reasoner: Reasoner, query: str, expected: str, mode: str) -> None:
    answer: Answer = reasoner.answer(Query.parse(query))
    value = expected_value(query, expected)
    if value is not None:
        assert (answer.value, type(answer.value)) == (value, type(value))
        return
    wanted, found = expected_set(expected, reasoner), set(answer.ranked.tolist())
    off = {"exact": wanted ^ found, "contains": wanted - found, "excludes": wanted & found}[mode]
    assert sorted(map(reasoner.kg.name, off)) == []
