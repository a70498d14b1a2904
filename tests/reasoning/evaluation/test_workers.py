"""An evaluation by several processes writes what one process writes, and goes on from where others stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kg_data.batches.shards import ShardFolder, Workers, cut
from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation import run
from reasoning.evaluation.results import summary_path
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from skylark.errors import WorkerError
from tests.reasoning.chat_models import faultless
from tests.reasoning.made_dataset import make_dataset

PROJECT = Path(__file__).resolve().parents[3]
TWO = Workers(2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 3)


@pytest.fixture
def evaluation(dataset: Path) -> QueryEvaluation:
    return QueryEvaluation(dataset, dataset / "queries", "hard", split="test")


@pytest.fixture
def whole(evaluation: QueryEvaluation, tmp_path: Path) -> Path:
    """What one process writes."""
    out = tmp_path / "whole.jsonl"
    evaluation.run(out)
    return out


def summary(path: Path) -> dict[str, Any]:
    return {**json.loads(summary_path(path).read_text()), "seconds": 0}


def stopped_with_shards(whole: Path, out: Path, merged: int) -> None:
    """As a run of two workers that was killed leaves it: some lines merged, every third of the others in a shard."""
    lines = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:merged]))
    shutil.copy(summary_path(whole), summary_path(out))
    folder = ShardFolder.of(out).path
    folder.mkdir()
    done = [json.loads(line) for line in lines[merged - 1 :: 3]]  # the first of them is merged already
    for shard in cut([line["id"] for line in done], done, folder, 2):
        records = [{"key": line["id"], "line": line} for line in shard.items]
        text = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
        shard.path.write_text(f'{{"begun":1}}\n{{"ready":1}}\n{text}{text[:40]}')


class TestTheSameLines:
    def test_of_queries(self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path) -> None:
        out = tmp_path / "two.jsonl"
        given = evaluation.run(out, workers=TWO)
        assert out.read_bytes() == whole.read_bytes() and summary(out) == summary(whole)
        assert {**given, "seconds": 0} == summary(whole)
        assert not {"workers", "engine"} & given["settings"].keys()
        assert sorted(path.name for path in tmp_path.glob("two*")) == ["two.jsonl", "two.jsonl.summary.json"]

    @pytest.mark.slow
    def test_of_questions_with_their_misses(self, tmp_path: Path) -> None:
        questions = tmp_path / "questions.txt"
        questions.write_text('borders("Portugal")\tSpain\ncapital("Chile")\tLima\ncapital("nowhere")\tParis\n')
        outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
        for out, workers in zip(outs, (Workers(1), TWO), strict=True):
            QuestionEvaluation("world", questions).run(out, workers=workers)
        for end in ("", ".misses.jsonl"):
            one, two = (out.with_name(out.name + end).read_bytes() for out in outs)
            assert one == two and one.count(b"\n") == (2 if end else 3)
        assert summary(outs[0]) == summary(outs[1])

    @pytest.mark.slow
    def test_of_a_graph_that_is_open(self, dataset: Path, evaluation: QueryEvaluation, tmp_path: Path) -> None:
        prepared = evaluation.prepare()
        opened = QueryEvaluation(prepared.reasoner.kg, dataset / "queries/test-2i.jsonl", "hard", split="test")
        opened.run(tmp_path / "one.jsonl")
        opened.run(tmp_path / "two.jsonl", workers=TWO)
        assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("llm", "queries", "limit"),
        [("copy", "", 1), pytest.param("embedded", "test-2p.jsonl", 4, marks=pytest.mark.long)],
    )
    def test_of_methods_that_ask_a_model_here(
        self, dataset: Path, tmp_path: Path, llm: str, queries: str, limit: int
    ) -> None:
        asked = dataset / "queries" / queries
        evaluation = QueryEvaluation(dataset, asked, "reading", split="test", limit=limit, method="lark", llm=llm)
        evaluation.run(tmp_path / "one.jsonl")
        evaluation.run(tmp_path / "two.jsonl", workers=TWO)
        assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()

    @pytest.mark.slow
    @pytest.mark.long
    def test_on_ray_from_the_command_line(self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path) -> None:
        out = tmp_path / "ray.jsonl"
        command = [
            "evaluate", "--kg", str(evaluation.kg), "--queries", str(evaluation.queries), "--split", "test",
            "--protocol", "hard", "--out", str(out), "--engine", "ray", "--workers", "2",
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "reasoning", *command], cwd=PROJECT, capture_output=True, text=True, timeout=240,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert out.read_bytes() == whole.read_bytes() and summary(out) == summary(whole)
        assert done.stdout.startswith("type")


class TestGoingOn:
    @pytest.mark.parametrize("workers", [Workers(1), pytest.param(TWO, marks=pytest.mark.slow)])
    def test_what_several_left_others_go_on_with(
        self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path, workers: Workers
    ) -> None:
        out = tmp_path / "killed.jsonl"
        stopped_with_shards(whole, out, merged=5)
        evaluation.run(out, resume=True, workers=workers)
        assert out.read_bytes() == whole.read_bytes() and summary(out) == summary(whole)
        assert not ShardFolder.of(out).path.exists()

    def test_lines_of_shards_are_not_done_again(self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path) -> None:
        out = tmp_path / "killed.jsonl"
        stopped_with_shards(whole, out, merged=5)
        marked = list(ShardFolder.of(out).kept())[-1]
        path = next(path for path in ShardFolder.of(out).path.iterdir() if f'"{marked}"' in path.read_text())
        path.write_text(path.read_text().replace(f'"id":"{marked}"', f'"id":"{marked}","seen":true'))
        evaluation.run(out, resume=True)
        [line] = [line for line in map(json.loads, out.read_text().splitlines()) if line["id"] == marked]
        assert line["seen"] is True

    def test_shards_without_a_merged_line_are_results_too(
        self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "killed.jsonl"
        stopped_with_shards(whole, out, merged=1)
        out.write_bytes(b"")
        with pytest.raises(EvaluationError, match="already holds results; add --resume"):
            evaluation.run(out)
        evaluation.run(out, resume=True)
        assert out.read_bytes() == whole.read_bytes()

    def test_shards_of_a_file_that_was_deleted_are_dropped(
        self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "killed.jsonl"
        stopped_with_shards(whole, out, merged=5)
        out.unlink()
        evaluation.run(out)
        assert out.read_bytes() == whole.read_bytes() and not ShardFolder.of(out).path.exists()

    def test_a_stopped_run_says_how_much_is_kept(
        self,
        evaluation: QueryEvaluation,
        whole: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        out = tmp_path / "killed.jsonl"
        stopped_with_shards(whole, out, merged=5)
        total = whole.read_bytes().count(b"\n")

        def no_memory(*_: object, **_options: object) -> Any:
            raise WorkerError("3 workers in a row died at test-2i:1")
            yield

        monkeypatch.setattr("kg_data.batches.lines.lines_by_workers", no_memory)
        with pytest.raises(WorkerError, match="died at test-2i:1"):
            evaluation.run(out, resume=True, workers=TWO)
        done = len(
            {json.loads(line)["id"] for line in whole.read_bytes().splitlines()[:5]} | {*ShardFolder.of(out).kept()}
        )
        assert f"stopped; {done} of {total} are kept in {out}, --resume goes on from there" in caplog.text


class TestWhatIsRefused:
    def test_other_code_does_not_add_to_it(
        self, evaluation: QueryEvaluation, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "code_digest", lambda *rooms: "another")
        with pytest.raises(
            EvaluationError, match=r'begun with other settings: code was "\w{16}", now "another"; choose'
        ):
            evaluation.run(whole, resume=True)

    def test_other_weights_do_not_add_to_it(
        self, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out, questions = tmp_path / "r.jsonl", tmp_path / "questions.txt"
        questions.write_text('borders("Portugal")\tSpain\n')
        evaluation = QuestionEvaluation("world", questions)
        evaluation.run(out)
        monkeypatch.setattr(run, "weights_digest", lambda source: "others")
        with pytest.raises(EvaluationError, match=r'weights_digest was "\w{16}", now "others"'):
            evaluation.run(out, resume=True)

    def test_a_hosted_model_is_asked_by_one_process(self, dataset: Path, tmp_path: Path) -> None:
        evaluation = QueryEvaluation(
            dataset, dataset / "queries", "reading", split="test", method="lark", llm=faultless()
        )
        with pytest.raises(
            EvaluationError, match=r"one limit of requests: --max-concurrency N asks it several queries"
        ):
            evaluation.run(tmp_path / "r.jsonl", workers=TWO)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("option", "said"),
        [(["--workers", "0"], "must be at least 1, not 0"), (["--engine", "rai"], "did you mean ray?")],
    )
    def test_options_that_are_none(self, option: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["evaluate", "--kg", "world", "--questions", "q.txt", *option]) == 2
        assert said in capsys.readouterr().err
