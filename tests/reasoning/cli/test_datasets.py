"""`datasets verify` and `datasets convert` on the command line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from reasoning.cli import main
from tests.kg_data.official_betae import write_official
from tests.reasoning.made_dataset import make_dataset

Captured = pytest.CaptureFixture[str]


class TestVerify:
    def copy(self, root: Path, monkeypatch: pytest.MonkeyPatch, train: str) -> None:
        monkeypatch.setenv("SKYLARK_DATA", str(root))
        folder = root / "kg" / "codex-l"
        folder.mkdir(parents=True)
        for split in ("train", "valid", "test"):
            (folder / f"{split}.txt").write_text(train)

    def test_another_copy_is_a_failure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        self.copy(tmp_path, monkeypatch, "a\tr\tb\n")
        assert main(["datasets", "verify", "CoDEx-L"]) == 1
        out = capsys.readouterr().out
        assert "differs" in out and "551,193" in out and "entities: 2, published 77,951" in out
        assert main(["datasets", "verify", "CoDEx-L", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert (found["benchmark"], found["matches"], found["by_digest"]) == ("CoDEx-L", False, False)

    def test_the_published_copy_is_none(self, data_root: Path, capsys: Captured) -> None:
        assert main(["datasets", "verify", "umls"]) == 0
        assert "This is the published data, by its digests" in capsys.readouterr().out

    def test_a_benchmark_that_is_not_here_is_a_mistake_that_says_where_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        monkeypatch.setenv("SKYLARK_DATA", str(tmp_path))
        assert main(["datasets", "verify", "YAGO3-10"]) == 2
        assert "YAGO3-10 is to be had from https://" in capsys.readouterr().err


class TestConvert:
    @pytest.mark.slow
    def test_betae_s_folder_becomes_one_that_is_evaluated(self, tmp_path: Path, capsys: Captured) -> None:
        official = write_official(make_dataset(tmp_path / "made", queries_of_each=2), tmp_path / "official")
        target = tmp_path / "converted"
        assert main(["datasets", "convert", str(official), str(target)]) == 0
        out = capsys.readouterr().out
        assert "60 entities, 8 relations" in out and "queries/test-pni.jsonl: 2 queries" in out
        command = ["evaluate", "--kg", str(target), "--queries", str(target / "queries"), "--split", "test"]
        assert main([*command, "--protocol", "reading", "--out", str(tmp_path / "out.jsonl")]) == 0
        summary = json.loads((tmp_path / "out.jsonl.summary.json").read_text())
        assert all(row["exact_match"] == 1.0 for row in summary["per_type"].values())

    def test_a_malicious_pickle_is_a_failure_that_names_what_it_asked_for(
        self, tmp_path: Path, capsys: Captured
    ) -> None:
        official = write_official(make_dataset(tmp_path / "made", queries_of_each=1), tmp_path / "official")
        (official / "id2ent.pkl").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
        assert main(["datasets", "convert", str(official), str(tmp_path / "new")]) == 1
        assert "found 'os.system'" in capsys.readouterr().err
        assert not (tmp_path / "new").exists()

    @pytest.mark.parametrize("suffix", [".nt", ".ttl", ".tsv", ".csv", ".jsonl"])
    def test_any_graph_becomes_a_file(self, tmp_path: Path, capsys: Captured, suffix: str) -> None:
        (tmp_path / "g.jsonl").write_text('["a", "r", "b"]\n["a", "size", 5]\n')
        target = tmp_path / f"new{suffix}"
        assert main(["datasets", "convert", str(tmp_path / "g.jsonl"), str(target)]) == 0
        assert "1 triples, 1 values, 2 entities" in capsys.readouterr().out
        assert main(["query", "--kg", str(target), 'r("a")', "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["answers"][0]["entity"] == "b"

    def test_what_exists_is_not_overwritten(self, tmp_path: Path, capsys: Captured) -> None:
        (tmp_path / "g.tsv").write_text("a\tr\tb\n")
        assert main(["datasets", "convert", str(tmp_path / "g.tsv"), str(tmp_path / "g.tsv")]) == 1
        assert "exists; name a file or folder that does not" in capsys.readouterr().err
        assert (tmp_path / "g.tsv").read_text() == "a\tr\tb\n"

    def test_a_folder_without_the_pickles_needs_a_file_to_be_written_to(self, tmp_path: Path, capsys: Captured) -> None:
        (tmp_path / "g.tsv").write_text("a\tr\tb\n")
        assert main(["datasets", "convert", str(tmp_path / "g.tsv"), str(tmp_path / "new")]) == 1
        assert "names no form that is written" in capsys.readouterr().err


def test_pickles_are_read_by_no_other_command(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "id2ent.pkl").write_bytes(pickle.dumps({0: "a"}))
    assert main(["query", "--kg", str(tmp_path), 'r("a")']) == 1
    assert "expected a folder with train.txt" in capsys.readouterr().err
