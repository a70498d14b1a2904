"""What each stage of teaching adds: the same queries and held-out steps, answered by the adapters of several runs.

    python -m benchmarks.distillation_stages NAME=FOLDER [NAME=FOLDER ...] [--data DIR] [--per-type 10] [--work DIR]

Queries of each type are drawn as `benchmarks.reading_distilled` draws them, steps of each kind from the train splits of
the graphs that no run was taught with. Writes `results/distillation_stages.json` and `.md`; a stopped run goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from benchmarks.reading_distilled import calibration, compared, draw, tallied
from reasoning import LarkOptions, Query, Reasoner
from reasoning.lm import load_llm
from reasoning.lm.candidate_scoring import adapter_digest
from skylark.text import aligned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="+", metavar="NAME=FOLDER", help="adapters by the names of their stages")
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--per-type", type=int, default=10, help="queries of each type")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/work"), help="lines of a run that may be stopped")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    stages = dict(stage.split("=", 1) for stage in options.stages)
    figures = {name: figure(Path(folder), options) for name, folder in stages.items()}
    report = {
        "command": "python -m benchmarks.distillation_stages " + " ".join(f"{name}=..." for name in stages),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "per_type": options.per_type,
        "figures": figures,
    }
    text = as_markdown(report)
    (RESULTS / "distillation_stages.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "distillation_stages.md").write_text(text, encoding="utf-8")
    print(text)


def figure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Held-out steps and whole queries of one adapter."""
    llm = load_llm("embedded", adapter=str(folder))
    found: dict[str, Any] = {"adapter": adapter_digest(llm), "held_out": calibration(options.data, folder)}
    for name in DATASETS:
        kg, drawn = draw(options.data / "kg" / name, options.per_type, options.work)
        reasoner = Reasoner(kg, llm=llm, method="lark", options=LarkOptions())
        out = options.work / f"stage-{name}-{options.per_type}-{found['adapter']}.jsonl"
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
        done = {(line["type"], line["number"]) for line in lines}
        with out.open("a", encoding="utf-8") as file:
            for kind, entry in drawn.items():
                for number, record in enumerate(entry["within"][: options.per_type]):
                    if (kind, number) in done:
                        continue
                    query = Query.from_record(record)
                    line = {"type": kind, "number": number, "seconds": 0.0}
                    line |= compared(kg, query, reasoner.answer(query))
                    lines.append(line)
                    file.write(json.dumps(line) + "\n")
                    file.flush()
        found[name] = tallied(lines)
    return found


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    heads = ["stage", "steps: exact", "calibration error"]
    averages = [(name, average) for name in DATASETS for average in ("avg_p", "avg_n")]
    shown = [
        (name, average) for name, average in averages if all(average in f[name] for f in report["figures"].values())
    ]
    heads += [f"{name} {average}: {metric}" for name, average in shown for metric in ("exact", "F1")]
    rows = []
    for stage, found in report["figures"].items():
        row = [stage, f"{np.mean(list(found['held_out']['exact'].values())):.3f}"]
        row.append(f"{found['held_out']['expected_calibration_error']:.4f}")
        for name, average in shown:
            row += [f"{found[name][average]['exact']:.3f}", f"{found[name][average]['f1']:.3f}"]
        rows.append(row)
    return (
        "# What each stage of teaching adds\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}, {report['per_type']} queries of "
        f"each type.\n\n```\n{aligned(heads, rows)}\n```\n"
    )


if __name__ == "__main__":
    main()
