"""What a text asks of a picture, how sure that is, and which reader it is for.

A text is read as an instruction, else as a description or question. Where it names no entity of the graph, what each
reader makes of it and what is in view decide, so that no list of words does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from app.graph.answer_view import Asked
from reasoning.query.read_question import QuestionError
from skylark.errors import SkylarkError
from vision import Task, Vision
from vision.classes.lexicon import lexicon
from vision.classes.vocabulary import normalise
from vision.grounding.grounding import sure_readings
from vision.parsing.reader import PACKAGED, is_beyond_pictures

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
    """Read a text as an instruction, whose description is read too, or where that is unsure as a description alone."""
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


InView = Literal["both", "graph", "picture"]
"""What was shown last: what the page begins with, or the answer of one of them."""


@dataclass(frozen=True)
class Sureness:
    """How sure both readers are that a text is for them, 0 to 1.

    Attributes:
        graph: of the graph's reader.
        picture: of the picture's reader.
        in_view: what was shown last.
        follows: whether the graph's reading is of its last answer.
        of_things: whether the picture's reading says itself which things it is of, unlike "which is the largest?".
    """

    graph: float
    picture: float
    in_view: InView = "both"
    follows: bool = False
    of_things: bool = False

    @property
    def is_for_picture(self) -> bool:
        """Whether the picture is asked: what was shown last is asked if it can be, of a picture whatever its reader is
        as sure of, of an answer only what does not follow it."""
        if self.in_view == "picture":
            return self.picture >= self.graph
        if self.in_view == "graph":
            return self.of_things and self.picture > self.graph
        if self.follows:
            return self.of_things and self.picture >= SURE
        return self.picture > self.graph or (self.picture == self.graph and self.of_things)


def graph_sureness(asked: Asked | Exception) -> float:
    """That the graph is asked: its reader's, or half of that of the likeliest of several readings.

    An error of another kind is one of a formal query, which only a graph can be asked.
    """
    if isinstance(asked, Asked):
        return 1.0 if asked.understood is None else asked.understood.confidence
    if not isinstance(asked, QuestionError):
        return 1.0
    reading = asked.reading
    return 0.0 if reading is None else max((one.probability for one in reading.alternatives), default=0.0) / 2
