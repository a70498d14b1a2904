from __future__ import annotations

import pytest
from hypothesis import given

from reasoning import KnowledgeGraph, Query
from reasoning.query.binding import bind
from reasoning.query.chain import Step, decompose
from reasoning.query.tree import Entity
from tests.reasoning.random_queries import queries, sets

A, B, C = Entity("a"), Entity("b"), Entity("c")


def project(source: Entity | int, relation: str = "r", inverse: bool = False) -> Step:
    return Step("project", (source,), relation=relation, inverse=inverse)


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ('"a"', []),
        ('r("a")', [project(A)]),
        ('~s(r("a"))', [project(A), project(0, "s", inverse=True)]),
        ('r("a") & "b"', [project(A), Step("intersect", (0, B))]),
        ('r("a") | "b" | "c"', [project(A), Step("union", (0, B, C))]),
        ('"a" & !r("b")', [project(B), Step("difference", (A, 0))]),
        ('!r("b") & "a"', [project(B), Step("difference", (A, 0))]),
        ('"a" & !"b" & !"c"', [Step("difference", (A, B)), Step("difference", (0, C))]),
        ('"a" & "b" & !"c"', [Step("intersect", (A, B)), Step("difference", (0, C))]),
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
        ('r("a") | r("a")', [project(A)]),
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
