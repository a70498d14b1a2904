from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from kg_data.columns import GraphColumns, LiteralColumn
from kg_data.values import Value
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from tests.reasoning.random_queries import Facts, facts

Triples = set[tuple[str, str, Any]]


def triples_of(kg: KnowledgeGraph) -> Triples:
    """All triples of a graph by names, values among them."""
    links: Triples = {(kg.name(h), kg.relation_ids[r], kg.name(t)) for h, r, t in kg.index.whole.triples().tolist()}
    return links | {
        (kg.name(int(entity)), column.relation, kg.value(column, float(raw)))
        for column in kg.literals
        for entity, raw in zip(column.entities, column.values, strict=True)
    }


def kinds_of(kg: KnowledgeGraph) -> dict[str, str]:
    return {column.relation: column.kind for column in kg.literals}


def awkward() -> KnowledgeGraph:
    """Two entities of one label, a name of special characters, a year, and values of an entity without links."""
    return KnowledgeGraph.from_columns(
        GraphColumns(
            name="awkward",
            entity_ids=["1", "2", "3"],
            entity_labels=["Paris", "Paris", 'Fr"\t\\'],
            relation_ids=["in"],
            relation_labels=["is in"],
            splits={"graph": np.array([[0, 0, 2]], dtype=np.int32)},
            literals=[
                LiteralColumn("founded", "year", np.array([0, 1], dtype=np.int32), np.array([-250.0, 1844.0])),
                LiteralColumn("size", "decimal", np.array([1], dtype=np.int32), np.array([2.0])),
            ],
        )
    )


# Triples of names -----------------------------------------------------------------------------------------------


@given(facts())
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


@pytest.mark.parametrize(
    ("tail", "value"),
    [
        (np.int64(5), 5),
        (np.float32(1.5), 1.5),
        (Decimal("1.5"), 1.5),
        (pd.Timestamp("2001-01-02"), datetime.date(2001, 1, 2)),
    ],
)
def test_numbers_and_days_of_numpy_decimal_and_pandas_are_values(tail: Any, value: Any) -> None:
    assert triples_of(KnowledgeGraph.from_triples([("a", "v", tail)])) == {("a", "v", value)}


def test_a_year_is_said_to_be_one() -> None:
    assert kinds_of(KnowledgeGraph.from_triples([("a", "founded", Value("year", 1999))])) == {"founded": "year"}


def test_a_graph_of_values_alone_is_a_graph() -> None:
    kg = KnowledgeGraph.from_triples([("a", "v", 1), ("b", "v", 2)])
    assert [kg.name(int(entity)) for entity in kg.universe] == ["a", "b"]


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([], "has no triples; at least one"),
        ([("a", "r")], "triple 1: expected (head, relation, tail)"),
        (["abc"], "triple 1: expected (head, relation, tail), found 'abc'"),
        ([("a", "r", "b"), ("", "r", "b")], "triple 2: expected a non-empty text as head, found ''"),
        ([(1, "r", "b")], "a non-empty text as head, found 1; numbers that are names have to be texts"),
        ([("a", None, "b")], "expected a non-empty text as relation, found None"),
        ([("a", "r", None)], "expected a non-empty text, a number or a date as tail, found None"),
        ([("a", "r", True)], "expected a non-empty text, a number or a date as tail, found True"),
        ([("a", "r", pd.NaT)], "expected a date without a time"),
        (
            [("a", "r", "b"), ("a", "r", 5)],
            'entities or values as tails of "r" and not both (triple 1 has an entity), found a value',
        ),
        (
            [("a", "v", 5), ("b", "v", datetime.date(2000, 1, 1))],
            'triple 2: expected values of one kind under "v" (triple 1 has an integer), found the date 2000-01-01',
        ),
        (
            [("a", "v", 5), ("a", "v", 6)],
            'triple 2: expected one value of "v" for "a" (triple 1 has 5), found 6; as texts (in RDF: without a '
            "datatype) they are entities, which may be of any kind and number",
        ),
        ([("a", "v", math.nan)], 'triple 1: expected a finite number, which can be compared as "v", found nan'),
        ([("a", "v", math.inf)], "found inf"),
        ([("a", "v", 2**53 + 1)], "a whole number of at most 9,007,199,254,740,992"),
        ([("a", "v", 10**10_000)], "found a number of 33220 bits"),
        ([("a", "v", datetime.datetime(2000, 1, 1, 12))], "expected a date without a time"),
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
def test_a_graph_goes_to_networkx_and_back(world: Facts) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert triples_of(back) == triples_of(kg)
    assert kinds_of(back) == kinds_of(kg)


