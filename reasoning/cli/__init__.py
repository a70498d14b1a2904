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

from skylark.command_line import CommandParser, add_training_jobs, report_failure, report_missing_extra, run
from skylark.errors import SkylarkError
from skylark.process import ended_by_interrupt

VERBS = {
    "ask": ("answering", "add_answer", "answer a question in plain English"),
    "query": ("answering", "add_answer", "answer a logical query"),
    "read": ("answering", "add_read", "say what a question is read as, and answer nothing"),
    "describe": ("graphs", "add_describe", "say what a graph holds: kinds, relations, values, what was left out"),
    "evaluate": ("evaluating", "add_evaluate", "measure a method on query or question files"),
    "compare": ("evaluating", "add_compare", "compare two results files, query by query"),
    "plot": ("evaluating", "add_plot", "draw results files as bars per query type"),
    "teach": ("", "add_graph_jobs", "teach a language model a job"),
    "complete": ("evaluating", "add_complete", "predict what a graph does not say"),
    "datasets": ("graphs", "add_datasets", "list, check and convert graphs"),
    "graph": ("graphs", "add_graph_actions", "change a graph on disk, or make one of texts"),
    "sample-queries": ("evaluating", "add_sampling", "make queries with easy and hard answers from a graph"),
    "classify-queries": ("evaluating", "add_sampling", "count the links that the hard answers of queries lack"),
}
"""Verb to the module of this package and its function that says what the verb takes, and what the verb does."""


def main(arguments: Sequence[str] | None = None, program: str = "python -m reasoning") -> int:
    """Run one command and return its exit code; `program` is what its help calls it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with ended_by_interrupt():
            parser = build_parser(program, arguments[0] if arguments else None)
    except SkylarkError as error:
        return report_failure(error)
    except ModuleNotFoundError as error:
        return report_missing_extra("This command", error)
    return run(parser, arguments)


def build_parser(program: str = "python -m reasoning", verb: str | None = None) -> argparse.ArgumentParser:
    """A parser that knows the names of all verbs, and the arguments of one."""
    parser = CommandParser(prog=program, description="Ask a knowledge graph, or measure a method.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, adder, about) in VERBS.items():
        command = commands.add_parser(name, help=about, description=about)
        if name == verb == "teach":
            add_training_jobs(command, adder)
        elif name == verb:
            getattr(importlib.import_module(f"{__name__}.{module}"), adder)(command, verb)
    return parser
