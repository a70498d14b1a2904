from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoning import KnowledgeGraph
from reasoning.graph.index import Ids
from reasoning.graph.store import Relation
from reasoning.retrieval import FEWEST_DISTRACTORS, Subgraph, retrieve

NODES = 12
PRICE = 10
PLENTY = 100_000

edges = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.sampled_from("rs"), st.integers(0, NODES - 1)), min_size=1, max_size=60
)
Triple = tuple[int, int, int]


def make(links: set[tuple[int, str, int]]) -> KnowledgeGraph:
    return KnowledgeGraph.from_triples([(f"n{h}", r, f"n{t}") for h, r, t in sorted(links | {(0, "r", 1)})])


def search(kg: KnowledgeGraph, sources: set[int], budget: int, inverse: bool = False, seed: int = 0) -> Subgraph:
    chosen = np.array(sorted(sources), dtype=np.int32)
    relation = Relation("edges", kg.relation("r").index, inverse)
    return retrieve(kg, chosen, relation, budget, lambda triples: [PRICE] * len(triples), random.Random(seed))


def as_set(triples: Ids) -> set[Triple]:
    return {(head, relation, tail) for head, relation, tail in triples.tolist()}


def about(kg: KnowledgeGraph, sources: set[int], inverse: bool) -> set[Triple]:
    """The triples that the step is about."""
    r = kg.relation("r").index
    return {t for t in as_set(kg.index.triples()) if t[1] == r and t[2 if inverse else 0] in sources}


def beside(kg: KnowledgeGraph, sources: set[int], inverse: bool) -> set[Triple]:
    """Other edges of the same entities, and the same relation between others."""
    r = kg.relation("r").index
    every = as_set(kg.index.triples()) - about(kg, sources, inverse)
    return {t for t in every if t[1] == r or t[0] in sources or t[2] in sources}


cases = st.tuples(edges, st.sets(st.integers(0, 1), min_size=1), st.booleans(), st.integers(0, 5))


@given(cases)
@settings(max_examples=150, deadline=None)
def test_with_room_enough_all_that_the_step_is_about_is_there(case: tuple[set, set[int], bool, int]) -> None:
    kg, sources = make(case[0]), case[1]
    found = search(kg, sources, PLENTY, case[2], case[3])
    assert as_set(found.triples) >= about(kg, sources, case[2])
    assert (found.relevant, found.left_out) == (len(about(kg, sources, case[2])), 0)


@given(cases)
@settings(max_examples=150, deadline=None)
def test_with_room_enough_distractors_are_as_many_where_the_graph_has_them(
    case: tuple[set, set[int], bool, int],
) -> None:
    kg, sources = make(case[0]), case[1]
    found = search(kg, sources, PLENTY, case[2], case[3])
    wanted = max(found.relevant, FEWEST_DISTRACTORS)
    assert found.distractors == min(wanted, len(beside(kg, sources, case[2])))
    assert as_set(found.triples) - about(kg, sources, case[2]) <= beside(kg, sources, case[2])


@given(cases, st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_the_budget_is_kept_and_what_did_not_fit_is_counted(case: tuple[set, set[int], bool, int], lines: int) -> None:
    kg, sources = make(case[0]), case[1]
    found = search(kg, sources, lines * PRICE, case[2], case[3])
    assert len(found.triples) <= lines
    assert found.relevant == len(as_set(found.triples) & about(kg, sources, case[2]))
    assert found.relevant + found.left_out == len(about(kg, sources, case[2]))


@given(cases)
@settings(max_examples=50, deadline=None)
def test_no_triple_is_there_twice(case: tuple[set, set[int], bool, int]) -> None:
    found = search(make(case[0]), case[1], PLENTY, case[2], case[3])
    assert len(as_set(found.triples)) == len(found.triples)


STAR = KnowledgeGraph.from_triples(
    [(f"n{i}", "r", f"leaf {i} {j}") for i in range(5) for j in range(50)] + [("n0", "s", f"n{i}") for i in range(40)]
)
HUBS = {STAR.entity(f"n{i}") for i in range(5)}


def test_where_not_all_fits_it_takes_half_the_budget() -> None:
    found = search(STAR, HUBS, 40 * PRICE)
    assert (found.relevant, found.distractors, found.left_out) == (20, 20, 230)


def test_every_source_has_its_turn_before_any_has_its_second() -> None:
    found = search(STAR, HUBS, 10 * PRICE)
    heads = [head for head, relation, _ in found.triples.tolist() if relation == STAR.relation("r").index]
    assert sorted(heads) == sorted(HUBS)


def test_the_order_does_not_tell_what_the_step_is_about() -> None:
    r = STAR.relation("r").index
    first = [search(STAR, HUBS, 40 * PRICE, seed=seed).triples[0, 1] == r for seed in range(60)]
    assert 15 <= sum(first) <= 45


def test_the_same_draw_gives_the_same_subgraph() -> None:
    same = [search(STAR, HUBS, 40 * PRICE, seed=7).triples.tolist() for _ in range(2)]
    assert same[0] == same[1]


@pytest.mark.parametrize("budget", [0, 1, PRICE - 1])
def test_a_budget_for_nothing_gives_nothing(budget: int) -> None:
    found = search(STAR, HUBS, budget)
    assert (len(found.triples), found.left_out) == (0, 250)


def test_a_source_without_edges_of_the_relation_gets_distractors_alone() -> None:
    found = search(STAR, {STAR.entity("leaf 0 0")}, PLENTY)
    assert (found.relevant, found.distractors) == (0, FEWEST_DISTRACTORS)
