from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kg_data.columns import GraphColumns, LiteralColumn
from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph import cache
from reasoning.graph.content import GraphContent
from tests.reasoning.made_dataset import make_dataset


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SKYLARK_CACHE", str(folder))
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "made", queries_of_each=1)


def content(kg: KnowledgeGraph) -> str:
    """All that a graph holds, as one text."""
    arrays, details = kg.content.stored()
    return json.dumps([{name: array.tolist() for name, array in arrays.items()}, details], sort_keys=True)


def saved_folder(cache_folder: Path) -> Path:
    (folder,) = (cache_folder / "graphs").iterdir()
    return folder


def test_the_cached_graph_equals_the_fresh_one(cache_folder: Path, dataset: Path) -> None:
    fresh = KnowledgeGraph.load(dataset)
    assert content(KnowledgeGraph.load(dataset)) == content(fresh)


# Pickled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("splits", [None, ("valid", "train")])
def test_a_loaded_graph_is_pickled_by_where_it_was_loaded_from(
    cache_folder: Path, dataset: Path, splits: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent)
    kg = KnowledgeGraph.load(dataset.name, splits)
    pickled = pickle.dumps(kg)
    assert len(pickled) < 1000
    monkeypatch.chdir("/")
    assert content(pickle.loads(pickled)) == content(kg)


def test_without_the_cache_a_pickled_graph_is_read_again(cache_folder: Path, dataset: Path) -> None:
    kg = KnowledgeGraph.load(dataset)
    pickled = pickle.dumps(kg)
    shutil.rmtree(cache_folder)
    assert content(pickle.loads(pickled)) == content(kg)


def test_a_pickled_graph_that_has_changed_since_is_what_the_cache_has_or_refused(
    cache_folder: Path, dataset: Path
) -> None:
    kg = KnowledgeGraph.load(dataset)
    pickled = pickle.dumps(kg)
    with (dataset / "train.txt").open("a") as file:
        file.write("0\t0\t59\n")
    assert content(pickle.loads(pickled)) == content(kg)
    shutil.rmtree(cache_folder)
    with pytest.raises(GraphError, match="has changed since it was pickled"):
        pickle.loads(pickled)


def test_a_graph_made_of_triples_is_pickled_by_its_content() -> None:
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "age", 41)])
    assert content(pickle.loads(pickle.dumps(kg))) == content(kg)


def test_edges_that_were_added_to_a_loaded_graph_are_pickled_with_it(cache_folder: Path, dataset: Path) -> None:
    kg = KnowledgeGraph.load(dataset)
    added = kg.with_edges(np.array([[0, 0, 1]], dtype=np.int32), {(0, 0, 1): 0.5})
    again = pickle.loads(pickle.dumps(added))
    assert content(again) == content(added) and again.confidence(0, 0, 1) == 0.5


# Opened again ----------------------------------------------------------------------------------------------------


