"""What a question is understood as by a model that was taught to read."""

from __future__ import annotations

from pathlib import Path

from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import ReadQuestion
from reasoning.reading.model.choosing import chosen
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.loading import PACKAGED, reader_of


def understood_by_model(
    question: str, kg: KnowledgeGraph, folder: Path = PACKAGED, sure_from: float | None = None
) -> ReadQuestion:
    """What a question is read as: answered, asked back, or refused with what was understood.

    Args:
        question: plain English.
        kg: the graph that is asked.
        folder: of an adapter that `python -m reasoning teach questions` made for the embedded model.
        sure_from: probability from which it is answered; None: what was fitted.

    Raises:
        QuestionError: a marked name is in no way a name of the graph.
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    reader = reader_of(kg, folder)
    linked = LinkedQuestion.of(question, reader.schema)
    fitted = reader.confidence
    sure = fitted.sure if sure_from is None else sure_from
    return chosen(linked, reader.readings(linked), sure=sure, possible=fitted.possible)
