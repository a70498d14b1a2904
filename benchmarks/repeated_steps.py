"""Whether the law of repeated data holds for steps: what few steps repeated are worth, in new ones.

    python -m benchmarks.repeated_steps RUN [RUN ...] [--data DIR]

The law (Muennighoff et al. 2023, see `training.loop`) says how many new tokens repeated ones are
worth: a run of so many new tokens, with its own schedule, should end where the run that repeats ends. Compares the
folders of runs of `python -m reasoning teach steps`, some with a small `--unique`, others with one so large that hardly
a step is met twice. All are examined on the same steps from graphs that none was taught with, more of them than in the
checks of a run. Between the runs of new steps the logarithm of their wrong marks is taken as a line over tokens;
where on it a run that repeats stands is what it was worth. Of a run without `--unique` the steps grow and the mixture
follows the error, so that it only stands beside them. Writes `results/repeated_steps.json` and `.md`, which hold the
commands of the runs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph
from reasoning.lm.candidate_scoring import load_student
from skylark.text import aligned
from training.loop import CHECKPOINT, LOG_FILE, effective_data, examine
from training.steps import STEP_KINDS, StepOptions, StepSampler

STEPS = 100
"""Held-out steps of each kind."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    options = parser.parse_args()
    report: dict[str, Any] = {
        "command": "python -m benchmarks.repeated_steps " + " ".join(f"runs/{run.name}" for run in options.runs),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "held_out_steps": STEPS * len(STEP_KINDS),
        "runs": {run.name: described(run) | ended(run, options.data) for run in options.runs},
    }
    for run in report["runs"].values():
        run["as_good_as"] = as_good_as(run, report["runs"].values()) if run["epochs"] > 1 else None
    text = as_markdown(report)
    (RESULTS / "repeated_steps.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "repeated_steps.md").write_text(text, encoding="utf-8")
    print(text)


def curve(run: Path) -> list[dict[str, Any]]:
    """The checks of a run, each with its means over the kinds of steps."""
    lines = [json.loads(line) for line in (run / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["exact"] = float(np.mean(list(line["held_out_exact"].values())))
        line["wrong_marks"] = float(np.mean(list(line["held_out_wrong_marks"].values())))
    return lines


def described(run: Path) -> dict[str, Any]:
    """How a run was taught, its checks, and `worth`: by the law, in new tokens."""
    options = json.loads((run / "options.json").read_text(encoding="utf-8"))
    lines = curve(run)
    tokens, epochs = lines[-1]["tokens"], lines[-1].get("epochs", 1.0)
    # Tokens seen once on average or less are new ones.
    worth = tokens if epochs <= 1 else effective_data(tokens / epochs, epochs)
    return {
        "command": teaching(run),
        "unique": options["unique"],
        "tokens": tokens,
        "epochs": epochs,
        "worth": round(worth),
        "checks": lines,
    }


def teaching(run: Path) -> str:
    """The command that made a run: its options where they are not the defaults."""
    stored = json.loads((run / "options.json").read_text(encoding="utf-8"))
    default = StepOptions().to_dict()
    changed = [f"--{name.replace('_', '-')} {value}" for name, value in stored.items() if value != default[name]]
    return " ".join([f"python -m reasoning teach steps --out runs/{run.name}", *changed])


def ended(run: Path, data: Path) -> dict[str, Any]:
    """What the adapter of a run does on held-out steps: exact match and wrong marks by kind, and the mean surprise."""
    student = load_student(run / CHECKPOINT)
    graphs = [KnowledgeGraph.load(data / "kg" / name, ["train"]) for name in DATASETS]
    sampler = StepSampler(graphs, student.marks.scheme, random.Random("repeated steps"))
    steps = [sampler.sample(kind) for kind in STEP_KINDS for _ in range(STEPS)]
    found = examine(student, steps)
    odds = np.concatenate(student.log_odds([step.sheet for step in steps])).astype(np.float64)
    kept = np.concatenate([step.keep for step in steps])
    return {
        "exact": found.exact,
        "wrong": found.wrong,
        "loss": float(np.mean(np.logaddexp(0.0, odds) - kept * odds)),
    }


def as_good_as(run: dict[str, Any], runs: Iterable[dict[str, Any]]) -> str:
    """How many new tokens gave as few wrong marks; a bound where no run of new steps has more, or fewer."""
    new = sorted(
        (other for other in runs if other["unique"] and other["epochs"] < 1), key=lambda other: other["tokens"]
    )
    tokens = [other["tokens"] for other in new]
    own, *wrong = (-np.log(np.mean(list(other["wrong"].values()))) for other in (run, *new))
    if own < wrong[0]:
        return f"< {tokens[0]:,}"
    if own > wrong[-1]:
        return f"> {tokens[-1]:,}"
    return f"{np.interp(own, wrong, tokens):,.0f}"


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    heads = ["run", "steps", "tokens", "epochs", "worth by the law", "as good as new", "exact", "wrong marks", "loss"]
    rows = [
        [
            name,
            f"{run['unique'] or 'new'}",
            f"{run['tokens']:,}",
            f"{run['epochs']:.1f}",
            f"{run['worth']:,}",
            run["as_good_as"] or "",
            f"{np.mean(list(run['exact'].values())):.3f}",
            f"{np.mean(list(run['wrong'].values())):.4f}",
            f"{run['loss']:.4f}",
        ]
        for name, run in report["runs"].items()
    ]
    parts = [
        "# What repeated steps are worth\n\n"
        f"`{report['command']}`, {report['date']}, {machine_words(report['machine'])}; {report['held_out_steps']:,} "
        f"held-out steps, means over the six kinds.\n\n```\n{aligned(heads, rows)}\n```\n\n"
        "## Along the way\n\nChecks on 24 steps of each kind; the loss is that of teaching since the check before.\n"
    ]
    for name, run in report["runs"].items():
        checks = aligned([name, "exact", "wrong marks", "loss"], [check_row(line) for line in run["checks"]])
        parts.append(f"\n`{run['command']}`\n\n```\n{checks}\n```\n")
    return "".join(parts)


def check_row(line: dict[str, Any]) -> list[str]:
    """One check for a table."""
    return [f"{line['tokens']:,}", f"{line['exact']:.3f}", f"{line['wrong_marks']:.4f}", f"{line['loss']:.4f}"]


if __name__ == "__main__":
    main()
