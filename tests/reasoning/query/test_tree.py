from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError
from reasoning.execution.exact import execute
from reasoning.query.binding import bind
from reasoning.query.tree import (
    MAX_DEPTH,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    NameStarts,
    Negative,
    Project,
    Top,
    Union,
)
from reasoning.verbalization.answers import answer_text

A, B = Entity("a"), Entity("b")
KG = KnowledgeGraph.from_triples([("a", "r", "b"), ("b", "r", "a"), ("a", "v", 2)])

# A tree of one more level, by each kind of node that can be nested.
GROWTH: dict[str, Callable[[Query], Query]] = {
    "project": lambda q: Project("r", q),
    "inverse": lambda q: Project("r", q, inverse=True),
    "complement": Complement,
    "intersect, left": lambda q: Intersect((q, B)),
    "intersect, right": lambda q: Intersect((B, q)),
    "intersect and union": lambda q: (Intersect if q.depth % 2 else Union)((q, B)),
    "difference": lambda q: Intersect((B, q)) if isinstance(q, Complement) else Complement(q),
    "compare": lambda q: Compare("v", q, ">=", 0),
    "top": lambda q: Top(1, "v", q),
    "every": lambda q: Every("r", q),
    "name": lambda q: NameStarts("a", q),
}

# A number of one more level.
RECKONING: dict[str, Callable[[Query], Query]] = {
    "left": lambda n: Arithmetic("-", n, Constant(1)),
    "right": lambda n: Arithmetic("/", Constant(1), n),
    "sign": lambda n: Arithmetic("*", Constant(2), n) if isinstance(n, Negative | Constant) else Negative(n),
    "comparison": lambda n: Count(Compare("v", A, "<", n)),
}


def grown(kind: str, depth: int) -> Query:
    query: Query = A
    while query.depth < depth:
        query = GROWTH[kind](query)
    return query


def below(frames: int, task: Callable[[], Any]) -> Any:
    """The task's result, run with that many frames already on the stack, as under a web server."""
    return task() if frames == 0 else below(frames - 1, task)


WORK: dict[str, Callable[[Query], Any]] = {
    "print": str,
    "read back": lambda q: Query.parse(str(q)),
    "hash": hash,
    "structure": lambda q: q.structure,
    "bind": lambda q: bind(q, KG),
    "execute": lambda q: execute(KG, bind(q, KG)),
    "put in words": lambda q: q.verbalise(KG),
    # Each of these within another doubles the text, so that only few are written.
    "write as SPARQL": lambda q: q.to_sparql(KG) if not isinstance(q, Top | Every) else None,
    "answer": lambda q: Reasoner(KG, method="exact").answer(q).to_dict(),
    "answer in text": lambda q: answer_text(Reasoner(KG, method="exact").answer(q)),
}


@pytest.mark.parametrize("kind", GROWTH)
@pytest.mark.parametrize("work", WORK)
def test_the_deepest_tree_is_walked_with_room_to_spare(kind: str, work: str) -> None:
    query = grown(kind, MAX_DEPTH - 1)
    # In a thread of its own, whose stack holds nothing of what runs the tests.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(below, 150, lambda: WORK[work](query)).result()


@pytest.mark.parametrize("kind", RECKONING)
@pytest.mark.parametrize("work", WORK)
def test_the_deepest_number_is_walked_with_room_to_spare(kind: str, work: str) -> None:
    number: Query = Count(A)
    while number.depth < MAX_DEPTH - 1:
        number = RECKONING[kind](number)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(below, 150, lambda: WORK[work](number)).result()


@pytest.mark.parametrize("kind", ["project", "complement", "intersect, left", "intersect and union"])
def test_the_deepest_tree_goes_to_a_record_and_back(kind: str) -> None:
    query = grown(kind, MAX_DEPTH - 1)
    assert str(Query.from_record(query.to_record(KG))) == str(query).replace('"a"', 'entity("a")').replace(
        '"b"', 'entity("b")'
    )


@pytest.mark.parametrize("kind", GROWTH)
def test_a_tree_beyond_the_limit_is_a_query_error(kind: str) -> None:
    query = grown(kind, MAX_DEPTH)
    with pytest.raises(QueryError, match=f"deeper than {MAX_DEPTH} levels"):
        Project("r", query)


@pytest.mark.parametrize(
    ("query", "depth"),
    [(A, 1), (Project("r", A), 2), (Union((A, Project("r", A))), 3), (Count(Complement(Project("r", A))), 4)],
)
def test_depth_counts_levels(query: Query, depth: int) -> None:
    assert query.depth == depth


def test_trees_compare_and_hash_by_value() -> None:
    assert {Project("r", A), Project("r", Entity("a"))} == {Project("r", A)}


def test_the_measured_depth_is_no_part_of_a_trees_value() -> None:
    measured, fresh = Union((A, B)), Union((A, B))
    assert measured.depth == 2
    assert measured == fresh


def test_parts_may_come_as_any_sequence() -> None:
    assert Intersect([A, B]) == Intersect((A, B))  # type: ignore[arg-type]


def test_a_tree_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        A.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Entity(""), "non-empty name"),
        (lambda: Entity(5), "non-empty name"),  # type: ignore[arg-type]
        (lambda: Project("", A), "a relation needs a non-empty name"),
        (lambda: Project("r", "a"), "expected a query"),  # type: ignore[arg-type]
        (lambda: Union((A,)), "at least two parts"),
        (lambda: Intersect(()), "at least two parts"),
        (lambda: Complement(Count(A)), "not a set"),
        (lambda: Union((A, Exists(A))), "not a set"),
        (lambda: Top(0, "v", A), "at least 1"),
        (lambda: Top(1.5, "v", A), "at least 1"),  # type: ignore[arg-type]
        (lambda: Top(True, "v", A), "at least 1"),
        (lambda: Compare("v", A, "=>", 1), "unknown comparison"),  # type: ignore[arg-type]
        (lambda: Compare("v", A, ">", True), "needs a number or a date"),
        (lambda: Compare("v", A, ">", "1"), "needs a number or a date"),  # type: ignore[arg-type]
        (lambda: Compare("v", A, ">", datetime.datetime(2001, 1, 1, 5)), "without a time"),
        (lambda: Compare("v", A, ">", math.nan), "64-bit"),
        (lambda: Compare("v", A, ">", -math.inf), "64-bit"),
        (lambda: Compare("v", A, ">", 10**400), "64-bit"),
    ],
)
def test_a_node_that_says_nothing_is_refused_when_made(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make()
