from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import kg_data
from kg_data import DataError, GraphColumns, UnknownGraphError
from kg_data.registry import PUBLIC_BENCHMARKS, LocalDataset


@pytest.fixture
def toy_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of two data sets, one of them with a readable variant, and an unrelated working directory."""
    root = tmp_path / "data"
    for name in ("toy", "toy/text", "films"):
        (root / "kg" / name).mkdir(parents=True)
    (root / "kg" / "toy" / "train.txt").write_text("1\tr\t2\n2\tr_reverse\t1\n", encoding="utf-8")
    (root / "kg" / "toy" / "test.txt").write_text("1\tr\t3", encoding="utf-8")
    (root / "kg" / "toy" / "queries").mkdir()
    (root / "kg" / "toy" / "queries" / "test-2p.jsonl").write_text("", encoding="utf-8")
    (root / "kg" / "toy" / "text" / "train.txt").write_text("one\tr\ttwo\n", encoding="utf-8")
    (root / "kg" / "films" / "kb.txt").write_text("Kismet|year|1944\n", encoding="utf-8")
    (root / "kg" / "films" / "1-hop").mkdir()
    for name in ("qa_dev.txt", "qa_dev_qtype.txt"):
        (root / "kg" / "films" / "1-hop" / name).write_text("", encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("SKYLARK_DATA", str(root))
    return root


class TestResolve:
    @pytest.mark.parametrize(
        ("asked", "name", "kind"),
        [("toy", "toy", "labelled"), ("TOY", "toy", "labelled"), ("toy/text", "toy/text", "labelled"),
         ("films", "films", "metaqa"), ("world", "world", "built-in")],
    )  # fmt: skip
    def test_names_are_built_in_or_of_the_data_folder(self, toy_root: Path, asked: str, name: str, kind: str) -> None:
        source = kg_data.resolve(asked)
        assert (source.name, source.kind) == (name, kind)

    def test_a_path_is_taken_as_it_is(self, toy_root: Path) -> None:
        Path("facts.csv").write_text("a,r,b\n", encoding="utf-8")
        source = kg_data.resolve("facts.csv")
        assert (source.name, source.kind, source.path) == ("facts", "file", Path("facts.csv"))

    def test_a_path_into_the_data_folder_has_the_data_set_s_name(self, toy_root: Path) -> None:
        assert kg_data.resolve(toy_root / "kg" / "toy" / "text").name == "toy/text"

    def test_a_folder_of_the_working_directory_goes_before_the_data_folder(self, toy_root: Path) -> None:
        Path("toy").mkdir()
        Path("toy/train.txt").write_text("x\ty\tz\n", encoding="utf-8")
        assert kg_data.load("toy").entity_ids == ["x", "z"]

    def test_but_not_where_it_holds_no_graph(self, toy_root: Path) -> None:
        Path("toy").mkdir()
        assert kg_data.resolve("toy").path == toy_root / "kg" / "toy"

    def test_a_folder_without_a_graph_is_a_data_error(self, toy_root: Path) -> None:
        Path("results").mkdir()
        with pytest.raises(DataError, match=r"train\.txt.*an empty folder"):
            kg_data.resolve("results")

    def test_an_unknown_name_is_answered_with_the_nearest_and_all_known(self, toy_root: Path) -> None:
        with pytest.raises(UnknownGraphError, match="nearest: films; known: world, films, toy, toy/text"):
            kg_data.resolve("flims")

    def test_a_file_that_is_not_there_is_answered_with_those_beside_it(self, toy_root: Path) -> None:
        for name in ("company.csv", "company.md"):
            Path(name).write_text("a,r,b\n", encoding="utf-8")
        with pytest.raises(UnknownGraphError, match=r"called 'compny\.csv'; did you mean company\.csv; known"):
            kg_data.resolve("compny.csv")
        with pytest.raises(UnknownGraphError, match=r"did you mean \S+elsewhere/company\.csv;"):
            kg_data.resolve(Path.cwd() / "Company.tsv")

    def test_a_public_benchmark_that_is_not_here_comes_with_its_home(self, toy_root: Path) -> None:
        with pytest.raises(UnknownGraphError, match=r"CoDEx-L is to be had from https://github\.com/tsafavi/codex"):
            kg_data.resolve("codex-l")

    @pytest.mark.parametrize("name", ["", "  ", "x" * 5000, "nul\0byte", "facts.nt"])
    def test_no_name_raises_anything_else(self, toy_root: Path, name: str) -> None:
        with pytest.raises(UnknownGraphError):
            kg_data.resolve(name)

    def test_a_missing_data_folder_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SKYLARK_DATA", str(tmp_path / "absent"))
        with pytest.raises(UnknownGraphError, match="set SKYLARK_DATA"):
            kg_data.resolve("umls")


def test_the_data_folder_stands_beside_the_project_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKYLARK_DATA", raising=False)
    project = Path(__file__).resolve().parents[2]
    assert kg_data.data_root() == project.parent / "shared" / "data"


def test_load_names_the_graph_as_it_is_known(toy_root: Path) -> None:
    graph = kg_data.load("Toy")
    assert graph.name == "toy"
    assert graph.splits["train"].tolist() == [[0, 0, 1]]


def test_the_built_in_graph_is_built_by_its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = GraphColumns("world", ["a"], ["a"], [], [], {"graph": np.zeros((0, 3), dtype=np.int32)})
    module = types.ModuleType("kg_data.world")
    module.build, module.fingerprint = lambda: columns, lambda: "its own"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kg_data.world", module)
    monkeypatch.setattr(kg_data, "world", module, raising=False)
    assert kg_data.load("world") is columns
    assert kg_data.fingerprint("world") == "its own"


class TestFingerprint:
    def test_it_stays_while_nothing_changes(self, toy_root: Path) -> None:
        assert kg_data.fingerprint("toy") == kg_data.fingerprint(toy_root / "kg" / "toy")

    def test_it_ignores_files_that_are_not_read(self, toy_root: Path) -> None:
        before = kg_data.fingerprint("toy")
        (toy_root / "kg" / "toy" / "stats.txt").write_text("2 entities", encoding="utf-8")
        assert kg_data.fingerprint("toy") == before

    def test_it_changes_with_the_size_the_time_and_the_set_of_files(self, toy_root: Path) -> None:
        train, names = toy_root / "kg" / "toy" / "train.txt", toy_root / "kg" / "toy" / "entity2text.txt"
        seen = [kg_data.fingerprint("toy")]
        train.write_text("1\tr\t2\n", encoding="utf-8")
        seen.append(kg_data.fingerprint("toy"))
        status = train.stat()
        os.utime(train, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
        seen.append(kg_data.fingerprint("toy"))
        names.write_text("1\tone\n", encoding="utf-8")
        seen.append(kg_data.fingerprint("toy"))
        assert len(set(seen)) == 4

    def test_two_folders_never_share_one(self, toy_root: Path) -> None:
        Path("copy").mkdir()
        for name in ("train.txt", "test.txt"):
            original, copy = toy_root / "kg" / "toy" / name, Path("copy") / name
            copy.write_bytes(original.read_bytes())
            os.utime(copy, ns=(original.stat().st_atime_ns, original.stat().st_mtime_ns))
        assert kg_data.fingerprint("copy") != kg_data.fingerprint("toy")


class TestDatasets:
    def test_the_data_folder_is_listed_with_lines_queries_and_questions(self, toy_root: Path) -> None:
        local = {item.name: item for item in kg_data.list_datasets() if isinstance(item, LocalDataset)}
        assert list(local) == ["films", "toy", "toy/text"]
        assert local["toy"].triples == {"train": 2, "test": 1}
        assert local["toy"].queries == ("queries/test-2p.jsonl",)
        assert local["films"].questions == ("1-hop/qa_dev.txt",)
        assert local["films"].form == "metaqa"

    def test_every_listed_name_resolves(self, toy_root: Path) -> None:
        for item in kg_data.list_datasets():
            if item.where != "public":
                assert kg_data.resolve(item.name).name == item.name

    def test_the_plain_form_survives_json(self, toy_root: Path) -> None:
        rows = json.loads(json.dumps(kg_data.describe_datasets()))
        assert [row["where"] for row in rows] == ["built in"] + ["data folder"] * 3 + ["public"] * len(
            PUBLIC_BENCHMARKS
        )
        assert rows[0]["name"] == "world"

    def test_every_public_benchmark_says_paper_home_and_licence(self) -> None:
        wanted = "FB15k-237, FB15k, NELL995, WN18RR, CoDEx-S, CoDEx-M, CoDEx-L, YAGO3-10, MetaQA, BetaE queries"
        assert set(wanted.split(", ")) <= {item.name for item in PUBLIC_BENCHMARKS}
        for item in PUBLIC_BENCHMARKS:
            assert item.paper
            assert item.home.startswith("http")
            assert item.licence

    def test_a_copy_of_every_public_graph_can_be_told(self) -> None:
        for item in PUBLIC_BENCHMARKS:
            for file in item.files:
                kind, _, digest = file.digest.partition(":")
                assert file.rows > 0
                assert len(digest) == {"md5": 32, "sha256": 64, "": 0}[kind]
            assert bool(item.digests_from) == any(file.digest for file in (*item.files, item.archive) if file)
            if (
                len(item.files) == 3 and item.entities != 63_361
            ):  # in NELL995 and Query2Box's form every fact stands twice
                total = sum(file.rows for file in item.files) // (2 if "integer form" in item.about else 1)
                assert f"{item.entities:,}" in item.about
                assert f"{total:,}" in item.about

    def test_the_shared_data_sets_are_found_by_name(self, data_root: Path) -> None:
        names = {item.name for item in kg_data.list_datasets() if isinstance(item, LocalDataset)}
        assert {"fb15k-237", "fb15k-237-q2b", "nell995-betae", "metaqa", "umls", "wn18rr/text"} <= names
        assert kg_data.load("UMLS").source.startswith("UMLS semantic network")
