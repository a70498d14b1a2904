import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.retrieval import FEWEST_DISTRACTORS, Retrieved, packed, retrieve
from reasoning.retrieval.neighbourhood import (
    Anchor,
    Facts,
    Neighbourhood,
    guidance_of_query,
    guidance_of_text,
    neighbourhood,
)
from skylark.errors import SkylarkError

NODES = 10
PRICE = 10
PLENTY = 100_000
Triple = tuple[int, int, int]

links = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.sampled_from(["red", "blue", "dark blue"]), st.integers(0, NODES - 1)),
    min_size=1,
    max_size=40,
)


def make(edges: set[tuple[int, str, int]]) -> KnowledgeGraph:
    return KnowledgeGraph.from_triples([(f"n{h}", r, f"n{t}") for h, r, t in sorted(edges | {(0, "red", 1)})])


def flat(triples: Ids) -> Sequence[int]:
    return [PRICE] * len(triples)


def search(kg: KnowledgeGraph, query: str, hops: int = 2, budget: int = PLENTY, **guided: set[str]) -> Neighbourhood:
    anchors = guidance_of_query(Query.parse(query), kg).anchors
    return neighbourhood(kg, anchors, flat, hops=hops, budget=budget, types=guided.get("types", ()))


def keys(found: Neighbourhood) -> list[Triple]:
    return [(triple.head, triple.relation, triple.tail) for triple in found.triples]


def within(kg: KnowledgeGraph, entity: int, hops: int) -> dict[Triple, int]:
    """Every triple within `hops` of an entity, in both directions, with its distance."""
    triples = [(h, r, t) for h, r, t in kg.index.whole.triples().tolist()]
    reached, found = {entity}, dict[Triple, int]()
    for hop in range(1, hops + 1):
        around = [triple for triple in triples if triple[0] in reached or triple[2] in reached]
        for triple in around:
            found.setdefault(triple, hop)
        reached |= {end for head, _, tail in around for end in (head, tail)}
    return found


# A way of two edges that ranks higher leads to n3 before the one of a single edge does, behind which there is one more.
@example({(0, "blue", 3), (1, "red", 3), (2, "red", 2), (2, "red", 3)}, 3, 5)
@given(links, st.integers(1, 3), st.integers(0, 12))
def test_the_budget_is_kept_and_what_was_met_beyond_it_is_counted(
    edges: set[tuple[int, str, int]], hops: int, room: int
) -> None:
    kg = make(edges)
    found = search(kg, 'red("n0")', hops, max(1, room * PRICE))
    assert found.tokens == PRICE * len(found.triples) <= max(1, room * PRICE)
    assert len(found.triples) == min(room, len(within(kg, kg.entity("n0"), hops)))
    first = within(kg, kg.entity("n0"), 1)
    assert found.left_out[0] == len(first.keys() - set(keys(found)))


@given(links, st.integers(1, 3), st.integers(1, 12))
def test_scores_fall_and_every_triple_has_its_path(edges: set[tuple[int, str, int]], hops: int, room: int) -> None:
    kg = make(edges)
    query = 'blue(red("n0")) & red("n1")' if "blue" in kg.relation_names() else '"n0"'
    found = search(kg, query, hops, room * PRICE)
    assert keys(found) == keys(search(kg, query, hops))[:room]
    scores = [triple.score for triple in found.triples]
    assert scores == sorted(scores, reverse=True) and all(0 < score <= 1 for score in scores)
    for position, triple in enumerate(found.triples):
        path = found.path(position)
        assert [step.hop for step in path] == list(range(1, triple.hop + 1))
        assert path[-1] == triple and triple.anchor in (path[0].head, path[0].tail)
        for before, after in pairwise(path):
            assert {before.head, before.tail} & {after.head, after.tail}
            assert before.score > after.score


TOWNS = KnowledgeGraph.from_triples(
    [
        ("Ash", "road", "Birch"), ("Ash", "road", "Cedar"), ("Birch", "mayor", "Ida"), ("Cedar", "mayor", "Jon"),
        ("Ash", "mayor", "Kai"), ("Ash", "old road", "Elm"), ("Ida", "born in", "Elm"), ("Ash", "twin", "Oak"),
        *((f"house {i}", "stands in", "Ash") for i in range(50)),
    ],
    types=[("Oak", "village")],
)  # fmt: skip


def names(found: Neighbourhood) -> list[tuple[str, str, str]]:
    return [(TOWNS.name(h), TOWNS.relation_label(r), TOWNS.name(t)) for h, r, t in keys(found)]


