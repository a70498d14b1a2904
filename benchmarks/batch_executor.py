"""The batch executor against a plain Python dict of sets: queries per second, and memory.

    python -m benchmarks.batch_executor [--data DIR] [--peer FILE] [--rounds N]

DIR is the data folder (by default `$SKYLARK_DATA`, else ../shared/data), FILE the peer, `bench/dict_baseline.py` beside
it. Both answer the same queries of each type as one batch, in this process and in turn, one core each; the best of N
rounds counts for both. Outside the clock in both is parsing: for the peer from text to nested lists, for Skylark from
text to the flat program that the executor runs. Beside it stands the time with the laying out of resolved chains as a
program inside the clock. Writes `results/batch_executor.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import kg_data
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph, Query
from reasoning.execution.batch import BatchExecutor, Program
from reasoning.query.binding import bind
from skylark.installation import version
from skylark.text import aligned

RESULTS = Path(__file__).resolve().parent / "results"
DATASETS = {"fb15k-237-q2b": ("train", "valid"), "nell995-betae": ("train", "valid", "test")}
"""The splits of each graph: the gold of its queries (valid, test) was computed on them."""
MEMORY = """
import sys; sys.path.insert(0, sys.argv[1])
import dict_baseline
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
before = resident()
kept = dict_baseline.load_adjacency(sys.argv[2], sys.argv[3].split(","))
print(resident() - before)
"""
OPENING = """
import sys, time; from reasoning import KnowledgeGraph
began = time.perf_counter()
KnowledgeGraph.load(sys.argv[1], sys.argv[2].split(","))
print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--peer", type=Path, help="dict_baseline.py; by default in bench/ beside the data folder")
    parser.add_argument("--rounds", type=int, default=7, help="the best of so many counts (default 7)")
    options = parser.parse_args()
    peer = options.peer or options.data.resolve().parent / "bench" / "dict_baseline.py"
    if not peer.is_file():
        parser.error(f"there is no peer {peer}; pass --peer")
    for name in DATASETS:
        if not (options.data / "kg" / name / "queries").is_dir():
            parser.error(f"{options.data} does not hold kg/{name}/queries; set SKYLARK_DATA or pass --data")
    report = {
        "command": "python -m benchmarks.batch_executor",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "rounds": options.rounds,
        "warm_up": warm_up(),
        "figures": {name: measured(options.data / "kg" / name, peer, options.rounds) for name in DATASETS},
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "batch_executor.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "batch_executor.md").write_text(text, encoding="utf-8")
    print(text)


def warm_up() -> dict[str, float]:
    """Seconds until the first batch is answered in a fresh process: without and with machine code on disk."""
    code = (
        "import sys, time, numba; numba.config.CACHE_DIR = sys.argv[1]\n"
        "from reasoning import KnowledgeGraph, Query\nfrom reasoning.execution.batch import BatchExecutor\n"
        "from reasoning.query.binding import bind\n"
        "kg = KnowledgeGraph.from_triples([('a', 'r', 'b')]); chains = [bind(Query.parse('r(\"a\")'), kg)]\n"
        "began = time.perf_counter(); BatchExecutor(kg).execute(chains); print(time.perf_counter() - began)"
    )
    with tempfile.TemporaryDirectory() as folder:
        runs = [_printed([sys.executable, "-c", code, folder]) for _ in range(2)]
    return {"compiled": float(runs[0]), "from_disk": float(runs[1])}


def measured(folder: Path, peer: Path, rounds: int) -> dict[str, Any]:
    """Both sides on one data set, type by type, then memory and opening."""
    splits = DATASETS[folder.name]
    baseline = _module(peer)
    adjacency, everything = baseline.load_adjacency(str(folder), splits)
    kg = KnowledgeGraph.load(folder, splits)
    executor = BatchExecutor(kg)
    executor.run(Program.compile([]))

    def peer_answers(records: Sequence[Mapping[str, Any]]) -> list[set[int]]:
        return [baseline.answer(adjacency, everything, record["query"]) for record in records]

    types = {
        path.stem.partition("-")[2]: measured_type(path, peer_answers, kg, executor, rounds)
        for path in sorted(folder.glob("queries/*.jsonl"))
    }
    growth = int(_printed([sys.executable, "-c", MEMORY, str(peer.parent), str(folder), ",".join(splits)]))
    index = sum(array.nbytes for array in kg.index.whole.arrays().values()) + kg.universe.nbytes
    opening = float(_printed([sys.executable, "-c", OPENING, str(folder), ",".join(splits)]))
    return {
        "triples": len(kg),
        "types": types,
        "geometric_mean": geometric_mean(row["ratio"] for row in types.values()),
        "geometric_mean_with_laying_out": geometric_mean(row["ratio_with_laying_out"] for row in types.values()),
        "peer_bytes": growth,
        "index_bytes": index,
        "executor_bytes": executor.nbytes,
        "graph_bytes": kg.nbytes,
        "opening_seconds": opening,
    }


def measured_type(
    path: Path,
    peer_answers: Callable[[Sequence[Mapping[str, Any]]], list[set[int]]],
    kg: KnowledgeGraph,
    executor: BatchExecutor,
    rounds: int,
) -> dict[str, float]:
    """Both sides on one file of queries."""
    began = time.perf_counter()
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    read = time.perf_counter() - began
    chains = [bind(Query.from_record(record), kg) for record in records]
    program = Program.compile(chains)
    parsed = time.perf_counter() - began
    plain, expected = best(lambda: peer_answers(records), rounds)
    batch, answers = best(lambda: executor.run(program), rounds)
    laid_out, _ = best(lambda: executor.run(Program.compile(chains)), rounds)
    numbers = np.array([int(identifier) for identifier in kg.entity_ids])
    return {
        "queries": len(records),
        "exact": sum(set(numbers[answers[i]].tolist()) == gold for i, gold in enumerate(expected)),
        "answers": len(answers.ids) / len(records),
        "peer_per_second": len(records) / plain,
        "per_second": len(records) / batch,
        "ratio": plain / batch,
        "ratio_with_laying_out": plain / laid_out,
        "peer_parsing_seconds": read,
        "parsing_seconds": parsed,
    }


def best(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The shortest time of several rounds, and what the last gave."""
    shortest = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest, result


def geometric_mean(ratios: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(ratios)))))


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dict_baseline", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _printed(command: list[str]) -> str:
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[1], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def as_markdown(report: Mapping[str, Any]) -> str:
    parts = [
        "# The batch executor against a dict of sets",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(report['machine'])}.",
        "The peer answers by a Python dict of sets, (head, relation) to tails. Both answer the same batch on one core, "
        f"the best of {report['rounds']} rounds each; parsing is outside the clock in both, and stands beside it. "
        "Skylark gives int32 ids with offsets. The second ratio has the laying out of resolved chains as a flat "
        "program inside Skylark's clock.",
        f"Warm-up: the first batch of a process takes {report['warm_up']['compiled']:.1f} s where the loop has to be "
        f"compiled, {report['warm_up']['from_disk']:.2f} s where its machine code is on disk.",
    ]
    for name, figures in report["figures"].items():
        rows = [
            [
                kind,
                f"{row['exact']}/{row['queries']}",
                f"{row['peer_per_second']:,.0f}",
                f"{row['per_second']:,.0f}",
                f"{row['ratio']:.1f}",
                f"{row['ratio_with_laying_out']:.1f}",
                f"{row['peer_parsing_seconds']:.2f}",
                f"{row['parsing_seconds']:.2f}",
            ]
            for kind, row in figures["types"].items()
        ]
        means = (f"{figures[key]:.1f}" for key in ("geometric_mean", "geometric_mean_with_laying_out"))
        rows.append(["geometric mean", "", "", "", *means, "", ""])
        header = ["type", "same answers", "peer q/s", "Skylark q/s", "ratio", "with laying out"]
        header += ["peer parsing s", "parsing s"]
        megabytes = {key: figures[key] / 1e6 for key in ("peer_bytes", "index_bytes", "executor_bytes", "graph_bytes")}
        parts.append(f"## {name}, {figures['triples']:,} triples\n\n```\n{aligned(header, rows)}\n```")
        parts.append(
            f"Memory: the index takes {megabytes['index_bytes']:.1f} MB and the executor's areas "
            f"{megabytes['executor_bytes']:.1f} MB, memory-mapped parts counted in full; the peer's dict grows an "
            f"empty interpreter by {megabytes['peer_bytes']:.1f} MB: "
            f"{(figures['index_bytes'] + figures['executor_bytes']) / figures['peer_bytes']:.3f} of it. With all names "
            f"and ids, which the peer does not hold, the graph is {megabytes['graph_bytes']:.1f} MB "
            f"({figures['graph_bytes'] / figures['peer_bytes']:.3f}). Opened from the cache in "
            f"{figures['opening_seconds']:.2f} s."
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
