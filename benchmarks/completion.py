"""Completion of FB15k-237 and NELL995: hard answers by complete and hybrid, of standard and harder queries; speed.

    python -m reasoning complete train --kg fb15k-237-q2b --split train --rank 512 --relation-weight 4 --epochs 15
    python -m reasoning complete train --kg nell995-betae --split train --relation-weight 0.1 --check-every 2 --epochs 8
    python -m benchmarks.completion [--data DIR] [--limit N] [--sampled N] [--hybrid N] [--dense N] [--work DIR]

Filtered MRR on hard answers x 100, by link predictors trained on the train splits alone. The official queries, and
queries sampled from the same graphs: all 14 types, and a harder set whose pairs lack two links or more. The share of
missing edges and the scale of negation are chosen, and the weights of hybrid fitted, on the first `--fitted` queries of
each type of the valid split: of the official ones of FB15k-237, which are valid ones (they are left out of all figures)
and of sampled ones of NELL995, whose official ones are test ones. Hybrid and, beside it, complete answer `--hybrid`.
Also: time and memory of training from the run's log, and of answering, beside a dense implementation in the same run.
Writes `results/completion.json` and `.md`. A stopped run goes on where it was: its lines are kept in the work folder.
"""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import kg_data
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph, Query
from reasoning.completion.complete import WEIGHTS_FILE, soft_logic
from reasoning.completion.fitted import MANIFEST, RUN, find_predictor
from reasoning.completion.predictor import CompletionOptions, LinkPredictor
from reasoning.completion.training import LOG_FILE
from reasoning.evaluation.query_files import GRAPH_SPLITS, find_files
from reasoning.evaluation.results import fit_ranking_weights
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.evaluation.sampling import HARDER, SamplingOptions, sample_queries
from reasoning.query.binding import BoundChain, bind
from reasoning.query.records import NEGATED, STRUCTURES
from skylark.installation import version
from skylark.text import aligned

DATASETS = {"fb15k-237-q2b": "valid", "nell995-betae": "test"}
RESULTS = Path(__file__).resolve().parent / "results"
ANCHORS = {
    "fb15k-237-q2b": "published, test set, nine types: BetaE 20.9, CQD 21.9, GNN-QE 26.8, QTO 33.5 (1p 49.0)",
    "nell995-betae": "published, test set, nine types: BetaE 24.6, CQD 27.7, GNN-QE 28.9, QTO 1p 60.7; "
    "negated: BetaE 5.9",
}
MISSING, NEGATION = (0.1, 0.3, 1.0), (1.0, 3.0, 6.0)
"""Options that are tried."""

