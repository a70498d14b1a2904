"""Queries over the built-in graph whose answers are certain, written from general knowledge."""

from __future__ import annotations

from pathlib import Path

from reasoning import KnowledgeGraph, Query, Reasoner

ROWS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parents[2] / "data" / "world_queries.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_the_world_answers() -> None:
    reasoner, wrong = Reasoner(KnowledgeGraph.load("world"), method="exact"), {}
    for query, expected, mode in ROWS:
        answer = reasoner.answer(Query.parse(query))
        if query.startswith(("count(", "exists(")):
            value = {"true": True, "false": False}[expected] if query.startswith("exists(") else int(expected)
            off: list[object] = [] if (answer.value, type(answer.value)) == (value, type(value)) else [answer.value]
        else:
            wanted, found = {reasoner.kg.entity(name) for name in expected.split("|")}, set(answer.ranked.tolist())
            differing = {"exact": wanted ^ found, "contains": wanted - found, "excludes": wanted & found}[mode]
            off = [reasoner.kg.name(entity) for entity in differing]
        if off:
            wrong[query] = off
    assert not wrong
