"""How every command line of the house reads its arguments and runs a command: what goes to stderr, and how it ends.

It lives in the lowest room because imports go one way, and both halves have commands.
"""

import argparse
import difflib
import io
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from skylark.errors import SkylarkError, UsageError
from skylark.installation import missing_extra
from skylark.process import INTERRUPTED
from skylark.text import visible_lines

OK, FAILURE, USAGE = 0, 1, 2
"""The exit codes, beside `INTERRUPTED`."""


_NUMBER = re.compile(r"-\.?\d.*")


class CommandParser(argparse.ArgumentParser):
    """Reads the arguments, and refuses them in one line: what is wrong, and the nearest that would be right.

    argparse prints the whole usage first, in which the line that matters is lost, and of a misspelt option it says at
    most that it is not known, if not that another one is missing.
    """

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Read the arguments; none is left over.

        Raises:
            SystemExit: with status 2, after the mistake is said.
        """
        arguments = sys.argv[1:] if args is None else list(args)
        # Before argparse, which would rather miss the option that a misspelt one was to be.
        for option in self._options_in(arguments):
            if not any(known.startswith(option) for known in self._option_string_actions):
                self.error(f"there is no option {option}{self._nearest_option(option)}")
        options, rest = super().parse_known_args(arguments, namespace)
        if rest:
            self.error(f"nothing takes {' '.join(rest)!r}; words that belong together stand in quotes")
        return options, rest

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end the process with status 2."""
        advice = "" if "did you mean" in message else f" ({self.prog} --help lists what there is)"
        self.exit(2, f"{visible_lines(f'error: {message}{advice}')}\n")

    def _options_in(self, arguments: Iterable[str]) -> Iterable[str]:
        """The names of options among the arguments, as argparse tells them; not those behind a command."""
        for argument in arguments:
            if argument == "--" or (self._subparsers is not None and not argument.startswith("-")):
                return
            if len(argument) > 1 and argument.startswith("-") and " " not in argument and not _NUMBER.match(argument):
                yield argument.partition("=")[0]

    def _nearest_option(self, option: str) -> str:
        known = {name.lstrip("-"): name for name in self._option_string_actions}
        near = _nearest(option.strip("-").lower().replace("_", "-"), known)
        return f"; did you mean {known[near]}?" if near else ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        near = _nearest(str(value), choices)
        advice = f"; did you mean {near}?" if near else ""
        raise argparse.ArgumentError(action, f"{value!r} is none of {', '.join(choices)}{advice}")


def _nearest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run the command that the arguments name; gives its exit code.

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
    except SkylarkError as error:
        report_failure(error)
        return USAGE if isinstance(error, UsageError) else FAILURE
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
        return report_failure(error)


def report_failure(error: Exception) -> int:
    """Say on stderr what failed; gives the exit code."""
    print(visible_lines(f"error: {error}"), file=sys.stderr)
    return FAILURE


def report_missing_extra(subject: str, error: ModuleNotFoundError) -> int:
    """Say which extra an import needs, for `subject` ("An image"); gives the exit code.

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


def add_training_jobs(parser: argparse.ArgumentParser, adder: str) -> None:
    """Offer the jobs of `teach`, which only a checkout of the project has.

    Args:
        parser: that of the verb.
        adder: the function of `training.commands` that adds the jobs to it.

    Raises:
        SkylarkError: an installed package, which has no `training`.
    """
    try:
        commands = import_module("training.commands")
    except ModuleNotFoundError as error:
        if error.name not in ("training", "training.commands"):
            raise
        raise SkylarkError(
            "the lessons and the code that teaches are not in the package: run `teach` in a checkout of the project"
        ) from None
    getattr(commands, adder)(parser)


def add_options(parser: argparse.ArgumentParser, defaults: Any, *options: tuple[str, Any, str]) -> None:
    """Offer options by name, type and text, with the value of the same name in `defaults`."""
    for name, kind, text in options:
        value = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=value, metavar="N", help=f"{text}; default: {value}")


def print_progress(line: str) -> None:
    """Print a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


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