TIMED = 20
"""Queries of each type that are timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--limit", type=int, default=1000, help="official queries of each type")
    parser.add_argument("--sampled", type=int, default=200, help="sampled queries of each type")
    parser.add_argument("--fitted", type=int, default=500, help="valid queries of each type that weights are fitted on")
    parser.add_argument("--chosen", type=int, default=50, help="of them, those that options are chosen on")
    parser.add_argument("--hybrid", type=int, default=100, help="queries of each type that hybrid answers; 0: none")
    parser.add_argument(
        "--dense", type=int, default=2, help="queries of each type that the dense peer answers; 0: none"
    )
    parser.add_argument("--work", type=Path, default=Path("benchmarks/work"), help="lines of a run that may be stopped")
    parser.add_argument("--sets", nargs="+", choices=DATASETS, default=list(DATASETS), help="data sets to measure")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        figures = {
            "command": f"python -m benchmarks.completion --sets {name} "
            + " ".join(
                f"--{key} {getattr(options, key)}"
                for key in ("limit", "sampled", "fitted", "chosen", "hybrid", "dense")
            ),
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "version": version(),
            **figures_of(options, name, DATASETS[name]),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        kept = RESULTS / "completion.json"
        report = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        report[name] = figures
        kept.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "completion.md").write_text(as_markdown(report), encoding="utf-8")
        print(as_markdown({name: figures}))


def figures_of(options: argparse.Namespace, name: str, split: str) -> dict[str, Any]:
    folder, work = options.data / "kg" / name, options.work
    predictor = find_predictor(KnowledgeGraph.load(folder, ("train",)))
    assert predictor.folder is not None
    made = {}
    for which in ("sampled", "harder", "valid"):
        made[which] = work / f"{name}-{which}-{options.sampled}-{options.fitted}"
        if made[which].exists() or (which == "valid" and split == "valid"):
            continue
        count = {"sampled": options.chosen + options.sampled, "harder": options.sampled, "valid": options.fitted}[which]
        asked = SamplingOptions(list(HARDER) if which == "harder" else None, count, harder=which == "harder")
        sample_queries(folder, made[which], "valid" if which == "valid" else split, asked, progress=True)
    # FB15k-237's official queries are valid ones themselves: fitted on the first, measured on those behind.
    official, own = folder / "queries", split == "valid"
    fitted = official if own else made["valid"]
    base = CompletionOptions(model=predictor.folder)
    run = partial(measured, folder, work, predictor)
    negated = work / f"{name}-negated"
    negated.mkdir(exist_ok=True)
    for kind in NEGATED:
        shutil.copy((made["sampled"] if own else made["valid"]) / f"valid-{kind}.jsonl", negated)
    model, tried = choose(run, base, fitted, negated, options.chosen)
    found: dict[str, Any] = {}
    sets = {
        "official": (official, options.limit, options.fitted if own else 0),
        "sampled": (made["sampled"], options.sampled, options.chosen),
        "harder": (made["harder"], options.sampled, 0),
    }
    for which, (queries, limit, skip) in sets.items():
        for method in ("exact", "complete"):
            found[f"{which} {method}"] = run(queries, split, method, limit, skip, model)
    if options.hybrid:
        (predictor.folder / WEIGHTS_FILE).unlink(missing_ok=True)  # the signals are read, whatever weights rank them
        lines = work / run(fitted, "valid", "hybrid", options.fitted, 0, model)["lines"]
        fit_ranking_weights(lines, KnowledgeGraph.load(folder, ("train",)), predictor.folder)
    beside: dict[str, Any] = {}
    for which in ("official", "harder") if options.hybrid else ():
        queries, _, skip = sets[which]
        for method in ("complete", "hybrid"):
            beside[f"{which} {method}"] = run(queries, split, method, options.hybrid, skip, model, "weighed")
    return {
        "training": training(predictor),
        "chosen": {"missing": model.missing, "negation": model.negation, "tried": tried},
        "measured": found,
        "hybrid": beside,
        "speed": speed(folder, split, predictor, model, options.dense),
    }


def choose(
    run: Callable[..., dict[str, Any]], base: CompletionOptions, fitted: Path, negated: Path, count: int
) -> tuple[CompletionOptions, list[dict[str, Any]]]:
    """The share of missing edges and the scale of negation under which the first valid queries are ranked best."""
    tried = []

    def best(queries: Path, options: list[CompletionOptions], mean: str) -> CompletionOptions:
        mrr = []
        for one in options:
            mrr.append(run(queries, "valid", "complete", count, 0, one)[mean].get("mrr", 0.0))
            tried.append({"missing": one.missing, "negation": one.negation, "mean": mean, "mrr": mrr[-1]})
        return options[int(np.argmax(mrr))]

    chosen = best(fitted, [replace(base, missing=missing) for missing in MISSING], "avg_p")
    return best(negated, [replace(chosen, negation=scale) for scale in NEGATION], "avg_n"), tried


def measured(
    folder: Path, work: Path, predictor: LinkPredictor, queries: Path, split: str, method: str, limit: int, skip: int,
    model: CompletionOptions, mark: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The means of an evaluation, whose lines are kept under a name that tells what decides them."""
    parts = (
        folder.name,
        queries.name,
        split,
        method,
        limit,
        skip,
        predictor.digest,
        model.missing,
        model.negation,
        mark,
    )
    out = work / f"completion-{'-'.join(map(str, parts))}.jsonl"
    summary = QueryEvaluation(
        folder, queries, "hard", method=method, split=split, limit=limit, skip=skip, completion=model
    ).run(out=out, resume=out.exists(), progress=True)
    kept = ("per_type", "avg_p", "avg_n", "count", "errors", "seconds")
    return {"lines": out.name, **{key: summary[key] for key in kept}}


def training(predictor: LinkPredictor) -> dict[str, Any]:
    """What the predictor's folder tells of how it came about."""
    assert predictor.folder is not None
    manifest = json.loads((predictor.folder / MANIFEST).read_text(encoding="utf-8"))
    log = predictor.folder.parent / RUN / LOG_FILE
    curve = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    return {**{key: manifest[key] for key in ("options", "weights", "held_out", "digest", "splits")}, "curve": curve}


def speed(
    folder: Path, split: str, predictor: LinkPredictor, model: CompletionOptions, compared: int
) -> dict[str, Any]:  # fmt: skip
    """Queries a second of each type with no row kept at first, and the share of a dense implementation's time."""
    files, _ = find_files(folder / "queries", split)
    kg = KnowledgeGraph.load(folder, GRAPH_SPLITS["hard", split])  # type: ignore[index]
    rates: dict[str, Any] = {}
    for path in files:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:TIMED]]
        chains = [bind(Query.from_record(record), kg) for record in records]
        logic = soft_logic(kg, predictor, model)
        took: list[float] = []
        for chain in chains:
            began = time.perf_counter()
            logic.execute(chain)
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        for chain in chains[:compared]:
            dense(kg, predictor, chain, model)
        rates[records[0]["type"]] = {
            "queries_a_second": len(took) / sum(took),
            "dense_seconds": (time.perf_counter() - began) / compared if compared else None,
            "seconds_of_the_same": sum(took[:compared]) / compared if compared else None,
            "rows": logic.adjacency.nbytes,
        }
    return rates


