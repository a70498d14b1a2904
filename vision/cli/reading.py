"""`task` and `classes`: what an instruction is read as, and what a model knows, with no image."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from kg_data.command_line import OK, as_json
from vision.cli.options import add_model, opened
from vision.task import OutputFormat, Task


def add_commands(commands: Any) -> None:
    """Offer `task` and `classes`."""
    about = "show what an instruction is read as"
    sub = commands.add_parser("task", help=about, description=about)
    sub.add_argument("instruction", metavar="INSTRUCTION", help='such as "count the people on the left half"')
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub)
    sub.set_defaults(command=show_task)
    about = "list the classes that a model knows"
    sub = commands.add_parser("classes", help=about, description=about)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    add_model(sub, instructions=False)
    sub.set_defaults(command=show_classes)


def show_task(options: argparse.Namespace) -> int:
    """Show what an instruction is read as."""
    task = opened(options).read(options.instruction)
    print(as_json(task.to_dict()) if options.json else "\n".join(_lines(task)))
    return OK


def show_classes(options: argparse.Namespace) -> int:
    """List the classes that a model knows."""
    detector = opened(options).detector
    above = detector.supercategories or {}
    if options.json:
        classes = None if detector.vocabulary is None else list(detector.vocabulary)
        print(as_json({"model": detector.name, "classes": classes, "supercategories": above}))
    elif detector.vocabulary is None:
        print(f"{detector.name} takes any phrase")
    else:
        width = max(map(len, detector.vocabulary), default=0)
        for name in detector.vocabulary:
            print(f"{name:{width}}  {above.get(name, '')}".rstrip())
    return OK


def _lines(task: Task) -> Iterator[str]:
    """A task for a person: what is set, and nothing of what is not."""
    yield f"kind: {task.kind}"
    if task.targets is None:
        yield "classes: all that the model knows"
    elif not task.targets:
        yield "classes: none"
    for target in task.targets or ():
        meaning = ", ".join(name for name in target.classes if name != target.label)
        colour = f" ({target.colour})" if target.colour else ""
        yield f"class: {target.label}{colour}" + (f" = {meaning}" if meaning else "")
    if task.expression is not None:
        yield f"expression: {task.expression}"
    if task.limit is not None:
        yield f"limit: {task.limit.count} by {task.limit.by}, {task.limit.order}"
    if task.region is not None:
        yield "region: x {} to {}, y {} to {} of the image".format(*(f"{task.region[i]:g}" for i in (0, 2, 1, 3)))
    if task.size is not None:
        yield "size: " + ", ".join(
            f"{name} {value:g}" for name, value in asdict(task.size).items() if value is not None
        )
    if task.min_score is not None:
        yield f"score: at least {task.min_score:g}"
    yield f"output: {_output(task.output)}"
    for unknown in task.undetectable:
        nearest = f"; the nearest: {', '.join(unknown.nearest)}" if unknown.nearest else ""
        yield f'not detectable: "{unknown.word}"{nearest}'
    yield from (f'not understood: "{part}"' for part in task.unread)
    yield from (f"note: {note}" for note in task.notes)
    if task.probability is not None:
        yield f"probability: {task.probability:.2f}"
    for rival in task.rivals:
        lines = "; ".join(_lines(replace(rival, notes=(), probability=None)))
        yield f"or, with probability {rival.probability or 0.0:.2f}: {lines}"


def _output(output: OutputFormat) -> str:
    scale = f"range {output.range_}" if output.scale == "range" else output.scale
    shape: str = output.box
    if output.geometry == "polygon":
        shape = "polygon" if output.points is None else f"polygon of {output.points} points"
    parts = [output.format, shape, scale]
    if output.offsets:
        parts.append("offsets from the centre" if output.centre else "offsets without the centre")
    parts.append(f"class as {output.class_as}")
    if output.format == "json":
        parts.append("keys {} and {}".format(*output.keys))
    if output.score:
        parts.append("with score")
    return ", ".join(parts)
