"""`compare`: two results files, query by query."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from kg_data.command_line import OK
from reasoning.cli.options import as_json, positive

log = logging.getLogger(__name__)


def add_commands(commands: Any) -> None:
    """Offer `compare`."""
    sub = commands.add_parser("compare", help="compare two results files, query by query")
    sub.add_argument("a", type=Path, metavar="A", help="results of `evaluate --out`")
    sub.add_argument("b", type=Path, metavar="B", help="others of the same queries; differences are B - A")
    sub.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="M",
        help="such as mrr or f1, again for more; default: main ones",
    )
    sub.add_argument("--worst", type=positive, default=0, metavar="N", help="list the N queries that changed most")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(command=compare_files)


def compare_files(options: argparse.Namespace) -> int:
    """Compare two results files."""
    from reasoning.evaluation.comparison import compare
    from reasoning.evaluation.comparison_text import comparison_text
    from reasoning.evaluation.results import read_results
    from reasoning.wording.comparison_texts import texts_of

    a, b = read_results(options.a), read_results(options.b)
    comparison = compare(a, b, options.metric, options.worst)
    for results in (a, b):
        if not results.complete:
            log.warning("%s is of a run that has not come to its end", results.path)
    if "kg_digest" in comparison.settings:
        log.warning("the two runs had different graphs")
    texts = texts_of(a, [change.id for change in comparison.changes]) if comparison.changes else {}
    if options.json:
        found = comparison.to_dict()
        found["changes"] = [{**change, "text": texts.get(change["id"])} for change in found["changes"]]
        print(as_json(found))
    else:
        print(comparison_text(comparison, texts))
    return OK
