"""Runs in children that are killed, and begun again. A program of its own: what it forks must have no threads.

    python -m tests.vision.killed_evaluations FOLDER

A run is killed before its first effect on the disk, another one before its second (or in the middle of it, where it is
a write), and so on to the last, and each is resumed. What they leave lies in FOLDER, beside `whole.json` of a run that
was let be. Prints how many were killed.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from skylark.files import Line
from vision.evaluation import runs
from vision.evaluation.runs import Job, run

EFFECTS = ("open", "write", "fsync", "replace", "ftruncate", "close")
ITEMS = 4


def evaluate(out: Path) -> None:
    """A run whose lines hold what no other line holds, so that one lost or repeated is seen."""

    def work(items: Sequence[int]) -> Generator[Line]:
        yield from ({"id": number, "found": [number] * number} for number in items)

    job = Job([{"id": number} for number in range(ITEMS)], [""] * ITEMS, range(ITEMS), work, "item")
    run(job, lambda lines: {"lines": list(lines)}, {"items": ITEMS}, runs.RunOptions(out=out, resume=True))


def main() -> None:
    folder = Path(sys.argv[1])
    runs.SYNC_SECONDS = 0.0  # every line is forced to the disk: all there is to interrupt
    # tqdm's own lock is shared with forked processes, and one that is killed holding it would stop all others.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0
    evaluate(folder / "whole.json")
    for number in itertools.count():
        out = folder / f"{number:03}.json"
        if not killed(out, number):
            print(number)
            break
        assert not killed(out, None)


def killed(out: Path, number: int | None) -> bool:
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


if __name__ == "__main__":
    main()