def test_ids_labels_and_years_go_to_networkx_and_back() -> None:
    kg = awkward()
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert triples_of(back) == triples_of(kg)
    assert kinds_of(back) == kinds_of(kg) == {"founded": "year", "size": "decimal"}
    assert dict(zip(back.entity_ids, back.entity_labels, strict=True)) == {"1": "Paris", "2": "Paris", "3": 'Fr"\t\\'}


def test_two_nodes_of_one_id_are_an_error() -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", relation="r")
    graph.nodes["a"]["id"] = graph.nodes["b"]["id"] = "x"
    with pytest.raises(GraphError, match="the nodes 'a' and 'b' have one id, 'x'"):
        KnowledgeGraph.from_networkx(graph)


def test_parallel_edges_and_loops_without_direction_are_kept() -> None:
    graph = nx.MultiGraph()
    for relation in ("r", "s"):
        graph.add_edge("a", "b", key=relation)
        graph.add_edge("a", "a", key=relation)
    expected = {(h, r, t) for r in "rs" for h, t in (("a", "b"), ("b", "a"), ("a", "a"))}
    assert triples_of(KnowledgeGraph.from_networkx(graph)) == expected


def test_attributes_that_do_not_fit_together_are_named() -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", relation="r")
    graph.nodes["a"]["size"], graph.nodes["b"]["size"] = 5, datetime.date(2000, 1, 1)
    with pytest.raises(GraphError, match=r"the node with \('b', 'size', datetime.*\): expected values of one kind"):
        KnowledgeGraph.from_networkx(graph)


def test_types_go_to_networkx_and_back() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")], types=[("a", "person"), ("a", "poet")])
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert back.types(back.entity("a")) == ["person", "poet"]


def test_entities_of_one_label_stay_apart_in_networkx() -> None:
    from tests.reasoning.graph.test_names import graph

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


# pandas ---------------------------------------------------------------------------------------------------------


@given(facts())
def test_a_graph_goes_to_pandas_and_back(world: Facts) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    back = KnowledgeGraph.from_pandas(kg.to_pandas())
    assert triples_of(back) == triples_of(kg)
    assert kinds_of(back) == kinds_of(kg)


def test_years_and_shared_labels_go_to_pandas_and_back() -> None:
    kg = awkward()
    back = KnowledgeGraph.from_pandas(kg.to_pandas())
    assert triples_of(back) == triples_of(kg)
    assert kinds_of(back) == kinds_of(kg)


def test_a_frame_has_a_row_for_each_triple_and_value() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "size", 5), ("b", "born", datetime.date(2000, 1, 1))])
    frame = kg.to_pandas()
    assert frame.to_dict("split", index=False) == {
        "columns": ["head", "relation", "tail", "type"],
        "data": [
            ["a", "r", "b", "entity"],
            ["a", "size", 5, "integer"],
            ["b", "born", datetime.date(2000, 1, 1), "date"],
        ],
    }


def test_columns_may_have_other_names() -> None:
    frame = pd.DataFrame({"o": ["b"], "s": ["a"], "p": ["r"], "weight": [1.0]})
    assert triples_of(KnowledgeGraph.from_pandas(frame, head="s", relation="p", tail="o")) == {("a", "r", "b")}


