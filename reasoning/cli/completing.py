"""`complete train`: a link predictor for a graph, which methods complete and hybrid then find; `complete weigh`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path

from kg_data.command_line import OK, as_json, positive
from reasoning.cli.options import add_graph, open_graph
from reasoning.completion.fitted import find_predictor
from reasoning.completion.fitting import fit
from reasoning.completion.options import SMALL, TrainingOptions, suited_options
from reasoning.evaluation.ranking_weights import fit_ranking_weights

_TEXTS = {
    "rank": "complex dimensions of the embeddings",
    "epochs": "most passes over the triples; more may be asked of a run that goes on",
    "learning_rate": "of Adagrad",
    "batch": "pairs of source and relation in an update",
    "nuclear": "weight of the nuclear 3-norm",
    "relation_weight": "weight of predicting the relation",
    "scale": "standard deviation of the first embeddings",
    "held_out": "share of the triples that is not trained on, for early stopping and calibration",
    "patience": "checks without a better one before training stops",
    "check_every": "epochs between two checks",
    "refit": "train once more on all triples, for as many epochs as were best",
    "dtype": "of the largest products: auto, float32 or bfloat16",
    "device": "auto, cpu, cuda, cuda:N or mps",
    "seed": "of everything drawn",
}


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `complete train` and `complete weigh` take."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    sub = actions.add_parser("train", help="fit a link predictor on a graph; a stopped run goes on")
    add_graph(sub)
    sub.add_argument("--split", metavar="S", help="train, or train+valid; default: train where there are splits")
    sub.add_argument("--parts", default="both", metavar="P", help="both (default), complex or rules")
    sub.add_argument("--out", type=Path, metavar="DIR", help="default: beside the graph's cache, where it is found")
    sub.add_argument("--anew", action="store_true", help="throw away what the folder holds")
    sub.add_argument("--json", action="store_true", help="print one object")
    large, small = suited_options(SMALL), suited_options(1)
    for field in fields(TrainingOptions):
        value = getattr(large, field.name)
        help_text = f"{_TEXTS[field.name]}; default: {value}"
        if value != getattr(small, field.name):
            help_text += ", on a small graph by its size"
        flag = f"--{field.name.replace('_', '-')}"
        if field.type == "bool":
            sub.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_text)
            continue
        kind = {"int": positive if field.name != "seed" else int, "float": float, "str": str}[str(field.type)]
        sub.add_argument(flag, type=kind, metavar="N", help=help_text)
    sub.set_defaults(command=train)
    sub = actions.add_parser("weigh", help="fit what method hybrid ranks by on an evaluation of it")
    add_graph(sub)
    sub.add_argument("--results", type=Path, required=True, metavar="FILE",
                     help="lines of evaluate --protocol hard --method hybrid --out FILE")  # fmt: skip
    sub.add_argument(
        "--model", type=Path, metavar="DIR", help="the link predictor; default: the one kept for the graph"
    )
    sub.add_argument("--split", metavar="S", default="train", help="splits of the graph that was given; default: train")
    sub.set_defaults(command=weigh)


def train(options: argparse.Namespace) -> int:
    """Fit, and say how well held-out triples are ranked."""
    chosen_options = {field.name: getattr(options, field.name) for field in fields(TrainingOptions)}
    splits = None if options.split is None else options.split.split("+")
    kg = open_graph(options, splits)
    if splits is None and "train" in kg.splits:
        kg = open_graph(options, ["train"])
    chosen = suited_options(len(kg), **{name: value for name, value in chosen_options.items() if value is not None})
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


def weigh(options: argparse.Namespace) -> int:
    """Fit the weights and print them."""
    kg = open_graph(options, options.split.split("+"))
    model = options.model or find_predictor(kg).folder
    assert model is not None
    weights = fit_ranking_weights(options.results, kg, model)
    print(as_json({kind or "other": asdict(item) for kind, item in weights.items()}))
    return OK
