"""The command line: `python -m vision detect | track | ask | task | classes | evaluate | evaluate-tracks | actions |
teach`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the instruction has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from kg_data.command_line import CommandParser, run
from vision.cli import acting, asking, detecting, evaluating, evaluating_tracks, reading, teaching, tracking


def main(arguments: Sequence[str] | None = None, program: str = "python -m vision") -> int:
    """Run one command and return its exit code; `program` is what its help calls it."""
    return run(build_parser(program), arguments)


def build_parser(program: str = "python -m vision") -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = CommandParser(
        prog=program, description="Find things in images as an instruction says, or measure a detector."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (detecting, tracking, asking, reading, evaluating, evaluating_tracks, acting, teaching):
        command.add_commands(commands)
    return parser