def test_the_path_of_the_query_comes_first_then_named_relations_then_those_alike_then_the_rest() -> None:
    found = names(search(TOWNS, 'mayor(road("Ash"))'))
    assert found[:2] == [("Ash", "road", "Birch"), ("Ash", "road", "Cedar")]
    assert set(found[2:4]) == {("Birch", "mayor", "Ida"), ("Cedar", "mayor", "Jon")}
    order = [found.index(t) for t in (("Ash", "mayor", "Kai"), ("Ash", "old road", "Elm"), ("Ash", "twin", "Oak"))]
    assert order == sorted(order) and order[0] == 4
    first, second = names(search(TOWNS, '~road(~mayor("Jon"))'))[:2]
    assert (first, second) == (("Cedar", "mayor", "Jon"), ("Ash", "road", "Cedar"))


def test_a_way_goes_on_past_an_edge_that_another_one_shares() -> None:
    kg = KnowledgeGraph.from_triples(
        [("A", "r", "X"), ("B", "q", "X"), ("X", "s", "Y"), ("Y", "t", "Z"), *(("Y", "u", f"n{i}") for i in range(9))]
    )
    ways = [Anchor(kg.entity(name), tuple(map(kg.relation, path))) for name, path in (("A", "rs"), ("B", "qst"))]
    for anchors in (ways, ways[1:]):
        found = neighbourhood(kg, anchors, flat, hops=3)
        place = keys(found).index((kg.entity("Y"), kg.relation("t").index, kg.entity("Z")))
        assert place == 2 + len(anchors) - 1 and found.triples[place].score > 0.75
        assert [kg.relation_label(step.relation) for step in found.path(place)][1:] == ["s", "t"]


def test_a_type_that_is_asked_for_brings_its_entities_forward() -> None:
    plain, guided = (names(search(TOWNS, 'road("Ash")', types=types)) for types in (set(), {"Village"}))
    assert guided.index(("Ash", "twin", "Oak")) < plain.index(("Ash", "twin", "Oak"))


def test_relations_take_turns_so_that_a_hub_is_seen_from_every_side() -> None:
    found = names(search(TOWNS, '"Ash"', hops=1, budget=5 * PRICE))
    assert {relation for _, relation, _ in found} == {"road", "mayor", "old road", "twin", "stands in"}


def test_the_edges_of_a_hub_come_late() -> None:
    kg = KnowledgeGraph.from_triples(
        [("a", "r", "hub"), ("a", "r", "quiet"), ("quiet", "s", "end"), *(("hub", "s", f"n{i}") for i in range(99))]
    )
    found = keys(search(kg, '"a"'))
    assert found.index((kg.entity("quiet"), kg.relation("s").index, kg.entity("end"))) == 2


def scores_on_paths(kg: KnowledgeGraph, anchors: Sequence[Anchor], hops: int) -> dict[Triple, float]:
    """The best score of each triple that some anchor's path leads through, from every walk along it."""
    triples, facts = [(h, r, t) for h, r, t in kg.index.whole.triples().tolist()], Facts(kg)
    best = dict[Triple, float]()
    for anchor in anchors:
        reached = {anchor.entity: 1.0}
        for hop, relation in enumerate(anchor.path[:hops]):
            further = dict[int, float]()
            for entity, before in reached.items():
                p = before / math.log2(2 + len(facts.around(entity)[0])) if hop else 1.0
                for triple in triples:
                    here, there = triple[::-2] if relation.inverse else triple[::2]
                    if triple[1] == relation.index and here == entity:
                        best[triple] = max(best.get(triple, 0.0), (3 + p) / 4)
                        further[there] = max(further.get(there, 0.0), p)
            reached = further
    return best


STEPS = (("red", False), ("red", True), ("blue", False), ("blue", True))


# The first two ways share an edge, at different steps; the next go back over one; the last are as short, and share one.
@example({(0, "red", 2), (2, "red", 3), (1, "blue", 2), (3, "blue", 4)}, [(0, (0, 0)), (1, (2, 0, 2))], 3)
@example({(0, "red", 2), (0, "blue", 3)}, [(0, (0, 1, 2))], 3)
@example({(0, "red", 2), (1, "red", 2), (2, "blue", 3), (3, "red", 4)}, [(0, (0, 2)), (1, (0, 2, 0))], 3)
@given(
    links,
    st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(0, 3), max_size=4).map(tuple)), min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_what_each_way_leads_through_ranks_first_whatever_other_ways_share_with_it(
    edges: set[tuple[int, str, int]], ways: list[tuple[int, tuple[int, ...]]], hops: int
) -> None:
    kg = make(edges | {(0, "blue", 1)})
    steps = [replace(kg.relation(name), inverse=inverse) for name, inverse in STEPS]
    anchors = [Anchor(kg.entity(f"n{number}"), tuple(steps[at] for at in path)) for number, path in ways]
    found = neighbourhood(kg, anchors, flat, hops=hops, budget=PLENTY)
    first = {key: triple.score for key, triple in zip(keys(found), found.triples, strict=True) if triple.score > 0.75}
    assert first == pytest.approx(scores_on_paths(kg, anchors, hops))


