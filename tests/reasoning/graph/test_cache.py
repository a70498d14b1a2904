import errno
import json
import os
import pickle
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning import KnowledgeGraph
from reasoning.errors import GraphError
from reasoning.graph import cache
from reasoning.graph.content import GraphContent
from tests.reasoning.made_columns import column, graph
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
    shutil.rmtree(cache_folder)
    assert content(pickle.loads(pickled)) == content(kg)
    added = kg.with_edges(np.array([[0, 0, 1]], dtype=np.int32), {(0, 0, 1): 0.5})
    again = pickle.loads(pickle.dumps(added))
    assert content(again) == content(added) and again.confidence(0, 0, 1) == 0.5


def test_a_pickled_graph_that_has_changed_since_is_what_the_cache_has_or_refused(
    cache_folder: Path, dataset: Path
) -> None:
    kg = KnowledgeGraph.load(dataset)
    pickled = pickle.dumps(kg)
    with (dataset / "train.txt").open("a") as file:
        file.write("0\t0\t59\n")
    assert content(pickle.loads(pickled)) == content(kg)
    assert len(KnowledgeGraph.load(dataset)) == len(kg) + 1  # an edited file is read anew
    shutil.rmtree(cache_folder)
    with pytest.raises(GraphError, match="has changed since it was pickled"):
        pickle.loads(pickled)
    kg = KnowledgeGraph.from_triples([("Ann", "knows", "Bob"), ("Ann", "age", 41)])
    assert content(pickle.loads(pickle.dumps(kg))) == content(kg)


def test_the_second_time_nothing_is_built(cache_folder: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, part = KnowledgeGraph.load(dataset), KnowledgeGraph.load(dataset, ["train"])
    assert len(part) < len(fresh) and list(part.entity_ids) == list(fresh.entity_ids)
    with monkeypatch.context() as patch:
        patch.setattr(KnowledgeGraph, "from_columns", lambda *_: pytest.fail("built again"))
        assert content(KnowledgeGraph.load(dataset)) == content(fresh)
        assert content(KnowledgeGraph.load(dataset, ["train"])) == content(part)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)  # two versions keep their graphs side by side
    KnowledgeGraph.load(dataset)
    assert len(list((cache_folder / "graphs").iterdir())) == 3


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
        expected = ("--kg", str(path), "--table", "--infer-values", "--skip-broken")
        assert values.origin is not None and values.origin.arguments == expected
        assert len(caplog.records) == 2
        assert all("1 broken line was left out: line 3: expected 3" in record.message for record in caplog.records)
        told.append(names.left_out)
    assert told[0] == told[1] is not None


def flip(path: Path, position: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[position] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit in an array": lambda folder: flip(folder / "index_forward_tails.npy", -1),
    "array cut short": lambda folder: cut(folder / "universe.npy"),
    "empty array": lambda folder: (folder / "keys_blob.npy").write_bytes(b""),
    "missing array": lambda folder: (folder / "id_order.npy").unlink(),
    "array that is a folder": lambda folder: ((folder / "id_order.npy").unlink(), (folder / "id_order.npy").mkdir()),
    "missing manifest": lambda folder: (folder / cache.MANIFEST).unlink(),
    "manifest cut short": lambda folder: cut(folder / cache.MANIFEST),
    "manifest of something else": lambda folder: (folder / cache.MANIFEST).write_text("[1]"),
}


