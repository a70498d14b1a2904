"""Results files that version 0.1.0 wrote: read, and not added to, since other code made their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasoning.errors import EvaluationError
from reasoning.evaluation import run
from reasoning.evaluation.comparison import compare
from reasoning.evaluation.results import read_results, summary_path
from reasoning.evaluation.runs import QueryEvaluation
from tests.reasoning.made_dataset import make_dataset

WRITTEN = Path(__file__).parents[2] / "data" / "version-0.1.0" / "results.jsonl"


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueryEvaluation:
    monkeypatch.setenv("SKYLARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(run, "version", lambda: "0.1.0")
    dataset = make_dataset(tmp_path / "made", 2)
    return QueryEvaluation(dataset, dataset / "queries", "hard", split="valid", limit=1)


@pytest.fixture
def stopped(evaluation: QueryEvaluation, tmp_path: Path) -> Path:
    """The first half of the file, as a killed run would have left it, with the folders of this test."""
    out = tmp_path / "results.jsonl"
    lines = WRITTEN.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[: len(lines) // 2]))
    summary = summary_path(WRITTEN).read_text().replace("DATASET", str(evaluation.kg))
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


def test_a_run_gives_the_same_lines_today(evaluation: QueryEvaluation, tmp_path: Path) -> None:
    out = tmp_path / "today.jsonl"
    summary = evaluation.run(out)
    assert out.read_bytes() == WRITTEN.read_bytes()
    kept = json.loads(summary_path(WRITTEN).read_text())
    assert {name for name in kept if summary[name] != kept[name]} <= {"settings", "seconds"}


def test_a_stopped_run_is_not_added_to_by_other_code(evaluation: QueryEvaluation, stopped: Path) -> None:
    before = stopped.read_bytes()
    with pytest.raises(EvaluationError, match=r'code was null, now "\w{16}"; choose another file for these'):
        evaluation.run(stopped, resume=True)
    assert stopped.read_bytes() == before


def test_another_version_does_not_add_to_it(
    evaluation: QueryEvaluation, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "version", lambda: "0.2.0")
    with pytest.raises(EvaluationError, match=r'version was "0.1.0", now "0.2.0"; code was null'):
        evaluation.run(stopped, resume=True)
