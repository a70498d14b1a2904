"""Method lark with the embedded model as it was taught, protocol reading, beside the untuned model and copying.

    python -m benchmarks.reading_distilled [--data DIR] [--per-type 50] [--beside 20] [--large 10] [--work DIR]

Queries of each type are drawn with seed 0 among those whose every step has at most 40 answers; `--large` of those with
larger steps are measured by F1. Also measured: single steps by kind, calibration of the scores on held-out steps, and
the time of a 2p query beside a plain chain's. Writes `results/reading_distilled.json` and `.md`. A stopped run goes on
where it was: its lines are kept in the work folder.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph, LarkOptions, Query, Reasoner
from reasoning.answer import Answer
from reasoning.evaluation.query_files import GRAPH_SPLITS, find_files
from reasoning.execution.exact import execute
from reasoning.execution.step_result import StepResult
from reasoning.lm import load_llm
from reasoning.lm.candidate_scoring import PACKAGED_ADAPTER, adapter_digest, load_student
from reasoning.query.binding import bind
from skylark.installation import version
from skylark.text import aligned
from training.loop import expected_calibration_error
from training.steps import STEP_KINDS, StepSampler

MOST_ANSWERS = 40
SEED = 0
CALIBRATION_STEPS = 60
"""Held-out steps of each kind."""

METHODS: dict[str, tuple[str, LarkOptions]] = {
    "taught": ("embedded", LarkOptions()),
    "untuned, constrained": ("embedded", LarkOptions(replies="text")),
    "untuned": ("embedded", LarkOptions(replies="text", constrained=False)),
    "copy": ("copy", LarkOptions()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--per-type", type=int, default=50, help="queries of each type, the taught model")
    parser.add_argument("--beside", type=int, default=20, help="of these, how many the others answer too")
    parser.add_argument("--large", type=int, default=10, help="queries of each type with larger steps")
    parser.add_argument("--timed", type=int, default=10, help="2p queries whose time is taken, both ways")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/work"), help="lines of a run that may be stopped")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    for name in DATASETS:
        kg, drawn = draw(options.data / "kg" / name, max(options.per_type, options.large), options.work)
        figures[name] = {"share_within": {kind: entry["share"] for kind, entry in drawn.items()}}
        for method in METHODS:
            count = options.per_type if method == "taught" else options.beside
            figures[name][method] = tallied(run(kg, name, drawn, "within", method, count, options.work))
        figures[name]["large"] = tallied(run(kg, name, drawn, "beyond", "taught", options.large, options.work))
        chosen = [Query.from_record(record) for record in drawn["2p"]["within"][: options.timed]]
        figures[name]["seconds"] = timed(kg, chosen)
    report = {
        "command": "python -m benchmarks.reading_distilled",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "adapter": adapter_digest(load_llm("embedded")),
        "per_type": options.per_type,
        "beside": options.beside,
        "most_answers_of_a_step": MOST_ANSWERS,
        "calibration": calibration(options.data),
        "figures": figures,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "reading_distilled.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "reading_distilled.md").write_text(text, encoding="utf-8")
    print(text)


def draw(folder: Path, count: int, work: Path) -> tuple[KnowledgeGraph, dict[str, Any]]:
    """The graph, and of each type records whose steps are within the bound, others, and the share of the former."""
    files, split = find_files(folder / "queries", None)
    kg = KnowledgeGraph.load(folder, GRAPH_SPLITS["reading", split])
    kept = work / f"drawn-{folder.name}-{count}.json"
    if kept.exists():
        return kg, json.loads(kept.read_text(encoding="utf-8"))
    drawn: dict[str, Any] = {}
    for path in files:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rng = random.Random(SEED)
        within: list[Any] = []
        beyond: list[Any] = []
        for record in rng.sample(records, len(records)):
            results = execute(kg, bind(Query.from_record(record), kg))
            most = max(len(result.members) for result in results)
            (within if most <= MOST_ANSWERS else beyond).append(record)
        kind = path.stem.split("-", 1)[1]
        drawn[kind] = {
            "within": within[:count],
            "beyond": beyond[:count],
            "share": len(within) / len(records),
        }
    kept.write_text(json.dumps(drawn), encoding="utf-8")
    return kg, drawn


def run(
    kg: KnowledgeGraph, name: str, drawn: dict[str, Any], which: str, method: str, count: int, work: Path
) -> list[dict[str, Any]]:
    """A line for each query; those that the work folder holds are not asked again."""
    llm, options = METHODS[method]
    reasoner = Reasoner(kg, llm=llm, method="lark", options=options)
    out = work / f"distilled-{name}-{which}-{method.replace(', ', '-')}-{adapter_digest(reasoner.llm) or 'none'}.jsonl"
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
    done = {(line["type"], line["number"]) for line in lines}
    with out.open("a", encoding="utf-8") as file:
        for kind, entry in drawn.items():
            for number, record in enumerate(entry[which][:count]):
                if (kind, number) in done:
                    continue
                query = Query.from_record(record)
                began = time.perf_counter()
                answer = reasoner.answer(query)
                line = {
                    "type": kind,
                    "number": number,
                    "seconds": time.perf_counter() - began,
                    **compared(kg, query, answer),
                }
                lines.append(line)
                file.write(json.dumps(line) + "\n")
                file.flush()
    wanted = {(kind, number) for kind, entry in drawn.items() for number in range(min(count, len(entry[which])))}
    return [line for line in lines if (line["type"], line["number"]) in wanted]


def compared(kg: KnowledgeGraph, query: Query, answer: Answer) -> dict[str, Any]:
    """What an answer is worth beside exact execution."""
    gold = set(execute(kg, bind(query, kg))[-1].members.tolist())
    given = set(answer.ranked.tolist())
    right = len(gold & given)
    f1 = 1.0 if not gold and not given else 2 * right / (len(gold) + len(given))
    steps = [step for step in answer.steps if step.by == "llm"]
    return {
        "exact": gold == given and answer.error is None,
        "f1": f1,
        "steps": [[kind_of(step), bool(step.agrees)] for step in steps],
        "outside": sum(outside(kg, step) for step in steps),
        "parts": sum(step.parts_total for step in steps),
    }


def kind_of(step: StepResult) -> str:
    """The kind of a step, for the table of single steps."""
    operation = step.step.step.operation
    if operation == "project":
        assert step.step.relation is not None
        many = "many" if len(step.inputs[0]) > 1 else "one"
        return f"project from {many}{', inverse' if step.step.relation.inverse else ''}"
    return f"intersect {len(step.inputs)}" if operation == "intersect" else operation


def outside(kg: KnowledgeGraph, step: StepResult) -> int:
    """Answers that no line of the step's contexts names."""
    shown = "\n".join(line for part in step.parts for line in part.context.lines)
    return sum(kg.name(int(entity)) not in shown for entity in step.members)


