"""What a text asks of a picture, and how sure that is: as an instruction, else as a description or question."""

from __future__ import annotations

from dataclasses import dataclass

from kg_data.errors import SkylarkError
from vision import Task, Vision
from vision.grounding.readings import sure_readings
from vision.reading.loading import PACKAGED

SURE = 0.9
"""From which on the reader that is asked first is not compared with another one."""
CLEAR = 0.5
"""From which on a picture is asked: of descriptions that are less sure 17 of 46 are read rightly, by
`benchmarks.image_reading_thresholds`."""


@dataclass(frozen=True)
class Heard:
    """A text as a task.

    Attributes:
        task: what is to be done; None where the words can't be read as an instruction at all.
        sure: the probability that this is meant, 0 to 1; half of it where it is not done, since too little is sure.
        error: why there is no task.
    """

    task: Task | None
    sure: float
    error: SkylarkError | None = None


def heard(vision: Vision, text: str) -> Heard:
    """Read a text as an instruction, whose description is read too, or where that is not sure as a description alone.

    Args:
        vision: whose readers and classes are used.
        text: what was typed.
    """
    try:
        task = vision.read(text)
    except SkylarkError as error:
        return Heard(None, 0.0, error)
    probability = 1.0 if task.probability is None else task.probability
    sure = probability if task.understood and not task.unread else probability / 2
    if task.expression is not None:
        sure *= _sureness(vision, task.expression)
    if sure >= SURE:
        return Heard(task, sure)
    # "What colour is the car?" is no instruction, but a question about what such a description means.
    described = _sureness(vision, text)
    if sure >= described:
        return Heard(task, sure)
    return Heard(Task(text, "ground", expression=text, probability=described), described)


def _sureness(vision: Vision, expression: str) -> float:
    """The probability of the likeliest meaning of a description; 0 where it may mean nothing that can be found."""
    try:
        return sure_readings(expression, vision.matcher, PACKAGED)[0].probability
    except SkylarkError:
        return 0.0
