"""Runs: what several processes write, how long they would take, and files of version 0.1.0 that are not added to."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from kg_data.batches.shards import ShardFolder, Workers, cut
from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation import run
from reasoning.evaluation.comparison import compare
from reasoning.evaluation.results import read_results, summary_path
from reasoning.evaluation.run import Duration, duration, time_text
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from skylark.errors import WorkerError
from tests.reasoning.chat_models import faultless
from tests.reasoning.made_dataset import make_dataset

PROJECT = Path(__file__).resolve().parents[3]
TWO = Workers(2)


@pytest.fixture
def evaluation(dataset: Path) -> QueryEvaluation:
    return QueryEvaluation(dataset, dataset / "queries", "hard", split="test", limit=3)


@pytest.fixture
def whole(evaluation: QueryEvaluation, tmp_path: Path) -> Path:
    """What one process writes."""
    evaluation.run(tmp_path / "whole.jsonl")
    return tmp_path / "whole.jsonl"


def summary(path: Path) -> dict[str, Any]:
    return {**json.loads(summary_path(path).read_text()), "seconds": 0}


@pytest.fixture
def killed(whole: Path, tmp_path: Path) -> Path:
    """As a run of two workers that was killed leaves it: some lines merged, every third of the others in a shard."""
    out = tmp_path / "killed.jsonl"
    lines = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:5]))
    shutil.copy(summary_path(whole), summary_path(out))
    folder = ShardFolder.of(out).path
    folder.mkdir()
    done = [json.loads(line) for line in lines[4::3]]  # the first of them is merged already
    for shard in cut([line["id"] for line in done], done, folder, 2):
        records = [{"key": line["id"], "line": line} for line in shard.items]
        text = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
        shard.path.write_text(f'{{"begun":1}}\n{{"ready":1}}\n{text}{text[:40]}')
    return out


def same_by_one_and_two(evaluation: QueryEvaluation | QuestionEvaluation, folder: Path, ends: Sequence[str]) -> None:
    one, two = folder / "one.jsonl", folder / "two.jsonl"
    evaluation.run(one)
    evaluation.run(two, workers=TWO)
    for end in ends:
        assert two.with_name(two.name + end).read_bytes() == one.with_name(one.name + end).read_bytes() != b""
    assert summary(one) == summary(two)


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
        same_by_one_and_two(QuestionEvaluation("world", questions), tmp_path, ["", ".misses.jsonl"])
        assert (tmp_path / "one.jsonl.misses.jsonl").read_bytes().count(b"\n") == 2

    @pytest.mark.slow
    def test_of_a_graph_that_is_open(self, dataset: Path, evaluation: QueryEvaluation, tmp_path: Path) -> None:
        kg = evaluation.prepare().reasoner.kg
        opened = QueryEvaluation(kg, dataset / "queries/test-2i.jsonl", "hard", split="test")
        same_by_one_and_two(opened, tmp_path, [""])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("llm", "queries", "limit"),
        [("copy", "", 1), pytest.param("embedded", "test-2p.jsonl", 4, marks=pytest.mark.long)],
    )
    def test_of_methods_that_ask_models(
        self, dataset: Path, tmp_path: Path, llm: str, queries: str, limit: int
    ) -> None:
        asked = dataset / "queries" / queries
        evaluation = QueryEvaluation(dataset, asked, "reading", split="test", limit=limit, method="lark", llm=llm)
        same_by_one_and_two(evaluation, tmp_path, [""])

    @pytest.mark.slow
    @pytest.mark.long
    def test_on_ray_from_the_command_line(self, evaluation: QueryEvaluation, whole: Path, tmp_path: Path) -> None:
        out = tmp_path / "ray.jsonl"
        command = [
            "evaluate", "--kg", str(evaluation.kg), "--queries", str(evaluation.queries), "--split", "test",
            "--protocol", "hard", "--limit", "3", "--out", str(out), "--engine", "ray", "--workers", "2",
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
    def test_others_go_on(self, evaluation: QueryEvaluation, whole: Path, killed: Path, workers: Workers) -> None:
        evaluation.run(killed, resume=True, workers=workers)
        assert killed.read_bytes() == whole.read_bytes() and summary(killed) == summary(whole)
        assert not ShardFolder.of(killed).path.exists()

    def test_lines_of_shards_are_not_done_again(self, evaluation: QueryEvaluation, killed: Path) -> None:
        marked = list(ShardFolder.of(killed).kept())[-1]
        path = next(path for path in ShardFolder.of(killed).path.iterdir() if f'"{marked}"' in path.read_text())
        path.write_text(path.read_text().replace(f'"id":"{marked}"', f'"id":"{marked}","seen":true'))
        evaluation.run(killed, resume=True)
        [line] = [line for line in map(json.loads, killed.read_text().splitlines()) if line["id"] == marked]
        assert line["seen"] is True

    def test_shards_without_a_merged_line_are_results_and_those_of_a_deleted_file_are_dropped(
        self, evaluation: QueryEvaluation, whole: Path, killed: Path
    ) -> None:
        kept = shutil.copytree(ShardFolder.of(killed).path, killed.with_name("kept"))
        killed.write_bytes(b"")
        with pytest.raises(EvaluationError, match="already holds results; add --resume"):
            evaluation.run(killed)
        evaluation.run(killed, resume=True)
        assert killed.read_bytes() == whole.read_bytes()
        killed.unlink()
        kept.rename(ShardFolder.of(killed).path)
        evaluation.run(killed)
        assert killed.read_bytes() == whole.read_bytes() and not ShardFolder.of(killed).path.exists()

    def test_a_stopped_run_says_how_much_is_kept(
        self,
        evaluation: QueryEvaluation,
        killed: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        merged = [json.loads(line)["id"] for line in killed.read_text().splitlines()]

        def no_memory(*_: object, **_options: object) -> Any:
            raise WorkerError("3 workers in a row died at test-2i:1")
            yield

        monkeypatch.setattr("kg_data.batches.lines.lines_by_workers", no_memory)
        with pytest.raises(WorkerError, match="died at test-2i:1"):
            evaluation.run(killed, resume=True, workers=TWO)
        done, total = len({*merged, *ShardFolder.of(killed).kept()}), len(evaluation.prepare().items)
        assert f"stopped; {done} of {total} are kept in {killed}, --resume goes on from there" in caplog.text


class TestWhatIsRefused:
    def test_other_code_is_none(
        self, evaluation: QueryEvaluation, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "code_digest", lambda *rooms: "another")
        said = r'begun with other settings: code was "\w{16}", now "another"; choose'
        with pytest.raises(EvaluationError, match=said):
            evaluation.run(whole, resume=True)

    def test_other_weights_do_not_add_to_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "questions.txt").write_text('borders("Portugal")\tSpain\n')
        evaluation = QuestionEvaluation("world", tmp_path / "questions.txt")
        evaluation.run(tmp_path / "r.jsonl")
        monkeypatch.setattr(run, "weights_digest", lambda source: "others")
        with pytest.raises(EvaluationError, match=r'weights_digest was "\w{16}", now "others"'):
            evaluation.run(tmp_path / "r.jsonl", resume=True)

    def test_a_hosted_model_is_asked_by_one_process(self, dataset: Path, tmp_path: Path) -> None:
        hosted = QueryEvaluation(dataset, dataset / "queries", "reading", split="test", method="lark", llm=faultless())
        with pytest.raises(EvaluationError, match="one limit of requests: --max-concurrency N asks it several queries"):
            hosted.run(tmp_path / "r.jsonl", workers=TWO)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("option", "said"),
        [(["--workers", "0"], "must be at least 1, not 0"), (["--engine", "rai"], "did you mean ray?")],
    )
    def test_options_that_are_none(self, option: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["evaluate", "--kg", "world", "--questions", "q.txt", *option]) == 2
        assert said in capsys.readouterr().err


KG = KnowledgeGraph.from_triples([("Ann", "knows", "Bob")])


class Clock:
    """A clock that stands still but for what is answered: 5 s for the first call, then each item's own seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.answered = 0.0, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def answer(self, items: Sequence[float]) -> Iterator[float]:
        for seconds in items:
            self.now += seconds if self.answered else 5.0
            self.answered += 1
            yield seconds


