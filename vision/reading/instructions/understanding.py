"""What an instruction is understood as by the language model: a task, rivals to choose from, or a refusal."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from vision.classes import Matcher
from vision.errors import InstructionError
from vision.reading.instructions.loading import PACKAGED, instruction_reader
from vision.reading.instructions.prompt import check
from vision.task import Task

SURE = 0.5
"""Probability from which a task is done."""

NOTHING = "Nothing that it asks for was understood, so nothing is looked for."

POSSIBLE = 0.1
"""Probability from which another reading is told."""


@lru_cache(maxsize=256)
def understood(text: str, matcher: Matcher, folder: Path = PACKAGED) -> Task:
    """Read an instruction by the embedded language model.

    The last tasks are kept by text and matcher, so the same instruction for many images costs nothing.

    Args:
        text: the instruction.
        matcher: what words mean among the classes of the detector.
        folder: of an adapter that `python -m vision teach instructions` made.

    Raises:
        InstructionError: the text is empty, too long, or contradicts itself.
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    check(text)
    readings = instruction_reader(folder).read(text, matcher)
    tasks = [replace(one.task, probability=one.probability) for one in readings if one.task is not None]
    if not readings:
        return Task(instruction=text, understood=False, unread=(text.strip(),), notes=(NOTHING,), probability=0.0)
    best = readings[0]
    if best.task is None and best.probability >= SURE:
        raise InstructionError(best.problem)
    rivals = tuple(task for task in tasks if (task.probability or 0.0) >= POSSIBLE)
    if best.task is not None and best.probability >= SURE:
        return replace(tasks[0], rivals=rivals[1:])
    if not rivals:
        return Task(
            instruction=text, understood=False, unread=(text.strip(),), notes=(NOTHING,), probability=best.probability
        )
    note = "It may mean several things, so nothing is looked for."
    return replace(rivals[0], understood=False, rivals=rivals, notes=(*rivals[0].notes, note))
