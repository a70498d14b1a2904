from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.retrieval import FEWEST_DISTRACTORS, Retrieved, packed, retrieve

NODES = 12
PRICE = 10
PLENTY = 100_000

edges = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.sampled_from("rs"), st.integers(0, NODES - 1)), min_size=1, max_size=60
)
Triple = tuple[int, int, int]


def make(links: set[tuple[int, str, int]]) -> KnowledgeGraph:
    return KnowledgeGraph.from_triples([(f"n{h}", r, f"n{t}") for h, r, t in sorted(links | {(0, "r", 1)})])


class FlatPrice:
    """Every triple costs the same."""

    def together(self, triples: Ids) -> int:
        return PRICE * len(triples)

    def at_most(self, triples: Ids) -> list[int]:
        return [PRICE] * len(triples)


def search(
    kg: KnowledgeGraph, sources: set[int], budget: int, inverse: bool = False, seed: int = 0, max_parts: int = 1
) -> Retrieved:
    chosen = np.array(sorted(sources), dtype=np.int32)
    relation = Relation("edges", kg.relation("r").index, inverse)
    return retrieve(kg, chosen, relation, budget, FlatPrice(), random.Random(seed), max_parts)


def shown(found: Retrieved) -> Ids:
    """The triples of all parts."""
    return np.concatenate([part.triples for part in found.parts])


def counts(found: Retrieved) -> tuple[int, int, int]:
    """Relevant, distractors, left out."""
    return sum(p.relevant for p in found.parts), sum(p.distractors for p in found.parts), found.left_out


def as_set(triples: Ids) -> set[Triple]:
    return {(head, relation, tail) for head, relation, tail in triples.tolist()}


def about(kg: KnowledgeGraph, sources: set[int], inverse: bool) -> set[Triple]:
    """The triples that the step is about."""
    r = kg.relation("r").index
    return {t for t in as_set(kg.index.whole.triples()) if t[1] == r and t[2 if inverse else 0] in sources}


def beside(kg: KnowledgeGraph, sources: set[int], inverse: bool) -> set[Triple]:
    """Other edges of the same entities, and the same relation between others."""
    r = kg.relation("r").index
    every = as_set(kg.index.whole.triples()) - about(kg, sources, inverse)
    return {t for t in every if t[1] == r or t[0] in sources or t[2] in sources}


cases = st.tuples(edges, st.sets(st.integers(0, 1), min_size=1), st.booleans(), st.integers(0, 5))
Case = tuple[set[tuple[int, str, int]], set[int], bool, int]


@pytest.mark.slow
@given(cases)
def test_what_fits_alone_is_in_one_context_without_distractors(case: Case) -> None:
    kg, sources = make(case[0]), case[1]
    needed = len(about(kg, sources, case[2]))
    found = search(kg, sources, needed * PRICE, case[2], case[3], max_parts=16)
    assert len(found.parts) == 1
    assert counts(found) == (needed, 0, 0)


@pytest.mark.slow
@given(cases)
def test_with_room_enough_all_is_in_one_context_with_as_many_distractors(case: Case) -> None:
    kg, sources = make(case[0]), case[1]
    found = search(kg, sources, PLENTY, case[2], case[3], max_parts=16)
    (part,) = found.parts
    assert as_set(part.triples[part.about]) == about(kg, sources, case[2])
    assert (part.relevant, found.left_out) == (len(about(kg, sources, case[2])), 0)
    wanted = max(part.relevant, FEWEST_DISTRACTORS)
    assert part.distractors == min(wanted, len(beside(kg, sources, case[2])))
    assert as_set(part.triples[~part.about]) <= beside(kg, sources, case[2])


@pytest.mark.slow
@given(cases, st.integers(0, 40), st.sampled_from((1, 2, 4, 8, 100)))
def test_the_budget_is_kept_and_what_did_not_fit_is_counted(case: Case, lines: int, max_parts: int) -> None:
    kg, sources = make(case[0]), case[1]
    step = about(kg, sources, case[2])
    found = search(kg, sources, lines * PRICE, case[2], case[3], max_parts)
    assert len(found.parts) <= max_parts
    for part in found.parts:
        assert len(as_set(part.triples)) == len(part.triples) <= lines
        assert as_set(part.triples[part.about]) == as_set(part.triples) & step
    assert counts(found)[0] + found.left_out == len(step)
    every = [triple for part in found.parts for triple in as_set(part.triples[part.about])]
    assert len(every) == len(set(every))
    assert max_parts < 100 or not lines or set(every) == step


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 9))
def test_packing_keeps_the_order_and_the_room(prices: list[int], room: int) -> None:
    parts = packed(prices, room, 9)
    assert [position for part in parts for position in part] == list(range(len(prices)))
    assert all(len(part) == 1 or sum(prices[position] for position in part) <= room for part in parts)
    assert packed([3, 11, 4, 7], room=5, budget=10) == [[0], [2], [3]]  # what is dearer than the budget is dropped


STAR = KnowledgeGraph.from_triples(
    [(f"n{i}", "r", f"leaf {i} {j}") for i in range(5) for j in range(50)] + [("n0", "s", f"n{i}") for i in range(40)]
)
HUBS = {STAR.entity(f"n{i}") for i in range(5)}


def test_where_not_all_fits_it_takes_half_the_budget() -> None:
    assert counts(search(STAR, HUBS, 40 * PRICE)) == (20, 20, 230)


def test_what_does_not_fit_is_parted_and_each_part_has_as_many_distractors() -> None:
    found = search(STAR, HUBS, 40 * PRICE, max_parts=13)
    assert [(part.relevant, part.distractors) for part in found.parts] == [(20, 20)] * 12 + [(10, 10)]
    assert found.left_out == 0
    assert max(len(set(part.triples[part.about, 0].tolist())) for part in found.parts) == 2
    assert counts(search(STAR, {STAR.entity("leaf 0 0")}, PLENTY)) == (0, FEWEST_DISTRACTORS, 0)
    assert counts(search(KnowledgeGraph.from_triples([("a", "r", "b")]), {0}, PLENTY)) == (1, 0, 0)


@pytest.mark.parametrize("max_parts", [1, 2])
def test_where_the_parts_do_not_suffice_every_source_has_its_share(max_parts: int) -> None:
    found = search(STAR, HUBS, 10 * PRICE, max_parts=max_parts)
    heads = [head for part in found.parts for head in part.triples[part.about, 0].tolist()]
    assert sorted(heads) == sorted([*HUBS] * max_parts)
    assert found.left_out == 250 - len(heads)


def test_the_order_does_not_tell_what_the_step_is_about() -> None:
    first = [search(STAR, HUBS, 40 * PRICE, seed=seed).parts[0].about[0] for seed in range(60)]
    assert 15 <= sum(first) <= 45


def test_the_same_draw_gives_the_same_subgraph() -> None:
    same = [shown(search(STAR, HUBS, 40 * PRICE, seed=7, max_parts=3)).tolist() for _ in range(2)]
    assert same[0] == same[1]


@pytest.mark.parametrize("budget", [0, 1, PRICE - 1])
def test_a_budget_for_nothing_gives_nothing(budget: int) -> None:
    found = search(STAR, HUBS, budget, max_parts=5)
    assert (len(found.parts), len(shown(found)), found.left_out) == (1, 0, 250)
