from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph, Reasoner, SkylarkError
from reasoning.errors import GraphError, UnknownEntityError, UnknownRelationError
from reasoning.graph.content import Relation


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
        "literals": [LiteralColumn("age", "integer", ids(0, 2), np.array([30.0, 40.0]))],
        "types": [(2, "person"), (0, "person"), (0, "poet")],
    }
    return GraphColumns(**(given | changes))


@pytest.fixture
def kg() -> KnowledgeGraph:
    return KnowledgeGraph.from_columns(columns())


# Facts -----------------------------------------------------------------------------------------------------------


def test_its_facts_come_one_by_one_links_first(kg: KnowledgeGraph) -> None:
    assert list(kg) == [("Ann", "knows", "Bob"), ("Bob", "knows", "Cid"), ("Ann", "age", 30), ("Cid", "age", 40)]
    assert [fact.tail for fact in kg][: len(kg)] == ["Bob", "Cid"]
    assert list(KnowledgeGraph.from_triples(kg)) == list(kg)
    assert (kg.entity_count, kg.relation_count, len(kg), kg.value_count) == (3, 2, 2, 2)
    assert repr(kg) == "KnowledgeGraph('small': 2 triples, 2 values, 3 entities, 3 relations)"


# Splits ---------------------------------------------------------------------------------------------------------


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


# Relations ------------------------------------------------------------------------------------------------------


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
    # An id wins over another's label, and a label of two lists their ids.
    assert KnowledgeGraph.from_columns(columns(relation_labels=["likes", "x"])).relation("likes") == Relation(
        "edges", 1
    )
    with pytest.raises(UnknownRelationError) as raised:
        KnowledgeGraph.from_columns(columns(relation_labels=["rel", "rel"])).relation("rel")
    assert raised.value.nearest == ["k", "likes"]


def test_values_are_found_by_id_and_by_name_and_a_shared_name_lists_the_ids() -> None:
    values = LiteralColumn("Age", "integer", ids(0), np.array([3.0]), identifier="x:age")
    kg = KnowledgeGraph.from_columns(columns(literals=[values]))
    assert kg.relation("x:age") == kg.relation("Age") == Relation("values", 0)
    shared = KnowledgeGraph.from_columns(columns(literals=[values], relation_labels=["Age", "likes"]))
    with pytest.raises(UnknownRelationError) as raised:
        shared.relation("Age")
    assert raised.value.nearest == ["k", "x:age"]


# Entities -------------------------------------------------------------------------------------------------------


def test_an_entity_has_its_types(kg: KnowledgeGraph) -> None:
    assert [kg.types(entity) for entity in range(3)] == [["person", "poet"], [], ["person"]]


# Columns that cannot be right -----------------------------------------------------------------------------------


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


# From files -----------------------------------------------------------------------------------------------------


def test_a_file_loads_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "facts.tsv"
    file.write_text("Paris\tcapital of\tFrance\nLyon\tin\tFrance\n", encoding="utf-8")
    answer = Reasoner(file, method="exact").answer('~"capital of"("France") | ~in("France")')
    assert set(answer.entities) == {"Paris", "Lyon"}
