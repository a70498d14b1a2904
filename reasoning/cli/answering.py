"""`ask` and `query`: a question and its answer, or questions one after another."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from kg_data.command_line import FAILURE, OK, USAGE, as_json
from kg_data.errors import UsageError
from kg_data.visible import visible, visible_lines
from reasoning.cli.conversing import converse
from reasoning.cli.listening import add_speech, heard_question
from reasoning.cli.methods import add_method, completion_options, lark_options
from reasoning.cli.options import add_graph, open_graph
from reasoning.cli.sent_texts import sends_texts, sent_texts
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner
from reasoning.speech.transcript import Transcript
from reasoning.wording.answer_text import answer_text, choice_lines


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `ask` or `query` takes."""
    if verb == "ask":
        about = "the question; without it and without --audio questions are read line by line, each of which may refer "
        parser.add_argument("question", metavar="QUESTION", nargs="?", help=f"{about}to the answer before")
    else:
        example = 'e.g. \'borders("France") & ~currency("Euro")\''
        parser.add_argument("question", metavar="QUERY", help=example)
    add_graph(parser)
    if verb == "ask":
        add_speech(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--sparql", action="store_true", help="print the query as SPARQL text, do not answer it")
    add_method(parser)
    parser.set_defaults(command=ask if verb == "ask" else query)


def ask(options: argparse.Namespace) -> int:
    """Answer a question in plain English, or say what of it was understood and what it may mean.

    Without a question those of standard input are answered, one a line.

    Raises:
        UsageError: without a question something is asked for that one question has.
    """
    heard = heard_question(options)
    if options.question is None and heard is None:
        if options.sparql or options.dry_run:
            raise UsageError(f"{'--sparql' if options.sparql else '--dry-run'} needs the QUESTION on the command line")
        return converse(_reasoner(options), options.json)
    try:
        return _answer(options, options.question if heard is None else heard.text, heard)
    except QuestionError as error:
        if error.reading is None:
            raise
        return _ask_back(options, error.reading, heard)


def query(options: argparse.Namespace) -> int:
    """Answer a logical query."""
    return _answer(options, Query.parse(options.question))


def _reasoner(options: argparse.Namespace) -> Reasoner:
    lark = lark_options(options)  # what is wrong with its model is said before a graph is loaded
    return Reasoner(
        open_graph(options),
        llm=options.llm,
        method=options.method,
        options=lark,
        completion=completion_options(options),
    )


def _answer(options: argparse.Namespace, question: Query | str, heard: Transcript | None = None) -> int:
    reasoner = _reasoner(options)
    if options.sparql:
        logical, understood = reasoner.asked(question)
        for note in () if understood is None else understood.assumed:
            print(visible(f"note: {note}"), file=sys.stderr)
        print(logical.to_sparql(reasoner.kg), end="")
        return OK
    if options.dry_run and sends_texts(reasoner, question):
        texts = sent_texts(reasoner, question)
        print(as_json({"endpoint": reasoner.kg.graph_name, "queries": texts}) if options.json else "\n\n".join(texts))
        return OK
    if options.dry_run:
        estimate = reasoner.estimate([question])
        print(as_json(estimate.to_dict()) if options.json else estimate)
        return OK
    answer = reasoner.answer(question)
    print(as_json(answer.to_dict() | _heard(heard)) if options.json else answer_text(answer))
    return OK if answer.error is None else FAILURE


def _ask_back(options: argparse.Namespace, reading: ReadQuestion, heard: Transcript | None) -> int:
    kg = open_graph(options)
    if options.json:
        print(as_json(reading.to_dict(kg) | _heard(heard)))
    for line in (visible_lines(f"error: {reading.problem}"), *choice_lines(reading, kg, "It may mean")):
        print(line, file=sys.stderr)
    return USAGE


def _heard(heard: Transcript | None) -> dict[str, Any]:
    return {} if heard is None else {"heard": heard.to_dict()}
