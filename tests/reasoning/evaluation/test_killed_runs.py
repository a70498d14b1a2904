"""A run that is killed loses no query and repeats none, whenever that happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reasoning.evaluation.results import summary_path
from tests.reasoning.made_dataset import make_dataset

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "runs"
    made.mkdir()
    return made


def run(how: str, dataset: Path, queries: Path, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.reasoning.killed_runs", how, str(dataset), str(queries), str(folder)],
        cwd=PROJECT,
        env={**os.environ, "SKYLARK_CACHE": str(folder.parent / "cache")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
    ).stdout


def summary(path: Path) -> dict[str, Any]:
    return {**json.loads(summary_path(path).read_text()), "seconds": 0}


@pytest.mark.slow
def test_killed_at_each_of_its_effects_on_the_disk(tmp_path: Path, folder: Path) -> None:
    dataset = make_dataset(tmp_path / "made", 3)
    run("effects", dataset, dataset / "queries/test-2p.jsonl", folder)
    whole = folder / "whole.jsonl"
    runs = sorted(folder.glob("0*.jsonl"))
    # Of three lines with a summary before, after each, and at the end every one is opened, written, forced out.
    assert len(runs) > 40
    for completed in runs:
        assert completed.read_bytes() == whole.read_bytes()
        assert summary(completed) == summary(whole)
    assert summary(whole)["intervals"]["per_type"]["2p"]["lark_mrr"] is not None
    assert not list(folder.glob("*.part"))


@pytest.mark.slow
def test_killed_again_and_again_at_random_moments(tmp_path: Path, folder: Path) -> None:
    dataset = make_dataset(tmp_path / "made", 10)
    kills = int(run("moments", dataset, dataset / "queries", folder))
    assert kills >= 5
    assert (folder / "killed.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
    assert summary(folder / "killed.jsonl") == summary(folder / "whole.jsonl")