def test_the_rate_of_those_that_were_answered_is_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found = duration(Reasoner(KG, method="exact"), [0.01] * 1001, Clock(monkeypatch).answer, requests=0)
    assert found.seconds == pytest.approx(5 + 10)
    assert str(found) == "Time: about 15 s, measured on 256 of 1,001 that were answered for it"
    found = duration(Reasoner(KG, method="exact"), [1.0], Clock(monkeypatch).answer, requests=0)
    assert found == Duration(5.0, "measured on 1 of 1 that were answered for it")
    clock = Clock(monkeypatch)
    found = duration(Reasoner(KG, method="lark", llm="copy"), [4.0] * 101, clock.answer, requests=101)
    assert (found.seconds, clock.answered) == (5 + 400, 4)
    found = duration(Reasoner(KG, method="exact"), [0.001] * 500 + [0.003] * 500, Clock(monkeypatch).answer, requests=0)
    assert found.seconds == pytest.approx(5 + 2, rel=0.15)


def test_a_provider_is_not_asked_and_a_time_is_said_as_by_a_person() -> None:
    def never(items: Sequence[float]) -> Iterator[float]:
        raise AssertionError("nothing may be answered")

    model = FakeListChatModel(responses=[""])
    for rate, said in ((None, "not known, since nothing was sent"), (30.0, "at least 20 min, by the limit of 30")):
        reasoner = Reasoner(KG, method="lark", llm=model, options=LarkOptions(requests_per_minute=rate))
        assert str(duration(reasoner, [1.0], never, requests=600)).startswith(f"Time: {said}")
    assert [time_text(seconds) for seconds in (0.42, 50.2, 1200, 12600)] == ["0.4 s", "50 s", "20 min", "3.5 h"]