def test_a_damaged_cache_is_built_anew_with_a_warning(
    cache_folder: Path, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = content(KnowledgeGraph.load(dataset))
    for damage in DAMAGE.values():
        damage(saved_folder(cache_folder))
        caplog.clear()
        assert content(KnowledgeGraph.load(dataset)) == fresh
        assert "is damaged" in caplog.text and "building it anew" in caplog.text
    caplog.clear()
    KnowledgeGraph.load(dataset)
    assert not caplog.records  # what was built anew is sound


def rewrite(manifest: Path, **changes: Any) -> None:
    """Write a manifest with other content and the checksum of that."""
    kept = json.loads(manifest.read_bytes().partition(b"\n")[2])
    older = json.dumps(kept | {"details": kept["details"] | {"name": "misread"}} | changes).encode()
    manifest.write_bytes(b"%08x\n%b" % (zlib.crc32(older), older))


def test_a_graph_that_an_older_version_kept_is_built_anew_but_for_what_it_did_not_know(
    cache_folder: Path, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = KnowledgeGraph.load(dataset)
    details = fresh.content.stored()[1]
    rewrite(saved_folder(cache_folder) / cache.MANIFEST, format=cache.FORMAT - 1)
    assert content(KnowledgeGraph.load(dataset)) == content(fresh)
    assert f"has format {cache.FORMAT - 1}, expected {cache.FORMAT}; building it anew" in caplog.text
    older = {
        key: value
        for key, value in details.items()
        if key not in ("notes", "definitions", "namers", "left_out_triples")
    }
    rewrite(saved_folder(cache_folder) / cache.MANIFEST, details=older)
    again = KnowledgeGraph.load(dataset)
    assert (list(again), again.notes, again.definitions, again.namers) == (list(fresh), (), {}, {})
    counted = replace(
        fresh.content, about=replace(fresh.content.about, namers={"city": "name"}, left_out_triples={"vocabulary": 3})
    )
    about = GraphContent.of(*counted.stored()).about
    assert (about.namers, about.left_out_triples) == ({"city": "name"}, {"vocabulary": 3})


def test_a_folder_that_memory_or_files_do_not_suffice_for_is_not_thrown_away(
    cache_folder: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KnowledgeGraph.load(dataset)
    for number in (errno.ENOMEM, errno.EMFILE):
        monkeypatch.setattr("numpy.load", failing(OSError(number, os.strerror(number))))
        with pytest.raises(OSError, match=os.strerror(number)):
            KnowledgeGraph.load(dataset)
        assert saved_folder(cache_folder).is_dir()


def failing(error: OSError) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_full_disk_leaves_nothing_half_written_and_a_closed_folder_counts_as_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kg = KnowledgeGraph.from_triples([("a", "r", "b")])
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(np, "save", failing(OSError(28, "No space left on device")))
        cache.save(tmp_path / "saved", *kg.content.stored())
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(Path, "is_dir", failing(PermissionError(13, "Permission denied")))
    assert cache.load(tmp_path) is None


def test_no_flipped_bit_of_the_manifest_changes_what_is_read(tmp_path: Path) -> None:
    stored = KnowledgeGraph.from_triples([("a", "r", "b"), ("a", "v", 1)]).content.stored()
    cache.save(tmp_path / "saved", *stored)
    manifest = tmp_path / "saved" / cache.MANIFEST
    raw = manifest.read_bytes()
    for position in (*range(12), *range(12, len(raw), 7)):
        flip(manifest, position)
        with suppress(GraphError):
            loaded = cache.load(tmp_path / "saved")
            assert loaded is None or loaded[1] == stored[1]
        manifest.write_bytes(raw)


def test_a_folder_completed_by_another_process_is_left_as_it_is(tmp_path: Path) -> None:
    for triple in (("a", "r", "b"), ("x", "r", "y")):
        cache.save(tmp_path / "saved", *KnowledgeGraph.from_triples([triple]).content.stored())
    loaded = cache.load(tmp_path / "saved")
    assert loaded is not None and list(KnowledgeGraph(GraphContent.of(*loaded)).entity_ids) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_a_cache_that_cannot_be_written_is_no_hindrance(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "file" / "cache"))
    assert len(KnowledgeGraph.load(dataset)) > 0
    assert "could not be cached" in caplog.text and "SKYLARK_CACHE names another folder" in caplog.text


def test_odd_names_and_empty_arrays_survive(tmp_path: Path) -> None:
    names = {"\ud800": "\ud800", "😀": "a\nb"}
    kg = graph(names, {"\udfff": "r\0"}, [[0, 0, 1]], column("none", "year", {}))
    cache.save(tmp_path / "saved", *kg.content.stored())
    loaded = cache.load(tmp_path / "saved")
    assert loaded is not None and content(KnowledgeGraph(GraphContent.of(*loaded))) == content(kg)


@pytest.mark.parametrize("name", ["a/b", "../../x", "", "日本" * 40, "a\0b"])
def test_a_graphs_name_cannot_lead_out_of_the_cache(cache_folder: Path, name: str) -> None:
    assert cache.graph_folder(name, "0" * 64).resolve().parent == (cache_folder / "graphs").resolve()
