"""Of the readings that a language model gives of a question: the one that is answered, or what to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reasoning.errors import quoted_list
from reasoning.graph.spelling import label_words
from reasoning.query.read_question import Reading, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.unvalued import unvalued

MOST_RIVALS = 3
"""Readings that are offered to choose from."""

MOST_KNOWN, MOST_UNREAD = 5, 5
"""Names that are known, and words that the graph has nothing for, that are told."""


HALF_SAID = 0.5
"""Share of its probability that a reading keeps which leaves out a relation that the question says, or has one whose
label says nothing."""


@dataclass(frozen=True)
class WeighedReading:
    """A query that a question may mean.

    Attributes:
        query: the query; None where the model says that the graph cannot say what is asked.
        probability: that the question means it.
        written: what the model wrote.
        bridged: relations that were put in, since the kinds did not fit without.
        features: what the probability was reckoned from, where a regression gives it.
    """

    query: Query | None
    probability: float
    written: str
    bridged: tuple[str, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)


def chosen(
    question: LinkedQuestion, readings: Sequence[WeighedReading], *, sure: float, possible: float
) -> ReadQuestion:
    """The reading that is answered; where none is sure, what to choose from.

    Args:
        question: as the model was shown it.
        readings: best first.
        sure: probability from which a question is answered.
        possible: probability from which a reading is offered beside others.
    """
    asked = question.prompt.question
    weighed = [_by_its_relations(reading, question) for reading in readings]
    readings = sorted(weighed, key=lambda reading: -reading.probability)
    best = readings[0] if readings else None
    queries = [reading.query for reading in readings[: MOST_RIVALS + 1] if reading.query is not None]
    lacks = {query: unvalued(query, question.schema.kg) for query in queries}
    lacking = lacks.get(best.query, []) if best is not None and best.query is not None else []
    rivals = tuple(
        Reading(reading.query, _assumed(reading), reading.probability)
        for place, reading in enumerate(readings[: MOST_RIVALS + 1])
        # The best is offered however unlikely: its answer may be empty, and that be so.
        if reading.query is not None and (reading.probability >= possible or not place) and not lacks[reading.query]
    )
    if best is not None and best.query is not None and best.probability >= sure and not lacking:
        others = tuple(rival for rival in rivals if rival.query != best.query)
        margin = best.probability - max((other.probability for other in others), default=0.0)
        return ReadQuestion(asked, best.query, best.probability, margin, others[:MOST_RIVALS], assumed=_assumed(best))
    unread = question.unknown_words if best is None or best.query is None else ()
    problem = _problem(best, bool(rivals), question, unread, sure, lacking)
    return ReadQuestion(asked, None, 0.0, 0.0, rivals[:MOST_RIVALS], unread=unread, problem=problem)


def _by_its_relations(reading: WeighedReading, question: LinkedQuestion) -> WeighedReading:
    if reading.query is None:
        return reading
    if not question.unread_relations(reading.query) and not question.wordless_relations(reading.query):
        return reading
    return replace(reading, probability=HALF_SAID * reading.probability)


def _assumed(reading: WeighedReading) -> tuple[str, ...]:
    return tuple(f'"{step}" was put in between, since the question asks it of another kind' for step in reading.bridged)


def _problem(
    best: WeighedReading | None,
    rivals: bool,
    question: LinkedQuestion,
    unread: Sequence[str],
    sure: float,
    lacking: Sequence[tuple[str, str]],
) -> str:
    things = [name for name in question.names if not name.literal]
    best_weight = {name.start: name.weight for name in sorted(things, key=lambda name: name.weight)}
    known = [name.label for name in things if name.weight == best_weight[name.start]][:MOST_KNOWN]
    understood = "no name in it is known"
    if known:
        understood = f"{quoted_list(known, 'and')} {'is' if len(known) == 1 else 'are'} known"
    if unread:
        understood += f", and the graph has nothing called {quoted_list(unread[:MOST_UNREAD], 'or')}"
    if question.is_names_alone:
        return f"nothing is asked; {understood}"
    if best is None:
        return f"the question could not be read as a query of this graph; {understood}"
    if best.query is None and (not rivals or best.probability >= sure):
        return f"the graph does not seem to hold what the question asks for; {understood}"
    if best.query is not None and (lacks := question.unread_relations(best.query)):
        return f"the likeliest reading, {best.query}, leaves out {quoted_list(lacks, 'and')}; {understood}"
    if lacking:
        name, relation = lacking[0]
        return f'the graph has no {label_words(relation)} of "{name}"; {understood}'
    if best.features.get("empty"):
        return f"the likeliest reading, {best.query}, finds nothing; {understood}"
    return f"it is not clear what the question asks of this graph; {understood}"
