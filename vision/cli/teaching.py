"""`teach`: a language model learns to read instructions, or to write boxes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from kg_data.command_line import OK, positive
from kg_data.devices import find_device
from reasoning.language.errors import LLMError
from reasoning.language.teaching.arguments import add_run, add_writing_options, given_options, say
from vision.decoder.sources import open_tokens
from vision.decoder.teaching.options import STAGES, BoxOptions, Matching
from vision.decoder.teaching.pictures import read_set
from vision.reading.teaching.curriculum import ImageReadingOptions, Texts, teach_reading
from vision.reading.teaching.expressions import VIDEO_LIST, read_expressions
from vision.reading.teaching.instructions import FOLDER, read_lists


def add_commands(commands: Any) -> None:
    """Offer `teach` with its jobs."""
    about = "teach a language model what the reading of images needs"
    teach = commands.add_parser("teach", help=about, description=about)
    jobs = teach.add_subparsers(required=True, metavar="JOB")
    about = "teach a language model to read instructions as tasks, and expressions as queries"
    instructions = jobs.add_parser("instructions", help=about, description=about)
    add_run(instructions)
    add_writing_options(
        instructions,
        ImageReadingOptions(),
        ("expressions", float, "share of the packs that are of expressions"),
        ("videos", float, "share of these that are of expressions about videos"),
    )
    about = "written instructions (JSON) or expressions (JSON lines) to teach as well"
    instructions.add_argument("--lists", nargs="+", type=Path, default=[], metavar="FILE", help=about)
    instructions.set_defaults(command=instructions_command)

    _add_boxes(jobs)


def _add_boxes(jobs: Any) -> None:
    about = "teach a language model to write the boxes of an image: VisionLLM's decoder"
    boxes = jobs.add_parser("boxes", help=about, description=f"{about}; one stage a run, see docs/visionllm.md")
    add_run(boxes)
    boxes.add_argument("--stage", choices=STAGES, default="binding", help="what is taught; default: binding")
    boxes.add_argument(
        "--detector", default="nanodet", metavar="D",
        help="whose image tokens are read: nanodet (default), or the folder or hub name of a DETR-like model",
    )  # fmt: skip
    boxes.add_argument(
        "--pictures", nargs="+", type=Path, default=[], metavar="DIR",
        help="folders of images/ and, where they are annotated, instances.json in COCO's form",
    )  # fmt: skip
    boxes.add_argument("--matching", choices=get_args(Matching), default="overlap", help="of annotated boxes to tokens")
    for name, text in (
        ("from-scores", "begin a token's vector with the detector's own evidence"),
        ("from-boxes", "tell each token the detector's box"),
        ("sees-others", "let image tokens see each other"),
        ("guided", "let image tokens see the classes' names before the language model"),
        ("fixed-tokens", "give each class the same class token in every prompt"),
    ):
        default = getattr(BoxOptions(), name.replace("-", "_"))
        action = argparse.BooleanOptionalAction
        boxes.add_argument(f"--{name}", action=action, default=default, help=f"{text}; default: {default}")
    add_writing_options(
        boxes,
        BoxOptions(),
        ("hidden", positive, "width of the projector"),
        ("image-tokens", positive, "of an image"),
        ("boxed", positive, "image tokens whose boxes are written"),
        ("text", float, "share of the passes that are texts, behind the stage binding"),
        ("truth", float, "how much annotations weigh beside the detector's scores"),
    )
    boxes.set_defaults(command=boxes_command)


def instructions_command(arguments: argparse.Namespace) -> int:
    """Teach reading, and print the last examination."""
    options = given_options(ImageReadingOptions, arguments)
    lists = [*sorted(FOLDER.iterdir()), *arguments.lists]
    of_videos = [path for path in lists if path.name.endswith(VIDEO_LIST)]
    texts = Texts(
        read_lists([path for path in lists if path.suffix == ".json"]),
        read_expressions([path for path in lists if path.suffix == ".jsonl" and path not in of_videos]),
        read_expressions(of_videos),
    )
    say(
        f"{len(texts.instructions)} written instructions, {len(texts.expressions)} expressions, "
        f"{len(texts.videos)} about videos"
    )
    device = find_device(arguments.device, LLMError)
    report = teach_reading(options, arguments.out, say, texts, start=arguments.start, device=device)
    print(json.dumps(report.to_dict(), indent=1))
    return OK


def boxes_command(arguments: argparse.Namespace) -> int:
    """Teach one stage of writing boxes, and print the last examination."""
    options = given_options(BoxOptions, arguments)
    sets = [read_set(folder) for folder in arguments.pictures]
    # Torch is loaded when a run begins, not for the sake of the command line.
    from vision.decoder.teaching.run import teach_boxes

    source = open_tokens(arguments.detector, arguments.device)
    device = find_device(arguments.device, LLMError)
    report = teach_boxes(options, arguments.out, say, source, sets, start=arguments.start, device=device)
    print(json.dumps(report.to_dict(), indent=1))
    return OK