@given(st.sets(st.tuples(st.integers(0, 4), st.sampled_from(["size", "age"]))), links, st.integers(1, 4))
def test_with_room_enough_all_edges_and_values_within_so_many_hops_are_found(
    valued: set[tuple[int, str]], edges: set[tuple[int, str, int]], hops: int
) -> None:
    triples = [(f"n{h}", r, f"n{t}") for h, r, t in sorted(edges | {(0, "red", 1)})]
    values = [(f"n{entity}", name, 10 * entity) for entity, name in sorted(valued)]
    kg = KnowledgeGraph.from_triples([*triples, *values])
    facts, found = Facts(kg), neighbourhood(kg, [Anchor(kg.entity("n0"))], flat, hops=hops, budget=PLENTY)
    near = {kg.entity("n0")} | {end for h, _, t in within(kg, kg.entity("n0"), hops - 1) for end in (h, t)}
    rows = keys(found)
    shown = {(kg.name(row[0]), facts.labels[row[1]], facts.value(row)) for row in rows if row[2] < 0}
    assert shown == {value for value in values if kg.entity(value[0]) in near}
    assert sorted(row for row in rows if row[2] >= 0) == sorted(within(kg, kg.entity("n0"), hops))
    assert found.left_out == (0,) * hops


def test_a_triple_dearer_than_the_budget_does_not_hide_the_others() -> None:
    dear = TOWNS.relation("road").index
    found = neighbourhood(
        TOWNS, [Anchor(TOWNS.entity("Ash"), (TOWNS.relation("road"),))],
        lambda triples: [500 if relation == dear else PRICE for _, relation, _ in triples.tolist()], budget=100,
    )  # fmt: skip
    assert len(found.triples) == 10 and found.left_out[0] == 55 - 10


@pytest.mark.parametrize("wrong", [{"hops": 0}, {"budget": 0}])
def test_what_cannot_be_searched_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SkylarkError, match="must be at least 1"):
        neighbourhood(TOWNS, [], flat, **wrong)
    found = neighbourhood(TOWNS, [], flat)
    assert (found.triples, found.left_out, found.tokens) == ((), (0, 0), 0)
    assert keys(search(KnowledgeGraph.from_triples([("a", "r", "a")]), '~r("a")', hops=3)) == [(0, 0, 0)]


def test_a_query_guides_by_each_anchors_way_to_the_answer() -> None:
    guided = guidance_of_query(Query.parse('mayor(road("Ash") & ~twin("Oak"))'), TOWNS)
    road, mayor, twin = (TOWNS.relation(name).index for name in ("road", "mayor", "twin"))
    assert [(a.entity, [(r.index, r.inverse) for r in a.path]) for a in guided.anchors] == [
        (TOWNS.entity("Ash"), [(road, False), (mayor, False)]),
        (TOWNS.entity("Oak"), [(twin, True), (mayor, False)]),
    ]
    # A set used twice leads on in both ways.
    assert len(guidance_of_query(Query.parse('mayor(road("Ash")) | twin(road("Ash"))'), TOWNS).anchors) == 2


def test_a_text_guides_by_what_it_names() -> None:
    guided = guidance_of_text("is there perhaps some road or other near Ash?", TOWNS)
    assert [anchor.entity for anchor in guided.anchors] == [TOWNS.entity("Ash")]
    assert TOWNS.relation("road").index in guided.named
    assert guidance_of_text("hello there", TOWNS).anchors == ()


edges = st.sets(
    st.tuples(st.integers(0, 11), st.sampled_from(["red", "blue"]), st.integers(0, 11)), min_size=1, max_size=60
)


class FlatPrice:
    """Every triple costs the same."""

    def together(self, triples: Ids) -> int:
        return PRICE * len(triples)

    def at_most(self, triples: Ids) -> list[int]:
        return [PRICE] * len(triples)


