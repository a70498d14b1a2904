"""Commands that train: the jobs of `python -m reasoning teach` and `python -m vision teach`."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import kg_data
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.lm import load_llm
from reasoning.lm.candidate_scoring import load_student
from reasoning.lm.errors import LLMError
from skylark.command_line import OK, add_options, positive, print_progress
from skylark.models import find_device
from training.box_examples import STAGES, BoxOptions, read_set
from training.instructions import (
    FOLDER,
    VIDEO_LIST,
    InstructionOptions,
    Texts,
    read_expressions,
    read_lists,
    train_instructions,
)
from training.loop import Report, TrainingOptions
from training.questions import QuestionOptions, listed_graphs, packaged_lists, train_questions
from training.steps import ChatTeacher, Graphs, ModelTeacher, StepOptions, Teacher, random_graph, train_steps
from vision.decoder.image_tokens import open_tokens

TAUGHT = ("world", "umls", "nations", "kinship", "codex-s", "codex-m", "wn18rr", "metaqa")
HELD_OUT = ("nell995-betae", "fb15k-237-q2b")
RANDOM_GRAPHS = 40
LISTED = ("world", "umls", "nations", "fb15k-237")


Options = TypeVar("Options", bound=TrainingOptions)


def add_graph_jobs(parser: argparse.ArgumentParser) -> None:
    """Offer the jobs of `python -m reasoning teach`."""
    jobs = parser.add_subparsers(required=True, metavar="JOB")
    steps = _add_job(jobs, "steps", "teach a language model to answer the steps of chains", steps_command)
    steps.add_argument("--graphs", nargs="+", default=TAUGHT, metavar="G", help="train splits to draw steps from")
    steps.add_argument("--held-out-graphs", nargs="+", default=HELD_OUT, metavar="G", help="graphs to examine with")
    _add_options(
        steps,
        StepOptions(),
        "of the frozen weights: float32 or bfloat16",
        ("grown", float, "how far steps have grown when the run begins, from 0 to 1"),
        ("joint", float, "share of the sets before a step that are the student's own answers"),
        ("unique", positive, "draw so many steps and repeat them"),
    )
    steps.add_argument(
        "--teacher", metavar="T",
        help="an adapter's folder, or a chat model (provider:model, hf:name); needs --unique. default: exact execution",
    )  # fmt: skip
    questions = _add_job(jobs, "questions", "teach a language model to read questions as queries", questions_command)
    binding = ("binding", positive, "tokens over which packs that teach ids alone become fewer")
    _add_writing_options(questions, QuestionOptions(), binding)
    _add_files(questions, "--lists", "FILE", "written questions to teach as well, JSON lines")
    questions.add_argument(
        "--graphs", nargs="+", default=LISTED, metavar="G", help="graphs whose questions are taken from the lists"
    )


def add_image_jobs(parser: argparse.ArgumentParser) -> None:
    """Offer the jobs of `python -m vision teach`."""
    jobs = parser.add_subparsers(required=True, metavar="JOB")
    about = "teach a language model to read instructions as tasks, and expressions as queries"
    instructions = _add_job(jobs, "instructions", about, instructions_command)
    _add_writing_options(
        instructions,
        InstructionOptions(),
        ("expressions", float, "share of the packs that are of expressions"),
        ("videos", float, "share of these that are of expressions about videos"),
    )
    about = "written instructions (JSON) or expressions (JSON lines) to teach as well"
    _add_files(instructions, "--lists", "FILE", about)
    about = "teach a language model to write the boxes of an image: VisionLLM's decoder"
    boxes = _add_job(jobs, "boxes", about, boxes_command, "; one stage a run, see docs/visionllm.md")
    boxes.add_argument("--stage", choices=STAGES, default="binding", help="what is taught; default: binding")
    boxes.add_argument(
        "--detector", default="nanodet", metavar="D",
        help="whose image tokens are read: nanodet (default), or the folder or hub name of a DETR-like model",
    )  # fmt: skip
    about = "folders of images/ and, where they are annotated, instances.json in COCO's form"
    _add_files(boxes, "--pictures", "DIR", about)
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
    _add_writing_options(
        boxes,
        BoxOptions(),
        ("hidden", positive, "width of the projector"),
        ("image-tokens", positive, "of an image"),
        ("boxed", positive, "image tokens whose boxes are written"),
        ("text", float, "share of the passes that are texts, behind the stage binding"),
        ("truth", float, "how much annotations weigh beside the detector's scores"),
    )


def _add_job(
    jobs: Any, name: str, about: str, command: Callable[[argparse.Namespace], Report], more: str = ""
) -> argparse.ArgumentParser:
    """A job with what each takes: where the run lies, what it begins with, and on which device it works."""

    def run(arguments: argparse.Namespace) -> int:
        print(json.dumps(command(arguments).to_dict(), indent=1))
        return OK

    job: argparse.ArgumentParser = jobs.add_parser(name, help=about, description=about + more)
    job.set_defaults(command=run)
    job.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run's folder; a stopped run goes on")
    job.add_argument("--from", type=Path, dest="start", metavar="ADAPTER", help="begin with this adapter's folder")
    job.add_argument("--student", dest="source", metavar="M", help="a folder or hub name; default: the embedded model")
    job.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:N or mps")
    return job


def _add_options(
    job: argparse.ArgumentParser, defaults: TrainingOptions, dtype: str, *options: tuple[str, Any, str]
) -> None:
    """Offer `TrainingOptions`, `dtype` in these words, and further options, see `add_options`."""
    add_options(
        job,
        defaults,
        ("layers", positive, "how many of the student's layers are used"),
        ("rank", positive, "of the LoRA matrices"),
        ("learning-rate", float, "the highest"),
        ("tokens", positive, "training tokens of the run"),
        ("tokens-of-a-pass", positive, "tokens packed into one pass"),
        ("dtype", str, dtype),
        *options,
        ("report-every", positive, "tokens between two examinations and checkpoints"),
        ("seed", int, "of everything drawn"),
    )


def _add_writing_options(
    job: argparse.ArgumentParser, defaults: TrainingOptions, *options: tuple[str, Any, str]
) -> None:
    about = "of the weights: bfloat16, or float32, which is quicker where the processor has no bfloat16"
    _add_options(job, defaults, about, *options)


def _add_files(job: argparse.ArgumentParser, option: str, what: str, about: str) -> None:
    job.add_argument(option, nargs="+", type=Path, default=[], metavar=what, help=about)


def _given(kind: type[Options], arguments: argparse.Namespace) -> Options:
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in vars(arguments).items() if name in names})


def steps_command(arguments: argparse.Namespace) -> Report:
    """Teach steps; gives the last examination."""
    options = _given(StepOptions, arguments)
    device = find_device(arguments.device, LLMError)
    return train_steps(
        load_graphs(arguments.graphs, arguments.held_out_graphs, options.seed),
        options,
        arguments.out,
        print_progress,
        start=arguments.start,
        teacher=None if arguments.teacher is None else _teacher(arguments.teacher, options, device),
        device=device,
    )


def load_graphs(taught: Sequence[str], held_out: Sequence[str], seed: int) -> Graphs:
    """Train splits by their names, and as many random graphs to teach with."""
    rng = random.Random(f"{seed}|random graphs")
    real = [_train_split(name) for name in taught]
    # Every second step comes from a real graph.
    real = real * max(1, RANDOM_GRAPHS // len(real))
    made = [random_graph(rng) for _ in range(RANDOM_GRAPHS)]
    return Graphs(real + made, [_train_split(name) for name in held_out])


def _teacher(name: str, options: StepOptions, device: str) -> Teacher:
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


def questions_command(arguments: argparse.Namespace) -> Report:
    """Teach reading; gives the last examination."""
    options = _given(QuestionOptions, arguments)
    listed = listed_graphs([*packaged_lists(), *arguments.lists], arguments.graphs)
    for graph in listed:
        print_progress(f"{len(graph.questions)} written questions about {graph.name}")
    device = find_device(arguments.device, LLMError)
    return train_questions(options, arguments.out, print_progress, start=arguments.start, device=device, listed=listed)


def instructions_command(arguments: argparse.Namespace) -> Report:
    """Teach reading; gives the last examination."""
    options = _given(InstructionOptions, arguments)
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
    return train_instructions(options, arguments.out, print_progress, texts, start=arguments.start, device=device)


def boxes_command(arguments: argparse.Namespace) -> Report:
    """Teach one stage of writing boxes; gives the last examination."""
    options = _given(BoxOptions, arguments)
    sets = [read_set(folder) for folder in arguments.pictures]
    # Torch is loaded when a run begins, not for the sake of the command line.
    from training.boxes import train_boxes

    source = open_tokens(arguments.detector, arguments.device)
    device = find_device(arguments.device, LLMError)
    return train_boxes(options, arguments.out, print_progress, source, sets, start=arguments.start, device=device)
