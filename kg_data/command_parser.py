"""Arguments of a command line, refused in one line: what is wrong, and the nearest that would be right.

argparse prints the whole usage first, in which the line that matters is lost, and of a misspelt option it says at most
that it is not known, if not that another one is missing. It lives in the lowest room because imports go one way.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from kg_data.visible import visible_lines

_NUMBER = re.compile(r"-\.?\d.*")


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser`, its commands' parsers too, that ends the process with status 2 and one line on stderr."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
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
