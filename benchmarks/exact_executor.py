"""Method exact over every query of the two official query sets: exact in protocol reading, near nothing in hard.

    python -m benchmarks.exact_executor [--data DIR]

DIR is the data folder (by default `$SKYLARK_DATA`, else ../shared/data). Writes `results/exact_executor.json` and `.md`
beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kg_data
from benchmarks.machine import machine, machine_words
from reasoning.evaluation.query_files import PROTOCOLS
from reasoning.evaluation.runs import QueryEvaluation
from skylark.installation import version
from skylark.text import aligned

DATASETS = ("fb15k-237-q2b", "nell995-betae")
RESULTS = Path(__file__).resolve().parent / "results"
HARD_NOTE = (
    "An answer that set algebra does not give is tied with every other entity that it does not give, so its expected "
    "rank is about half the entity table: MRR about 2 / 14,505 = 0.00014 on fb15k-237-q2b, 2 / 63,361 = 0.00003 on "
    "nell995-betae."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    data: Path = parser.parse_args().data
    for name in DATASETS:
        if not (data / "kg" / name / "queries").is_dir():
            parser.error(f"{data} does not hold kg/{name}/queries; set SKYLARK_DATA or pass --data")
    figures: dict[str, dict[str, Any]] = {}
    for name in DATASETS:
        folder = data / "kg" / name
        figures[name] = {}
        for protocol in PROTOCOLS:
            summary = QueryEvaluation(folder, folder / "queries", protocol, method="exact").run(progress=True)
            figures[name][protocol] = {
                key: summary[key] for key in ("per_type", "avg_p", "avg_n", "count", "skipped", "errors", "seconds")
            }
    report = {
        "command": "python -m benchmarks.exact_executor",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "figures": figures,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "exact_executor.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "exact_executor.md").write_text(text, encoding="utf-8")
    print(text)


def as_markdown(report: Mapping[str, Any]) -> str:
    here = report["machine"]
    parts = [
        "# Method exact on the official queries",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(here)}.",
        "Reading: the graph holds every gold answer; counted are the queries whose answer set is exactly the gold set. "
        "Hard: the graph lacks the hard answers; filtered MRR over all entities, ties at the expected rank.",
        HARD_NOTE,
    ]
    for name, protocols in report["figures"].items():
        reading, hard = protocols["reading"], protocols["hard"]
        rows = []
        for kind, row in reading["per_type"].items():
            mrr, hits = hard["per_type"][kind]["mrr"], hard["per_type"][kind]["hits@10"]
            rows.append(
                [kind, f"{round(row['exact_match'] * row['count'])}/{row['count']}", f"{mrr:.3e}", f"{hits:.4f}"]
            )
        exact = sum(round(row["exact_match"] * row["count"]) for row in reading["per_type"].values())
        for average in ("avg_p", "avg_n"):
            if hard[average]:
                rows.append([average, "", f"{hard[average]['mrr']:.3e}", f"{hard[average]['hits@10']:.4f}"])
        rows.append(["all", f"{exact}/{reading['count']}", "", ""])
        table = aligned(["type", "reading: exact", "hard: MRR", "hard: Hits@10"], rows)
        parts.append(f"## {name}\n\n```\n{table}\n```")
        parts.append(
            f"Answering, scoring and counting took {reading['seconds']:.1f} s in reading "
            f"({reading['count'] / reading['seconds']:,.0f} queries a second) and {hard['seconds']:.1f} s in hard."
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
