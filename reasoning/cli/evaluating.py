"""`evaluate`: a method measured on query or question files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kg_data.batches.options import add_workers, workers_of
from kg_data.command_line import OK, positive
from kg_data.errors import UsageError
from kg_data.visible import visible
from reasoning.cli.methods import add_method, completion_options, lark_options
from reasoning.cli.options import add_graph, loading_options, open_graph
from reasoning.cli.sent_texts import sends_texts, sent_texts
from reasoning.errors import EvaluationError
from reasoning.evaluation.query_run import QueryEvaluation
from reasoning.evaluation.question_run import QuestionEvaluation
from reasoning.evaluation.run import PreparedRun
from reasoning.evaluation.tables import query_table, question_table


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
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
        "completion": completion_options(options),
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
