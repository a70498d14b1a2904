"""The command line: `python -m vision detect | track | ask | task | classes | evaluate | evaluate-tracks | actions |
teach`.

Results go to stdout and everything else to stderr. The exit code is 2 where the command or the instruction has to be
changed, 1 where something failed, 130 after Ctrl-C, else 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from skylark.command_line import CommandParser, add_training_jobs, report_failure, run
from skylark.errors import SkylarkError
from vision.cli import acting, asking, detecting, evaluating, tracking


def main(arguments: Sequence[str] | None = None, program: str = "python -m vision") -> int:
    """Run one command and return its exit code; `program` is what its help calls it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        parser = build_parser(program, arguments[0] if arguments else None)
    except SkylarkError as error:
        return report_failure(error)
    return run(parser, arguments)


def build_parser(program: str = "python -m vision", verb: str | None = None) -> argparse.ArgumentParser:
    """The commands and their options; those of `teach` where it is the verb."""
    parser = CommandParser(
        prog=program, description="Find things in images as an instruction says, or measure a detector."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        detecting.add_commands, tracking.add_commands, asking.add_commands, asking.add_reading_commands,
        evaluating.add_commands, evaluating.add_tracks_command, acting.add_commands,
    ):  # fmt: skip
        add(commands)
    about = "teach a language model what the reading of images needs"
    teach = commands.add_parser("teach", help=about, description=about)
    if verb == "teach":
        add_training_jobs(teach, "add_image_jobs")
    return parser
