"""Commands that train: the jobs of `python -m reasoning teach` and `python -m vision teach`."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import kg_data
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.lm import load_llm
from reasoning.lm.candidate_scoring import load_student
from reasoning.lm.errors import LLMError
from skylark.command_line import OK, add_options, positive, print_progress
from skylark.models import find_device
from training.box_examples import STAGES, BoxOptions, Matching, read_set
from training.instructions import (
    FOLDER,
    VIDEO_LIST,
    ImageReadingOptions,
    Texts,
    read_expressions,
    read_lists,
    teach_reading,
)
from training.learners import add_run, add_writing_options, given_options
from training.questions import QuestionTeachingOptions, listed_graphs, packaged_lists, teach_questions
from training.steps import ChatTeacher, Graphs, ModelTeacher, StepTeachingOptions, Teacher, random_graph, teach_steps
from vision.decoder.image_tokens import open_tokens

TAUGHT = ("world", "umls", "nations", "kinship", "codex-s", "codex-m", "wn18rr", "metaqa")
HELD_OUT = ("nell995-betae", "fb15k-237-q2b")
RANDOM_GRAPHS = 40
LISTED = ("world", "umls", "nations", "fb15k-237")


def add_graph_jobs(parser: argparse.ArgumentParser) -> None:
    """Offer the jobs of `python -m reasoning teach`."""
    jobs = parser.add_subparsers(required=True, metavar="JOB")
    about = "teach a language model to answer the steps of chains"
    steps = jobs.add_parser("steps", help=about, description=about)
    add_run(steps)
    steps.add_argument("--graphs", nargs="+", default=TAUGHT, metavar="G", help="train splits to draw steps from")
    steps.add_argument("--held-out-graphs", nargs="+", default=HELD_OUT, metavar="G", help="graphs to examine with")
    add_options(
        steps,
        StepTeachingOptions(),
        ("layers", positive, "how many of the student's layers are used"),
        ("rank", positive, "of the LoRA matrices"),
        ("learning-rate", float, "the highest"),
        ("tokens", positive, "training tokens of the run"),
        ("tokens-of-a-pass", positive, "tokens packed into one pass"),
        ("dtype", str, "of the frozen weights: float32 or bfloat16"),
        ("grown", float, "how far steps have grown when the run begins, from 0 to 1"),
        ("joint", float, "share of the sets before a step that are the student's own answers"),
        ("unique", positive, "draw so many steps and repeat them"),
        ("report-every", positive, "tokens between two examinations and checkpoints"),
        ("seed", int, "of everything drawn"),
    )
    steps.add_argument(
        "--teacher", metavar="T",
        help="an adapter's folder, or a chat model (provider:model, hf:name); needs --unique. default: exact execution",
    )  # fmt: skip
    steps.set_defaults(command=steps_command)
    about = "teach a language model to read questions as queries"
    questions = jobs.add_parser("questions", help=about, description=about)
    add_run(questions)
    binding = ("binding", positive, "tokens over which packs that teach ids alone become fewer")
    add_writing_options(questions, QuestionTeachingOptions(), binding)
    questions.add_argument(
        "--lists",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="written questions to teach as well, JSON lines",
    )
    questions.add_argument(
        "--foremost",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="lists that the run is made for: as often as all others",
    )
    questions.add_argument(
        "--graphs", nargs="+", default=LISTED, metavar="G", help="graphs whose questions are taken from the lists"
    )
    questions.set_defaults(command=questions_command)


def steps_command(arguments: argparse.Namespace) -> int:
    """Teach steps, and print the last examination."""
    options = given_options(StepTeachingOptions, arguments)
    device = find_device(arguments.device, LLMError)
    report = teach_steps(
        load_graphs(arguments.graphs, arguments.held_out_graphs, options.seed),
        options,
        arguments.out,
        print_progress,
        start=arguments.start,
        teacher=None if arguments.teacher is None else _teacher(arguments.teacher, options, device),
        device=device,
    )
    print(json.dumps(report.to_dict(), indent=1))
    return OK


def questions_command(arguments: argparse.Namespace) -> int:
    """Teach reading, and print the last examination."""
    options = given_options(QuestionTeachingOptions, arguments)
    listed = listed_graphs([*packaged_lists(), *arguments.lists], arguments.graphs)
    for graph in listed:
        print_progress(f"{len(graph.questions)} written questions about {graph.name}")
    foremost = listed_graphs(arguments.foremost, arguments.graphs)
    device = find_device(arguments.device, LLMError)
    report = teach_questions(
        options, arguments.out, print_progress, start=arguments.start, device=device, listed=listed, foremost=foremost
    )
    print(json.dumps(report.to_dict(), indent=1))
    return OK


def load_graphs(taught: Sequence[str], held_out: Sequence[str], seed: int) -> Graphs:
    """Train splits by their names, and as many random graphs to teach with."""
    rng = random.Random(f"{seed}|random graphs")
    real = [_train_split(name) for name in taught]
    # Every second step comes from a real graph.
    real = real * max(1, RANDOM_GRAPHS // len(real))
    made = [random_graph(rng) for _ in range(RANDOM_GRAPHS)]
    return Graphs(real + made, [_train_split(name) for name in held_out])


def _teacher(name: str, options: StepTeachingOptions, device: str) -> Teacher:
    """A taught model by its adapter's folder, or a chat model by its name.

    What a hosted model replied is kept, so that a run that goes on does not pay for it twice.
    """
    if Path(name).is_dir():
        return ModelTeacher(load_student(Path(name), options.source, device))
    llm = load_llm(name, device=device, cache=True)
    return ChatTeacher(llm, LarkOptions(replies="text"), random.Random(f"{options.seed}|teacher"))


def _train_split(name: str) -> KnowledgeGraph:
    """A graph without what its validation and test splits hold, where it has splits."""
    folder = kg_data.data_root() / "kg" / name
    return KnowledgeGraph.load(
        folder if folder.is_dir() else name, ["train"] if (folder / "train.txt").exists() else None
    )


def add_image_jobs(parser: argparse.ArgumentParser) -> None:
    """Offer the jobs of `python -m vision teach`."""
    jobs = parser.add_subparsers(required=True, metavar="JOB")
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
    print_progress(
        f"{len(texts.instructions)} written instructions, {len(texts.expressions)} expressions, "
        f"{len(texts.videos)} about videos"
    )
    device = find_device(arguments.device, LLMError)
    report = teach_reading(options, arguments.out, print_progress, texts, start=arguments.start, device=device)
    print(json.dumps(report.to_dict(), indent=1))
    return OK


def boxes_command(arguments: argparse.Namespace) -> int:
    """Teach one stage of writing boxes, and print the last examination."""
    options = given_options(BoxOptions, arguments)
    sets = [read_set(folder) for folder in arguments.pictures]
    # Torch is loaded when a run begins, not for the sake of the command line.
    from training.boxes import teach_boxes

    source = open_tokens(arguments.detector, arguments.device)
    device = find_device(arguments.device, LLMError)
    report = teach_boxes(options, arguments.out, print_progress, source, sets, start=arguments.start, device=device)
    print(json.dumps(report.to_dict(), indent=1))
    return OK
