"""How long a question takes beside a process at work, with PyTorch's threads sleeping sooner and with its own default.

    python -m benchmarks.busy_machine [--spins N ...]

Threads of OpenMP spin while they wait for one another. Where another process has one of the processors, the thread that
is waited for does not run, and the others burn the time that it needs. Each process here reads the same questions
about `world` one at a time: with OpenMP's own default, as `skylark.process` sets it, and with each number of `--spins`
(GOMP_SPINCOUNT); on a machine that does nothing else, and beside a process that computes. The order turns round after
each round, so that a drift of the machine's speed falls on all alike. Writes `results/busy_machine.json` and `.md`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.machine import machine, machine_words

HERE = Path(__file__).resolve().parent
QUESTIONS = 8
OWN = "OpenMP's default"
SET = "as commands set it"


def read_questions() -> None:
    """Print the seconds of each question as one JSON list, after one that loads the weights."""
    from reasoning.graph.store import KnowledgeGraph
    from reasoning.reasoner import Reasoner

    lines = (HERE / "lists" / "questions.world.final.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines][: QUESTIONS + 1]
    reasoner = Reasoner(KnowledgeGraph.load("world"), method="exact")
    times = []
    for question in questions:
        began = time.perf_counter()
        reasoner.read(question)
        times.append(time.perf_counter() - began)
    print(json.dumps(times[1:]))


def seconds(setting: str, busy: bool) -> list[float]:
    """Seconds of each question in a process of its own."""
    from skylark.process import thread_settings

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    if setting == SET:
        environment |= thread_settings({})
    elif setting != OWN:
        environment["GOMP_SPINCOUNT"] = setting
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.busy_machine", "--read"],
            env=environment, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True, timeout=900,
        )  # fmt: skip
    finally:
        if other:
            other.kill()
            other.wait()
    times: list[float] = json.loads(done.stdout)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spins", nargs="*", default=[], help="also try these numbers of spins")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_questions()
        return
    settings = [OWN, SET, *arguments.spins]
    found: dict[tuple[str, bool], list[float]] = {}
    for number in range(arguments.rounds):
        for setting in settings[:: -1 if number % 2 else 1]:
            for busy in (False, True):
                times = seconds(setting, busy)
                found.setdefault((setting, busy), []).extend(times)
                print(setting, "busy" if busy else "quiet", round(statistics.median(times), 2), file=sys.stderr)
    median = {key: statistics.median(times) for key, times in found.items()}
    rows = [
        {
            "setting": setting,
            "quiet_seconds": round(median[setting, False], 2),
            "busy_seconds": round(median[setting, True], 2),
            "quiet_to_default": round(median[setting, False] / median[OWN, False], 2),
            "busy_to_quiet": round(median[setting, True] / median[setting, False], 2),
            "slowest_busy_seconds": round(max(found[setting, True]), 2),
        }
        for setting in settings
    ]
    report = {
        "command": "python -m benchmarks.busy_machine",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "questions": QUESTIONS * arguments.rounds,
        "settings": rows,
    }
    text = (
        "# A question beside a process at work\n\n"
        f"`{report['command']}`, on {machine_words(machine())}: the median of {report['questions']} questions about "
        "`world`, each process alone or beside one that computes.\n\n"
        "| threads wait | quiet, s | busy, s | quiet / default | busy / quiet | slowest busy, s |\n"
        "|---|---|---|---|---|---|\n"
        + "".join("| " + " | ".join(str(value) for value in row.values()) + " |\n" for row in rows)
    )
    print(text)
    (HERE / "results" / "busy_machine.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (HERE / "results" / "busy_machine.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
