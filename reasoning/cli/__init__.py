"""The command line: `python -m reasoning VERB`, where `VERBS` lists the verbs.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the query has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.

Only the module of the verb that is asked for is imported, so that a list of the verbs costs no language model.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from kg_data.command_line import CommandParser, report_missing_extra, run
from kg_data.process_end import ended_by_interrupt

VERBS = {
    "ask": ("answering", "answer a question in plain English"),
    "query": ("answering", "answer a logical query"),
    "read": ("reading", "say what a question is read as, and answer nothing"),
    "evaluate": ("evaluating", "measure a method on query or question files"),
    "compare": ("comparing", "compare two results files, query by query"),
    "plot": ("plotting", "draw results files as bars per query type"),
    "teach": ("teaching", "teach a language model a job"),
    "complete": ("completing", "predict what a graph does not say"),
    "datasets": ("datasets", "list, check and convert graphs"),
    "graph": ("changing", "change a graph on disk, or make one of texts"),
    "sample-queries": ("sampling", "make queries with easy and hard answers from a graph"),
    "classify-queries": ("sampling", "count the links that the hard answers of queries lack"),
}
"""Each verb's module of this package, whose `add_arguments` says what it takes, and what it does."""


def main(arguments: Sequence[str] | None = None, program: str = "python -m reasoning") -> int:
    """Run one command and return its exit code; `program` is what its help calls it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with ended_by_interrupt():
            parser = build_parser(program, arguments[0] if arguments else None)
    except ModuleNotFoundError as error:
        return report_missing_extra("This command", error)
    return run(parser, arguments)


def build_parser(program: str = "python -m reasoning", verb: str | None = None) -> argparse.ArgumentParser:
    """A parser that knows the names of all verbs, and the arguments of one."""
    parser = CommandParser(prog=program, description="Ask a knowledge graph, or measure a method.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, about) in VERBS.items():
        command = commands.add_parser(name, help=about, description=about)
        if name == verb:
            importlib.import_module(f"{__name__}.{module}").add_arguments(command, verb)
    return parser
