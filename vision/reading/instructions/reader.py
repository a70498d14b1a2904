"""An instruction read by the language model: its class sets taken out, a task written, read back and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import Meant, meanings
from vision.classes import Matcher
from vision.errors import InstructionError
from vision.reading.instructions.replies import task_of
from vision.reading.instructions.surface import read_back
from vision.reading.instructions.task_grammar import task_grammar
from vision.reading.prompt import TextPrompt
from vision.task import Task

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
    """Reads instructions.

    Args:
        beams: writes the tasks.
    """

    def __init__(self, beams: BeamWriter) -> None:
        self._beams = beams

    def read(self, prompt: TextPrompt, matcher: Matcher) -> list[TaskReading]:
        """What an instruction may mean, the likeliest first.

        Args:
            prompt: the instruction.
            matcher: what words mean among the classes of the detector.

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
        found: list[Meant[Task | InstructionError]]
        found = meanings(self._beams, BEGINNING, prompt.text, grammar, task, key=_asked)
        return [TaskReading(meant.value, meant.probability, meant.written) for meant in found]


def _asked(task: Task | InstructionError) -> str:
    """What is done, by which readings are told apart: not where exactly the part begins and ends that is not obeyed."""
    if isinstance(task, InstructionError):
        return repr(task)
    return repr(replace(task, unread=("something",) if task.unread else ()))
