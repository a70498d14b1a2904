import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from kg_data.values import Value
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from tests.reasoning.made_columns import column, graph
from tests.reasoning.random_queries import Facts, facts

Triples = set[tuple[str, str, Any]]
DAY = datetime.date(2001, 1, 2)
TWO_TAILS = pd.DataFrame([["a", "r", "b", "c"]], columns=["head", "relation", "tail", "tail"])


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
    return graph(
        {"1": "Paris", "2": "Paris", "3": 'Fr"\t\\'}, {"in": "is in"}, [[0, 0, 2]],
        column("founded", "year", {0: -250, 1: 1844}), column("size", "decimal", {1: 2}),
    )  # fmt: skip


@given(facts())
def test_a_graph_holds_the_triples_it_was_made_of_and_goes_to_networkx_and_pandas_and_back(world: Facts) -> None:
    kg = KnowledgeGraph.from_triples(world.triples)
    assert triples_of(kg) == set(world.triples)
    for back in (KnowledgeGraph.from_networkx(kg.to_networkx()), KnowledgeGraph.from_pandas(kg.to_pandas())):
        assert triples_of(back) == triples_of(kg) and kinds_of(back) == kinds_of(kg)


def test_many_relations_between_one_pair_are_all_kept_and_twins_fold_into_theirs() -> None:
    triples = [("a", f"r{i}", "b") for i in range(20)] + [("b", "r0", "a"), ("a", "r0", "a")]
    assert triples_of(KnowledgeGraph.from_triples(triples)) == set(triples)
    assert triples_of(KnowledgeGraph.from_triples(np.array([["a", "r", "b"]] * 3))) == {("a", "r", "b")}
    values = KnowledgeGraph.from_triples([("a", "v", 1), ("b", "v", 2)])
    assert [values.name(int(entity)) for entity in values.universe] == ["a", "b"]
    others = [("x", "r", "y"), ("y", "r_reverse", "x"), ("x", "r_reverse_reverse", "y")]
    for relation, stored in (("r", "ab"), ("r_reverse", "ba"), ("r_reverse_reverse", "ab")):
        kg = KnowledgeGraph.from_triples([("a", relation, "b"), *others])
        assert triples_of(kg) == {("x", "r", "y"), (stored[0], "r", stored[1])}
    assert KnowledgeGraph.from_triples([("a", "r_reverse", "b")]).relation_ids == ("r_reverse",)


