"""`evaluate` by several processes: how much faster two are than one, what Ray adds, and whether kills lose anything.

    python -m benchmarks.parallel_evaluation [--data DIR] [--work DIR] [--complete N] [--copy N] [--embedded N]
        [--rounds N]

On the 32,000 official queries of FB15k-237 (18,000, valid) and NELL995 (14,000, test): method complete in protocol
hard, and method lark in protocol reading with the copy-everything baseline and with the embedded model. N are the
queries of each type that are asked; all where it is not given, of the embedded model 6. Every run is a command of its
own whose libraries have one thread: with one worker, with two, and of the baseline with two of Ray's; the files of
results are compared byte for byte. The runs of method complete, which are short, are made in turn `--rounds` times, and
the median counts: a machine that is shared is some percent faster or slower from one minute to the next. Two runs of
method complete that have nothing to do with each other, at the same time, show how much two processes take from each
other whoever shares out the work. Then a smaller run is killed, a worker of it and its driver, at `--kills` random
moments each, and at `--ray-kills` on Ray, and what is gone on with is compared with a run that was let be. Where no
link predictor is kept for a graph, one of rules alone is fitted, which takes seconds. Some 80 minutes on two cores,
which nothing else may use; some 20 with `--complete 100 --copy 100 --embedded 1`. What is measured is kept in DIR, from
which a run that was stopped goes on. Writes `results/parallel_evaluation.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

import kg_data
from benchmarks.machine import machine, machine_words
from kg_data.batches.processes import ONE_THREAD
from kg_data.batches.shards import ShardFolder
from reasoning import KnowledgeGraph
from reasoning.completion.fitted import find_predictor, fit
from reasoning.completion.predictor import suited_options
from reasoning.errors import CompletionError
from skylark.installation import version
from skylark.text import aligned

RESULTS = Path(__file__).resolve().parent / "results"
SETS = {"fb15k-237-q2b": "valid", "nell995-betae": "test"}
WAYS = (("local", 1), ("local", 2), ("ray", 2))
"""Engines and workers; what Ray adds is measured by the copy baseline, whose work is the least."""
COPY = "lark, copy"
METHODS = {
    "complete": ["--method", "complete", "--protocol", "hard"],
    COPY: ["--method", "lark", "--llm", "copy", "--protocol", "reading"],
    "lark, embedded": ["--method", "lark", "--llm", "embedded", "--protocol", "reading"],
}
WORTH = 1.0
"""Milliseconds of work a query from which on a second worker is to pay, see `SPEED_UP`."""
SPEED_UP = 1.6


@dataclass(frozen=True)
class Timing:
    """One run.

    Attributes:
        engine, workers: who answered.
        queries: how many.
        command_seconds: of the whole command.
        seconds: of answering, from when graph and queries are read; workers start within it.
        same: whether its file is that of one worker.
        rounds: the seconds of answering of each run where there were several, of which `seconds` is the median.
    """

    engine: str
    workers: int
    queries: int
    command_seconds: float
    seconds: float
    same: bool
    rounds: Sequence[float] = ()


@dataclass
class Kills:
    """Runs that were killed.

    Attributes:
        killed: how many.
        same: how many wrote the file of a run that was let be.
        lines_there: how many lines each had when it was killed.
    """

    killed: int = 0
    same: int = 0
    lines_there: list[int] = field(default_factory=list)


class Parts:
    """What was measured so far, a line a part, in a file from which a run that was stopped goes on."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._there = {json.dumps(line["key"]): line for line in map(json.loads, lines)}

    def of(self, key: tuple[object, ...], measure: Callable[[], Any]) -> Any:
        """A part, measured where it is not there yet."""
        name = json.dumps(key)
        if name not in self._there:
            self._there[name] = {"key": key, "found": measure()}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._there[name]) + "\n")
        return self._there[name]["found"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--complete", type=int, help="queries of each type that complete answers")
    parser.add_argument("--copy", type=int, help="queries of each type that the copy baseline answers")
    parser.add_argument("--embedded", type=int, default=6, help="queries of each type that the embedded model answers")
    parser.add_argument("--rounds", type=int, default=3, help="of method complete, of which the median counts")
    parser.add_argument("--beside", type=int, default=300, help="queries of each type of two runs at the same time")
    parser.add_argument("--kills", type=int, default=10, help="of a worker, and of the driver")
    parser.add_argument("--ray-kills", type=int, default=3, help="the same on Ray")
    parser.add_argument("--killed", type=int, default=60, help="queries of each type of the runs that are killed")
    parser.add_argument("--work", type=Path, help="where what is measured is kept; default: nowhere")
    options = parser.parse_args()
    os.environ["SKYLARK_DATA"] = str(options.data.resolve())
    limits = dict(zip(METHODS, (options.complete, options.copy, options.embedded), strict=True))
    rounds = {**dict.fromkeys(METHODS, 1), "complete": options.rounds}
    predictors = {name: fitted(options.data / "kg" / name) for name in SETS}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        parts = Parts((options.work or work) / "parts.jsonl")
        timings = {
            method: {
                name: parts.of(
                    ("timings", method, name, limit, rounds[method]),
                    partial(timings_of, work, options.data / "kg" / name, SETS[name], method, limit, rounds[method]),
                )
                for name in SETS
            }
            for method, limit in limits.items()
        }
        together = parts.of(("beside", options.beside), partial(beside, work, options.data, options.beside))
        start = parts.of(("start",), partial(timings_of, work, options.data / "kg" / "nell995-betae", "test", COPY, 1))
        kills = {
            engine: parts.of(
                ("kills", engine, times, options.killed), partial(killed, work, engine, times, options.killed)
            )
            for engine, times in (("local", options.kills), ("ray", options.ray_kills))
        }
    report = {
        "command": "python -m benchmarks.parallel_evaluation" + given(options),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "ray": version_of("ray"),
        "predictors": predictors,
        "timings": timings,
        "beside": together,
        "start": start,
        "kills": kills,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "parallel_evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "parallel_evaluation.md").write_text(text, encoding="utf-8")
    print(text)


def given(options: argparse.Namespace) -> str:
    names = ("complete", "copy", "embedded", "rounds", "beside", "kills", "ray_kills", "killed")
    return "".join(f" --{name.replace('_', '-')} {value}" for name in names if (value := getattr(options, name)))


def fitted(folder: Path) -> str:
    """The parts of the link predictor that is kept for a graph, fitted first where there is none."""
    kg = KnowledgeGraph.load(folder, ("train",))
    try:
        predictor = find_predictor(kg)
    except CompletionError:
        fit(kg, suited_options(len(kg)), "rules")
        predictor = find_predictor(kg)
    return "rules alone" if predictor.embeddings is None else "embeddings and rules"


def evaluation(out: Path, engine: str, workers: int, arguments: Sequence[str]) -> list[str]:
    return [
        sys.executable, "-m", "reasoning", "evaluate", "--out", str(out), "--engine", engine, "--workers", str(workers),
        *arguments,
    ]  # fmt: skip


def begun(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A command that is under way, with one thread for its libraries."""
    with log.open("wb") as told:
        return subprocess.Popen(
            command, env={**os.environ, **ONE_THREAD}, cwd=RESULTS.parents[1], stdout=told, stderr=told
        )


def finished(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.wait() != 0:
        raise SystemExit(f"{process.args!r} failed: {log.read_text(encoding='utf-8')[-2000:]}")


def timings_of(
    work: Path, folder: Path, split: str, method: str, limit: int | None, rounds: int = 1
) -> list[dict[str, Any]]:
    """Each of `timed` as it is kept, where there are several rounds with the median of the seconds."""
    runs = [list(timed(work, folder, split, method, limit)) for _ in range(rounds)]
    found = []
    for ways in zip(*runs, strict=True):
        seconds = [timing.seconds for timing in ways]
        middle = sorted(ways, key=lambda timing: timing.seconds)[len(ways) // 2]
        same = all(timing.same for timing in ways)
        found.append(asdict(replace(middle, same=same, rounds=seconds if rounds > 1 else ())))
    return found


def timed(work: Path, folder: Path, split: str, method: str, limit: int | None) -> Iterator[Timing]:
    """The runs of one method on one data set, one after another, on Ray last."""
    arguments = ["--kg", str(folder), "--queries", str(folder / "queries"), "--split", split, *METHODS[method]]
    if limit is not None:
        arguments += ["--limit", str(limit)]
    first: bytes | None = None
    for engine, workers in WAYS if method == COPY else WAYS[:2]:
        out, log = work / f"{engine}{workers}.jsonl", work / "log"
        began = time.perf_counter()
        finished(begun(evaluation(out, engine, workers, arguments), log), log)
        took = time.perf_counter() - began
        lines = out.read_bytes()
        first = first or lines
        summary = json.loads(out.with_name(f"{out.name}.summary.json").read_text(encoding="utf-8"))
        out.unlink()
        timing = Timing(engine, workers, summary["count"], took, summary["seconds"], lines == first)
        print(f"{method}, {folder.name}: {timing}", file=sys.stderr, flush=True)
        yield timing


def beside(work: Path, data: Path, limit: int) -> dict[str, Any]:
    """Seconds of method complete with one worker, alone and with another such run at the same time, by data set."""
    found: dict[str, Any] = {"limit": limit}
    for name, split in SETS.items():
        arguments = ["--kg", str(data / "kg" / name), "--queries", str(data / "kg" / name / "queries")]
        arguments += ["--split", split, *METHODS["complete"], "--limit", str(limit)]
        for what, count in (("alone", 1), ("at once", 2)):
            runs = []
            for number in range(count):
                out, log = work / f"{name}-{what}-{number}.jsonl", work / f"{number}.log"
                runs.append((out, log, begun(evaluation(out, "local", 1, arguments), log)))
            for _, log, process in runs:
                finished(process, log)
            summaries = [out.with_name(f"{out.name}.summary.json") for out, _, _ in runs]
            seconds = [json.loads(path.read_text(encoding="utf-8"))["seconds"] for path in summaries]
            found.setdefault(name, {})[what] = sum(seconds) / count
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def killed(work: Path, engine: str, times: int, limit: int) -> dict[str, Any]:
    """Kill a worker, then the driver, so many times, each at a random moment of a run of its own that then goes on.

    Args:
        work: a folder for the runs.
        engine: of the runs, by two workers.
        times: how often a worker is killed, and how often the driver.
        limit: queries of each type of NELL995 that a run asks of method lark with the copy baseline.

    Returns:
        How long an undisturbed run took, and the `Kills` of each.
    """
    folder = kg_data.data_root() / "kg" / "nell995-betae"
    arguments = ["--kg", str(folder), "--queries", str(folder / "queries"), "--split", "test", "--limit", str(limit)]
    arguments += METHODS[COPY]
    whole, log = work / f"whole-{engine}.jsonl", work / "log"
    began = time.perf_counter()
    finished(begun(evaluation(whole, engine, 2, arguments), log), log)
    seconds = time.perf_counter() - began
    expected, rng = whole.read_bytes(), random.Random(0)
    found = {"worker": Kills(), "driver": Kills()}
    for victim, kills in found.items():
        while kills.killed < times:
            out = work / f"{victim}.jsonl"
            process = begun(evaluation(out, engine, 2, arguments), log)
            time.sleep(rng.uniform(0, seconds))
            if kill(process, victim, rng):
                kills.killed += 1
                kills.lines_there.append(lines_there(out))
                if victim == "driver":
                    process.wait()
                    process = begun([*evaluation(out, engine, 2, arguments), "--resume"], log)
                finished(process, log)
                kills.same += out.read_bytes() == expected
            else:
                process.wait()
            for path in work.glob(f"{out.name}*"):
                path.unlink()
        print(f"{engine}, {victim}: {kills}", file=sys.stderr, flush=True)
    return {
        "seconds": seconds, "queries": expected.count(b"\n"),
        **{victim: asdict(kills) for victim, kills in found.items()},
    }  # fmt: skip


def kill(process: subprocess.Popen[bytes], victim: str, rng: random.Random) -> bool:
    """Kill a run's driver or one of its workers; whether there was one."""
    if victim == "driver":
        process.kill()
        return True
    workers: list[psutil.Process] = []
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                told = " ".join(child.cmdline())
                # Ray's node dies with its agents, which are called "ray::" too.
                if "--multiprocessing-fork" in told or "ray::MapWorker" in told:
                    workers.append(child)
    while workers:
        with suppress(psutil.Error):
            workers.pop(rng.randrange(len(workers))).send_signal(signal.SIGKILL)
            return True
    return False


def lines_there(out: Path) -> int:
    """How many lines a run has, merged or in shards."""
    there = {json.loads(text)["id"] for text in out.read_bytes().split(b"\n")[:-1]} if out.exists() else set()
    return len(there | ShardFolder.of(out).kept().keys())


def as_markdown(report: Mapping[str, Any]) -> str:
    rows = [
        [method, name, *cells(timings)] for method, sets in report["timings"].items() for name, timings in sets.items()
    ]
    header = [
        "method",
        "graph",
        "queries",
        "1 worker, s",
        "ms a query",
        "2 workers, s",
        "times",
        "Ray, s",
        "times",
        "lines",
    ]
    every = [timing for sets in report["timings"].values() for row in sets.values() for timing in row]
    one, two, ray = report["start"]
    lines = [
        "# Evaluation by several processes",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, Ray {report['ray']}, "
        f"{machine_words(report['machine'])}. Each worker has one thread.",
        f"```\n{aligned(header, rows)}\n```",
        "Seconds are those of answering, in which workers start and open the graph and models"
        f"{in_rounds(report['timings'])}. `lines`: whether all "
        f"wrote the same file, byte for byte ({sum(timing['same'] for timing in every)} of {len(every)} runs). "
        "Link predictors: " + ", ".join(f"{name} {parts}" for name, parts in report["predictors"].items()) + ".",
        verdict(report),
        together(report["beside"]),
        "## Starting",
        f"A run of {one['queries']} queries, one of each type, whose work is next to nothing: "
        f"{one['command_seconds']:.1f} s the command with one worker, {two['command_seconds']:.1f} s with two, "
        f"{ray['command_seconds']:.1f} s with two of Ray's: Ray adds "
        f"{ray['command_seconds'] - two['command_seconds']:.1f} s. {per_query(report)}",
        "## Killed",
    ]
    for engine, found in report["kills"].items():
        parts = [
            f"a {victim} {kills['killed']} times, and {kills['same']} files are byte for byte that of the run that was "
            f"let be (lines that were there: {', '.join(map(str, kills['lines_there']))})"
            for victim, kills in found.items()
            if victim in ("worker", "driver")
        ]
        lines.append(
            f"Engine {engine}, {found['queries']} queries by lark with the copy baseline, {found['seconds']:.1f} s if "
            f"it is let be; killed (`-9`) at a random moment of a run of its own each: {'; '.join(parts)}."
        )
    return "\n\n".join(lines) + "\n"


def in_rounds(timings: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> str:
    """The seconds of each round, where there were several."""
    said = [
        f"{method} on {name} "
        + ", ".join(f"{one:.1f} / {two:.1f}" for one, two in zip(*(way["rounds"] for way in row[:2]), strict=True))
        for method, sets in timings.items()
        for name, row in sets.items()
        if row[0]["rounds"]
    ]
    return f", the median of several rounds (one worker / two: {'; '.join(said)})" if said else ""


def cells(timings: Sequence[Mapping[str, Any]]) -> list[str]:
    one, two, *others = timings
    on_ray = [[f"{ray['seconds']:.1f}", f"{one['seconds'] / ray['seconds']:.2f}"] for ray in others] or [["", ""]]
    return [
        f"{one['queries']:,}", f"{one['seconds']:.1f}", f"{1000 * one['seconds'] / one['queries']:.1f}",
        f"{two['seconds']:.1f}", f"{one['seconds'] / two['seconds']:.2f}",
        *on_ray[0],
        "same" if all(timing["same"] for timing in timings) else "DIFFERENT",
    ]  # fmt: skip


def verdict(report: Mapping[str, Any]) -> str:
    """Whether two workers are as much faster as they are to be."""
    worth = [
        (f"{method} on {name}", one["seconds"] / two["seconds"])
        for method, sets in report["timings"].items()
        for name, (one, two, *_) in sets.items()
        if 1000 * one["seconds"] / one["queries"] >= WORTH
    ]
    short = [f"{what} {times:.2f}" for what, times in worth if times < SPEED_UP]
    reached = f"{len(worth) - len(short)} of {len(worth)} that take {WORTH:g} ms a query or more"
    return f"Two workers are at least {SPEED_UP} times as fast as one in {reached}" + (
        f"; not in {', '.join(short)}." if short else "."
    )


def together(found: Mapping[str, Any]) -> str:
    """How much two runs that share nothing but the machine take from each other."""
    said = []
    for name in SETS:
        times = found[name]["at once"] / found[name]["alone"]
        said.append(f"{times:.2f} times as long on {name}, so that sharing the work gives {2 / times:.2f} at most")
    return (
        f"Two runs of method complete that have nothing to do with each other ({found['limit']} queries of each type, "
        f"one worker each) take, at the same time, {' and '.join(said)}."
    )


def per_query(report: Mapping[str, Any]) -> str:
    """What Ray adds to a query beside its start, by the runs of method lark with the copy baseline."""
    starts = report["start"][2]["seconds"] - report["start"][1]["seconds"]
    found = []
    for name, (_, two, ray) in report["timings"][COPY].items():
        more = 1000 * (ray["seconds"] - two["seconds"] - starts) / two["queries"]
        found.append(f"{more:+.2f} ms on {name}")
    return f"Beyond that a query takes, by lark with the copy baseline, {' and '.join(found)} with Ray."


if __name__ == "__main__":
    main()
