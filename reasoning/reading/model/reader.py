"""A question read by the language model: linked, shown with the schema's part, written, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.constraint import Constraint, Spelling
from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.writer import WriterTokens
from reasoning.query.tree import Query
from reasoning.reading.model.checking import check
from reasoning.reading.model.names import Candidate, link_names
from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS, NameEntry, Prompt, Schema
from reasoning.reading.model.query_grammar import query_grammar
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import NOTHING, read_back


@dataclass(frozen=True)
class Reading:
    """A query that a question may mean.

    Attributes:
        query: the query; None where the model says that the graph cannot say what is asked.
        probability: that the question means it.
        written: what the model wrote.
        bridged: relations that were put in, since the kinds did not fit without.
    """

    query: Query | None
    probability: float
    written: str
    bridged: tuple[str, ...] = ()


class QuestionReader:
    """Reads questions about one graph.

    Args:
        kg: the graph.
        beams: writes the queries.
        tokens: the writer's.
        spelling: of its tokenizer.
    """

    def __init__(self, kg: KnowledgeGraph, beams: BeamWriter, tokens: WriterTokens, spelling: Spelling) -> None:
        self.schema = GraphSchema(kg)
        self._beams, self._tokens, self._spelling = beams, tokens, spelling

    def prompt(self, question: str) -> Prompt:
        """What the model is shown."""
        names = link_names(question, self.schema)
        part, place = self._part(question, names)
        entries = [self._entry(name, part, place) for name in names]
        return Prompt(part, entries, " ".join(question.split()))

    def read(self, question: str) -> list[Reading]:
        """The readings that can be asked of the graph, best first; those that cannot are left out."""
        prompt = self.prompt(question)
        constraint = Constraint(query_grammar(prompt, self._tokens.piece), self._spelling)
        found: dict[str, Reading] = {}
        for text in self._beams.write(prompt.schema.text, prompt.text, constraint):
            probability = math.exp(text.log_probability)
            reading = self._reading(text.text, probability, prompt)
            if reading is None:
                continue
            key = str(reading.query)
            if key in found:
                probability += found[key].probability
                reading = found[key]
            found[key] = Reading(reading.query, probability, reading.written, reading.bridged)
        return sorted(found.values(), key=lambda reading: -reading.probability)

    def _reading(self, text: str, probability: float, prompt: Prompt) -> Reading | None:
        if text.strip() == NOTHING.strip():
            return Reading(None, probability, text)
        try:
            query = Query.parse(read_back(text, prompt))
        except QueryError:
            return None
        checked = check(query, self.schema)
        return None if checked is None else Reading(checked.query, probability, text, checked.steps)

    def _part(self, question: str, names: Sequence[Candidate]) -> tuple[Schema, dict[int, int]]:
        """The schema's part that the question may need, and the place there of each kind of the whole."""
        schema = self.schema
        if schema.whole is not None:
            return schema.whole, {at: at for at in range(len(schema.kinds))}
        near = schema.nearest_relations(question, len(RELATION_IDS))
        kinds = [kind for name in names for kind in name.kinds]
        kinds += schema.nearest_kinds(question, len(KIND_IDS) // 3)
        return schema.part(near, list(dict.fromkeys(kinds)))

    def _entry(self, name: Candidate, part: Schema, place: dict[int, int]) -> NameEntry:
        if name.literal:
            return NameEntry(name.text, name.label, name.literal, name.query)
        words = []
        for kind in name.kinds:
            if kind in place:
                words.append(part.kind_words(place[kind]))
            elif self.schema.kinds[kind].named:
                words.append(self.schema.kinds[kind].words)
        return NameEntry(name.text, name.label, " or ".join(words) or "thing", name.query, name.weight)
