"""A question read by a language model that was taught to: written over ids, checked, executed, weighed.

That a query gives nothing tells against it, as in execution-guided decoding (Wang et al. 2018, arXiv 1807.03100).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from kg_data.errors import SkylarkError
from kg_data.sentence_vectors import vectors_if_installed
from reasoning.execution.outcome import outcome_behind
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import meanings
from reasoning.query.tree import Query
from reasoning.reading.model.choosing import WeighedReading
from reasoning.reading.model.confidence import Confidence
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.query_grammar import query_grammar
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import NOTHING, ids_in
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
        if question.is_names_alone:
            return []
        prompt = question.prompt
        ranked = meanings(
            self._beams,
            prompt.schema.text,
            prompt.text,
            query_grammar(prompt, self._beams.tokens.piece),
            lambda written: _executed(written, question),
            key=lambda read: read.gives,
        )
        likeness = self._likeness(prompt.question, [meant.value.query for meant in ranked])
        readings = []
        for meant, alike in zip(ranked, likeness, strict=True):
            query, bridged = meant.value.query, meant.value.steps
            rival = max((other.probability for other in ranked if other is not meant), default=LEAST)
            used = question.used(meant.written)
            features = {
                "log_probability": math.log(max(meant.probability, LEAST)),
                "rival": math.log(max(rival, LEAST)),
                "bridged": float(len(bridged)),
                "nothing": float(query is None),
                "empty": float(meant.value.empty),
                "likeness": alike,
                "unused": float(len(question.left_out(meant.written))),
                "shared": float(any(question.namesakes(name, meant.written) for name in used)),
                "size": float(len(ids_in(meant.written))),
            }
            probability = self.confidence.probability(features)
            readings.append(WeighedReading(query, probability, meant.written, bridged, features))
        apart: dict[str, WeighedReading] = {}
        for reading in readings:
            for other in self._of_namesakes(reading, question):
                # Written with the id of the one or of the other namesake it is one query.
                first = apart.setdefault(str(other.query), replace(other, probability=0.0))
                both = min(1.0, first.probability + other.probability)
                apart[str(other.query)] = replace(first, probability=both)
        weighed = sorted(apart.values(), key=lambda reading: -reading.probability)
        # Of different answers one is right at most.
        left = 1 - max((reading.probability for reading in weighed), default=0.0)
        share = min(1.0, left / max(sum(reading.probability for reading in weighed[1:]), LEAST))
        others = [replace(reading, probability=share * reading.probability) for reading in weighed[1:]]
        return [*weighed[:1], *others]

    def _of_namesakes(self, reading: WeighedReading, question: LinkedQuestion) -> list[WeighedReading]:
        """The reading; of a shared name also those of other things, which share what it would have without them."""
        if not reading.features["shared"]:
            return [reading]
        meant = question.meant(reading.written)
        alone = self.confidence.probability({**reading.features, "shared": 0.0})
        return [
            replace(reading, query=other.query, bridged=other.steps, probability=alone / len(meant)) for other in meant
        ]

    def _likeness(self, question: str, queries: Sequence[Query | None]) -> list[float]:
        """How like the question each query is when it is said in English; 0 for none, and without an encoder."""
        said = {at: verbalise(query, self.schema.kg) for at, query in enumerate(queries) if query is not None}
        vectors = vectors_if_installed([question, *said.values()]) if said else None
        alike = dict(zip(said, () if vectors is None else (vectors[1:] @ vectors[0]).tolist(), strict=False))
        return [alike.get(at, 0.0) for at in range(len(queries))]


@dataclass(frozen=True)
class _Executed:
    """What was written as a query that can be asked, what was put in, and what it gives.

    Two queries that give the same are one reading, however they are written; of a number that counts and of a yes it is
    the things behind it that count, since small numbers agree by chance.
    """

    query: Query | None
    steps: tuple[str, ...] = ()
    empty: bool = False
    gives: Hashable = None


def _executed(written: str, question: LinkedQuestion) -> _Executed | None:
    """What was written, executed; None where it cannot be asked."""
    if written.strip() == NOTHING.strip():
        return _Executed(None)
    try:
        checked = question.query(written)
        given = outcome_behind(checked.query, question.schema.kg)
    except SkylarkError:
        return None
    empty = given == frozenset()
    return _Executed(checked.query, checked.steps, empty, str(checked.query) if empty else given)
