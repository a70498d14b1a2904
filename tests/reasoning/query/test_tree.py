import datetime
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.errors import QueryError
from reasoning.execution.exact import execute
from reasoning.query.binding import bind
from reasoning.query.chain import Step, decompose
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
from tests.reasoning.random_queries import queries, sets

A, B, C = Entity("a"), Entity("b"), Entity("c")
KG = KnowledgeGraph.from_triples([("a", "r", "b"), ("b", "r", "a"), ("a", "v", 2)])

# A tree of one more level, by each kind of node that can be nested.
GROWTH: dict[str, Callable[[Query], Query]] = {
    "project": lambda q: Project("r", q),
    "complement": Complement,
    "intersect, left": lambda q: Intersect((q, B)),
    "intersect and union": lambda q: (Intersect if q.depth % 2 else Union)((B, q)),
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
    query: Query = A if kind in GROWTH else Count(A)
    while query.depth < depth:
        query = (GROWTH | RECKONING)[kind](query)
    return query


def below(frames: int, task: Callable[[], Any]) -> Any:
    """The task's result, run with that many frames already on the stack, as under a web server."""
    return task() if frames == 0 else below(frames - 1, task)


WORK: dict[str, Callable[[Query], Any]] = {
    "read back": lambda q: Query.parse(str(q)),
    "hash": hash,
    "structure": lambda q: q.structure,
    "execute": lambda q: execute(KG, bind(q, KG)),
    # Each of these within another doubles the text, so that only few are written.
    "write as SPARQL": lambda q: q.to_sparql(KG) if not isinstance(q, Top | Every) else None,
    "answer": lambda q: answer_text(Reasoner(KG, method="exact").answer(q)),
}


@pytest.mark.parametrize("kind", [*GROWTH, *RECKONING])
def test_the_deepest_tree_or_number_is_walked_with_room_to_spare(kind: str) -> None:
    query = grown(kind, MAX_DEPTH - 1)
    for work in WORK.values():
        # In a thread of its own, whose stack holds nothing of what runs the tests.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(below, 150, lambda: work(query)).result()  # noqa: B023


@pytest.mark.parametrize("kind", ["project", "complement", "intersect and union"])
def test_the_deepest_tree_goes_to_a_record_and_back(kind: str) -> None:
    query = grown(kind, MAX_DEPTH - 1)
    by_id = str(query).replace('"a"', 'entity("a")').replace('"b"', 'entity("b")')
    assert str(Query.from_record(query.to_record(KG))) == by_id


@pytest.mark.parametrize("kind", GROWTH)
def test_a_tree_beyond_the_limit_is_a_query_error(kind: str) -> None:
    query = grown(kind, MAX_DEPTH)
    with pytest.raises(QueryError, match=f"deeper than {MAX_DEPTH} levels"):
        Project("r", query)


def test_trees_are_values_whose_measured_depth_is_no_part_of_them() -> None:
    measured, fresh = Union((A, B)), Union([A, Entity("b")])  # type: ignore[arg-type]
    assert measured.depth == 2 and {measured, fresh} == {fresh}
    assert (A.depth, Union((A, Project("r", A))).depth, Count(Complement(Project("r", A))).depth) == (1, 3, 4)
    with pytest.raises(AttributeError):
        A.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Entity(""), "non-empty"), (lambda: Project("", A), "a relation"),
        (lambda: Entity(5), "non-empty"),  # type: ignore[arg-type]
        (lambda: Project("r", "a"), "expected a query"),  # type: ignore[arg-type]
        (lambda: Union((A,)), "two parts"),
        (lambda: Intersect(()), "two parts"), (lambda: Complement(Count(A)), "not a set"),
        (lambda: Union((A, Exists(A))), "not a set"), (lambda: Top(0, "v", A), "at least 1"),
        (lambda: Top(1.5, "v", A), "at least 1"),  # type: ignore[arg-type]
        (lambda: Top(True, "v", A), "at least 1"),
        (lambda: Compare("v", A, "=>", 1), "unknown comparison"),  # type: ignore[arg-type]
        (lambda: Compare("v", A, ">", True), "a number or a"),
        (lambda: Compare("v", A, ">", "1"), "a number or a"),  # type: ignore[arg-type]
        (lambda: Compare("v", A, ">", datetime.datetime(2001, 1, 1, 5)), "without a time"),
        *((lambda bound=bound: Compare("v", A, ">", bound), "64-bit") for bound in (math.nan, -math.inf, 10**400)),
    ],
)  # fmt: skip
def test_a_node_that_says_nothing_is_refused_when_made(make: Callable[..., Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        make()


def project(source: Entity | int, relation: str = "r", inverse: bool = False) -> Step:
    return Step("project", (source,), relation=relation, inverse=inverse)


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ('"a"', []),
        ('~s(r("a"))', [project(A), project(0, "s", inverse=True)]),
        ('r("a") & "b"', [project(A), Step("intersect", (0, B))]),
        ('r("a") | "b" | "c"', [project(A), Step("union", (0, B, C))]),
        ('"a" & !r("b")', [project(B), Step("difference", (A, 0))]),
        ('!r("b") & "a"', [project(B), Step("difference", (A, 0))]),
        ('"a" & !"b" & !"c"', [Step("difference", (A, B)), Step("difference", (0, C))]),
        ('!r("a")', [project(A), Step("complement", (0,))]),
        ('!"a" & !"b"', [Step("union", (A, B)), Step("complement", (0,))]),
        ('!"a" | "b"', [Step("complement", (A,)), Step("union", (0, B))]),
        ('!!r("a")', [project(A)]),
        ('"a" & !!"b"', [Step("intersect", (A, B))]),
        ('v("a") > 3', [Step("compare", (A,), relation="v", operator=">", value=3)]),
        ('bottom(2, v, "a")', [Step("top", (A,), relation="v", k=2, largest=False)]),
        ('count(r("a"))', [project(A), Step("count", (0,))]),
        ('exists(r("a"))', [project(A), Step("exists", (0,))]),
        # A set that is asked for twice is one step.
        ('s(r("a")) & t(r("a"))', [project(A), project(0, "s"), project(0, "t"), Step("intersect", (1, 2))]),
        ('"a" & "a"', []),
    ],
)
def test_a_query_is_done_in_these_steps(query: str, steps: list[Step]) -> None:
    assert list(decompose(Query.parse(query))) == steps


@pytest.mark.slow
@given(queries(sets()))
def test_steps_need_earlier_ones_alone_none_is_done_twice_and_the_last_is_the_result(query: Query) -> None:
    chain = decompose(query)
    used = [{ref for ref in step.inputs if isinstance(ref, int)} for step in chain]
    assert all(ref < position for position, refs in enumerate(used) for ref in refs)
    assert set().union(*used) | {chain.result} >= set(range(len(chain)))
    assert len(set(chain)) == len(chain)
    assert chain.result == len(chain) - 1 if len(chain) else isinstance(chain.result, Entity)


def test_binding_notes_slips_and_combines_the_directions_of_a_twin_and_of_the_step() -> None:
    kg = KnowledgeGraph.from_triples([("Brazil", "r", "b"), ("b", "r_reverse", "Brazil")])
    assert bind(Query.parse('r("Brasil") | r("brazil")'), kg).notes == ('read "Brasil" as "Brazil"',)
    texts = ('r("b")', '~r("b")', 'r_reverse("b")', '~r_reverse("b")')
    relations = [bind(Query.parse(text), kg).steps[0].relation for text in texts]
    assert [relation.inverse for relation in relations if relation] == [False, True, True, False]
