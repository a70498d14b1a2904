"""A question read by a language model that was taught to: written over ids, checked, weighed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kg_data.errors import SkylarkError
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import meanings
from reasoning.query.tree import Query
from reasoning.reading.model.choosing import WeighedReading
from reasoning.reading.model.confidence import Confidence
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.meaning import meaning_of
from reasoning.reading.model.query_grammar import query_grammar
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import NOTHING
from reasoning.wording.verbalise import verbalise

LEAST = 1e-6
"""Probability of a rival where there is none."""


class QuestionReader:
    """Reads questions about one graph.

    Args:
        schema: of the graph.
        beams: writes the queries.
        confidence: how sure a reading is.
    """

    def __init__(self, schema: GraphSchema, beams: BeamWriter, confidence: Confidence) -> None:
        self.schema = schema
        self.confidence = confidence
        self._beams = beams

    def read(self, question: str) -> list[WeighedReading]:
        """The readings that can be asked of the graph, best first; those that cannot are left out.

        Raises:
            QuestionError: a marked name is in no way a name of the graph.
        """
        return self.readings(LinkedQuestion.of(question, self.schema))

    def readings(self, question: LinkedQuestion) -> list[WeighedReading]:
        """The same of a question whose names are linked."""
        prompt = question.prompt
        ranked = meanings(
            self._beams,
            prompt.schema.text,
            prompt.text,
            query_grammar(prompt, self._beams.tokens.piece),
            lambda written: _query(written, question),
            key=lambda read: str(read[0]),
        )
        likeness = self._likeness(prompt.question, [meant.value[0] for meant in ranked])
        readings = []
        for meant, alike in zip(ranked, likeness, strict=True):
            query, bridged = meant.value
            rival = max((other.probability for other in ranked if other is not meant), default=LEAST)
            used = question.used(meant.written)
            features = {
                "log_probability": math.log(max(meant.probability, LEAST)),
                "rival": math.log(max(rival, LEAST)),
                "bridged": float(len(bridged)),
                "nothing": float(query is None),
                "likeness": alike,
                "link": min((name.weight for name in used), default=1.0),
                "unused": float(len(question.left_out(meant.written))),
                "shared": float(any(question.namesakes(name, meant.written) for name in used)),
            }
            probability = self.confidence.probability(features)
            readings.append(WeighedReading(query, probability, meant.written, bridged, features))
        return sorted(readings, key=lambda reading: -reading.probability)

    def _likeness(self, question: str, queries: Sequence[Query | None]) -> list[float]:
        """How like the question each query is when it is said in English; 0 for none, and without an encoder."""
        said = {at: verbalise(query, self.schema.kg) for at, query in enumerate(queries) if query is not None}
        vectors = meaning_of([question, *said.values()]) if said else None
        alike = dict(zip(said, () if vectors is None else (vectors[1:] @ vectors[0]).tolist(), strict=False))
        return [alike.get(at, 0.0) for at in range(len(queries))]


def _query(written: str, question: LinkedQuestion) -> tuple[Query | None, tuple[str, ...]] | None:
    """What was written as a query, and what was put in; None where it cannot be asked."""
    if written.strip() == NOTHING.strip():
        return None, ()
    try:
        checked = question.query(written)
    except SkylarkError:
        return None
    return checked.query, checked.steps
