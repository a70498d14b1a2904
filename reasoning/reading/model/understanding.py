"""What a question is understood as by the language model: answered, asked back, or refused with what was understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from reasoning.reading.model.confidence import Confidence
from reasoning.reading.model.loading import PACKAGED, reader_of
from reasoning.reading.model.names import Candidate
from reasoning.reading.model.reader import WeighedReading

MOST_RIVALS = 3
"""Readings that are offered to choose from."""


def understood_by_model(question: str, kg: KnowledgeGraph, folder: Path = PACKAGED) -> ReadQuestion:
    """What a question is read as.

    Args:
        question: plain English.
        kg: the graph that is asked.
        folder: of an adapter that `python -m reasoning teach questions` made for the embedded model.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    reader = reader_of(kg, folder)
    try:
        prompt, names = reader.prompt(question)
    except QuestionError as error:
        return ReadQuestion(question, None, 0.0, 0.0, problem=str(error))
    return chosen(question, reader.readings(prompt, names), names, reader.confidence)


def chosen(
    question: str, readings: Sequence[WeighedReading], names: Sequence[Candidate], confidence: Confidence
) -> ReadQuestion:
    """The reading that is answered; where none is sure, what to choose from.

    Args:
        question: as asked.
        readings: best first.
        names: what the question may name.
        confidence: from where on a reading counts.
    """
    asked = [reading for reading in readings if reading.query is not None]
    best = readings[0] if readings else None
    rivals = tuple(
        Reading(reading.query, _assumed(reading), reading.probability)
        for reading in asked[: MOST_RIVALS + 1]
        if reading.query is not None and reading.probability >= confidence.possible
    )
    if best is not None and best.query is not None and best.probability >= confidence.sure:
        others = tuple(rival for rival in rivals if rival.query != best.query)
        margin = best.probability - max((other.probability for other in others), default=0.0)
        return ReadQuestion(
            question, best.query, best.probability, margin, others[:MOST_RIVALS], assumed=_assumed(best)
        )
    problem = _problem(best, bool(rivals), names)
    return ReadQuestion(question, None, 0.0, 0.0, rivals[:MOST_RIVALS], problem=problem)


def _assumed(reading: WeighedReading) -> tuple[str, ...]:
    return tuple(f'"{step}" was put in between, since the question asks it of another kind' for step in reading.bridged)


def _problem(best: WeighedReading | None, rivals: bool, names: Sequence[Candidate]) -> str:
    known = list(dict.fromkeys(name.label for name in names if not name.literal))[:5]
    understood = "no name in it is known"
    if known:
        understood = f"{quoted_list(known, 'and')} {'is' if len(known) == 1 else 'are'} known"
    if best is None:
        return f"the question could not be read as a query of this graph; {understood}"
    if best.query is None and not rivals:
        return f"the graph does not seem to hold what the question asks for; {understood}"
    return f"it is not clear what the question asks of this graph; {understood}"
