"""An instruction read by the language model: its class sets taken out, a task written, read back and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reasoning.language.constraint import Constraint
from reasoning.language.writing.beams import BeamWriter
from vision.classes import Matcher
from vision.errors import InstructionError
from vision.reading.instructions.prompt import BEGINNING, InstructionPrompt
from vision.reading.instructions.replies import TaskReply, task_of
from vision.reading.instructions.surface import read_back
from vision.reading.instructions.task_grammar import task_grammar
from vision.task import Task


@dataclass(frozen=True)
class TaskReading:
    """A task that an instruction may mean.

    Attributes:
        task: the task; None where its parts cannot all hold.
        problem: why there is no task.
        probability: that the model gives it, of all readings together.
        written: what the model wrote.
    """

    task: Task | None
    problem: str
    probability: float
    written: str


class InstructionReader:
    """Reads instructions.

    Args:
        beams: writes the tasks.
    """

    def __init__(self, beams: BeamWriter) -> None:
        self._beams = beams

    def read(self, instruction: str, matcher: Matcher) -> list[TaskReading]:
        """What an instruction may mean, the likeliest first.

        Args:
            instruction: not empty.
            matcher: what words mean among the classes of the detector.

        Raises:
            InstructionError: it is too long, or a placeholder in it was not filled in.
        """
        prompt = InstructionPrompt(instruction)
        tokens = self._beams.tokens
        constraint = Constraint(task_grammar(prompt, tokens.piece), tokens.spelling)
        found: dict[str, TaskReading] = {}
        for text in self._beams.write(BEGINNING, prompt.text, constraint):
            try:
                reply = read_back(text.text, prompt)
            except InstructionError:
                continue
            reading = _reading(instruction, reply, matcher, math.exp(text.log_probability), text.text)
            key = reading.problem or repr(reading.task)
            before = found.get(key)
            if before is not None:
                reading = TaskReading(
                    before.task, before.problem, before.probability + reading.probability, before.written
                )
            found[key] = reading
        return sorted(found.values(), key=lambda reading: -reading.probability)


def _reading(instruction: str, reply: TaskReply, matcher: Matcher, probability: float, written: str) -> TaskReading:
    try:
        return TaskReading(task_of(instruction, reply, matcher), "", probability, written)
    except InstructionError as error:
        return TaskReading(None, str(error), probability, written)
