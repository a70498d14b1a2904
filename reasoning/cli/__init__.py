"""The command line: `python -m reasoning ask | query | evaluate | compare | plot | datasets`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the query has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence

from kg_data.errors import SkylarkError, UnknownGraphError
from reasoning.cli import answering, comparing, datasets, evaluating, plotting
from reasoning.cli.exit_codes import FAILURE, INTERRUPTED, OK, USAGE
from reasoning.errors import (
    AmbiguousEntityError,
    EvaluationError,
    QueryError,
    QuestionError,
    UnknownEntityError,
    UnknownRelationError,
)
from reasoning.llms.errors import UnknownLLMError

USAGE_ERRORS = (
    AmbiguousEntityError,
    EvaluationError,
    QueryError,
    QuestionError,
    UnknownEntityError,
    UnknownGraphError,
    UnknownLLMError,
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
    for command in (answering, evaluating, comparing, plotting, datasets):
        command.add_commands(commands)
    return parser
