from __future__ import annotations

import datetime
import math
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings

from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from tests.reasoning.random_queries import Facts, facts

Triples = set[tuple[str, str, Any]]


def triples_of(kg: KnowledgeGraph) -> Triples:
    """All triples of a graph by names, values among them."""
    links: Triples = {(kg.name(h), kg.relation_ids[r], kg.name(t)) for h, r, t in kg.index.triples().tolist()}
    return links | {
        (kg.name(int(entity)), column.relation, kg.value(column, float(raw)))
        for column in kg.literals
        for entity, raw in zip(column.entities, column.values, strict=True)
    }


# Triples of names -----------------------------------------------------------------------------------------------


@given(facts())
@settings(max_examples=50, deadline=None)
def test_a_graph_holds_the_triples_it_was_made_of(world: Facts) -> None:
    assert triples_of(KnowledgeGraph.from_triples(world.triples)) == set(world.triples)


def test_many_relations_between_one_pair_are_all_kept() -> None:
    triples = [("a", f"r{i}", "b") for i in range(20)] + [("b", "r0", "a"), ("a", "r0", "a")]
    assert triples_of(KnowledgeGraph.from_triples(triples)) == set(triples)


def test_a_triple_given_twice_is_held_once() -> None:
    assert len(KnowledgeGraph.from_triples([("a", "r", "b")] * 3)) == 1


@pytest.mark.parametrize(
    ("tail", "kind"),
    [(5, "integer"), (-5, "integer"), (2**53, "integer"), (2.5, "decimal"), (datetime.date(1, 1, 1), "date")],
)
def test_a_number_or_date_as_tail_is_a_value_and_kept_exactly(tail: Any, kind: str) -> None:
    kg = KnowledgeGraph.from_triples([("a", "v", tail)])
    (column,) = kg.literals
    value = kg.value(column, float(column.values[0]))
    assert (column.kind, value, type(value)) == (kind, tail, type(tail))


def test_a_graph_of_values_alone_is_a_graph() -> None:
    kg = KnowledgeGraph.from_triples([("a", "v", 1), ("b", "v", 2)])
    assert [kg.name(int(entity)) for entity in kg.universe] == ["a", "b"]


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([], "has no triples; at least one"),
        ([("a", "r")], "triple 1: expected (head, relation, tail)"),
        (["abc"], "triple 1: expected (head, relation, tail), found 'abc'"),
        ([("a", "r", "b"), ("", "r", "b")], "triple 2: expected a non-empty text, found ''"),
        ([("a", None, "b")], "expected a non-empty text, found None"),
        ([("a", "r", None)], "expected a non-empty text, found None"),
        ([("a", "r", True)], "expected a non-empty text, found True"),
        ([("a", "r", "b"), ("a", "r", 5)], '"r" has both entities and numbers as tails; give them two names'),
        ([("a", "v", 5), ("b", "v", datetime.date(2000, 1, 1))], '"v" mixes dates and numbers'),
        ([("a", "v", 5), ("a", "v", 6)], 'triple 2: "a" already has 5 as "v"'),
        ([("a", "v", math.nan)], "triple 1: nan is no number that can be compared"),
        ([("a", "v", math.inf)], "triple 1: inf is no number"),
        ([("a", "v", 2**53 + 1)], "triple 1: a whole number of 54 bits is too large"),
        ([("a", "v", 10**400)], "too large to be kept exactly"),
        ([("a", "v", datetime.datetime(2000, 1, 1, 12))], "has a time, only dates are kept"),
    ],
)
def test_what_cannot_be_kept_as_given_is_an_error(triples: list[Any], message: str) -> None:
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_triples(triples)
    assert message in str(raised.value)


@pytest.mark.parametrize("what", ["types", "aliases"])
def test_a_type_or_alias_of_an_unknown_entity_is_an_error(what: str) -> None:
    with pytest.raises(GraphError, match=f'{what}: the entity "x" is in no triple'):
        KnowledgeGraph.from_triples([("a", "r", "b")], **{what: [("x", "thing")]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("relation", "stored"),
    [
        ("r", ("a", "b")),
        ("r_reverse", ("b", "a")),
        ("r_reverse_reverse", ("a", "b")),
    ],
)
def test_twins_fold_into_their_relation(relation: str, stored: tuple[str, str]) -> None:
    others = [("x", "r", "y"), ("y", "r_reverse", "x"), ("x", "r_reverse_reverse", "y")]
    kg = KnowledgeGraph.from_triples([("a", relation, "b"), *others])
    assert triples_of(kg) == {("x", "r", "y"), (stored[0], "r", stored[1])}


def test_a_twin_without_its_relation_is_a_relation_of_its_own() -> None:
    assert KnowledgeGraph.from_triples([("a", "r_reverse", "b")]).relation_ids == ("r_reverse",)


# NetworkX -------------------------------------------------------------------------------------------------------


@given(facts())
@settings(max_examples=50, deadline=None)
def test_a_graph_goes_to_networkx_and_back(world: Facts) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert triples_of(back) == triples_of(kg)


def test_types_go_to_networkx_and_back() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")], types=[("a", "person"), ("a", "poet")])
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert back.types(back.entity("a")) == ["person", "poet"]


def test_entities_of_one_label_stay_apart_in_networkx() -> None:
    from tests.reasoning.test_names import graph

    kg = graph(("1", "Paris"), ("2", "Paris"))
    assert sorted(kg.to_networkx().nodes) == ["Paris (1)", "Paris (2)"]


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiDiGraph])
def test_the_relation_may_stand_in_an_attribute(kind: type) -> None:
    graph = kind()
    graph.add_edge("a", "b", relation="r")
    assert triples_of(KnowledgeGraph.from_networkx(graph)) == {("a", "r", "b")}


def test_the_relation_may_be_the_key() -> None:
    graph = nx.MultiDiGraph()
    graph.add_edge("a", "b", key="r")
    graph.add_edge("a", "b", key="s")
    assert triples_of(KnowledgeGraph.from_networkx(graph)) == {("a", "r", "b"), ("a", "s", "b")}


@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiGraph])
def test_an_edge_without_direction_goes_both_ways(kind: type) -> None:
    graph = kind()
    graph.add_edge(1, 2, relation="near")
    assert triples_of(KnowledgeGraph.from_networkx(graph)) == {("1", "near", "2"), ("2", "near", "1")}


def test_numbers_of_a_node_are_values_and_flags_are_not() -> None:
    graph = nx.DiGraph()
    graph.add_node("a", size=5, seen=True, note="x", types="person")
    graph.add_edge("a", "b", relation="r")
    kg = KnowledgeGraph.from_networkx(graph)
    assert triples_of(kg) == {("a", "r", "b"), ("a", "size", 5)}
    assert kg.types(kg.entity("a")) == ["person"]


def test_an_edge_that_names_no_relation_is_an_error() -> None:
    graph = nx.DiGraph([("a", "b")])
    with pytest.raises(GraphError, match="the edge 'a' -> 'b' names no relation"):
        KnowledgeGraph.from_networkx(graph)


def test_a_graph_without_edges_is_an_error() -> None:
    with pytest.raises(GraphError, match="has no triples"):
        KnowledgeGraph.from_networkx(nx.DiGraph())