@pytest.mark.parametrize(
    ("tail", "kind", "value"),
    [(-5, "integer", -5), (2**53, "integer", 2**53), (2.5, "decimal", 2.5), (DAY, "date", DAY),
     (np.int64(5), "integer", 5), (np.float32(1.5), "decimal", 1.5), (Decimal("1.5"), "decimal", 1.5),
     (pd.Timestamp("2001-01-02"), "date", DAY), (Value("year", 1999), "year", 1999)],
)  # fmt: skip
def test_a_number_or_date_as_tail_is_a_value_and_kept_exactly(tail: Any, kind: str, value: Any) -> None:
    kg = KnowledgeGraph.from_triples([("a", "v", tail)])
    (column,) = kg.literals
    found = kg.value(column, float(column.values[0]))
    assert (column.kind, found, type(found)) == (kind, value, type(value))


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ([], "has no triples; at least one"), ([("a", "r")], "triple 1: expected (head, relation, tail)"),
        (["abc"], "found 'abc'"), ([("a", "r", "b"), ("", "r", "b")], "triple 2: expected a non-empty text as head"),
        ([(1, "r", "b")], "found 1; numbers that are names"), ([("a", None, "b")], "as relation, found None"),
        ([("a", "r", None)], "as tail, found None"), ([("a", "r", True)], "as tail, found True"),
        ([("a", "r", pd.NaT)], "a date without a time"),
        ([("a", "r", "b"), ("a", "r", 5)], '"r" and not both (triple 1 has an entity), found a value'),
        ([("a", "v", 5), ("b", "v", DAY)], "(triple 1 has an integer), found the date 2001-01-02"),
        ([("a", "v", 5), ("a", "v", 6)], 'triple 2: expected one value of "v" for "a" (triple 1 has 5), found 6'),
        ([("a", "v", math.nan)], "a finite number"), ([("a", "v", math.inf)], "found inf"),
        ([("a", "v", 2**53 + 1)], "at most 9,007,199,254,740,992"), ([("a", "v", 10**10_000)], "of 33220 bits"),
        ([("a", "v", datetime.datetime(2000, 1, 1, 12))], "without a time"),
        ([("a", "v", Value("decimal", math.inf))], "finite"), ([("a", "v", Value("date", 1e9))], "the ordinal"),
        ([("a", "v", Value("integer", 2.5))], "a whole number"),
        ([("a", "v", Value("bogus", 1.0))], "of the kind integer, decimal"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_cannot_be_kept_as_given_is_an_error(triples: list[Any], message: str) -> None:
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_triples(triples)
    assert message in str(raised.value)
    for what in ("types", "aliases"):
        with pytest.raises(GraphError, match=f'{what}: the entity "x"'):
            KnowledgeGraph.from_triples([("a", "r", "b")], **{what: [("x", "thing")]})  # type: ignore[arg-type]


def test_ids_labels_years_and_types_go_to_networkx_and_pandas_and_back() -> None:
    kg = awkward()
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert {"Paris (1)", "Paris (2)"} < set(kg.to_networkx().nodes)
    assert dict(zip(back.entity_ids, back.entity_labels, strict=True)) == {"1": "Paris", "2": "Paris", "3": 'Fr"\t\\'}
    for again in (back, KnowledgeGraph.from_pandas(kg.to_pandas())):
        assert triples_of(again) == triples_of(kg)
        assert kinds_of(again) == kinds_of(kg) == {"founded": "year", "size": "decimal"}
    kg = KnowledgeGraph.from_triples([("a", "r", "b")], types=[("a", "person"), ("a", "poet")])
    back = KnowledgeGraph.from_networkx(kg.to_networkx())
    assert back.types(back.entity("a")) == ["person", "poet"]


@pytest.mark.parametrize(
    ("edge", "nodes", "message"),
    [
        ({"relation": "r"}, [{"size": 5}, {"size": datetime.date(2000, 1, 1)}], "the node with ('b', 'size', datetime"),
        ({"relation": "r"}, [{"id": "x"}, {"id": "x"}], "the nodes 'a' and 'b' have one id, 'x'"),
        ({}, [{}, {}], "the edge 'a' -> 'b' names no relation"), (None, [], "has no triples"),
    ],
)  # fmt: skip
def test_what_no_graph_can_be_made_of_is_named(edge: dict[str, str] | None, nodes: list[Any], message: str) -> None:
    graph = nx.DiGraph()
    if edge is not None:
        graph.add_edge("a", "b", **edge)
        graph.nodes["a"].update(nodes[0])
        graph.nodes["b"].update(nodes[1])
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_networkx(graph)
    assert message in str(raised.value)


def test_networkx_says_relations_and_values_in_several_ways() -> None:
    one, two, near = nx.DiGraph([("a", "b", {"relation": "r"})]), nx.MultiDiGraph(), nx.Graph()
    one.add_node("a", size=5, seen=True, note="x", types="person")  # flags are no values
    kg = KnowledgeGraph.from_networkx(one)
    assert triples_of(kg) == {("a", "r", "b"), ("a", "size", 5)} and kg.types(kg.entity("a")) == ["person"]
    two.add_edges_from([("a", "b", "r"), ("a", "b", "s"), ("a", "c", {"relation": "t"})])
    assert triples_of(KnowledgeGraph.from_networkx(two)) == {("a", "r", "b"), ("a", "s", "b"), ("a", "t", "c")}
    near.add_edge(1, 2, relation="near")
    assert triples_of(KnowledgeGraph.from_networkx(near)) == {("1", "near", "2"), ("2", "near", "1")}
    multi = nx.MultiGraph()
    multi.add_edges_from([("a", tail, relation) for relation in "rs" for tail in "ab"])
    expected = {(h, r, t) for r in "rs" for h, t in (("a", "b"), ("b", "a"), ("a", "a"))}
    assert triples_of(KnowledgeGraph.from_networkx(multi)) == expected


def test_a_frame_has_a_row_for_each_triple_and_value() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "size", 5), ("b", "born", DAY)])
    frame = kg.to_pandas()
    assert [*frame.columns] == ["head", "relation", "tail", "type"]
    assert frame.to_numpy().tolist() == [
        ["a", "r", "b", "entity"], ["a", "size", 5, "integer"], ["b", "born", DAY, "date"],
    ]  # fmt: skip
    frame = pd.DataFrame({"o": ["b"], "s": ["a"], "p": ["r"], "weight": [1.0]})
    assert triples_of(KnowledgeGraph.from_pandas(frame, head="s", relation="p", tail="o")) == {("a", "r", "b")}


