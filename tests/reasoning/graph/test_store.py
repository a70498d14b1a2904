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


def test_its_facts_make_a_graph_again() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "age", 41), ("Bob", "height", 1.8)])
    assert list(KnowledgeGraph.from_triples(kg)) == list(kg)


# Splits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("splits", "triples"),
    [
        (None, [[0, 0, 1], [1, 0, 2]]),
        (["train"], [[0, 0, 1]]),
        (["test"], [[1, 0, 2]]),
        (["test", "test"], [[1, 0, 2]]),
    ],
)
def test_the_chosen_splits_are_held(splits: list[str] | None, triples: list[list[int]]) -> None:
    assert KnowledgeGraph.from_columns(columns(), splits).index.whole.triples().tolist() == triples


@pytest.mark.parametrize("splits", [None, ["train"], ["test"]])
def test_ids_are_the_same_whichever_splits_are_chosen(splits: list[str] | None) -> None:
    kg = KnowledgeGraph.from_columns(columns(), splits)
    assert [kg.entity_by_id(f"e{i}") for i in range(3)] == [0, 1, 2]


def test_a_complement_is_over_the_entities_of_the_chosen_splits() -> None:
    kg = KnowledgeGraph.from_columns(columns(literals=()), ["train"])
    assert Reasoner(kg, method="exact").answer('!"Ann"').entities == ["Bob"]


def test_an_unknown_split_is_an_error_that_lists_the_splits() -> None:
    with pytest.raises(GraphError, match='no split "dev"; it has: train, test'):
        KnowledgeGraph.from_columns(columns(), ["dev"])


@pytest.mark.parametrize("splits", [{}, {"train": np.zeros((0, 3), dtype=np.int32)}])
def test_an_empty_graph_is_an_error(splits: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match="has no triples; at least one"):
        KnowledgeGraph.from_columns(columns(splits=splits, literals=()))


# Relations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("k", Relation("edges", 0)),
        ("knows", Relation("edges", 0)),
        ("Knows", Relation("edges", 0)),
        ("k_reverse", Relation("edges", 0, inverse=True)),
        ("knows_reverse", Relation("edges", 0, inverse=True)),
        ("knows reverse", Relation("edges", 0, inverse=True)),
        ("acquainted", Relation("edges", 0)),
        ("likes", Relation("edges", 1)),
        ("age", Relation("values", 0)),
        ("AGE", Relation("values", 0)),
    ],
)
def test_a_relation_is_found_by_id_label_alias_and_folded_form(
    kg: KnowledgeGraph, name: str, relation: Relation
) -> None:
    assert kg.relation(name) == relation


def test_an_unknown_relation_lists_the_nearest(kg: KnowledgeGraph) -> None:
    with pytest.raises(UnknownRelationError, match='no relation named "know"; nearest: "knows"'):
        kg.relation("know")


def test_a_label_of_two_relations_lists_their_ids() -> None:
    kg = KnowledgeGraph.from_columns(columns(relation_labels=["rel", "rel"]))
    with pytest.raises(UnknownRelationError) as raised:
        kg.relation("rel")
    assert raised.value.nearest == ["k", "likes"]


def test_values_are_found_by_id_and_by_name_and_a_shared_name_lists_the_ids() -> None:
    values = LiteralColumn("Age", "integer", ids(0), np.array([3.0]), identifier="x:age")
    kg = KnowledgeGraph.from_columns(columns(literals=[values]))
    assert kg.relation("x:age") == kg.relation("Age") == Relation("values", 0)
    shared = KnowledgeGraph.from_columns(columns(literals=[values], relation_labels=["Age", "likes"]))
    with pytest.raises(UnknownRelationError) as raised:
        shared.relation("Age")
    assert raised.value.nearest == ["k", "x:age"]


def test_an_id_wins_over_anothers_label() -> None:
    kg = KnowledgeGraph.from_columns(columns(relation_labels=["likes", "adores"]))
    assert kg.relation("likes") == Relation("edges", 1)


def test_a_relation_without_a_twin_has_no_twin_id(kg: KnowledgeGraph) -> None:
    assert (kg.twin_id(0), kg.twin_id(1)) == ("k_reverse", None)


# Entities -------------------------------------------------------------------------------------------------------


def test_an_id_is_taken_exactly(kg: KnowledgeGraph) -> None:
    with pytest.raises(UnknownEntityError, match='"E0"'):
        kg.entity_by_id("E0")


@pytest.mark.parametrize(("entity", "types"), [(0, ["person", "poet"]), (1, []), (2, ["person"])])
def test_an_entity_has_its_types(kg: KnowledgeGraph, entity: int, types: list[str]) -> None:
    assert kg.types(entity) == types


def test_sizes_count_what_is_there(kg: KnowledgeGraph) -> None:
    assert (kg.entity_count, kg.relation_count, len(kg)) == (3, 2, 2)
    assert kg.value_count == 2
    assert repr(kg) == "KnowledgeGraph('small': 2 triples, 2 values, 3 entities, 3 relations)"


# Columns that cannot be right -----------------------------------------------------------------------------------


def values(*entities: int, count: int | None = None) -> list[LiteralColumn]:
    return [LiteralColumn("age", "integer", ids(*entities), np.zeros(len(entities) if count is None else count))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entity_ids": ["e0", "e1"]}, "the same length"),
        ({"entity_ids": ["e0", "e0", "e2"]}, "entity ids must be unique"),
        ({"relation_ids": ["k", "k"]}, "relation ids must be unique"),
        ({"splits": {"train": np.array([[0, 0, 3]], dtype=np.int32)}}, "points outside"),
        ({"splits": {"train": np.array([[0, 2, 1]], dtype=np.int32)}}, "points outside"),
        ({"splits": {"train": np.array([[-1, 0, 1]], dtype=np.int32)}}, "points outside"),
        ({"splits": {"train": np.array([[0, 0, 1]], dtype=np.int64)}}, "expected int32"),
        ({"splits": {"train": np.array([0, 0, 1], dtype=np.int32)}}, "expected int32 of shape"),
        ({"aliases": [(3, "Dee")]}, "alias, type or value points outside"),
        ({"types": [(-1, "person")]}, "alias, type or value points outside"),
        ({"literals": values(0, 3)}, "alias, type or value points outside"),
        ({"literals": values(1, 0)}, "one value an entity, in entity order"),
        ({"literals": values(1, 1)}, "one value an entity, in entity order"),
        ({"literals": values(0, 1, count=3)}, "one value an entity"),
        ({"relation_aliases": {"x": (2, False)}}, "relation's alias points outside"),
    ],
)
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


def test_an_unknown_graph_is_an_error() -> None:
    with pytest.raises(SkylarkError, match="no graph is called 'wrold'; nearest: world"):
        KnowledgeGraph.load("wrold")
