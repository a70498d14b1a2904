"""Which reader a text is for, the graph's or the picture's: told by what each of them makes of it.

Both readers say how sure they are that their reading is what was meant, and the graph's says which entities the text
names, so no list of words decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.graph.asking import Asked
from reasoning.query.read_question import QuestionError


@dataclass(frozen=True)
class Sureness:
    """How sure both readers are that a text is for them, 0 to 1.

    Attributes:
        graph: of the graph's reader.
        picture: of the picture's reader.
        names: whether the text names an entity of the graph.
        picture_is_new: whether a picture was given since the last question.
    """

    graph: float
    picture: float
    names: bool = False
    picture_is_new: bool = False

    @property
    def is_for_picture(self) -> bool:
        """Whether the picture is asked.

        What names an entity of the graph is for the graph, even where it has no answer: a picture's reader knows no
        names, and takes "the president of France" for a person. A picture that was just given outweighs that.
        """
        if self.names and not self.picture_is_new:
            return False
        if self.graph == self.picture:
            return self.picture_is_new
        return self.picture > self.graph


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
