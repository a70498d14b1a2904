"""How every command line of the house runs a command: what goes to stderr, and what the process says when it ends.

It lives in the lowest room because imports go one way, and both halves have commands.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kg_data.errors import SkylarkError, UsageError
from kg_data.installation import missing_extra
from kg_data.visible import visible_lines

OK, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes; 130 is what shells give after Ctrl-C."""


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run the command that the arguments name.

    Args:
        parser: its commands set `command`, a function from the options to an exit code.
        arguments: those of the process where None.

    Returns:
        The exit code.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not fail for the terminal's encoding
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:  # the parser has said why
        return stop.code if isinstance(stop.code, int) else USAGE
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(visible_lines(f"error: {error}"), file=sys.stderr)
        return USAGE
    except SkylarkError as error:
        print(visible_lines(f"error: {error}"), file=sys.stderr)
        return FAILURE
    except ModuleNotFoundError as error:
        return report_missing_extra("This command", error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`); without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(visible_lines(f"error: {error}"), file=sys.stderr)
        return FAILURE


def report_missing_extra(subject: str, error: ModuleNotFoundError) -> int:
    """Say which extra an import needs.

    Args:
        subject: what needs it: "An image".
        error: what the import raised.

    Returns:
        The exit code.

    Raises:
        ModuleNotFoundError: the error itself, where no extra brings the module.
    """
    problem = missing_extra(subject, error)
    if problem is None:
        raise error
    print(f"error: {problem}", file=sys.stderr)
    return FAILURE


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def as_json(item: Any, indent: int | None = 2) -> str:
    """JSON for a terminal or a pipe, escaped where its encoding is not UTF-8."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(item, ensure_ascii=not unicode, indent=indent)
