"""What every `teach` command takes: where the run lies, what it begins with, and the options of its job."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from kg_data.command_line import positive
from reasoning.language.teaching.options import TeachingOptions

Options = TypeVar("Options", bound=TeachingOptions)


def add_run(job: argparse.ArgumentParser) -> None:
    """Offer what every job is told: where the run lies, what it begins with, and on which device it works."""
    job.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run's folder; a stopped run goes on")
    job.add_argument("--from", type=Path, dest="start", metavar="ADAPTER", help="begin with this adapter's folder")
    job.add_argument("--student", dest="source", metavar="M", help="a folder or hub name; default: the embedded model")
    job.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:N or mps")


def add_options(job: argparse.ArgumentParser, defaults: Any, *options: tuple[str, Any, str]) -> None:
    """Offer options by name, type and text, with the value of the same name in `defaults`."""
    for name, kind, text in options:
        value = getattr(defaults, name.replace("-", "_"))
        job.add_argument(f"--{name}", type=kind, default=value, metavar="N", help=f"{text}; default: {value}")


def add_writing_options(job: argparse.ArgumentParser, defaults: Any, *options: tuple[str, Any, str]) -> None:
    """Offer what every job whose student writes is told; `options` are further ones, see `add_options`."""
    job.add_argument(
        "--compiled", action="store_true", help="compile the layers first: takes a minute, pays in a long run"
    )
    add_options(
        job,
        defaults,
        ("layers", positive, "how many of the student's layers are used"),
        ("rank", positive, "of the LoRA matrices"),
        ("learning-rate", float, "the highest"),
        ("tokens", positive, "training tokens of the run"),
        ("tokens-of-a-pass", positive, "tokens packed into one pass"),
        ("dtype", str, "of the weights: bfloat16, or float32, which is quicker where the processor has no bfloat16"),
        *options,
        ("report-every", positive, "tokens between two examinations and checkpoints"),
        ("seed", int, "of everything drawn"),
    )


def given_options(kind: type[Options], arguments: argparse.Namespace) -> Options:
    """The options that the command line gives."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in vars(arguments).items() if name in names})


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)
