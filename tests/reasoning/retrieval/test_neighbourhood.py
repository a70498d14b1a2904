from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Query
from reasoning.graph.index import Ids
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


@given(links, st.integers(1, 4))
def test_with_room_enough_it_is_all_that_is_within_so_many_hops(edges: set[tuple[int, str, int]], hops: int) -> None:
    kg = make(edges)
    found = search(kg, '"n0"', hops)
    assert sorted(keys(found)) == sorted(within(kg, kg.entity("n0"), hops))
    assert found.left_out == (0,) * hops


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


def test_the_score_is_as_told() -> None:
    birch = TOWNS.entity("Birch")
    degree = len(TOWNS.index.around(birch, False)) + len(TOWNS.index.around(birch, True))
    found = search(TOWNS, 'mayor(road("Ash"))')
    assert found.triples[0].score == 1.0
    (second,) = (triple for triple in found.triples if triple.head == birch and triple.hop == 2)
    assert second.score == pytest.approx((3 - 0 + 1 / math.log2(2 + degree)) / 4)


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


@given(st.sets(st.tuples(st.integers(0, 4), st.sampled_from(["size", "age"])), min_size=1), links)
def test_values_are_found_with_the_edges(valued: set[tuple[int, str]], edges: set[tuple[int, str, int]]) -> None:
    triples = [(f"n{h}", r, f"n{t}") for h, r, t in sorted(edges | {(0, "red", 1)})]
    values = [(f"n{entity}", name, 10 * entity) for entity, name in sorted(valued)]
    kg = KnowledgeGraph.from_triples([*triples, *values])
    facts, found = Facts(kg), neighbourhood(kg, [Anchor(kg.entity("n0"))], flat, hops=3, budget=PLENTY)
    near = {kg.entity("n0")} | {end for h, _, t in within(kg, kg.entity("n0"), 2) for end in (h, t)}
    rows = [(triple.head, triple.relation, triple.tail) for triple in found.triples]
    shown = {(kg.name(row[0]), facts.labels[row[1]], facts.value(row)) for row in rows if row[2] < 0}
    assert shown == {value for value in values if kg.entity(value[0]) in near}
    assert sorted(row for row in rows if row[2] >= 0) == sorted(within(kg, kg.entity("n0"), 3))
    assert found.left_out == (0, 0, 0)


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


# What guides it -------------------------------------------------------------------------------------------------


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