@pytest.mark.parametrize(
    ("tails", "expected"),
    [
        (pd.Series([1, 2]), {1, 2}),
        (pd.Series([1.5, 2]), {1.5, 2.0}),
        (pd.Series(["x", 2], dtype=object), {"x"}),
        (
            pd.to_datetime(pd.Series(["1999-01-02", "2000-01-01"])),
            {datetime.date(1999, 1, 2), datetime.date(2000, 1, 1)},
        ),
        (pd.Series(["x", "y"], dtype="category"), {"x", "y"}),
        (pd.Series(["x", "y"], dtype="string"), {"x", "y"}),
        (pd.Series([1, 2], dtype="Int64"), {1, 2}),
    ],
)
def test_tails_of_every_dtype_are_read(tails: pd.Series, expected: set[Any]) -> None:
    frame = pd.DataFrame({"head": ["a", "b"], "relation": ["r", "s"], "tail": tails})
    assert expected <= {tail for _, _, tail in triples_of(KnowledgeGraph.from_pandas(frame))}


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (KnowledgeGraph.from_triples, None, "expected (head, relation, tail) triples, found NoneType"),
        (KnowledgeGraph.from_triples, pd.DataFrame({"head": ["a"]}), "frames are read by from_pandas"),
        (KnowledgeGraph.from_networkx, [("a", "b")], "expected a NetworkX graph, found list"),
        (KnowledgeGraph.from_pandas, [("a", "r", "b")], "expected a pandas DataFrame, found list"),
        (
            KnowledgeGraph.from_pandas,
            pd.DataFrame([["a", "r", "b", "c"]], columns=["head", "relation", "tail", "tail"]),
            'several columns "tail"',
        ),
    ],
)
def test_what_is_no_graph_at_all_is_named(make: Callable[[Any], KnowledgeGraph], given: Any, message: str) -> None:
    with pytest.raises(GraphError) as raised:
        make(given)
    assert message in str(raised.value)


def test_a_table_is_refused_with_what_reads_it() -> None:
    days = pd.to_datetime(["2020-01-02", "2021-03-04"])
    frame = pd.DataFrame({"name": ["Ann", "Bob"], "team": ["Red", None], "age": [34, None], "since": days})
    with pytest.raises(GraphError, match='each row is a thing that "name" names, table=True reads it so'):
        KnowledgeGraph.from_pandas(frame)
    kg = KnowledgeGraph.from_pandas(frame, name="employee", table=True)
    assert triples_of(kg) == {
        *[("Ann", "type", "employee"), ("Bob", "type", "employee"), ("Red", "type", "team")],
        *[("Ann", "team", "Red"), ("Ann", "age", 34)],
        *[("Ann", "since", datetime.date(2020, 1, 2)), ("Bob", "since", datetime.date(2021, 3, 4))],
    }
    assert kinds_of(kg)["age"] == "integer"


@pytest.mark.parametrize(
    ("frame", "head"),
    [
        (pd.DataFrame({"team": ["Red", "Red"]}, index=pd.Index(["Ann", "Bo"], name="person")), "head"),
        (pd.DataFrame({"team": ["Red", "Red"], "person": ["Ann", "Bo"]}), "person"),
    ],
)
def test_what_names_the_things_of_a_table_may_be_its_index_or_any_column(frame: pd.DataFrame, head: str) -> None:
    kg = KnowledgeGraph.from_pandas(frame, head=head, table=True)
    assert {("Ann", "team", "Red"), ("Bo", "team", "Red"), ("Ann", "type", "person")} <= triples_of(kg)


def test_times_of_a_table_are_days() -> None:
    times = pd.to_datetime(["2021-01-02 05:06", None], utc=True)
    kg = KnowledgeGraph.from_pandas(pd.DataFrame({"person": ["Ann", "Bo"], "since": times}), table=True)
    assert ("Ann", "since", datetime.date(2021, 1, 2)) in triples_of(kg)
    assert kinds_of(kg) == {"since": "date"}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"name": ["Ann", None], "team": ["Red", "Blue"]}), "the frame as CSV, line 3: expected the name"),
        (pd.DataFrame({"name": ["Ann"]}), "expected a header of two columns or more"),
        ([("Ann", "team", "Red")], "expected a pandas DataFrame, found list"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(frame: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        KnowledgeGraph.from_pandas(frame, table=True)


def test_the_rows_that_are_left_out_are_those_of_every_column_with_gaps() -> None:
    frame = pd.DataFrame({"who": ["a", None, "c"], "relation": ["r"] * 3, "whom": ["b", "b", None]})
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_pandas(frame, head="who", tail="whom")
    assert str(raised.value).startswith("row 1:")
    call = 'frame.dropna(subset=["who", "whom"])'
    assert call in str(raised.value)
    assert triples_of(KnowledgeGraph.from_pandas(eval(call), head="who", tail="whom")) == {("a", "r", "b")}


def test_a_graph_has_its_facts_in_it_and_refuses_to_be_asked_for_a_name() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "v", 5)])
    assert ("a", "r", "b") in kg and ("a", "v", 5) in kg and ("a", "r", "c") not in kg
    with pytest.raises(TypeError, match=r'expected a fact.*kg\.entity\("a"\)'):
        _ = "a" in kg


