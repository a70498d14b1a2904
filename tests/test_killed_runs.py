"""A run that is killed loses no item and repeats none, whenever that happens.

    python -m tests.test_killed_runs FOLDER DATASET

As a program of its own, since what it forks must have no threads: a run is killed before its first effect on the disk,
another one before its second (or in the middle of it, where it is a write), and so on to the last, and each is resumed:
once for a run over the dataset's queries, whose settings stand in the summary beside the lines, and once for one over
images, whose settings stand in the first line. What they leave lies in FOLDER under their numbers, beside `whole` of a
run that was let be. Prints how many of each were killed.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm  # type: ignore[import-untyped]

from kg_data.batches import run_files
from reasoning.evaluation.results import summary_path
from reasoning.evaluation.runs import QueryEvaluation
from skylark.files import Line
from tests.reasoning.made_dataset import make_dataset
from vision.evaluation.runs import Job, RunOptions, lines_path, run

PROJECT = Path(__file__).resolve().parents[1]
EFFECTS = ("open", "write", "fsync", "replace", "ftruncate", "close")
ITEMS = 4


def over_queries(dataset: Path, out: Path) -> None:
    """A run over query records, with a summary after every line."""
    QueryEvaluation(dataset, dataset / "queries/test-2p.jsonl", "reading", split="test").run(out=out, resume=True)


def over_images(out: Path) -> None:
    """A run whose lines hold what no other line holds, so that one lost or repeated is seen."""

    def work(items: Sequence[int]) -> Generator[Line]:
        yield from ({"id": number, "found": [number] * number} for number in items)

    job = Job([{"id": number} for number in range(ITEMS)], [""] * ITEMS, range(ITEMS), work, "item")
    run(job, lambda lines: {"lines": list(lines)}, {"items": ITEMS}, RunOptions(out=out, resume=True))


def main() -> None:
    folder, dataset = map(Path, sys.argv[1:])
    run_files.CHECKPOINT_SECONDS = 0.0  # every line is forced to the disk: all there is to interrupt
    # tqdm's own lock is shared with forked processes, and one that is killed holding it would stop all others.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0
    os.fsync = lambda fd: None  # slow, and what a killed process has written is safe without
    counts = []
    runs: dict[str, Callable[[Path], None]] = {"queries": partial(over_queries, dataset), "images": over_images}
    for name, evaluate in runs.items():
        (folder / name).mkdir()
        evaluate(folder / name / "whole")
        for number in itertools.count():
            out = folder / name / f"{number:04}"
            if not killed(evaluate, out, number):
                counts.append(number)
                break
            assert not killed(evaluate, out, None)
    print(*counts)


def killed(evaluate: Callable[[Path], None], out: Path, number: int | None) -> bool:
    """Start or resume a run in a child, with an effect at which it dies: whether it was killed."""
    child = os.fork()
    if not child:
        if number is not None:
            die_at(number)
        try:
            evaluate(out)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        sys.exit(code)
    return code != 0


def die_at(number: int) -> None:
    """Let this process be killed at its effect on the disk of this number; a write counts twice, the second time half
    of it is done."""
    counter = itertools.count()

    def effect(name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(os, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            if next(counter) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "write" and next(counter) == number:
                descriptor, content = arguments
                real(descriptor, content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return counted

    for name in EFFECTS:
        setattr(os, name, effect(name))


def figures(out: Path) -> tuple[bytes, Any]:
    """The lines of a run and what is summed up of them, but for how long it took."""
    if lines_path(out).exists():
        return lines_path(out).read_bytes(), json.loads(out.read_bytes())
    return out.read_bytes(), {**json.loads(summary_path(out).read_bytes()), "seconds": 0}


@pytest.mark.slow
def test_killed_at_each_of_its_effects_on_the_disk_it_loses_and_repeats_nothing(tmp_path: Path) -> None:
    (folder := tmp_path / "runs").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_killed_runs", str(folder), str(make_dataset(tmp_path / "made", 3))],
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


if __name__ == "__main__":
    main()
