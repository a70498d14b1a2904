"""A synthetic graph of 20 million triples: built from a file, opened from the cache, memory and seconds.

    python -m benchmarks.large_graph [--triples N] [--entities N] [--relations N]

The triples are drawn with a fixed seed: heads evenly, tails by a power law, relations by Zipf's law, all distinct. They
are written as a .tsv in a temporary folder (about 1 GB, plus 1 GB of cache), built by `KnowledgeGraph.load` in a fresh
process, whose peak of resident memory counts, and opened in further fresh processes. The peer is a Python dict of sets
over the same file, as `dict_baseline.py` builds it, on the first tenth of the lines, so that it fits a small machine.
Writes `results/large_graph.json` and `.md` beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, machine_words
from skylark.installation import version

RESULTS = Path(__file__).resolve().parent / "results"
LOAD = """
import json, sys, time
from reasoning import KnowledgeGraph
status = lambda: dict(line.split(":", 1) for line in open("/proc/self/status"))
# Not ru_maxrss: that counts what the parent process held before this one's program was loaded.
resident = lambda: int(status()["VmHWM"].split()[0]) * 1024
before = resident()
began = time.perf_counter()
kg = KnowledgeGraph.load(sys.argv[1])
opened = time.perf_counter() - began
answers = kg.index.project(kg.index.project(kg.universe[:1], 0, True), 1, False)
answered = time.perf_counter() - began
peak = resident()
print(json.dumps({"seconds": opened, "first_query_seconds": answered, "peak_bytes": peak, "before_bytes": before,
    "triples": len(kg), "entities": kg.entity_count, "relations": kg.relation_count, "graph_bytes": kg.nbytes,
    "index_bytes": sum(array.nbytes for array in kg.index.whole.arrays().values())}))
"""
PEER = """
import sys
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
before, adjacency, lines = resident(), {}, 0
with open(sys.argv[1]) as handle:
    for line in handle:
        head, relation, tail = line.rstrip("\\n").split("\\t")
        adjacency.setdefault((int(head[1:]), int(relation[1:])), set()).add(int(tail[1:]))
        lines += 1
        if lines == int(sys.argv[2]):
            break
print(resident() - before)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--triples", type=int, default=20_000_000)
    parser.add_argument("--entities", type=int, default=2_000_000)
    parser.add_argument("--relations", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.tsv"
        write_triples(path, options.triples, options.entities, options.relations)
        environment = {**os.environ, "SKYLARK_CACHE": folder}
        size = path.stat().st_size
        built = _run(LOAD, str(path), environment=environment)
        opened = [_run(LOAD, str(path), environment=environment) for _ in range(5)]
        sample = options.triples // 10
        peer = _run(PEER, str(path), str(sample), environment=environment)
    report = {
        "command": "python -m benchmarks.large_graph",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "file_bytes": size,
        "built": built,
        "opened": opened,
        "peer": {"triples": sample, "bytes": peer},
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "large_graph.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "large_graph.md").write_text(text, encoding="utf-8")
    print(text)


def write_triples(path: Path, triples: int, entities: int, relations: int) -> None:
    """Distinct triples with names, in random order."""
    rng = np.random.default_rng(0)
    drawn = triples + triples // 5
    weights = 1.0 / np.arange(1, relations + 1)
    relation = rng.choice(relations, drawn, p=weights / weights.sum()).astype(np.int64)
    head = rng.integers(0, entities, drawn)
    tail = (rng.pareto(0.8, drawn) * entities / 1000).astype(np.int64) % entities
    keys = np.unique((relation * entities + head) * entities + tail)
    if len(keys) < triples:
        raise SystemExit(f"only {len(keys):,} distinct triples could be drawn; ask for fewer, or for more entities")
    keys = rng.permutation(keys)[:triples]
    with path.open("w", encoding="utf-8") as handle:
        for part in np.array_split(keys, max(1, triples // 500_000)):
            rows = zip(
                (part // entities % entities).tolist(),
                (part // entities // entities).tolist(),
                (part % entities).tolist(),
                strict=True,
            )
            handle.writelines(f"e{head}\tr{relation}\te{tail}\n" for head, relation, tail in rows)


def _run(code: str, *arguments: str, environment: Mapping[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).resolve().parents[1], env=dict(environment), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def as_markdown(report: Mapping[str, Any]) -> str:
    built, opened, peer = report["built"], report["opened"], report["peer"]
    warm = statistics.median(run["seconds"] for run in opened)
    first = statistics.median(run["first_query_seconds"] for run in opened)
    per_triple = built["index_bytes"] / built["triples"]
    return "\n\n".join(
        [
            "# A synthetic graph of many triples",
            f"`{report['command']}`, {report['date']}, Skylark {report['version']}, "
            f"{machine_words(report['machine'])}.",
            f"{built['triples']:,} distinct triples, {built['entities']:,} entities, {built['relations']} relations, "
            f"as a .tsv of {report['file_bytes'] / 1e6:,.0f} MB.",
            f"Built and cached in {built['seconds']:.0f} s; peak of resident memory {built['peak_bytes'] / 2**30:.2f} "
            f"GiB (of which {built['before_bytes'] / 2**30:.2f} GiB before the graph was asked for).",
            f"Opened from the cache in {warm:.2f} s (median of {len(opened)} fresh processes, the slowest "
            f"{max(run['seconds'] for run in opened):.2f} s), a first query of two hops answered after {first:.2f} s; "
            f"peak of resident memory {max(run['peak_bytes'] for run in opened) / 2**30:.2f} GiB.",
            f"The index takes {per_triple:.1f} bytes a triple, memory-mapped parts counted in full; with names and "
            f"ids the graph is {built['graph_bytes'] / 1e6:,.0f} MB. A dict of sets over the first {peer['triples']:,} "
            f"lines takes {peer['bytes'] / peer['triples']:.0f} bytes a triple: the index takes "
            f"{per_triple * peer['triples'] / peer['bytes']:.3f} of it.",
        ]
    ) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
