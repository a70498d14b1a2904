"""What an expression may mean, before anything is looked at: its likely readings, and the classes that they need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from reasoning import Query
from vision.classes.matching import Matcher
from vision.errors import InstructionError
from vision.reading.expressions.pieces import PICTURE, Pieces
from vision.reading.expressions.reader import ExpressionReading
from vision.reading.expressions.sentence import EVERYTHING
from vision.reading.loading import PACKAGED, readers
from vision.reading.prompt import TextPrompt
from vision.task import Target

LEAST_SURE, POSSIBLE = 0.3, 0.1
"""Probability below which no reading is taken, and from which one is tried where nothing fits those before."""


@lru_cache(maxsize=256)
def sure_readings(
    text: str, matcher: Matcher, adapter: Path, pieces: Pieces = PICTURE, actions: tuple[str, ...] = ()
) -> Sequence[ExpressionReading]:
    """What an expression may well mean, the likeliest first; the last ones are kept.

    Args:
        text: the expression.
        matcher: knows what words mean among the detector's classes.
        adapter: folder of the adapter that reads.
        pieces: of what the expression speaks about.
        actions: the labels of the actions that a video was divided into.

    Raises:
        InstructionError: the text is empty or cannot be read, or a word names nothing that the model can detect.
    """
    prompt = TextPrompt(text)
    prompt.check("expression")
    reader = readers(adapter).expressions if pieces is PICTURE else readers(adapter).videos
    readings = [one for one in reader.read(prompt, matcher, actions) if one.probability >= POSSIBLE]
    if not readings or readings[0].probability < LEAST_SURE:
        raise InstructionError(
            f'it is not clear what "{text}" means; say it by class, colour, size, place, number or relation, as in '
            f"{pieces.example}"
        )
    return readings


def expression_classes(text: str, matcher: Matcher, adapter: Path = PACKAGED) -> tuple[Target, ...] | None:
    """What a detector must look for so that an expression can be grounded.

    Args:
        text: the expression.
        matcher: knows what words mean among the detector's classes.
        adapter: folder of the adapter that reads.

    Returns:
        One target for each phrase that means something else, in order, or None where the expression speaks of things of
        any class ("what is left of the bus?"). Colours are no part of the targets: the scene has them.

    Raises:
        InstructionError: the text is empty or cannot be read, or a word names nothing that the model can detect.
        LLMError: the adapter or the weights are missing or damaged.
    """
    return targets_of(sure_readings(text, matcher, adapter))


def targets_of(readings: Sequence[ExpressionReading]) -> tuple[Target, ...] | None:
    """The same for an expression that is read: what any of its readings, at least one, speaks of."""
    if any(_speaks_of_everything(reading.sentence.things) for reading in readings):
        return None
    targets: dict[str, Target] = {}
    for reading in readings:
        for match in reading.matches.values():
            targets.setdefault(match.thing, Target(match.thing, match.classes))
    return tuple(targets.values())


def _speaks_of_everything(query: Query) -> bool:
    measured = getattr(getattr(query, "measure", None), "sets", ())
    return query == EVERYTHING or any(map(_speaks_of_everything, (*query.children, *measured)))
