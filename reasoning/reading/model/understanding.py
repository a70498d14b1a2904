"""What a question is understood as by a model that was taught to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import ReadQuestion
from reasoning.reading.model.choosing import chosen
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.loading import PACKAGED, reader_of
from reasoning.reading.model.reader import QuestionReader


@dataclass(frozen=True)
class TaughtReading:
    """How questions about one graph are read by a taught model.

    Attributes:
        reader: gives their readings.
        sure: probability from which a question is answered.
    """

    reader: QuestionReader
    sure: float

    @classmethod
    def of(cls, kg: KnowledgeGraph, folder: Path = PACKAGED, sure_from: float | None = None) -> TaughtReading:
        """Of a graph.

        Args:
            kg: the graph that is asked.
            folder: of an adapter that `python -m reasoning teach questions` made for the embedded model.
            sure_from: probability from which a question is answered; None: what was fitted.

        Raises:
            LLMError: the adapter or the weights are missing or damaged, or do not belong together.
        """
        reader = reader_of(kg, folder)
        return cls(reader, reader.confidence.sure if sure_from is None else sure_from)

    def read(self, question: LinkedQuestion) -> ReadQuestion:
        """What a question is read as: answered, asked back, or refused with what was understood."""
        possible = self.reader.confidence.possible
        return chosen(question, self.reader.readings(question), sure=self.sure, possible=possible)
