"""A run that is killed loses no item and repeats none, whenever that happens."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reasoning.evaluation.results import summary_path
from tests.reasoning.made_dataset import make_dataset
from vision.evaluation.runs import lines_path

PROJECT = Path(__file__).resolve().parents[1]


def figures(out: Path) -> tuple[bytes, Any]:
    """The lines of a run and what is summed up of them, but for how long it took."""
    if lines_path(out).exists():
        return lines_path(out).read_bytes(), json.loads(out.read_bytes())
    return out.read_bytes(), {**json.loads(summary_path(out).read_bytes()), "seconds": 0}


@pytest.mark.slow
def test_killed_at_each_of_its_effects_on_the_disk_it_loses_and_repeats_nothing(tmp_path: Path) -> None:
    (folder := tmp_path / "runs").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_runs", str(folder), str(make_dataset(tmp_path / "made", 3))],
        cwd=PROJECT, env={**os.environ, "SKYLARK_CACHE": str(tmp_path / "cache")}, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Of three lines with a summary before, after each, and at the end every one is opened, written, forced out.
    for kind, count, least in zip(("queries", "images"), map(int, done.stdout.split()), (40, 20), strict=True):
        assert count > least
        whole = figures(folder / kind / "whole")
        assert all(figures(folder / kind / f"{number:04}") == whole for number in range(count))
    assert whole[1]["lines"]
    assert not list(folder.rglob("*.part"))