@pytest.mark.parametrize(
    ("tails", "expected"),
    [
        (pd.Series([1.5, 2]), {1.5, 2.0}), (pd.Series(["x", 2], dtype=object), {"x"}),
        (pd.to_datetime(pd.Series(["2001-01-02"] * 2)), {DAY}), (pd.Series(["x", "y"], dtype="category"), {"x", "y"}),
        (pd.Series(["x", "y"], dtype="string"), {"x", "y"}), (pd.Series([1, 2], dtype="Int64"), {1, 2}),
    ],
)  # fmt: skip
def test_tails_of_every_dtype_are_read(tails: pd.Series, expected: set[Any]) -> None:
    frame = pd.DataFrame({"head": ["a", "b"], "relation": ["r", "s"], "tail": tails})
    assert expected <= {tail for _, _, tail in triples_of(KnowledgeGraph.from_pandas(frame))}


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (KnowledgeGraph.from_triples, None, "found NoneType"),
        (KnowledgeGraph.from_triples, pd.DataFrame({"head": ["a"]}), "frames are read by from_pandas"),
        (KnowledgeGraph.from_networkx, [("a", "b")], "a NetworkX graph, found list"),
        (KnowledgeGraph.from_pandas, [("a", "r", "b")], "a pandas DataFrame, found list"),
        (KnowledgeGraph.from_pandas, TWO_TAILS, 'several columns "tail"'),
    ],
)  # fmt: skip
def test_what_is_no_graph_at_all_is_named(make: Callable[[Any], KnowledgeGraph], given: Any, message: str) -> None:
    with pytest.raises(GraphError) as raised:
        make(given)
    assert message in str(raised.value)