def test_rows_of_an_array_are_triples() -> None:
    assert triples_of(KnowledgeGraph.from_triples(np.array([["a", "r", "b"]]))) == {("a", "r", "b")}


def test_a_row_without_a_type_is_told_by_its_tail() -> None:
    frame = pd.DataFrame({"head": ["a", "a"], "relation": ["r", "v"], "tail": ["b", 5], "type": ["entity", None]})
    assert triples_of(KnowledgeGraph.from_pandas(frame)) == {("a", "r", "b"), ("a", "v", 5)}


def test_a_type_column_says_what_looks_do_not() -> None:
    frame = pd.DataFrame(
        {
            "head": ["a", "a", "a", "a"],
            "relation": ["founded", "population", "area", "code"],
            "tail": [1999.0, "5", 3, "7"],
            "type": ["year", "integer", "decimal", "entity"],
        }
    )
    kg = KnowledgeGraph.from_pandas(frame)
    assert kinds_of(kg) == {"founded": "year", "population": "integer", "area": "decimal"}
    assert ("a", "code", "7") in triples_of(kg)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            {"head": ["a"], "relation": ["r"], "tial": ["b"]},
            'the frame has no column "tail"; it has: head, relation, tial; say which it is, e.g. tail="tial"',
        ),
        ({"Subject": ["a"], "p": ["r"], "o": ["b"]}, 'e.g. head="Subject"'),
        ({}, 'the frame has no column "head", nor any other'),
        (
            {"head": ["a", 1], "relation": ["r", "r"], "tail": ["b", "c"]},
            "row y: expected a non-empty text as head, found 1",
        ),
        ({"head": ["a", "a"], "relation": ["r", "r"], "tail": ["b", None]}, 'row y: nothing stands in "tail"'),
        (
            {"head": ["a", "a"], "relation": ["v", "v"], "tail": [1.0, math.nan]},
            'row y: nothing stands in "tail"; frame.dropna(subset=["tail"]) leaves such rows out',
        ),
        ({"head": ["a", "a"], "relation": ["v", "v"], "tail": [pd.Timestamp(0), pd.NaT]}, "row y: nothing stands"),
        ({"head": ["a"], "relation": ["v"], "tail": [math.inf]}, "row x: expected a finite number"),
        (
            {"head": ["a", "a"], "relation": ["v", "v"], "tail": [1, 2]},
            'row y: expected one value of "v" for "a" (row x',
        ),
        (
            {"head": ["a", "a"], "relation": ["v", "w"], "tail": [1, 2], "type": ["integer", "float"]},
            "row y: expected the type entity, integer, decimal, year, date, found 'float'",
        ),
        (
            {"head": ["a"], "relation": ["v"], "tail": [1.5], "type": ["year"]},
            'row x: expected a year as "v", found 1.5',
        ),
        ({"head": [], "relation": [], "tail": []}, "has no triples"),
    ],
)
def test_a_row_that_is_no_triple_is_named_by_its_label(frame: dict[str, list[Any]], message: str) -> None:
    made = pd.DataFrame({key: pd.Series(column, dtype=object) for key, column in frame.items()})
    made.index = pd.Index(["x", "y"][: len(made)])
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_pandas(made)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value("decimal", float("inf")), "a finite number"),
        (Value("integer", 2.5), "a Value with a whole number, as an integer is"),
        (Value("date", 1e9), "a Value with the ordinal of a date"),
        (Value("bogus", 1.0), "a Value of the kind integer, decimal"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_was_put_together_wrongly_is_refused(value: Value, expected: str) -> None:
    with pytest.raises(GraphError, match=f"triple 1: expected {expected}"):
        KnowledgeGraph.from_triples([("a", "size", value)])
