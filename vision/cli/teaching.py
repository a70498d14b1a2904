"""`teach`: a language model learns to read instructions."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kg_data.command_line import OK, positive
from kg_data.devices import find_device
from reasoning.language.errors import LLMError
from reasoning.language.teaching.arguments import add_compiled, add_options, add_run, given_options, say
from vision.reading.teaching.curriculum import ImageReadingOptions, Texts, teach_reading
from vision.reading.teaching.expressions import read_expressions
from vision.reading.teaching.instructions import FOLDER, read_lists


def add_commands(commands: Any) -> None:
    """Offer `teach` with its jobs."""
    about = "teach a language model what the reading of images needs"
    teach = commands.add_parser("teach", help=about, description=about)
    jobs = teach.add_subparsers(required=True, metavar="JOB")
    about = "teach a language model to read instructions as tasks, and expressions as queries"
    instructions = jobs.add_parser("instructions", help=about, description=about)
    add_run(instructions)
    add_compiled(instructions)
    add_options(
        instructions,
        ImageReadingOptions(),
        ("layers", positive, "how many of the student's layers are used"),
        ("rank", positive, "of the LoRA matrices"),
        ("learning-rate", float, "the highest"),
        ("tokens", positive, "training tokens of the run"),
        ("tokens-of-a-pass", positive, "tokens packed into one pass"),
        ("expressions", float, "share of the packs that are of expressions"),
        ("report-every", positive, "tokens between two examinations and checkpoints"),
        ("seed", int, "of everything drawn"),
    )
    about = "written instructions (JSON) or expressions (JSON lines) to teach as well"
    instructions.add_argument("--lists", nargs="+", type=Path, default=[], metavar="FILE", help=about)
    instructions.set_defaults(command=instructions_command)


def instructions_command(arguments: argparse.Namespace) -> int:
    """Teach reading, and print the last examination."""
    options = given_options(ImageReadingOptions, arguments)
    lists = [*sorted(FOLDER.iterdir()), *arguments.lists]
    texts = Texts(
        read_lists([path for path in lists if path.suffix == ".json"]),
        read_expressions([path for path in lists if path.suffix == ".jsonl"]),
    )
    say(f"{len(texts.instructions)} written instructions, {len(texts.expressions)} expressions")
    device = find_device(arguments.device, LLMError)
    report = teach_reading(options, arguments.out, say, texts, start=arguments.start, device=device)
    print(json.dumps(report.to_dict(), indent=1))
    return OK