def drawn(
    kg: KnowledgeGraph, sources: set[int], budget: int, inverse: bool = False, seed: int = 0, max_parts: int = 1
) -> Retrieved:
    chosen = np.array(sorted(sources), dtype=np.int32)
    relation = Relation("edges", kg.relation("red").index, inverse)
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
    r = kg.relation("red").index
    return {t for t in as_set(kg.index.whole.triples()) if t[1] == r and t[2 if inverse else 0] in sources}


def beside(kg: KnowledgeGraph, sources: set[int], inverse: bool) -> set[Triple]:
    """Other edges of the same entities, and the same relation between others."""
    r = kg.relation("red").index
    every = as_set(kg.index.whole.triples()) - about(kg, sources, inverse)
    return {t for t in every if t[1] == r or t[0] in sources or t[2] in sources}


cases = st.tuples(edges, st.sets(st.integers(0, 1), min_size=1), st.booleans(), st.integers(0, 5))
Case = tuple[set[tuple[int, str, int]], set[int], bool, int]


@pytest.mark.slow
@given(cases)
def test_what_fits_is_in_one_context_with_as_many_distractors_as_there_is_room_for(case: Case) -> None:
    kg, sources = make(case[0]), case[1]
    needed = about(kg, sources, case[2])
    found = drawn(kg, sources, len(needed) * PRICE, case[2], case[3], max_parts=16)
    assert len(found.parts) == 1 and counts(found) == (len(needed), 0, 0)
    found = drawn(kg, sources, PLENTY, case[2], case[3], max_parts=16)
    (part,) = found.parts
    assert as_set(part.triples[part.about]) == needed
    distractors = min(max(len(needed), FEWEST_DISTRACTORS), len(beside(kg, sources, case[2])))
    assert counts(found) == (len(needed), distractors, 0)
    assert as_set(part.triples[~part.about]) <= beside(kg, sources, case[2])


@pytest.mark.slow
@given(cases, st.integers(0, 40), st.sampled_from((1, 2, 4, 8, 100)))
def test_the_budget_is_kept_and_what_did_not_fit_is_counted(case: Case, lines: int, max_parts: int) -> None:
    kg, sources = make(case[0]), case[1]
    step = about(kg, sources, case[2])
    found = drawn(kg, sources, lines * PRICE, case[2], case[3], max_parts)
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
    [(f"n{i}", "red", f"leaf {i} {j}") for i in range(5) for j in range(50)] + [("n0", "s", f"n{i}") for i in range(40)]
)
HUBS = {STAR.entity(f"n{i}") for i in range(5)}


def test_what_does_not_fit_takes_half_the_budget_or_is_parted_each_with_as_many_distractors() -> None:
    assert counts(drawn(STAR, HUBS, 40 * PRICE)) == (20, 20, 230)
    found = drawn(STAR, HUBS, 40 * PRICE, max_parts=13)
    assert [(part.relevant, part.distractors) for part in found.parts] == [(20, 20)] * 12 + [(10, 10)]
    assert found.left_out == 0
    assert max(len(set(part.triples[part.about, 0].tolist())) for part in found.parts) == 2
    assert counts(drawn(STAR, {STAR.entity("leaf 0 0")}, PLENTY)) == (0, FEWEST_DISTRACTORS, 0)
    assert counts(drawn(KnowledgeGraph.from_triples([("a", "red", "b")]), {0}, PLENTY)) == (1, 0, 0)
    for budget in (0, 1, PRICE - 1):
        found = drawn(STAR, HUBS, budget, max_parts=5)
        assert (len(found.parts), len(shown(found)), found.left_out) == (1, 0, 250)


@pytest.mark.parametrize("max_parts", [1, 2])
def test_where_the_parts_do_not_suffice_every_source_has_its_share(max_parts: int) -> None:
    found = drawn(STAR, HUBS, 10 * PRICE, max_parts=max_parts)
    heads = [head for part in found.parts for head in part.triples[part.about, 0].tolist()]
    assert sorted(heads) == sorted([*HUBS] * max_parts)
    assert found.left_out == 250 - len(heads)


def test_the_order_does_not_tell_what_the_step_is_about_and_the_same_draw_gives_the_same() -> None:
    first = [drawn(STAR, HUBS, 40 * PRICE, seed=seed).parts[0].about[0] for seed in range(60)]
    assert 15 <= sum(first) <= 45
    same = [shown(drawn(STAR, HUBS, 40 * PRICE, seed=7, max_parts=3)).tolist() for _ in range(2)]
    assert same[0] == same[1]
