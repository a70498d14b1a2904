"""How many missing links the hard answers of the official queries and of sampled ones need, and the time to sample.

    python -m benchmarks.missing_links [--data DIR]

DIR is the data folder (by default `$SKYLARK_DATA`, else ../shared/data). Writes `results/missing_links.json` and `.md`
beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.machine import machine, machine_words
from reasoning.evaluation.missing_links import GraphPair, MissingLinks
from reasoning.evaluation.query_files import EntityTable, find_files, read_records
from reasoning.evaluation.sampling import SamplingOptions, classify_queries, sample_queries, shares_table
from skylark.installation import version
from skylark.text import aligned

DATASETS = {"fb15k-237-q2b": "valid", "nell995-betae": "test"}
SAMPLED = {"as in the benchmarks": SamplingOptions(), "harder": SamplingOptions(count=200, harder=True)}
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    data: Path = parser.parse_args().data
    for name in DATASETS:
        if not (data / "kg" / name / "queries").is_dir():
            parser.error(f"{data} does not hold kg/{name}/queries; set SKYLARK_DATA or pass --data")
    with tempfile.TemporaryDirectory() as folder:
        # The first batch compiles, which is not what is timed.
        sample_queries("umls", Path(folder), options=SamplingOptions(["1p"], 1))
    report = {
        "command": "python -m benchmarks.missing_links",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "figures": {name: figures(data / "kg" / name, split) for name, split in DATASETS.items()},
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "missing_links.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "missing_links.md").write_text(text, encoding="utf-8")
    print(text)


def figures(folder: Path, split: str) -> dict[str, Any]:
    found: dict[str, Any] = {"split": split, "official": classify_queries(folder, folder / "queries", split)}
    found["twice"] = counted_twice(folder, split)
    for name, options in SAMPLED.items():
        with tempfile.TemporaryDirectory() as out:
            began, processor = time.perf_counter(), time.process_time()
            found[name] = sample_queries(folder, Path(out) / "queries", split, options, progress=True)
            found[name]["seconds"] = time.perf_counter() - began
            found[name]["processor_seconds"] = time.process_time() - processor
    return found


def counted_twice(folder: Path, split: str) -> dict[str, float]:
    """The share of each type's official pairs with one missing link where one that is used twice counts twice."""
    pair = GraphPair.load(folder, split)
    links, found = MissingLinks(pair), {}
    for path in find_files(folder / "queries", split)[0]:
        records = read_records([path], pair.full, EntityTable(pair.full), None)
        costs = [links.proofs(record.query).within(record.hard).costs() for record in records]
        found[records[0].kind] = float(np.mean(np.concatenate(costs) == 1))
    return found


def as_markdown(report: Mapping[str, Any]) -> str:
    parts = [
        "# Missing links of hard answers",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(report['machine'])}.",
        "Pairs are a query with one of its hard answers, told by the least number of distinct links that the smaller "
        "graph lacks in a proof of the answer. Counted twice: the share with one missing link as Gregucci et al. 2024 "
        "count, to whom a link that a proof uses twice is two; they publish, for all 4,000 NELL995 queries of a type, "
        "97.6% for 2p, 95.6% for 3p, 94.0% for 2i, 87.4% for 3i, 49.5% for pi, 96.2% for ip and 98.5% for up.",
    ]
    for name, found in report["figures"].items():
        parts.append(f"## {name}, {found['split']} queries")
        parts.append(f"The official ones:\n\n```\n{shares_table(found['official'])}\n```")
        rows = [[kind, f"{share:.1%}"] for kind, share in found["twice"].items()]
        order = list(found["official"]["per_type"])
        rows.sort(key=lambda row: order.index(row[0]))
        parts.append(f"```\n{aligned(['type', '1 missing, counted twice'], rows)}\n```")
        for kind in SAMPLED:
            per_type = found[kind]["per_type"]
            queries, tries = (sum(row[key] for row in per_type.values()) for key in ("queries", "tries"))
            parts.append(
                f"Sampled, {kind}: {queries:,} queries from {tries:,} tries in {found[kind]['seconds']:.1f} s "
                f"({found[kind]['processor_seconds']:.1f} s of one core), the counting included:"
                f"\n\n```\n{shares_table(found[kind])}\n```"
            )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
