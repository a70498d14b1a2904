"""A question read by the language model: linked, shown with the schema's part, written, checked, weighed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import meanings
from reasoning.query.tree import Entity, Query
from reasoning.reading.model.checking import check
from reasoning.reading.model.confidence import Confidence
from reasoning.reading.model.directions import with_directions
from reasoning.reading.model.meaning import meaning_of
from reasoning.reading.model.names import Candidate, link_names, name_entry
from reasoning.reading.model.prompt import KIND_IDS, NAME_IDS, RELATION_IDS, Prompt, Schema
from reasoning.reading.model.query_grammar import query_grammar
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import NOTHING, pieces_of, read_back
from reasoning.wording.verbalise import verbalise

LEAST = 1e-6
"""Probability of a rival where there is none."""

WELL_LINKED = 0.9
"""Weight from which a name that a query leaves out tells against it."""


@dataclass(frozen=True)
class WeighedReading:
    """A query that a question may mean.

    Attributes:
        query: the query; None where the model says that the graph cannot say what is asked.
        probability: that the question means it.
        written: what the model wrote.
        features: what the probability was reckoned from.
        bridged: relations that were put in, since the kinds did not fit without.
    """

    query: Query | None
    probability: float
    written: str
    features: Mapping[str, float]
    bridged: tuple[str, ...] = ()


class QuestionReader:
    """Reads questions about one graph.

    Args:
        kg: the graph.
        beams: writes the queries.
        confidence: how sure a reading is.
    """

    def __init__(self, kg: KnowledgeGraph, beams: BeamWriter, confidence: Confidence) -> None:
        self.schema = GraphSchema(kg)
        self.confidence = confidence
        self._beams = beams

    def prompt(self, question: str) -> tuple[Prompt, list[Candidate]]:
        """What the model is shown, and the candidates behind its names, in their order.

        Raises:
            QuestionError: a marked name is in no way a name of the graph.
        """
        names = link_names(question, self.schema)
        part, place = self._part(question, names)
        entries = [name_entry(name, self.schema, part, place) for name in names]
        return Prompt(part, entries, question), names

    def read(self, question: str) -> list[WeighedReading]:
        """The readings that can be asked of the graph, best first; those that cannot are left out.

        Raises:
            QuestionError: a marked name is in no way a name of the graph.
        """
        return self.readings(*self.prompt(question))

    def readings(self, prompt: Prompt, names: Sequence[Candidate]) -> list[WeighedReading]:
        """The same of a prompt with the candidates behind its names."""
        ranked = meanings(
            self._beams,
            prompt.schema.text,
            prompt.text,
            query_grammar(prompt, self._beams.tokens.piece),
            lambda written: self._query(written, prompt),
            key=lambda read: str(read[0]),
        )
        likeness = self._likeness(prompt.question, [meant.value[0] for meant in ranked])
        readings = []
        for meant, alike in zip(ranked, likeness, strict=True):
            query, bridged = meant.value
            rival = max((other.probability for other in ranked if other is not meant), default=LEAST)
            features = {
                "log_probability": math.log(max(meant.probability, LEAST)),
                "rival": math.log(max(rival, LEAST)),
                "bridged": float(len(bridged)),
                "nothing": float(query is None),
                "likeness": alike,
                **_of_names(meant.written, names),
            }
            readings.append(
                WeighedReading(query, self.confidence.probability(features), meant.written, features, bridged)
            )
        return sorted(readings, key=lambda reading: -reading.probability)

    def _query(self, text: str, prompt: Prompt) -> tuple[Query | None, tuple[str, ...]] | None:
        """What was written as a query, and what was put in; None where it cannot be asked."""
        if text.strip() == NOTHING.strip():
            return None, ()
        try:
            query = Query.parse(read_back(with_directions(text, prompt), prompt.meanings))
        except QueryError:
            return None
        checked = None if isinstance(query, Entity) else check(query, self.schema)
        return None if checked is None else (checked.query, checked.steps)

    def _likeness(self, question: str, queries: Sequence[Query | None]) -> list[float]:
        """How like the question each query is when it is said in English; 0 for none, and without an encoder."""
        said = {at: verbalise(query, self.schema.kg) for at, query in enumerate(queries) if query is not None}
        vectors = meaning_of([question, *said.values()]) if said else None
        alike = dict(zip(said, () if vectors is None else (vectors[1:] @ vectors[0]).tolist(), strict=False))
        return [alike.get(at, 0.0) for at in range(len(queries))]

    def _part(self, question: str, names: Sequence[Candidate]) -> tuple[Schema, dict[int, int]]:
        """The schema's part that the question may need, and the place there of each kind of the whole."""
        schema = self.schema
        if schema.whole is not None:
            return schema.whole, {at: at for at in range(len(schema.kinds))}
        near = schema.nearest_relations(question, len(RELATION_IDS))
        kinds = [kind for name in names for kind in name.kinds]
        kinds += schema.nearest_kinds(question, len(KIND_IDS) // 3)
        return schema.part(near, list(dict.fromkeys(kinds)))


def _of_names(written: str, names: Sequence[Candidate]) -> dict[str, float]:
    """What the names that were written, and those that were not, say of a reading."""
    pieces = set(pieces_of(written))
    used = [name for letter, name in zip(NAME_IDS, names, strict=False) if letter in pieces]
    spans = [(name.start, name.start + len(name.text)) for name in used]
    unused = [
        name
        for name in names
        if name.weight >= WELL_LINKED
        and not any(start < name.start + len(name.text) and name.start < end for start, end in spans)
    ]
    shared = any(
        (other.start, other.text) == (name.start, name.text) and other not in used and other.weight >= name.weight
        for name in used
        for other in names
    )
    return {
        "link": min((name.weight for name in used), default=1.0),
        "unused": float(len({name.start for name in unused})),
        "shared": float(shared),
    }
