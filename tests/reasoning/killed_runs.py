"""Evaluations in children that are killed, and begun again. A program of its own: what it forks must have no threads.

    python -m tests.reasoning.killed_runs effects|moments DATASET QUERIES FOLDER

`effects` kills a run before its first effect on the disk, another one before its second (or in the middle of it, where
it is a write), and so on to the last, and has each completed. `moments` kills one run at random moments until it is
complete. What the runs leave lies in FOLDER.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from reasoning.evaluation import results
from reasoning.evaluation.runs import QueryEvaluation

EFFECTS = ("open", "write", "fsync", "replace", "ftruncate", "close")


def main() -> None:
    how, dataset, queries, folder = sys.argv[1], *map(Path, sys.argv[2:])
    results.CHECKPOINT_SECONDS = 0.0  # a new summary after every line: all there is to interrupt
    # tqdm's own lock is shared with forked processes, and one that is killed holding it would stop all others.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0
    os.fsync = lambda fd: None  # slow, and what a killed process has written is safe without
    QueryEvaluation(dataset, queries, "reading", split="test").run(out=folder / "whole.jsonl")

    def run(out: Path, before: Callable[[], object] = lambda: None) -> int:
        """Start or resume a run in a child; its process id."""
        child = os.fork()
        if child:
            return child
        before()
        try:
            QueryEvaluation(dataset, queries, "reading", split="test").run(out=out, resume=True)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)

    if how == "effects":
        for number in itertools.count():
            out = folder / f"{number:04}.jsonl"
            if not killed(run(out, lambda: die_at(number))):  # noqa: B023
                break
            assert not killed(run(out))
    else:
        rng, kills = random.Random(0), 0
        while True:
            child = run(folder / "killed.jsonl")
            time.sleep(rng.uniform(0, 0.01) * 1.25**kills)  # longer and longer, so that some run comes to its end
            os.kill(child, signal.SIGKILL)
            if not killed(child):
                break
            kills += 1
        print(kills)


def killed(child: int) -> bool:
    """Wait for a child: whether it was killed. One that failed ends this program."""
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


if __name__ == "__main__":
    main()
