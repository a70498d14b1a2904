"""`complete train`: a link predictor for a graph, which methods complete and hybrid then find."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from kg_data.command_line import OK
from reasoning.cli.options import add_graph, as_json, positive

_TEXTS = {
    "rank": "complex dimensions of the embeddings",
    "epochs": "most passes over the triples; more may be asked of a run that goes on",
    "learning_rate": "of Adagrad",
    "batch": "questions in an update",
    "nuclear": "weight of the nuclear 3-norm",
    "relation_weight": "weight of predicting the relation",
    "scale": "standard deviation of the first embeddings",
    "held_out": "share of the triples that is not trained on, for early stopping and calibration",
    "patience": "checks without a better one before training stops",
    "check_every": "epochs between two checks",
    "dtype": "of the largest products: auto, float32 or bfloat16",
    "device": "auto, cpu, cuda, cuda:N or mps",
    "seed": "of everything drawn",
}


def add_commands(commands: Any) -> None:
    """Offer `complete train`."""
    from reasoning.completion.options import TrainingOptions

    complete = commands.add_parser("complete", help="predict what a graph does not say")
    actions = complete.add_subparsers(required=True, metavar="ACTION")
    sub = actions.add_parser("train", help="fit a link predictor on a graph; a stopped run goes on")
    add_graph(sub)
    sub.add_argument("--split", metavar="S", help="train, or train+valid; default: train where there are splits")
    sub.add_argument("--parts", default="both", metavar="P", help="both (default), complex or rules")
    sub.add_argument("--out", type=Path, metavar="DIR", help="default: beside the graph's cache, where it is found")
    sub.add_argument("--anew", action="store_true", help="throw away what the folder holds")
    sub.add_argument("--json", action="store_true", help="print one object")
    default = TrainingOptions()
    for field in fields(TrainingOptions):
        value = getattr(default, field.name)
        kind = {"int": positive if field.name != "seed" else int, "float": float, "str": str}[str(field.type)]
        flag = f"--{field.name.replace('_', '-')}"
        sub.add_argument(flag, type=kind, default=value, metavar="N", help=f"{_TEXTS[field.name]}; default: {value}")
    sub.set_defaults(command=train)


def train(options: argparse.Namespace) -> int:
    """Fit, and say how well held-out triples are ranked."""
    from reasoning.completion.fitting import fit
    from reasoning.completion.options import TrainingOptions
    from reasoning.graph.store import KnowledgeGraph

    chosen = TrainingOptions(**{field.name: getattr(options, field.name) for field in fields(TrainingOptions)})
    splits = None if options.split is None else options.split.split("+")
    if splits is None and "train" in KnowledgeGraph.load(options.kg).splits:
        splits = ["train"]
    kg = KnowledgeGraph.load(options.kg, splits)
    fitted = fit(
        kg, chosen, options.parts, options.out, options.anew, lambda line: print(line, file=sys.stderr, flush=True)
    )
    if options.json:
        print(as_json(fitted.to_dict()))
    else:
        for name, ranking in fitted.held_out.items():
            print(f"{name:10} MRR {ranking.mrr:.4f}  Hits@1 {ranking.hits[1]:.4f}  Hits@10 {ranking.hits[10]:.4f}  "
                  f"of {ranking.count:,} held-out links")  # fmt: skip
        print(f"kept in {fitted.folder}")
    return OK
