"""`sample-queries` and `classify-queries`: queries made from a graph, and how many links their answers lack."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kg_data.command_line import OK, as_json
from reasoning.cli.options import add_dataset, add_graph, loading_options
from reasoning.evaluation.sampling import SamplingOptions, classify_queries, sample_queries, shares_table


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
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
    chosen = SamplingOptions(types=types, **numbers)
    loading = loading_options(options)
    summary = sample_queries(options.kg, options.out, options.split, chosen, options.held_out, True, loading)
    _print(summary, options)
    return OK


def classify(options: argparse.Namespace) -> int:
    """Print the share of pairs by the number of links they lack."""
    _print(classify_queries(options.kg, options.queries, options.split, options.results), options)
    return OK


def _print(summary: dict[str, Any], options: argparse.Namespace) -> None:
    print(as_json(summary) if options.json else shares_table(summary))
