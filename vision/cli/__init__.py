"""The command line: `python -m vision detect | ask | task | classes | evaluate`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the instruction has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence

from kg_data.errors import SkylarkError
from vision.cli import asking, detecting, evaluating, reading
from vision.cli.errors import ArgumentError
from vision.cli.exit_codes import FAILURE, INTERRUPTED, OK, USAGE
from vision.errors import FormatError, InstructionError
from vision.evaluation.errors import EvaluationError

USAGE_ERRORS = (ArgumentError, EvaluationError, FormatError, InstructionError)
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
        prog="python -m vision", description="Find things in images as an instruction says, or measure a detector."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (detecting, asking, reading, evaluating):
        command.add_commands(commands)
    return parser