def tallied(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Means by type, over the positive and the negated types, and of single steps by kind."""
    kinds = list(dict.fromkeys(line["type"] for line in lines))
    per_type = {
        kind: {
            "count": sum(line["type"] == kind for line in lines),
            **{
                metric: float(np.mean([line[metric] for line in lines if line["type"] == kind]))
                for metric in ("exact", "f1", "seconds")
            },
        }
        for kind in kinds
    }
    steps: dict[str, list[bool]] = {}
    for line in lines:
        for kind, agrees in line["steps"]:
            steps.setdefault(kind, []).append(agrees)
    averages = {
        name: {metric: float(np.mean([per_type[kind][metric] for kind in group])) for metric in ("exact", "f1")}
        for name, group in (
            ("avg_p", [kind for kind in kinds if "n" not in kind]),
            ("avg_n", [kind for kind in kinds if "n" in kind]),
        )
        if group
    }
    return {
        "per_type": per_type,
        **averages,
        "steps": {kind: {"count": len(found), "exact": float(np.mean(found))} for kind, found in sorted(steps.items())},
        "outside_the_context": sum(line["outside"] for line in lines),
    }


def timed(kg: KnowledgeGraph, queries: list[Query]) -> dict[str, float]:
    """Median seconds of 2p queries: by marks, and by one reply in text a step, nothing shared between steps."""
    medians = {}
    for name, method in (("taught", "taught"), ("plain chain", "untuned")):
        llm, options = METHODS[method]
        reasoner = Reasoner(kg, llm=llm, method="lark", options=options)
        reasoner.answer(queries[0])  # loads the weights
        seconds = []
        for query in queries:
            began = time.perf_counter()
            reasoner.answer(query)
            seconds.append(time.perf_counter() - began)
        medians[name] = float(np.median(seconds))
    return medians


def calibration(data: Path, adapter: Path = PACKAGED_ADAPTER) -> dict[str, Any]:
    """Calibration error of the scores of an adapter on held-out steps, and exact match of each kind of step."""
    student = load_student(adapter)
    graphs = [KnowledgeGraph.load(data / "kg" / name, ["train"]) for name in DATASETS]
    sampler = StepSampler(graphs, student.marks.scheme, random.Random("calibration"))
    steps = [sampler.sample(kind) for kind in STEP_KINDS for _ in range(CALIBRATION_STEPS)]
    marked = student.probabilities([step.sheet for step in steps])
    kept = np.concatenate([step.keep for step in steps]).astype(bool)
    exact = {
        kind: float(np.mean([
            not ((own > 0.5) != step.keep).any() for own, step in zip(marked, steps, strict=True) if step.kind == kind
        ]))
        for kind in STEP_KINDS
    }  # fmt: skip
    return {
        "marks": len(kept),
        "temperature": student.marks.temperature,
        "expected_calibration_error": expected_calibration_error(np.concatenate(marked), kept),
        "exact": exact,
    }


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    return "\n".join(_page(report))


def _page(report: dict[str, Any]) -> Iterator[str]:
    yield "# Method lark with the embedded model as it was taught, protocol reading\n"
    yield (
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(report['machine'])}, "
        f"adapter {report['adapter']}.\n"
    )
    found = report["calibration"]
    yield (
        f"Held-out steps: expected calibration error {found['expected_calibration_error']:.4f} over {found['marks']} "
        f"marks (temperature {found['temperature']:.2f}); exact match "
        + ", ".join(f"{kind} {value:.3f}" for kind, value in found["exact"].items())
        + ".\n"
    )
    for name, figure in report["figures"].items():
        yield f"## {name}\n"
        heads = ["type", "share"] + [f"{method}: {metric}" for method in METHODS for metric in ("exact", "F1")]
        heads.append("larger steps: F1")
        rows = []
        for kind in (*figure["taught"]["per_type"], "avg_p", "avg_n"):
            share = figure["share_within"].get(kind)
            row = [kind, "" if share is None else f"{share:.2f}"]
            for method in (*METHODS, "large"):
                values = figure[method]["per_type"].get(kind) or figure[method].get(kind)
                cells = [f"{values['exact']:.3f}", f"{values['f1']:.3f}"] if values else ["", ""]
                row += cells[1:] if method == "large" else cells
            rows.append(row)
        yield f"```\n{aligned(heads, rows)}\n```\n"
        steps = figure["taught"]["steps"]
        rows = [[kind, str(entry["count"]), f"{entry['exact']:.3f}"] for kind, entry in steps.items()]
        yield f"```\n{aligned(['single step', 'count', 'exact'], rows)}\n```\n"
        seconds = figure["seconds"]
        yield (
            f"Entities that were not in the context: {figure['taught']['outside_the_context']}. Median time of a 2p "
            f"query {seconds['taught']:.3f} s, of a plain chain {seconds['plain chain']:.3f} s.\n"
        )


if __name__ == "__main__":
    main()
