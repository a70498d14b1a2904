"""`evaluate`, `compare`, `plot`, `sample-queries` and `complete`."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from kg_data.batches.shards import add_workers, workers_of
from reasoning.cli.options import (
    add_dataset,
    add_graph,
    add_method,
    chosen,
    lark_options,
    loading_options,
    open_graph,
    sends_texts,
    sent_texts,
)
from reasoning.completion.fitted import find_predictor, fit
from reasoning.completion.predictor import SMALL, CompletionOptions, TrainingOptions, suited_options
from reasoning.errors import EvaluationError
from reasoning.evaluation.comparison import compare, comparison_text, query_table, question_table, texts_of
from reasoning.evaluation.plot import save_plot
from reasoning.evaluation.results import fit_ranking_weights, read_results
from reasoning.evaluation.run import PreparedRun
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from reasoning.evaluation.sampling import SamplingOptions, classify_queries, sample_queries, shares_table
from skylark.command_line import OK, as_json, positive
from skylark.errors import UsageError
from skylark.text import visible


def add_sampling(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `sample-queries` or `classify-queries` takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if verb == "sample-queries":
        add_graph(parser)
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="the folder for <split>-<type>.jsonl"
        )
        parser.add_argument(
            "--split", default="valid", metavar="S", help="whose links are missing: valid (default) or test"
        )
        parser.add_argument("--types", metavar="T,T", help="such as 1p,2i; default: all there are")
        parser.add_argument("--count", type=int, metavar="N", help="queries of each type; default: 1000")
        parser.add_argument("--seed", type=int, metavar="N", help="of everything drawn; default: 0")
        parser.add_argument("--harder", action="store_true", help="only hard answers that lack two links or more")
        parser.add_argument("--most-answers", type=int, metavar="N", help="most hard answers of a query; default: 100")
        parser.add_argument(
            "--held-out",
            type=float,
            metavar="SHARE",
            help="of a graph without splits: hold out this share of its triples",
        )
        parser.set_defaults(command=sample)
    else:
        add_dataset(parser)
        parser.add_argument(
            "--queries", type=Path, required=True, metavar="DIR|FILE", help="records, <split>-<type>.jsonl"
        )
        parser.add_argument("--split", metavar="S", help="valid or test, where the file names do not say it")
        parser.add_argument(
            "--results", type=Path, metavar="FILE", help="of `evaluate --protocol hard`: MRR of each kind"
        )
        parser.set_defaults(command=classify)


def sample(options: argparse.Namespace) -> int:
    """Sample queries and print how many links they lack."""
    names = ("count", "seed", "harder", "most_answers")
    numbers = {name: value for name in names if (value := getattr(options, name)) is not None}
    types = None if options.types is None else [name.strip() for name in options.types.split(",") if name.strip()]
    sampling = SamplingOptions(types=types, **numbers)
    loading = loading_options(options)
    summary = sample_queries(options.kg, options.out, options.split, sampling, options.held_out, True, loading)
    _print(summary, options)
    return OK


def classify(options: argparse.Namespace) -> int:
    """Print the share of pairs by the number of links they lack."""
    _print(classify_queries(options.kg, options.queries, options.split, options.results), options)
    return OK


def _print(summary: dict[str, Any], options: argparse.Namespace) -> None:
    print(as_json(summary) if options.json else shares_table(summary))


def add_evaluate(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `evaluate` takes."""
    add_graph(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--queries", type=Path, metavar="DIR|FILE", help="query records, <split>-<type>.jsonl")
    what.add_argument("--questions", type=Path, metavar="FILE", help="questions with their answers")
    parser.add_argument(
        "--protocol", choices=("reading", "hard"), help="of --queries: read answers off, or complete the graph"
    )
    parser.add_argument("--split", choices=("valid", "test"), help="of --queries, where the file names do not say it")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N of each type")
    parser.add_argument("--skip", type=positive, metavar="N", help="of --queries: without the first N of each type")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a JSON line for each, and FILE.summary.json")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that FILE holds; --limit may be raised"
    )
    add_workers(parser)
    add_method(parser, cache=True)
    parser.set_defaults(command=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    """Measure a method."""
    if options.queries is not None and options.protocol is None:
        raise EvaluationError("--queries needs --protocol reading or --protocol hard")
    if options.questions is not None and (options.protocol or options.split or options.skip):
        raise EvaluationError("--protocol, --split and --skip belong to --queries, questions have none of them")
    if options.resume and options.out is None:
        raise EvaluationError("--resume needs --out FILE, the results to go on with")
    method = {
        "method": options.method,
        "llm": options.llm,
        "options": lark_options(options),
        "completion": chosen(CompletionOptions, options),
        "limit": options.limit,
        "loading": loading_options(options),
    }
    if options.refresh:
        open_graph(options)  # what it finds out is kept, and the run opens it again
    evaluation: QueryEvaluation | QuestionEvaluation
    if options.questions is not None:
        evaluation = QuestionEvaluation(options.kg, options.questions, **method)
    else:
        evaluation = QueryEvaluation(
            options.kg, options.queries, options.protocol, split=options.split, skip=options.skip or 0, **method
        )
    if options.dry_run:
        _dry_run(evaluation.prepare())
    else:
        summary = evaluation.run(options.out, options.resume, True, workers_of(options))
        print(query_table(summary) if options.questions is None else question_table(summary))
    return OK


def _dry_run(prepared: PreparedRun[Any]) -> None:
    """Say what a run would take, or what a server would be sent."""
    questions = prepared.questions
    if not questions or not sends_texts(prepared.reasoner, questions[0]):
        estimate = prepared.estimate()
        print(estimate)
        print(prepared.duration(estimate.requests))
        return
    for item, question in zip(prepared.items, questions, strict=True):
        print(visible(f"# {item.identifier}"))
        try:
            texts = sent_texts(prepared.reasoner, question)
        except UsageError as error:  # of one question, whose line would say so
            texts = [visible(f"# error: {error}")]
        print(*texts, "", sep="\n")


log = logging.getLogger(__name__)


def add_compare(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `compare` takes."""
    parser.add_argument("a", type=Path, metavar="A", help="results of `evaluate --out`")
    parser.add_argument("b", type=Path, metavar="B", help="others of the same queries; differences are B - A")
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="M",
        help="such as mrr or f1, again for more; default: main ones",
    )
    parser.add_argument("--worst", type=positive, default=0, metavar="N", help="list the N queries that changed most")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=compare_files)


def compare_files(options: argparse.Namespace) -> int:
    """Compare two results files."""
    a, b = read_results(options.a), read_results(options.b)
    comparison = compare(a, b, options.metric, options.worst)
    for results in (a, b):
        if not results.complete:
            log.warning("%s is of a run that has not come to its end", results.path)
    if "kg_digest" in comparison.settings:
        log.warning("the two runs had different graphs")
    texts = texts_of(a, [change.id for change in comparison.changes]) if comparison.changes else {}
    if options.json:
        changes = [{**asdict(change), "text": texts.get(change.id)} for change in comparison.changes]
        print(as_json({**comparison.to_dict(), "changes": changes}))
    else:
        print(comparison_text(comparison, texts))
    return OK


def add_plot(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `plot` takes."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results of `evaluate --out`, up to six")
    parser.add_argument("--metric", metavar="M", help="such as mrr or f1; default: the main one")
    parser.add_argument("--out", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file to write")
    parser.set_defaults(command=plot_files)


def plot_files(options: argparse.Namespace) -> int:
    """Draw results files and print where the picture is."""
    save_plot([read_results(path) for path in options.files], options.out, options.metric)
    print(options.out)
    return OK


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


def add_complete(parser: argparse.ArgumentParser, verb: str) -> None:
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
    given = {field.name: getattr(options, field.name) for field in fields(TrainingOptions)}
    splits = None if options.split is None else options.split.split("+")
    kg = open_graph(options, splits)
    if splits is None and "train" in kg.splits:
        kg = open_graph(options, ["train"])
    suited = suited_options(len(kg), **{name: value for name, value in given.items() if value is not None})
    fitted = fit(
        kg, suited, options.parts, options.out, options.anew, lambda line: print(line, file=sys.stderr, flush=True)
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
