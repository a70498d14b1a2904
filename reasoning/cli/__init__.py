"""The command line: `python -m reasoning ask | query | evaluate | compare | plot | distill | complete | datasets |
sample-queries | classify-queries`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the query has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from kg_data.command_line import run
from kg_data.errors import UnknownGraphError
from reasoning.cli import answering, comparing, completing, datasets, distilling, evaluating, plotting, sampling
from reasoning.errors import (
    AmbiguousEntityError,
    CompletionError,
    DistillationError,
    EvaluationError,
    QueryError,
    SamplingError,
    UnknownEntityError,
    UnknownRelationError,
)
from reasoning.language.errors import UnknownLLMError
from reasoning.query.read_question import QuestionError

USAGE_ERRORS = (
    AmbiguousEntityError,
    CompletionError,
    DistillationError,
    EvaluationError,
    QueryError,
    QuestionError,
    SamplingError,
    UnknownEntityError,
    UnknownGraphError,
    UnknownLLMError,
    UnknownRelationError,
)
"""What the caller can put right by writing something else."""


def main(arguments: Sequence[str] | None = None, program: str = "python -m reasoning") -> int:
    """Run one command and return its exit code; `program` is what its help calls it."""
    return run(build_parser(program), arguments, USAGE_ERRORS)


def build_parser(program: str = "python -m reasoning") -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog=program, description="Ask a knowledge graph, or measure a method.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (answering, evaluating, comparing, plotting, distilling, completing, datasets, sampling):
        command.add_commands(commands)
    return parser
