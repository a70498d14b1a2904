"""`compare`: two results files, query by query."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path

from kg_data.command_line import OK, as_json, positive
from reasoning.evaluation.comparison import compare
from reasoning.evaluation.comparison_texts import texts_of
from reasoning.evaluation.results_file import read_results
from reasoning.evaluation.tables import comparison_text

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
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
