"""`distill`: a language model taught to answer the steps of chains."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg_data.command_line import OK
from reasoning.cli.options import positive

if TYPE_CHECKING:
    from reasoning.lark.teaching.training import Graphs

TAUGHT = ("world", "umls", "nations", "kinship", "codex-s", "codex-m", "wn18rr", "metaqa")
HELD_OUT = ("nell995-betae", "fb15k-237-q2b")
RANDOM_GRAPHS = 40


def add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `distill` takes."""
    from reasoning.lark.teaching.options import DistillationOptions

    default = DistillationOptions()
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the run's folder; a stopped run goes on"
    )
    parser.add_argument("--from", type=Path, dest="start", metavar="ADAPTER", help="begin with this adapter's folder")
    parser.add_argument(
        "--student", dest="source", metavar="M", help="a folder or hub name; default: the embedded model"
    )
    parser.add_argument(
        "--graphs", nargs="+", default=TAUGHT, metavar="G", help="train splits that steps are drawn from"
    )
    parser.add_argument("--held-out-graphs", nargs="+", default=HELD_OUT, metavar="G", help="graphs to check with")
    for name, kind, text in (
        ("layers", positive, "how many of the student's layers are used"),
        ("rank", positive, "of the LoRA matrices"),
        ("learning-rate", float, "the highest"),
        ("tokens", positive, "training tokens of the run"),
        ("tokens-of-a-pass", positive, "tokens packed into one pass"),
        ("dtype", str, "of the frozen weights: float32 or bfloat16"),
        ("grown", float, "how far steps have grown when the run begins, from 0 to 1"),
        ("joint", float, "share of the sets before a step that are the student's own answers"),
        ("unique", positive, "draw so many steps and repeat them"),
        ("report-every", positive, "tokens between two checks and checkpoints"),
        ("seed", int, "of everything drawn"),
    ):
        value = getattr(default, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=value, metavar="N", help=f"{text}; default: {value}")
    parser.add_argument(
        "--teacher", metavar="T",
        help="an adapter's folder, or a chat model (provider:model, hf:name); needs --unique. default: exact execution",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.set_defaults(command=distill)


def distill(options: argparse.Namespace) -> int:
    """Teach, and print the last check."""
    import json
    from dataclasses import fields

    from reasoning.language.devices import find_device
    from reasoning.lark.teaching.options import DistillationOptions
    from reasoning.lark.teaching.training import distil

    names = {field.name for field in fields(DistillationOptions)}
    chosen = DistillationOptions(**{name: value for name, value in vars(options).items() if name in names})
    device = find_device(options.device)
    report = distil(
        load_graphs(options.graphs, options.held_out_graphs, chosen.seed),
        chosen,
        options.out,
        options.start,
        lambda line: print(line, file=sys.stderr, flush=True),
        None if options.teacher is None else _teacher(options.teacher, chosen, device),
        device,
    )
    print(json.dumps(report.to_dict(), indent=1))
    return OK


def load_graphs(taught: Sequence[str], held_out: Sequence[str], seed: int) -> Graphs:
    """Train splits by their names, and as many random graphs to teach with."""
    from reasoning.lark.teaching.random_graphs import random_graph
    from reasoning.lark.teaching.training import Graphs

    rng = random.Random(f"{seed}|random graphs")
    real = [_train_split(name) for name in taught]
    # Every second step comes from a real graph.
    real = real * max(1, RANDOM_GRAPHS // len(real))
    made = [random_graph(rng) for _ in range(RANDOM_GRAPHS)]
    return Graphs(real + made, [_train_split(name) for name in held_out])


def _teacher(name: str, options: Any, device: str) -> Any:
    """A taught model by its adapter's folder, or a chat model by its name.

    What a hosted model replied is kept, so that a run that goes on does not pay for it twice.
    """
    from reasoning.language import load_llm
    from reasoning.language.marking.student import load_student
    from reasoning.lark import LarkOptions
    from reasoning.lark.teaching.teachers import ChatTeacher, ModelTeacher

    if Path(name).is_dir():
        return ModelTeacher(load_student(Path(name), options.source, device))
    return ChatTeacher(
        load_llm(name, device=device, cache=True), LarkOptions(replies="text"), random.Random(f"{options.seed}|teacher")
    )


def _train_split(name: str) -> Any:
    """A graph without what its validation and test splits hold, where it has splits."""
    import kg_data
    from reasoning.graph.store import KnowledgeGraph

    folder = kg_data.data_root() / "kg" / name
    return KnowledgeGraph.load(
        folder if folder.is_dir() else name, ["train"] if (folder / "train.txt").exists() else None
    )
