"""The command line: `python -m reasoning ask | query | evaluate | datasets`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the query has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kg_data.errors import SkylarkError, UnknownGraphError
from reasoning.errors import (
    AmbiguousEntityError,
    EvaluationError,
    QueryError,
    QuestionError,
    UnknownEntityError,
    UnknownRelationError,
)

OK, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130

USAGE_ERRORS = (
    AmbiguousEntityError,
    EvaluationError,
    QueryError,
    QuestionError,
    UnknownEntityError,
    UnknownGraphError,
    UnknownRelationError,
)
"""What the caller can put right by writing something else."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not fail for the terminal's encoding
    parser = build_parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else USAGE
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except USAGE_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except SkylarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`); without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="python -m reasoning", description="Ask a knowledge graph, or measure a method."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asking = {
        "ask": (ask, "question", "answer a question in plain English", "the question"),
        "query": (query, "query", "answer a logical query", 'e.g. \'borders("France") & ~currency("Euro")\''),
    }
    for name, (command, argument, about, example) in asking.items():
        sub = commands.add_parser(name, help=about, description=about)
        sub.add_argument(argument, metavar=argument.upper(), help=example)
        _add_graph(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        _add_method(sub)
        sub.set_defaults(command=command)
    sub = commands.add_parser("evaluate", help="measure a method on query or question files")
    _add_graph(sub)
    what = sub.add_mutually_exclusive_group(required=True)
    what.add_argument("--queries", type=Path, metavar="DIR|FILE", help="query records, <split>-<type>.jsonl")
    what.add_argument("--questions", type=Path, metavar="FILE", help="questions with their answers")
    sub.add_argument(
        "--protocol", choices=("reading", "hard"), help="of --queries: read answers off, or complete the graph"
    )
    sub.add_argument("--split", choices=("valid", "test"), help="of --queries, where the file names do not say it")
    sub.add_argument("--limit", type=_positive, metavar="N", help="only the first N of each type")
    sub.add_argument("--out", type=Path, metavar="FILE", help="write a JSON line for each, and FILE.summary.json")
    sub.add_argument("--resume", action="store_true", help="go on with the run that FILE holds")
    _add_method(sub)
    sub.set_defaults(command=evaluate)
    sub = commands.add_parser("datasets", help="list the graphs there are")
    sub.add_argument("--json", action="store_true", help="print a JSON list")
    sub.set_defaults(command=datasets)
    return parser


def _add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="built-in name, data-set name or folder, or file")


def _add_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", choices=("exact", "lark"), default="exact", help="default: exact")
    lark = parser.add_argument_group("method lark")
    lark.add_argument("--llm", default="embedded", metavar="L", help='"embedded" (default), "copy" or provider:model')
    lark.add_argument("--prompting", choices=("step", "whole"), help="ask step by step (default) or all at once")
    lark.add_argument("--names", choices=("abstract", "readable"), help="entities as ids (default) or by name")
    lark.add_argument("--token-budget", type=_positive, metavar="N", help="tokens that a step's context may take")
    lark.add_argument("--timeout", type=float, metavar="S", help="seconds for one reply")
    lark.add_argument("--seed", type=int, metavar="N", help="of what is drawn for the prompts")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def _lark_options(options: argparse.Namespace) -> Any:
    from reasoning.lark import LarkOptions

    _check_llm(options.llm)
    names = ("prompting", "names", "token_budget", "timeout", "seed")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    try:
        return LarkOptions(**given)
    except SkylarkError as error:
        raise EvaluationError(str(error)) from None


def _check_llm(name: str) -> None:
    """Refuse a name that is no model; a package or a key that is missing comes up when the model is needed."""
    from reasoning.llms import LLMError, load_llm
    from reasoning.llms.providers import unknown_name

    provider, _, model = (part.strip() for part in name.partition(":"))
    if name.strip() in ("embedded", "copy"):
        return
    if not (provider and model):
        raise EvaluationError(unknown_name(name))
    provider = provider.lower().replace("-", "_")
    try:
        load_llm(f"{provider}:{model}")
    except LLMError as error:
        if str(error) == unknown_name(f"{provider}:{model}"):
            raise EvaluationError(unknown_name(name)) from None


def ask(options: argparse.Namespace) -> int:
    """Answer a question in plain English."""
    return _answer(options, options.question)


def query(options: argparse.Namespace) -> int:
    """Answer a logical query."""
    from reasoning.query.tree import Query

    return _answer(options, Query.parse(options.query))


def _answer(options: argparse.Namespace, question: Any) -> int:
    from reasoning.answer_text import answer_text
    from reasoning.reasoner import Reasoner

    reasoner = Reasoner(options.kg, llm=options.llm, method=options.method, options=_lark_options(options))
    answer = reasoner.answer(question)
    print(_json(answer.to_dict()) if options.json else answer_text(answer))
    return OK if answer.error is None else FAILURE


def evaluate(options: argparse.Namespace) -> int:
    """Measure a method."""
    from reasoning.evaluation.query_run import evaluate_queries
    from reasoning.evaluation.question_run import evaluate_questions
    from reasoning.evaluation.table import query_table, question_table

    if options.queries is not None and options.protocol is None:
        raise EvaluationError("--queries needs --protocol reading or --protocol hard")
    if options.questions is not None and (options.protocol or options.split):
        raise EvaluationError("--protocol and --split belong to --queries, questions have neither")
    if options.resume and options.out is None:
        raise EvaluationError("--resume needs --out FILE, the results to go on with")
    common = {
        "method": options.method,
        "llm": options.llm,
        "options": _lark_options(options),
        "limit": options.limit,
        "out": options.out,
        "resume": options.resume,
        "progress": True,
    }
    if options.questions is not None:
        print(question_table(evaluate_questions(options.kg, options.questions, **common)))
    else:
        summary = evaluate_queries(options.kg, options.queries, options.protocol, split=options.split, **common)
        print(query_table(summary))
    return OK


def datasets(options: argparse.Namespace) -> int:
    """List the graphs there are."""
    import kg_data
    from reasoning.datasets_text import datasets_text

    print(_json(kg_data.describe_datasets()) if options.json else datasets_text())
    return OK


def _json(item: Any) -> str:
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(item, ensure_ascii=not unicode, indent=2)
