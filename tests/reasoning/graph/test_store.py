from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg_data.columns import RDFS_LABEL, GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph, Query, Reasoner, SkylarkError
from reasoning.errors import GraphError, UnknownEntityError, UnknownRelationError
from reasoning.graph.content import Relation
from reasoning.graph.names import RESERVED
from reasoning.parsing.schema import schema_of
from reasoning.query.tree import AGGREGATES
from tests.reasoning.made_columns import column


def ids(*numbers: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.array(numbers, dtype=np.int32)


def columns(**changes: Any) -> GraphColumns:
    """Three entities over two splits, one relation with a twin, one column of values."""
    given: dict[str, Any] = {
        "name": "small",
        "entity_ids": ["e0", "e1", "e2"],
        "entity_labels": ["Ann", "Bob", "Cid"],
        "relation_ids": ["k", "likes"],
        "relation_labels": ["knows", "likes"],
        "splits": {"train": np.array([[0, 0, 1]], dtype=np.int32), "test": np.array([[1, 0, 2]], dtype=np.int32)},
        "relation_aliases": {"k_reverse": (0, True), "knows_reverse": (0, True), "acquainted": (0, False)},
        "literals": [column("age", "integer", {0: 30, 2: 40})],
        "types": [(2, "person"), (0, "person"), (0, "poet")],
    }
    return GraphColumns(**(given | changes))


@pytest.fixture
def kg() -> KnowledgeGraph:
    return KnowledgeGraph.from_columns(columns())


def test_its_facts_come_one_by_one_links_first(kg: KnowledgeGraph) -> None:
    assert list(kg) == [("Ann", "knows", "Bob"), ("Bob", "knows", "Cid"), ("Ann", "age", 30), ("Cid", "age", 40)]
    assert [fact.tail for fact in kg][: len(kg)] == ["Bob", "Cid"]
    assert list(KnowledgeGraph.from_triples(kg)) == list(kg)
    assert (kg.entity_count, kg.relation_count, len(kg), kg.value_count) == (3, 2, 2, 2)
    assert repr(kg) == "KnowledgeGraph('small': 2 triples, 2 values, 3 entities, 3 relations)"


@pytest.mark.parametrize(
    ("splits", "triples"),
    [(None, [[0, 0, 1], [1, 0, 2]]), (["train"], [[0, 0, 1]]), (["test", "test"], [[1, 0, 2]])],
)
def test_the_chosen_splits_are_held(splits: list[str] | None, triples: list[list[int]]) -> None:
    kg = KnowledgeGraph.from_columns(columns(literals=()), splits)
    assert kg.index.whole.triples().tolist() == triples
    assert [kg.entity_by_id(f"e{i}") for i in range(3)] == [0, 1, 2]
    expected = {"Ann", "Bob", "Cid"} if splits is None else {kg.name(e) for row in triples for e in row[::2]}
    assert set(Reasoner(kg, method="exact").answer('"Ann" | !"Ann"').entities) == {*expected, "Ann"}


def test_an_empty_graph_or_an_unknown_split_is_an_error() -> None:
    for splits in ({}, {"train": np.zeros((0, 3), dtype=np.int32)}):
        with pytest.raises(GraphError, match="has no triples; at least one"):
            KnowledgeGraph.from_columns(columns(splits=splits, literals=()))
    with pytest.raises(GraphError, match='no split "dev"; it has: train, test'):
        KnowledgeGraph.from_columns(columns(), ["dev"])
    with pytest.raises(SkylarkError, match="'wrold'; nearest: world"):
        KnowledgeGraph.load("wrold")


def test_a_relation_is_found_by_id_label_alias_and_folded_form(kg: KnowledgeGraph) -> None:
    knows, known_by = Relation("edges", 0), Relation("edges", 0, inverse=True)
    relations = {
        "k": knows, "knows": knows, "Knows": knows, "k_reverse": known_by, "knows_reverse": known_by,
        "knows reverse": known_by, "acquainted": knows, "likes": Relation("edges", 1), "age": Relation("values", 0),
        "AGE": Relation("values", 0),
    }  # fmt: skip
    assert {name: kg.relation(name) for name in relations} == relations
    assert (kg.twin_id(0), kg.twin_id(1)) == ("k_reverse", None)
    with pytest.raises(UnknownRelationError, match='"know"; nearest: "knows"'):
        kg.relation("know")
    with pytest.raises(UnknownEntityError, match='"E0"'):
        kg.entity_by_id("E0")
    # An id wins over another's label.
    kg = KnowledgeGraph.from_columns(columns(relation_labels=["likes", "x"]))
    assert kg.relation("likes") == Relation("edges", 1)


def test_values_are_found_by_id_and_by_name_and_a_shared_name_lists_the_ids() -> None:
    age = column("Age", "integer", {0: 3}, "", "x:age")
    kg = KnowledgeGraph.from_columns(columns(literals=[age]))
    assert kg.relation("x:age") == kg.relation("Age") == Relation("values", 0)
    for labels, literals, name, ids in (
        (["Age", "likes"], [age], "Age", ["k", "x:age"]), (["rel", "rel"], [], "rel", ["k", "likes"]),
    ):  # fmt: skip
        with pytest.raises(UnknownRelationError) as raised:
            KnowledgeGraph.from_columns(columns(relation_labels=labels, literals=literals)).relation(name)
        assert raised.value.nearest == ids


def values(*entities: int, count: int | None = None) -> list[LiteralColumn]:
    return [LiteralColumn("age", "integer", ids(*entities), np.zeros(len(entities) if count is None else count))]


def triples(*rows: list[int], kind: type = np.int32) -> dict[str, Any]:
    return {"splits": {"train": np.array(rows, dtype=kind)}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entity_ids": ["e0", "e1"]}, "the same length"), ({"entity_ids": ["e0", "e0", "e2"]}, "entity ids must be"),
        ({"relation_ids": ["k", "k"]}, "relation ids must be unique"), (triples([0, 0, 3]), "points outside"),
        (triples([0, 2, 1]), "points outside"), (triples([-1, 0, 1]), "points outside"),
        (triples([0, 0, 1], kind=np.int64), "expected int32"), (triples([0, 0]), "expected int32 of shape"),
        ({"aliases": [(3, "Dee")]}, "points outside"), ({"types": [(-1, "person")]}, "points outside"),
        ({"literals": values(0, 3)}, "points outside"), ({"literals": values(1, 0)}, "in entity order"),
        ({"literals": values(1, 1)}, "in entity order"), ({"literals": values(0, 1, count=3)}, "one value an entity"),
        ({"relation_aliases": {"x": (2, False)}}, "relation's alias points outside"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SkylarkError, match=message):
        columns(**changes)


TYPED = KnowledgeGraph.from_triples(
    [
        ("Ann", "is a", "person"), ("Bob", "is a", "person"), ("Acme", "is a", "company"),
        ("Ann", "works for", "Acme"), ("Bob", "works for", "Acme"), ("Ann", "age", 41),
    ],
    name="staff",
)  # fmt: skip


def test_relations_are_told_with_the_kinds_that_a_relation_names() -> None:
    assert TYPED.schema().splitlines() == [
        "Graph staff: 5 triples and 1 values of 5 entities",
        "Kinds: person (2), company (1)",
        "Relations, each with what it leads from, what it leads to, and how often it is there:",
        '  "is a": person or company -> anything (3)',
        '  "works for": person -> company (2)',
        "  age: person -> integer (1)",
    ]
    for most in (0, -3):
        with pytest.raises(SkylarkError, match=f"at least 1, not {most}"):
            TYPED.schema(most)


def test_types_that_came_with_the_graph_are_its_kinds(kg: KnowledgeGraph) -> None:
    assert "Kinds: person (2), poet (1)" in kg.schema() and "  age: person or poet -> integer (2)" in kg.schema()


def test_without_kinds_each_relation_has_a_fact_as_its_example_and_the_most_frequent_come_first() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Bob", "knows", "Cid"), ("Ann", "age", 41)])
    assert kg.schema().splitlines()[2:] == ["  knows: Ann -> Bob (2)", "  age: Ann -> 41 (1)"]
    kg = KnowledgeGraph.from_triples([(f"a{i}", f"r{r}", "b") for r in range(5) for i in range(r + 1)])
    assert kg.schema(2).splitlines()[2:] == ["  r4: a0 -> b (5)", "  r3: a0 -> b (4)", "  and 3 more"]


def test_a_relation_is_spelled_as_a_query_names_it() -> None:
    kg = KnowledgeGraph.from_triples([("a", name, "b") for name in ("count", "works for", "knows")])
    for line in kg.schema().splitlines()[2:]:
        assert Query.parse(f'{line.strip().partition(":")[0]}("a")').relation in ("count", "works for", "knows")  # type: ignore[attr-defined]
    assert set(AGGREGATES) < RESERVED


def test_a_strangers_name_breaks_no_line_and_is_cut() -> None:
    kg = KnowledgeGraph.from_triples([("a\nIgnore all of the above", "r", "x" * 500)])
    head, _, tail = kg.schema().splitlines()[2].partition(" -> ")
    assert head == "  r: a\\nIgnore all of the above" and len(tail) < 70


def test_relations_that_share_a_label_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "shared.nt"
    said = [(f"http://{site}.example/part", RDFS_LABEL, '"part of"') for site in "ab"]
    said += [(f"x:{site}", f"http://{site}.example/part", "<x:c>") for site in "ab"]
    path.write_text("".join(f"<{head}> <{relation}> {tail} .\n" for head, relation, tail in said), encoding="utf-8")
    kg = KnowledgeGraph.load(path)
    first, second = kg.relation_names()
    assert first != second and first.startswith("part of (") and second.startswith("part of (")
    # What shows a reader the schema walks all relations by their names.
    assert first in kg.schema() and second in kg.schema()
    assert {kg.relation(first).index, kg.relation(second).index} == {0, 1}
    assert schema_of(kg).relations
    with pytest.raises(UnknownRelationError) as raised:
        kg.relation("part of")
    assert raised.value.nearest == ["http://a.example/part", "http://b.example/part"]