WRITTEN = Path(__file__).parents[2] / "data" / "version-0.1.0" / "results.jsonl"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueryEvaluation:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "version", lambda: "0.1.0")
    dataset = make_dataset(tmp_path / "made", 2)
    return QueryEvaluation(dataset, dataset / "queries", "hard", split="valid", limit=1)


@pytest.fixture
def stopped(old: QueryEvaluation, tmp_path: Path) -> Path:
    """The first half of the file, as a killed run would have left it, with the folders of this test."""
    out = tmp_path / "results.jsonl"
    lines = WRITTEN.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[: len(lines) // 2]))
    summary = summary_path(WRITTEN).read_text().replace("DATASET", str(old.kg))
    summary_path(out).write_text(summary)
    return out


def test_it_is_read_and_compared() -> None:
    results = read_results(WRITTEN)
    assert results.complete and len(results.lines) == 9
    kept = json.loads(summary_path(WRITTEN).read_text())
    summary = results.tally.summary()
    assert summary["per_type"] == kept["per_type"] and summary["avg_p"] == kept["avg_p"]
    intervals = results.tally.intervals()
    assert intervals["avg_p"] == kept["intervals"]["avg_p"]
    assert compare(results, results).metrics["mrr"]["avg_p"].difference == 0


def test_a_run_gives_the_same_lines_today(old: QueryEvaluation, tmp_path: Path) -> None:
    out = tmp_path / "today.jsonl"
    summary = old.run(out)
    assert out.read_bytes() == WRITTEN.read_bytes()
    kept = json.loads(summary_path(WRITTEN).read_text())
    assert {name for name in kept if summary[name] != kept[name]} <= {"settings", "seconds"}


def test_a_stopped_run_is_not_added_to_by_other_code_or_another_version(
    old: QueryEvaluation, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stopped.read_bytes()
    with pytest.raises(EvaluationError, match=r'code was null, now "\w{16}"; choose another file for these'):
        old.run(stopped, resume=True)
    assert stopped.read_bytes() == before
    monkeypatch.setattr(run, "version", lambda: "0.2.0")
    with pytest.raises(EvaluationError, match=r'version was "0.1.0", now "0.2.0"; code was null'):
        old.run(stopped, resume=True)
