"""A graph of one triple or one value, its names such as break what is put together by hand, through everything."""

from __future__ import annotations

import io
import json

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.query.chain import decompose
from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Project,
    Top,
    Union,
)
from reasoning.verbalization.answers import answer_text
from tests.reasoning.awkward_names import AWKWARD
from tests.reasoning.query.test_sparql import store_of
from tests.reasoning.sparql_oracle import by_executor, by_sparql


def of_one_triple(name: str) -> list[tuple[Query, set[str]]]:
    """Queries over the graph of (name, name, "end") by every kind of node that it allows, with their answers."""
    start, end = Entity(name), Entity("end")
    return [
        (Entity(name, by_id=True), {name}), (Project(name, start), {"end"}),
        (Project(name, end, inverse=True), {name}), (Project(name, Project(name, start)), set()),
        (Intersect((Project(name, start), Complement(start))), {"end"}),
        (Union((start, Project(name, start))), {name, "end"}), (Count(Complement(end)), {name}),
        (Exists(Project(name, end)), set()),
    ]  # fmt: skip


def of_one_value(name: str) -> list[tuple[Query, set[str]]]:
    """The same over the graph of (name, name, 7)."""
    entity = Entity(name)
    return [
        (Project(name, entity), {name}), (Compare(name, entity, ">=", 7), {name}),
        (Compare(name, Complement(entity), "!=", 7), set()), (Top(2, name, entity), {name}),
        (Count(Project(name, entity)), {name}),
    ]  # fmt: skip


def check(kg: KnowledgeGraph, query: Query, expected: set[str]) -> None:
    assert Query.parse(str(query)) == query
    assert query.verbalise() and query.verbalise(kg)
    answer = Reasoner(kg, method="exact").answer(str(query))
    assert set(answer.entities) == expected
    assert len(answer.steps) == len(decompose(query))
    assert json.loads(json.dumps(answer.to_dict()))["query"] == str(query)
    io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace").write(answer_text(answer))
    assert by_sparql(query, kg, store_of(kg).query) == by_executor(query, kg)


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_a_graph_of_one_triple_or_one_value(name: str) -> None:
    for tail, queries in (("end", of_one_triple(name)), (7, of_one_value(name))):
        kg = KnowledgeGraph.from_triples([(name, name, tail)])
        for query, expected in queries:
            check(kg, query, expected)
