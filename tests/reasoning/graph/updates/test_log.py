"""The log of a store means the same when it is read again as it did when each of its changes came."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning import KnowledgeGraph, Source, Sourced
from reasoning.graph.updates.edits import Change
from reasoning.graph.updates.on_disk import GraphStore
from skylark.errors import SkylarkError

IDS = ["Q1", "Q2", "Q3"]
LABELS = ["Paris", "Rome", "Paris (Q2)"]
NAMES = [*IDS, *LABELS, *(f"{label} ({identifier})" for label in LABELS[:2] for identifier in IDS), "Anne"]
START = [("Q1", "in", "France"), ("Q2", "in", "Texas"), ("Q3", "in", "France"), ("Q1", "twin", "Rome")]

names = st.sampled_from(NAMES)
facts = st.one_of(
    st.tuples(names, st.sampled_from(["in", "twin", "in_reverse"]), names),
    st.tuples(names, st.just("size"), st.integers(1, 2)),
)
sourced = st.tuples(names, st.just("in"), names).map(lambda fact: Sourced(*fact, Source("report.txt")))
one_change = st.one_of(
    st.tuples(names, st.sampled_from(LABELS)).map(lambda pair: Change.of(labels=[pair])),
    st.tuples(names, st.just("city")).map(lambda pair: Change.of(types=[pair])),
    st.tuples(names, st.sampled_from(["Home", "Paris"])).map(lambda pair: Change.of(aliases=[pair])),
    st.lists(st.one_of(facts, sourced), min_size=1, max_size=3).map(Change.of),
    facts.map(lambda fact: Change.of(remove=[fact])),
    st.just(Change.of(remove_sources=["report.txt"])),
)


def content_of(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph says, by the ids and the names of entities."""
    there = kg.universe.tolist()
    aliases = kg.names.aliases()
    return {
        "facts": sorted(map(str, kg)),
        "entities": sorted(
            (kg.identifier(e), kg.entity_labels[e], kg.name(e), *sorted(kg.types(e)), *sorted(aliases.get(e, ())))
            for e in there
        ),
        "documents": kg.documents(),
    }


@pytest.mark.slow
@given(changes=st.lists(one_change, min_size=1, max_size=8))
def test_what_is_opened_is_what_was_acknowledged(changes: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = KnowledgeGraph.from_triples(START).changed(labels=[("Q1", "Paris")])
        store = GraphStore.create(Path(folder) / "store", start)
        acknowledged = content_of(store.open())
        for change in changes:
            with suppress(SkylarkError):  # refused, so that nothing is other
                acknowledged = content_of(store.change(change).graph)
            assert content_of(store.open()) == acknowledged
        assert content_of(store.compact().graph) == acknowledged
        assert content_of(store.open()) == acknowledged


@pytest.fixture
def paris(tmp_path: Path) -> GraphStore:
    """Two are called Paris, the second one since a change in the log."""
    start = KnowledgeGraph.from_triples([("Q90", "in", "France"), ("Q5", "in", "Texas"), ("Q90", "twin", "Rome")])
    store = GraphStore.create(tmp_path / "store", start.changed(labels=[("Q90", "Paris")]))
    store.change(Change.of(labels=[("Q5", "Paris")]))
    return store


def test_a_name_with_its_id_means_an_entity_that_has_a_namesake_since_an_earlier_change(paris: GraphStore) -> None:
    paris.change(Change.of([("Paris (Q90)", "mayor", "Anne")]))
    paris.change(Change.of(remove=[("Paris (Q90)", "twin", "Rome")]))
    kg = paris.open()
    assert {tuple(fact) for fact in kg} == {
        ("Paris (Q90)", "in", "France"), ("Paris (Q5)", "in", "Texas"), ("Paris (Q90)", "mayor", "Anne"),
    }  # fmt: skip
    with_type = kg.changed(labels=[("France", "Gaul"), ("Texas", "Gaul")], types=[("Gaul (France)", "country")])
    assert with_type.types(with_type.entity_by_id("France")) == ["country"]


def test_an_old_change_warns_of_nothing_again(paris: GraphStore, caplog: pytest.LogCaptureFixture) -> None:
    paris.change(Change.of([("ROME", "in", "Italy")]))
    assert '"ROME" is a new entity beside "Rome"' in caplog.text
    caplog.clear()
    paris.open()
    paris.change(Change.of([("Q5", "twin", "Texas")]))
    assert not caplog.text
