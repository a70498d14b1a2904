"""Whether the graph's or the picture's reader is asked what names no entity of the graph: told by what each makes of it
and by what is in view, so that no list of words decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.ask.hearing import SURE
from app.graph.asking import Asked
from reasoning.query.read_question import QuestionError

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
