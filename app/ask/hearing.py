"""What a text asks of a picture, and how sure that is: as an instruction, else as a description or question."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from kg_data.errors import SkylarkError
from vision import Task, Vision
from vision.classes.lexicon import lexicon
from vision.classes.phrases import normalise
from vision.grounding.readings import sure_readings
from vision.reading.loading import PACKAGED
from vision.reading.understanding import is_beyond_pictures

SURE = 0.9
"""From which on the reader that is asked first is not compared with another one."""
MOST_WORDS = 40
"""Of a text that are looked up among names of things."""
CLEAR = 0.5
"""From which on a picture is asked: of descriptions that are less sure 25 of 65 are read rightly, by
`benchmarks.image_reading_thresholds`."""


@dataclass(frozen=True)
class Heard:
    """A text as a task.

    Attributes:
        task: what is to be done; None where the words can't be read as an instruction at all.
        sure: the probability that this is meant, 0 to 1; half of it where it is not done, since too little is sure.
        error: why there is no task.
        of_things: whether it says itself which things it is of, or asks for a description of all.
    """

    task: Task | None
    sure: float
    error: SkylarkError | None = None
    of_things: bool = False


def heard(vision: Vision, text: str) -> Heard:
    """Read a text as an instruction, whose description is read too, or where that is not sure as a description alone.

    Args:
        vision: whose readers and classes are used.
        text: what was typed.
    """
    read = _heard(vision, text)
    task = read.task
    says = task is not None and (task.expression is not None or bool(task.targets) or task.kind == "describe")
    return replace(read, of_things=says if read.sure else bool(named_classes(text)))


def _heard(vision: Vision, text: str) -> Heard:
    try:
        task = vision.read(text)
    except SkylarkError as error:
        return Heard(None, 0.0, error)
    probability = 1.0 if task.probability is None else task.probability
    done = task.understood and not task.unread and not nothing_to_find(task)
    sure = probability if done else probability / 2
    if task.expression is not None:
        sure *= _sureness(vision, task.expression)
    if sure >= SURE:
        return Heard(task, sure)
    # "What colour is the car?" is no instruction, but a question about what such a description means; and "what does
    # the sign say?" is neither, which the first reader may be surer of than the other one of a sign.
    described = _sureness(vision, text)
    if (probability if is_beyond_pictures(task) else sure) >= described:
        return Heard(task, sure)
    return Heard(Task(text, "ground", expression=text, probability=described), described)


def nothing_to_find(task: Task) -> bool:
    """Whether all that a task names is what no detector of this kind finds."""
    return bool(task.undetectable) and not task.targets and task.expression is None


def named_classes(text: str) -> frozenset[str]:
    """COCO's classes that words of a text surely name, whatever the text asks."""
    words = re.findall(r"\w+", text)[:MOST_WORDS]
    phrases = [*words, *map(" ".join, pairwise(words))]
    found = [entry for phrase in phrases if (entry := lexicon().entry(normalise(phrase))) is not None]
    return frozenset(name for entry in found if not entry.is_group for name in entry.classes)


def _sureness(vision: Vision, expression: str) -> float:
    """The probability of the likeliest meaning of a description; 0 where it may mean nothing that can be found."""
    try:
        return sure_readings(expression, vision.matcher, PACKAGED)[0].probability
    except SkylarkError:
        return 0.0
