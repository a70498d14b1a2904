"""`read`: what a question is read as, with probabilities; nothing is answered."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from kg_data.command_line import OK, USAGE, as_json
from kg_data.text_table import aligned
from kg_data.visible import visible, visible_lines
from reasoning.cli.options import add_graph, add_question_reader, open_graph
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.readers import MODEL
from reasoning.query.binding import bind
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading import ReadingOptions, looks_formal, understand


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `read` takes."""
    parser.add_argument("question", metavar="QUESTION", help="the question")
    add_graph(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    add_question_reader(parser)
    parser.set_defaults(command=read)


def read(options: argparse.Namespace) -> int:
    """Print the readings, best first."""
    kg = open_graph(options)
    reading = ReadingOptions(reader=options.reader or MODEL, sure_from=options.sure_from)
    if looks_formal(options.question):
        query = Query.parse(options.question)
        bind(query, kg)
        found = ReadQuestion(options.question, query)
    else:
        found = understand(options.question, kg, options=reading)
    readings = readings_of(found, kg)
    if options.json:
        print(as_json(readings))
    elif readings:
        rows = [(f"{one['probability']:.2f}", visible(one["query"]), visible(one["words"])) for one in readings]
        print(aligned(("probability", "query", "in words"), rows))
    if found.problem:
        print(visible_lines(f"error: {found.problem}"), file=sys.stderr)
    return OK if found.query is not None else USAGE


def readings_of(found: ReadQuestion, kg: KnowledgeGraph) -> list[dict[str, Any]]:
    """The readings of a question, best first: query, probability and words."""
    return [
        {"query": str(one.query), "probability": round(one.probability, 3), "words": one.words(kg)}
        for one in found.readings
    ]
