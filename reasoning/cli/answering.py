"""`ask` and `query`: one question, one answer."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from kg_data.command_line import FAILURE, OK, USAGE
from kg_data.visible import visible, visible_lines
from reasoning.cli.options import add_graph, add_method, as_json, completion_options, lark_options

if TYPE_CHECKING:
    from reasoning.reading import ReadQuestion


def add_commands(commands: Any) -> None:
    """Offer `ask` and `query`."""
    asking = {
        "ask": (ask, "question", "answer a question in plain English", "the question"),
        "query": (query, "query", "answer a logical query", 'e.g. \'borders("France") & ~currency("Euro")\''),
    }
    for name, (command, argument, about, example) in asking.items():
        sub = commands.add_parser(name, help=about, description=about)
        sub.add_argument(argument, metavar=argument.upper(), help=example)
        add_graph(sub)
        form = sub.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print one JSON object")
        form.add_argument("--sparql", action="store_true", help="print the query as SPARQL text, do not answer it")
        add_method(sub)
        sub.set_defaults(command=command)


def ask(options: argparse.Namespace) -> int:
    """Answer a question in plain English, or say what of it was understood and what it may mean."""
    from reasoning.query.read_question import QuestionError

    try:
        return _answer(options, options.question)
    except QuestionError as error:
        if error.reading is None:
            raise
        return _ask_back(options, error.reading)


def query(options: argparse.Namespace) -> int:
    """Answer a logical query."""
    from reasoning.query.tree import Query

    return _answer(options, Query.parse(options.query))


def _answer(options: argparse.Namespace, question: Any) -> int:
    from reasoning.reasoner import Reasoner
    from reasoning.wording.answer_text import answer_text

    reasoner = Reasoner(
        options.kg,
        llm=options.llm,
        method=options.method,
        options=lark_options(options),
        completion=completion_options(options),
    )
    if options.sparql:
        logical, notes = reasoner.read(question)
        for note in notes:
            print(visible(f"note: {note}"), file=sys.stderr)
        print(logical.to_sparql(reasoner.kg), end="")
        return OK
    if options.dry_run:
        estimate = reasoner.estimate([question])
        print(as_json(estimate.to_dict()) if options.json else estimate)
        return OK
    answer = reasoner.answer(question)
    print(as_json(answer.to_dict()) if options.json else answer_text(answer))
    return OK if answer.error is None else FAILURE


def _ask_back(options: argparse.Namespace, found: ReadQuestion) -> int:
    from reasoning.graph.store import KnowledgeGraph
    from reasoning.wording.answer_text import choice_lines

    kg = KnowledgeGraph.load(options.kg)
    if options.json:
        print(as_json(found.to_dict(kg)))
    for line in (visible_lines(f"error: {found.problem}"), *choice_lines(found, kg, "It may mean")):
        print(line, file=sys.stderr)
    return USAGE