def dense(
    kg: KnowledgeGraph, predictor: LinkPredictor, chain: BoundChain, model: CompletionOptions
) -> list[np.ndarray]:
    """The straightforward way: a number for every entity in every set, every row of every entity that is not at 0."""
    missing = np.float32(model.missing)
    results: list[np.ndarray] = []
    for step in chain:
        inputs = []
        for ref, anchor in zip(step.inputs, step.anchors, strict=True):
            one = np.zeros(kg.entity_count) if ref is None else results[ref]
            if ref is None and anchor is not None:
                one[anchor] = 1
            inputs.append(one)
        operation = step.step.operation
        if operation == "project":
            assert step.relation is not None
            best, relation = np.zeros(kg.entity_count), 2 * step.relation.index + step.relation.inverse
            for source in np.flatnonzero(inputs[0]).astype(np.int32):
                known = kg.index.whole.side(step.relation.inverse).row(step.relation.index, int(source))
                sure = predictor.confidence(relation, np.array([source]), np.array([max(1.0, len(known))]))[0]
                sure = sure * missing / (sure * missing + 1 - sure + np.float32(1e-9))
                sure[known] = 1
                sure[sure < model.floor] = 0
                best = np.maximum(best, inputs[0][source] * sure)
            results.append(best)
        elif operation == "intersect":
            results.append(np.prod(inputs, axis=0))
        elif operation == "union":
            results.append(1 - np.prod([1 - one for one in inputs], axis=0))
        else:
            negated = 1 - np.minimum(1, inputs[-1])
            results.append(inputs[0] * negated if operation == "difference" else negated)
    return results


def as_markdown(report: dict[str, Any]) -> str:
    lines = [
        "# Completion: hard answers of incomplete graphs",
        "",
        "Filtered MRR on hard answers x 100; link predictors trained on the train splits alone.",
        "",
    ]
    for name, figures in report.items():
        trained, beside = figures["training"], figures["hybrid"]
        curve = ", ".join(f"{check['epoch']}: {check['held_out']['mrr']:.4f}" for check in trained["curve"])
        options = trained["options"]
        lines += [
            f"## {name}",
            "",
            f"`{figures['command']}`, {figures['date']}, Skylark {figures['version']}, "
            f"{machine_words(figures['machine'])}. Peak memory {figures['peak_memory'] / 2**30:.2f} GiB.",
            "",
            f"{ANCHORS[name]}.",
            "",
            *_block(_mrr_table(figures["measured"])),
            *(("Hybrid and, on the same queries, complete:", "", *_block(_mrr_table(beside))) if beside else ()),
            f"Chosen: missing {figures['chosen']['missing']}, negation {figures['chosen']['negation']}. "
            f"Link predictor {trained['digest']}, trained by "
            f"`python -m reasoning complete train --kg {name} --split train "
            f"--rank {options['rank']} --batch {options['batch']} --relation-weight {options['relation_weight']:g} "
            f"--check-every {options['check_every']} --epochs {options['epochs']} --seed {options['seed']}`: weights "
            f"{trained['weights']}; held-out MRR "
            + ", ".join(f"{part} {ranking['mrr']:.4f}" for part, ranking in trained["held_out"].items())
            + f". Learning curve of the ComplEx (epoch: held-out MRR): {curve}; "
            f"{_cost(trained['curve'])}.",
            "",
            *_block(_speed_table(figures["speed"])),
        ]  # fmt: skip
    return "\n".join(lines)


def _block(table: str) -> tuple[str, ...]:
    return "```", table, "```", ""


def _mrr_table(columns: dict[str, Any]) -> str:
    kinds = [kind for kind in STRUCTURES if any(kind in column["per_type"] for column in columns.values())]
    rows = [[kind, *(_figure(one["per_type"].get(kind, {})) for one in columns.values())] for kind in kinds]
    rows += [[mean, *(_figure(one[mean]) for one in columns.values())] for mean in ("avg_p", "avg_n")]
    rows.append(["queries", *(f"{one['count']:,}" for one in columns.values())])
    return aligned(["type", *columns], rows)


def _speed_table(speed: dict[str, Any]) -> str:
    rows = [
        [kind, f"{rate['queries_a_second']:.2f}", *map(_seconds, (rate["dense_seconds"], rate["seconds_of_the_same"]))]
        for kind, rate in speed.items()
    ]
    header = ["type", "queries a second", "dense, s", "the same, s"]
    if all(rate["dense_seconds"] is None for rate in speed.values()):
        header, rows = header[:2], [row[:2] for row in rows]
    return aligned(header, rows)


def _seconds(took: float | None) -> str:
    return "" if took is None else f"{took:.3f}"


def _cost(curve: list[dict[str, Any]]) -> str:
    if not curve:
        return "rules alone"
    memory = max(check.get("memory") or 0 for check in curve)
    return f"{curve[-1]['seconds']} s in all" + (f", peak memory {memory / 2**30:.2f} GiB" if memory else "")


def _figure(metrics: dict[str, float]) -> str:
    return f"{100 * metrics['mrr']:.1f}" if "mrr" in metrics else ""


if __name__ == "__main__":
    main()