def test_a_table_is_refused_with_what_reads_it() -> None:
    times = pd.to_datetime(["2020-01-02 05:06", None], utc=True)
    frame = pd.DataFrame({"name": ["Ann", "Bob"], "team": ["Red", None], "age": [34, None], "since": times})
    with pytest.raises(GraphError, match='each row is a thing that "name" names, table=True reads it so'):
        KnowledgeGraph.from_pandas(frame)
    kg = KnowledgeGraph.from_pandas(frame, name="employee", table=True)
    assert triples_of(kg) == {
        ("Ann", "type", "employee"), ("Bob", "type", "employee"), ("Red", "type", "team"),
        ("Ann", "team", "Red"), ("Ann", "age", 34), ("Ann", "since", datetime.date(2020, 1, 2)),
    }  # fmt: skip
    assert kinds_of(kg) == {"age": "integer", "since": "date"}
    for frame, head in (
        (pd.DataFrame({"team": ["Red", "Red"]}, index=pd.Index(["Ann", "Bo"], name="person")), "head"),
        (pd.DataFrame({"team": ["Red", "Red"], "person": ["Ann", "Bo"]}), "person"),
    ):
        kg = KnowledgeGraph.from_pandas(frame, head=head, table=True)
        assert {("Ann", "team", "Red"), ("Bo", "team", "Red"), ("Ann", "type", "person")} <= triples_of(kg)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"name": ["Ann", None], "team": ["Red", "Blue"]}), "line 3: expected the name"),
        (pd.DataFrame({"name": ["Ann"]}), "a header of two columns"), ([("Ann", "team", "Red")], "found list"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_says_where(frame: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        KnowledgeGraph.from_pandas(frame, table=True)


def test_the_rows_that_are_left_out_are_those_of_every_column_with_gaps() -> None:
    frame = pd.DataFrame({"who": ["a", None, "c"], "relation": ["r"] * 3, "whom": ["b", "b", None]})
    call = 'frame.dropna(subset=["who", "whom"])'
    with pytest.raises(GraphError, match=re.escape(call)):
        KnowledgeGraph.from_pandas(frame, head="who", tail="whom")
    assert triples_of(KnowledgeGraph.from_pandas(eval(call), head="who", tail="whom")) == {("a", "r", "b")}


def test_a_graph_has_its_facts_in_it_and_refuses_to_be_asked_for_a_name() -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "v", 5)])
    assert ("a", "r", "b") in kg and ("a", "v", 5) in kg and ("a", "r", "c") not in kg
    with pytest.raises(TypeError, match=r'expected a fact.*kg\.entity\("a"\)'):
        _ = "a" in kg


def test_a_type_column_says_what_looks_do_not() -> None:
    relations, tails = ["founded", "population", "area", "code", "r", "v"], [1999.0, "5", 3, "7", "b", 5]
    types = ["year", "integer", "decimal", "entity", "entity", None]
    frame = pd.DataFrame({"head": ["a"] * 6, "relation": relations, "tail": tails, "type": types})
    kg = KnowledgeGraph.from_pandas(frame)
    assert kinds_of(kg) == {"founded": "year", "population": "integer", "area": "decimal", "v": "integer"}
    assert {("a", "code", "7"), ("a", "r", "b"), ("a", "v", 5)} <= triples_of(kg)


def rows(*tails: Any, relation: str = "v", **more: list[Any]) -> dict[str, list[Any]]:
    return {"head": ["a"] * len(tails), "relation": [relation] * len(tails), "tail": list(tails), **more}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"head": ["a"], "relation": ["r"], "tial": ["b"]}, 'no column "tail"; it has: head, relation, tial; say'),
        ({"Subject": ["a"], "p": ["r"], "o": ["b"]}, 'e.g. head="Subject"'), ({}, 'no column "head", nor any other'),
        (rows("b", "c", head=["a", 1]), "row y: expected a non-empty text as head, found 1"),
        (rows("b", None), 'row y: nothing stands in "tail"; frame.dropna(subset=["tail"]) leaves'),
        (rows(1.0, math.nan), "row y: nothing"), (rows(pd.Timestamp(0), pd.NaT), "row y: nothing stands"),
        (rows(math.inf), "row x: expected a finite number"), (rows(), "has no triples"),
        (rows(1, 2), 'row y: expected one value of "v" for "a" (row x'),
        (rows(1, 2, type=["integer", "float"]), "row y: expected the type entity, integer, decimal, year, date, fo"),
        (rows(1.5, type=["year"]), 'row x: expected a year as "v", found 1.5'),
    ],
)  # fmt: skip
def test_a_row_that_is_no_triple_is_named_by_its_label(frame: dict[str, list[Any]], message: str) -> None:
    made = pd.DataFrame({key: pd.Series(column, dtype=object) for key, column in frame.items()})
    made.index = pd.Index(["x", "y"][: len(made)])
    with pytest.raises(GraphError) as raised:
        KnowledgeGraph.from_pandas(made)
    assert message in str(raised.value)
