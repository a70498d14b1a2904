"""The reader of instructions, by the taught model.

Class sets are taken out, a task is written, read back and checked, and described in a few lines to the person who
gave the instruction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from reasoning.lm.generation import BeamWriter, ParsedBeam, meanings
from vision.classes import Matcher
from vision.errors import InstructionError
from vision.parsing.instruction_codec import read_back, task_grammar, task_of
from vision.parsing.prompt import TextPrompt
from vision.task import OutputFormat, SizeRange, Target, Task

_DOING = {
    "detect": "Find the boxes of", "segment": "Find the outlines of", "ground": "Find what is meant by",
    "describe": "Describe the image", "count": "Count",
}  # fmt: skip
_FORMATS = {
    "tuple": "tuples", "json": "JSON", "coco": "COCO JSON", "yolo": "YOLO lines", "voc": "Pascal VOC XML",
    "tokens": "class and location tokens",
}  # fmt: skip
_BOXES = {"xyxy": "x1, y1, x2, y2", "xywh": "x, y, width, height", "cxcywh": "centre x, centre y, width, height"}
_RANKS = {
    "area": {"descending": "largest", "ascending": "smallest"},
    "x": {"ascending": "furthest left", "descending": "furthest right"},
    "y": {"ascending": "highest in the image", "descending": "lowest in the image"},
    "score": {"descending": "most certain", "ascending": "least certain"},
    "centre": {"ascending": "nearest the middle of the image", "descending": "furthest from the middle of the image"},
}
_MOST_CLASSES = 30


def as_text(task: Task) -> str:
    """One line each for what is done, what is kept, how it is written, and what was not understood."""
    lines = [_what(task)]
    if task.undetectable:
        words = (
            f"{one.word} (nearest: {', '.join(one.nearest)})" if one.nearest else one.word for one in task.undetectable
        )
        lines.append(f"Not detectable by this model: {_listed(list(words))}.")
    if kept := _kept(task):
        lines.append(f"Keep {'; '.join(kept)}.")
    if task.asks_whether:
        lines.append("Answer yes or no.")
    if task.kind not in ("describe", "count"):
        lines.append(f"Write {_written(task.output)}.")
    if task.unread:
        lines.append("Not understood: " + ", ".join(f'"{part}"' for part in task.unread) + ".")
    lines += [f"It may also mean: {words}" for words in choices(task)]
    return "\n".join([*lines, *task.notes])


def choices(task: Task) -> dict[str, int]:
    """The rivals of a task in words, each once with its place among them, but those that look for nothing or are what
    is done anyway."""
    words: dict[str, int] = {}
    done = in_brief(task) if task.understood else ""
    for at, rival in enumerate(task.rivals):
        looks_for_nothing = rival.targets == () and rival.expression is None and rival.kind != "describe"
        if not looks_for_nothing and (brief := in_brief(rival)) != done:
            words.setdefault(brief, at)
    return words


def in_brief(task: Task) -> str:
    """What a task does, keeps and writes, where that is not the usual."""
    kept = _kept(task)
    output = [f"Write {_written(task.output)}."] if task.output != OutputFormat() else []
    whether = ["Answer yes or no."] if task.asks_whether else []
    return " ".join([_what(task), *([f"Keep {'; '.join(kept)}."] if kept else []), *whether, *output])


def _what(task: Task) -> str:
    doing = _DOING[task.kind]
    if task.kind == "describe":
        return f"{doing}." if task.targets is None else f"{doing}, of it {_targets(task.targets)}."
    if task.expression is not None and task.kind == "ground":
        return f'{doing} "{task.expression}".'
    what = "everything that the model knows" if task.targets is None else _targets(task.targets) or "nothing"
    return f"{doing} {what}" + (f' as in "{task.expression}".' if task.expression else ".")


def _targets(targets: tuple[Target, ...]) -> str:
    words = []
    for target in targets:
        means = ", ".join(target.classes)
        if target.colour and not target.label.startswith(target.colour):
            means += f"; {target.colour}"
        words.append(target.label if means == target.label else f"{target.label} ({means})")
    return _listed(words)


def _listed(words: list[str]) -> str:
    more = len(words) - _MOST_CLASSES
    return ", ".join(words) if more <= 0 else f"{', '.join(words[:_MOST_CLASSES])} and {more} more"


def _kept(task: Task) -> list[str]:
    kept = []
    if task.limit is not None:
        rank = _RANKS[task.limit.by][task.limit.order]
        kept.append(f"the {rank}" if task.limit.count == 1 else f"at most {task.limit.count}, the {rank}")
    if task.region is not None:
        x0, y0, x1, y1 = (f"{100 * share:.3g} %" for share in task.region)
        kept.append(f"what lies from {x0} to {x1} across and from {y0} to {y1} down the image")
    if task.size is not None:
        kept += _sized(task.size)
    if task.min_score is not None:
        kept.append(f"a score of at least {task.min_score:g}")
    return kept


def _sized(size: SizeRange) -> list[str]:
    units = {"area": "square pixels", "area_share": "of the image", "width": "pixels wide", "height": "pixels tall"}
    parts = []
    for name, value in asdict(size).items():
        if value is not None:
            side, _, what = name.partition("_")
            number = f"{100 * value:.3g} %" if what == "area_share" else f"{value:g}"
            parts.append(f"{'at least' if side == 'min' else 'at most'} {number} {units[what]}")
    return parts


def _written(output: OutputFormat) -> str:
    parts = [_FORMATS[output.format]]
    if output.geometry == "polygon":
        parts.append(f"polygons of {output.points} points" if output.points else "polygons")
    if output.format in ("coco", "yolo", "voc"):
        return ", ".join(parts)
    if output.geometry == "box":
        parts.append(f"boxes as {_BOXES[output.box]}")
    steps = f"in steps of 1/{output.range_} of width and height"
    parts.append({"pixel": "in pixels", "unit": "from 0 to 1 of width and height", "range": steps}[output.scale])
    if output.offsets:
        carried = "which comes first" if output.centre else "which is not written"
        parts.append(f"as offsets from the object's centre, {carried}")
    parts.append(f"with the class's {output.class_as}")
    if output.format == "json":
        parts.append(f"under the keys {output.keys[0]} and {output.keys[1]}")
    if output.score:
        parts.append("with the score")
    return ", ".join(parts)


BEGINNING = "Instructions for an object detector, and the tasks that they are.\n"
"""What all prompts begin with."""


@dataclass(frozen=True)
class TaskReading:
    """A task that an instruction may mean.

    Attributes:
        task: the task; where its parts cannot all hold, the error that says so.
        probability: that the model gives it, 0 to 1.
        written: what the model wrote.
    """

    task: Task | InstructionError
    probability: float
    written: str


class InstructionReader:
    """Reads instructions."""

    def __init__(self, beams: BeamWriter) -> None:
        self._beams = beams

    def read(self, prompt: TextPrompt, matcher: Matcher) -> list[TaskReading]:
        """What an instruction may mean, the likeliest first.

        Raises:
            InstructionError: it is too long, or a placeholder in it was not filled in.
        """

        def task(written: str) -> Task | InstructionError | None:
            try:
                reply = read_back(written, prompt)
            except InstructionError:
                return None
            try:
                return task_of(prompt.original, reply, matcher)
            except InstructionError as error:
                return error

        grammar = task_grammar(prompt, self._beams.tokens.piece)
        found: list[ParsedBeam[Task | InstructionError]]
        found = meanings(self._beams, BEGINNING, prompt.text, grammar, task, key=_asked)
        return [TaskReading(meant.value, meant.probability, meant.written) for meant in found]


def _asked(task: Task | InstructionError) -> str:
    """What is done, by which readings are told apart: not where exactly the part begins and ends that is not obeyed."""
    if isinstance(task, InstructionError):
        return repr(task)
    return repr(replace(task, unread=("something",) if task.unread else ()))
