"""A graph store on the shelf: the demo answers of what it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.graph.graphs import GraphRegistry
from reasoning import KnowledgeGraph
from reasoning.graph.updates.edits import Change
from reasoning.graph.updates.on_disk import GraphStore
from skylark.errors import UsageError


@pytest.fixture
def store(tmp_path: Path) -> GraphStore:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Bob", "knows", "Cleo")])
    return GraphStore.create(tmp_path / "people", kg)


def test_a_store_is_served_by_its_folder_s_name(store: GraphStore) -> None:
    shelf = GraphRegistry((), [store.folder])
    assert shelf.names == ("people",)
    assert shelf.get("people") is shelf.get("people")


def test_a_change_to_the_store_is_noticed(store: GraphStore) -> None:
    shelf = GraphRegistry((), [store.folder])
    before = shelf.get("people")
    store.change(Change.of([("Ann", "knows", "Dai")]))
    after = shelf.get("people")
    assert len(before) == 2 and len(after) == 3
    assert shelf.get("people") is after


def test_two_stores_of_one_name_are_refused(store: GraphStore, tmp_path: Path) -> None:
    other = GraphStore.create(tmp_path / "other" / "people", store.open())
    with pytest.raises(UsageError, match=r'would be called "people"'):
        GraphRegistry((), [store.folder, other.folder])
