"""Method lark with the embedded model as it comes, protocol reading, beside the copy-everything baseline.

    python -m benchmarks.reading_untuned [--data DIR] [--per-type 10] [--work DIR]

Takes the first queries of each type whose every step has at most 40 answers, answers them step by step, and writes
`results/reading_untuned.json` and `.md` beside this file. A stopped run goes on where it was: its lines are kept in
the work folder.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph, LarkOptions, Query
from reasoning.evaluation.query_files import GRAPH_SPLITS, find_files
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.execution.exact import execute
from reasoning.lm import describe_llm, load_llm
from reasoning.query.binding import bind
from skylark.installation import version
from skylark.text import aligned

MOST_ANSWERS = 40
MODELS = ("embedded", "copy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--per-type", type=int, default=10, help="queries of each type")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/work"), help="lines of a run that may be stopped")
    options = parser.parse_args()
    shares: dict[str, dict[str, float]] = {}
    figures: dict[str, dict[str, Any]] = {}
    for name in DATASETS:
        folder = options.data / "kg" / name
        chosen = options.work / name
        shares[name] = select(folder, chosen, options.per_type)
        figures[name] = {}
        for model in MODELS:
            out = options.work / f"{name}-{model}.jsonl"
            summary = QueryEvaluation(folder, chosen, "reading", method="lark", llm=model, options=LarkOptions()).run(
                out=out, resume=out.exists(), progress=True
            )
            lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
            steps = {key: sum(line["steps"][key] for line in lines) for key in ("llm", "agreeing", "left_out")}
            failed = sum("error" in line for line in lines)
            figures[name][model] = {
                **{key: summary[key] for key in ("per_type", "avg_p", "avg_n", "count", "seconds")},
                "steps": steps,
                "queries_with_a_failed_step": failed,
            }
    report = {
        "command": "python -m benchmarks.reading_untuned",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "version": version(),
        "model": describe_llm(load_llm("embedded")),
        "options": vars(LarkOptions()),
        "per_type": options.per_type,
        "most_answers_of_a_step": MOST_ANSWERS,
        "share_within_that": shares,
        "figures": figures,
    }
    text = as_markdown(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "reading_untuned.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "reading_untuned.md").write_text(text, encoding="utf-8")
    print(text)


def select(folder: Path, chosen: Path, per_type: int) -> dict[str, float]:
    """Write the first queries of each type within the bound; the share of each type's queries that are within it."""
    files, split = find_files(folder / "queries", None)
    kg = KnowledgeGraph.load(folder, GRAPH_SPLITS["reading", split])
    chosen.mkdir(parents=True, exist_ok=True)
    shares = {}
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        if lines:  # the graph must be the one that the gold was computed on, else the bound is of other sets
            record = json.loads(lines[0])
            answers = execute(kg, bind(Query.from_record(record), kg))[-1].members
            assert len(answers) == len(record["easy"] + record["hard"]), f"{path.name} is of another split"
        within = [line for line in lines if _most_answers(kg, line) <= MOST_ANSWERS]
        (chosen / path.name).write_text("\n".join(within[:per_type]) + "\n", encoding="utf-8")
        shares[path.stem.split("-", 1)[1]] = len(within) / len(lines)
    return shares


def _most_answers(kg: KnowledgeGraph, line: str) -> int:
    results = execute(kg, bind(Query.from_record(json.loads(line)), kg))
    return max(len(result.members) for result in results)


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    parts = [
        "# Method lark with the untuned embedded model, protocol reading\n",
        f"`{report['command']}`, {report['date']}, Skylark {report['version']}, {machine_words(report['machine'])}.\n",
        f"{report['per_type']} queries of each type, the first whose every step has at most "
        f"{report['most_answers_of_a_step']} answers; {report['model']['name']} as it comes, beside the baseline that "
        "answers every step with all the ids of its context. A query with a failed step counts as answered wrongly.\n",
    ]
    for name, by_model in report["figures"].items():
        rows = []
        for kind in (*by_model["embedded"]["per_type"], "avg_p", "avg_n"):
            cells = [kind]
            for model in MODELS:
                values = by_model[model]["per_type"].get(kind) or by_model[model].get(kind)
                cells += [f"{values['exact_match']:.3f}", f"{values['f1']:.3f}"] if values else ["", ""]
            share = report["share_within_that"][name].get(kind)
            rows.append([*cells, "" if share is None else f"{share:.2f}"])
        heads = ["type", "lark: exact", "lark: F1", "copy: exact", "copy: F1", "share within the bound"]
        parts.append(f"## {name}\n\n```\n{aligned(heads, rows)}\n```\n")
        for model in MODELS:
            figure = by_model[model]
            steps = figure["steps"]
            parts.append(
                f"{'Embedded' if model == 'embedded' else 'Copy'}: {steps['agreeing']} of {steps['llm']} steps agree "
                f"with exact execution; {figure['queries_with_a_failed_step']} of {figure['count']} queries have a "
                f"step that failed; {figure['seconds']:.0f} s.\n"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    main()