def test_the_second_time_nothing_is_built(cache_folder: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KnowledgeGraph.load(dataset)
    monkeypatch.setattr(KnowledgeGraph, "from_columns", lambda *_: pytest.fail("built again"))
    KnowledgeGraph.load(dataset)


def test_readings_of_a_file_are_cached_apart_and_what_was_left_out_is_told_each_time(
    cache_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,team,age\nAnn,Red,34\nBob\nCleo,Red,51\n")
    told = []
    for _ in range(2):
        caplog.clear()
        names = KnowledgeGraph.load(path, table=True, skip_broken=True)
        values = KnowledgeGraph.load(path, table=True, skip_broken=True, infer_values=True)
        assert (names.relation_count, values.relation_count, values.value_count) == (3, 2, 2)
        assert values.origin is not None and values.origin.arguments == (
            "--kg",
            str(path),
            "--table",
            "--infer-values",
            "--skip-broken",
        )
        assert [record.message for record in caplog.records] == [
            f"{path}: 1 broken line was left out: line 3: expected 3 cells as in the header (1 here), found 'Bob'"
        ] * 2
        told.append(names.left_out)
    assert told[0] == told[1] is not None


def test_splits_are_cached_apart_and_share_ids(cache_folder: Path, dataset: Path) -> None:
    for _ in range(2):
        whole, part = KnowledgeGraph.load(dataset), KnowledgeGraph.load(dataset, ["train"])
        assert len(part) < len(whole)
        assert list(part.entity_ids) == list(whole.entity_ids)


def test_an_edited_file_is_read_anew(cache_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "facts.tsv"
    file.write_text("a\tr\tb\n")
    KnowledgeGraph.load(file)
    file.write_text("a\tr\tb\na\tr\tc\n")
    assert len(KnowledgeGraph.load(file)) == 2


# Damage ---------------------------------------------------------------------------------------------------------


def flip(path: Path, position: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[position] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit in an array": lambda folder: flip(folder / "index_forward_tails.npy", -1),
    "flipped bit in an array's header": lambda folder: flip(folder / "index_forward_tails.npy", 20),
    "flipped bit in a name": lambda folder: flip(folder / "labels_blob.npy", -1),
    "array cut short": lambda folder: cut(folder / "universe.npy"),
    "empty array": lambda folder: (folder / "keys_blob.npy").write_bytes(b""),
    "missing array": lambda folder: (folder / "id_order.npy").unlink(),
    "array that is a folder": lambda folder: ((folder / "id_order.npy").unlink(), (folder / "id_order.npy").mkdir()),
    "missing manifest": lambda folder: (folder / cache.MANIFEST).unlink(),
    "manifest cut short": lambda folder: cut(folder / cache.MANIFEST),
    "empty manifest": lambda folder: (folder / cache.MANIFEST).write_bytes(b""),
    "manifest of something else": lambda folder: (folder / cache.MANIFEST).write_text("[1]"),
    "empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_built_anew_with_a_warning(
    cache_folder: Path, dataset: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    fresh = content(KnowledgeGraph.load(dataset))
    DAMAGE[damage](saved_folder(cache_folder))
    with caplog.at_level(logging.WARNING):
        assert content(KnowledgeGraph.load(dataset)) == fresh
    assert "is damaged" in caplog.text and "building it anew" in caplog.text


def test_a_graph_that_another_version_kept_is_built_anew_and_not_misread(
    cache_folder: Path, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = content(KnowledgeGraph.load(dataset))
    manifest = saved_folder(cache_folder) / cache.MANIFEST
    kept = json.loads(manifest.read_bytes().partition(b"\n")[2])
    older = json.dumps(kept | {"format": cache.FORMAT - 1, "details": kept["details"] | {"name": "misread"}}).encode()
    manifest.write_bytes(b"%08x\n%b" % (zlib.crc32(older), older))
    with caplog.at_level(logging.WARNING):
        assert content(KnowledgeGraph.load(dataset)) == fresh
    assert f"has format {cache.FORMAT - 1}, expected {cache.FORMAT}; building it anew" in caplog.text


def test_a_graph_that_was_kept_before_it_had_notes_and_definitions_is_read(cache_folder: Path, dataset: Path) -> None:
    fresh = KnowledgeGraph.load(dataset)
    manifest = saved_folder(cache_folder) / cache.MANIFEST
    kept = json.loads(manifest.read_bytes().partition(b"\n")[2])
    del kept["details"]["notes"], kept["details"]["definitions"]
    older = json.dumps(kept).encode()
    manifest.write_bytes(b"%08x\n%b" % (zlib.crc32(older), older))
    again = KnowledgeGraph.load(dataset)
    assert (list(again), again.notes, again.definitions) == (list(fresh), (), {})


def test_two_versions_keep_their_graphs_side_by_side(
    cache_folder: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KnowledgeGraph.load(dataset)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    KnowledgeGraph.load(dataset)
    assert len(list((cache_folder / "graphs").iterdir())) == 2


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE])
def test_a_folder_that_memory_or_files_do_not_suffice_for_is_not_thrown_away(
    cache_folder: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    KnowledgeGraph.load(dataset)
    monkeypatch.setattr("numpy.load", fails)
    with pytest.raises(OSError, match=os.strerror(number)):
        KnowledgeGraph.load(dataset)
    assert saved_folder(cache_folder).is_dir()


def test_what_was_built_anew_is_sound(cache_folder: Path, dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    KnowledgeGraph.load(dataset)
    flip(saved_folder(cache_folder) / "index_forward_tails.npy", -1)
    KnowledgeGraph.load(dataset)
    caplog.clear()
    KnowledgeGraph.load(dataset)
    assert not caplog.records


def test_no_flipped_bit_of_the_manifest_changes_what_is_read(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "v", 1)])
    folder = tmp_path / "saved"
    cache.save(folder, *kg.content.stored())
    manifest = folder / cache.MANIFEST
    raw = manifest.read_bytes()
    for position in (*range(12), *range(12, len(raw), 7)):
        flip(manifest, position)
        try:
            loaded = cache.load(folder)
        except GraphError:
            loaded = None
        assert loaded is None or loaded[1] == kg.content.stored()[1]
        manifest.write_bytes(raw)


# Other processes, other owners ----------------------------------------------------------------------------------

LOAD = "import sys; from reasoning import KnowledgeGraph; print(len(KnowledgeGraph.load(sys.argv[1])))"


@pytest.mark.slow
def test_two_processes_may_build_the_same_graph_at_once(cache_folder: Path, dataset: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", LOAD, str(dataset)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    results = [worker.communicate(timeout=60) for worker in workers]
    assert {out for out, _ in results} == {b"%d\n" % len(KnowledgeGraph.load(dataset))}
    assert [path.name[0] for path in (cache_folder / "graphs").iterdir()] == ["m"]


def test_a_folder_completed_by_another_process_is_left_as_it_is(tmp_path: Path) -> None:
    first, second = KnowledgeGraph.from_triples([("a", "r", "b")]), KnowledgeGraph.from_triples([("x", "r", "y")])
    for kg in (first, second):
        cache.save(tmp_path / "saved", *kg.content.stored())
    loaded = cache.load(tmp_path / "saved")
    assert loaded is not None and list(KnowledgeGraph(GraphContent.of(*loaded)).entity_ids) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("where", ["a file in the way", "closed", "read-only"])
def test_a_cache_that_cannot_be_written_is_no_hindrance(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    place = tmp_path / "place"
    if where == "a file in the way":
        place.write_text("")
    else:
        if os.geteuid() == 0:
            pytest.skip("the superuser may write anywhere")
        place.mkdir(mode=0o000 if where == "closed" else 0o500)
    monkeypatch.setenv("SKYLARK_CACHE", str(place / "cache"))
    assert len(KnowledgeGraph.load(dataset)) > 0
    assert "could not be cached" in caplog.text and "SKYLARK_CACHE names another folder" in caplog.text


def test_a_cache_that_may_not_be_looked_into_counts_as_empty(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", forbidden)
    assert cache.load(cache_folder) is None


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    kg = KnowledgeGraph.from_triples([("a", "r", "b")])
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        cache.save(tmp_path / "saved", *kg.content.stored())
    assert list(tmp_path.iterdir()) == []


def test_odd_names_and_empty_arrays_survive(tmp_path: Path) -> None:
    kg = KnowledgeGraph.from_columns(
        GraphColumns(
            name="\ud800",
            entity_ids=["\ud800", "😀"],
            entity_labels=["\ud800", "a\nb"],
            relation_ids=["\udfff"],
            relation_labels=["r\0"],
            splits={"graph": np.array([[0, 0, 1]], dtype=np.int32)},
            literals=[LiteralColumn("none", "year", np.array([], dtype=np.int32), np.array([]))],
        )
    )
    cache.save(tmp_path / "saved", *kg.content.stored())
    loaded = cache.load(tmp_path / "saved")
    assert loaded is not None and content(KnowledgeGraph(GraphContent.of(*loaded))) == content(kg)


@pytest.mark.parametrize("name", ["a/b", "../../x", "", "日本" * 40, "a\0b"])
def test_a_graphs_name_cannot_lead_out_of_the_cache(cache_folder: Path, name: str) -> None:
    assert cache.graph_folder(name, "0" * 64).resolve().parent == (cache_folder / "graphs").resolve()
