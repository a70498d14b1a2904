from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import EVIDENCE_LIMIT, Answer
from reasoning.query.tree import Complement, Count, Exists, Top
from tests.reasoning.random_queries import Facts, facts, holds, measured_sets, numbers, sets


def answer(world: Facts | list[tuple[str, str, object]], query: Query | str) -> Answer:
    triples = world.triples if isinstance(world, Facts) else world
    return Reasoner(KnowledgeGraph.from_triples(triples), method="exact").answer(query)  # type: ignore[arg-type]


def shown(given: Answer) -> set[tuple[str, str, object]]:
    triples = [(item.head, item.relation, item.tail) for item in given.evidence]
    assert len(set(triples)) == len(triples)
    return set(triples)


def only(world: Facts, given: Answer) -> Facts:
    """The world as far as the evidence tells it."""
    told = shown(given)
    return Facts(
        frozenset(triple for triple in world.links if triple in told),
        {
            relation: {head: value for head, value in table.items() if (head, relation, value) in told}
            for relation, table in world.values.items()
        },
    )


@pytest.mark.slow
@given(facts(), sets() | measured_sets() | numbers())
def test_all_evidence_is_in_the_graph(world: Facts, query: Query) -> None:
    assert shown(answer(world, query)) <= set(world.triples)


EMPLOYEES: list[tuple[str, str, object]] = [
    ("Ann", "skill", "Go"), ("Ann", "skill", "Rust"), ("Bob", "skill", "Go"), ("Atlas", "needs", "Go"),
    ("Atlas", "needs", "Rust"), ("Ann", "salary", 70), ("Bob", "salary", 60), ("Ann", "boss", "Bob"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('every(skill, needs("Atlas"))', [0, 1, 3, 4]),
        ('[count(skill(it))]("Ann")', [0, 1]),
        ('top(1, [count(skill(it) & needs("Atlas"))], "Ann" | "Bob")', [0, 1, 3, 4]),
        ('salary("Ann") - salary("Bob")', [5, 6]),
        ('salary("Ann" | "Bob") > salary("Bob")', [5, 6]),
        ('[salary(it) - salary(boss(it))]("Ann" | "Bob") > 0', [5, 6, 7]),
        ('sum(salary, "Ann" | "Bob")', [5, 6]),
        ('name_starts("a", ~skill("Go"))', [0]),
    ],
)
def test_what_a_number_rests_on_is_shown(query: str, expected: list[int]) -> None:
    assert shown(answer(EMPLOYEES, query)) == {EMPLOYEES[place] for place in expected}


@pytest.mark.slow
@given(facts(), sets().filter(lambda query: not holds(query, (Complement, Top))))
def test_the_evidence_alone_gives_the_same_answer(world: Facts, query: Query) -> None:
    given_answer = answer(world, query)
    assert only(world, given_answer).denote(query) == set(given_answer.entities)
    assert given_answer.entities or not given_answer.evidence


@pytest.mark.slow
@given(facts(), sets(), st.sampled_from([Count, Exists]))
def test_a_count_rests_on_what_it_counted(world: Facts, query: Query, top: type[Count | Exists]) -> None:
    given_answer, counted = answer(world, top(query)), shown(answer(world, query))
    beside = given_answer.contrast.evidence if given_answer.contrast is not None else ()
    assert shown(given_answer) - {(fact.head, fact.relation, fact.tail) for fact in beside} <= counted
    assert counted <= shown(given_answer)


ROADS: list[tuple[str, str, object]] = [
    ("a", "r", "b"), ("a", "r", "c"), ("b", "s", "d"), ("c", "s", "e"), ("x", "s", "d"), ("b", "size", 5),
    ("c", "size", 7), ("b", "born", datetime.date(2000, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "evidence"),
    [
        ('"a"', []), ('~r("b")', [0]), ('r("a") & ~s("d")', [0, 2]), ('s(r("a")) & "d"', [0, 2]),
        ('r("a") & !~s("d")', [1]), ('!r("a")', []), ('size(r("a")) > 5', [1, 6]),
        ('size(size(r("a")) > 5) < 9', [1, 6]), ('top(1, size, r("a"))', [1, 6]), ('size("b")', [5]),
        ('s(r("a")) | s("x")', [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_the_evidence_by_hand(query: str, evidence: list[int]) -> None:
    assert shown(answer(ROADS, query)) == {ROADS[place] for place in evidence}


def test_a_triple_gives_its_entities_by_index_and_goes_into_json() -> None:
    given_answer = answer(ROADS, 'size(r("a"))')
    entity, seen = given_answer.kg.entity, {(item.head_entity, item.tail_entity) for item in given_answer.evidence}
    a, b, c = entity("a"), entity("b"), entity("c")
    assert seen == {(a, b), (a, c), (b, None), (c, None)}
    assert given_answer.to_dict()["evidence"][0] == ["a", "r", "b"]
    (triple,) = answer(ROADS, 'born("b")').to_dict()["evidence"]
    assert json.loads(json.dumps(triple)) == ["b", "born", "2000-01-01"]


MANY: list[tuple[str, str, object]] = [("hub", "to", f"n{i}") for i in range(300)]
MANY += [(f"n{i}", "size", i) for i in range(300)]


@pytest.mark.parametrize(("query", "total"), [('to("hub")', 300), ('size(to("hub")) >= 0', 600)])
def test_the_total_counts_what_is_not_shown(query: str, total: int) -> None:
    given_answer = answer(MANY, query)
    assert (len(given_answer.evidence), given_answer.evidence_total) == (EVIDENCE_LIMIT, total)
