"""`teach`: a language model taught a job by an adapter: `steps` of chains answered, `questions` read."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import kg_data
from kg_data.command_line import OK, positive
from kg_data.devices import find_device
from reasoning.graph.store import KnowledgeGraph
from reasoning.language import load_llm
from reasoning.language.errors import LLMError
from reasoning.language.marking.student import load_student
from reasoning.language.teaching.arguments import add_options, add_run, add_writing_options, given_options, say
from reasoning.lark import LarkOptions
from reasoning.lark.teaching.curriculum import Graphs, StepTeachingOptions, teach_steps
from reasoning.lark.teaching.drawing import random_graph
from reasoning.lark.teaching.teachers import ChatTeacher, ModelTeacher, Teacher
from reasoning.reading.teaching.curriculum import QuestionTeachingOptions, teach_questions
from reasoning.reading.teaching.lists import listed_graphs, packaged_lists

TAUGHT = ("world", "umls", "nations", "kinship", "codex-s", "codex-m", "wn18rr", "metaqa")
HELD_OUT = ("nell995-betae", "fb15k-237-q2b")
RANDOM_GRAPHS = 40
LISTED = ("world", "umls", "nations", "fb15k-237")


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say which jobs `teach` has, and what each takes."""
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
        say,
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
        say(f"{len(graph.questions)} written questions about {graph.name}")
    foremost = listed_graphs(arguments.foremost, arguments.graphs)
    device = find_device(arguments.device, LLMError)
    report = teach_questions(
        options, arguments.out, say, start=arguments.start, device=device, listed=listed, foremost=foremost
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
