"""A question as a language model is shown it, and what is written for it as a query of the graph."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kg_data.errors import SkylarkError
from reasoning.graph.names import fold
from reasoning.graph.spelling import label_words
from reasoning.query.rebuilding import relations_of
from reasoning.query.tree import Query
from reasoning.reading.english.common_words import is_common
from reasoning.reading.english.word_forms import WORD, forms_of
from reasoning.reading.model.checking import Checked, check
from reasoning.reading.model.directions import with_directions
from reasoning.reading.model.names import Candidate, link_names, name_entry
from reasoning.reading.model.prompt import KIND_IDS, NAME_IDS, RELATION_IDS, Prompt, Schema
from reasoning.reading.model.schema import GraphSchema
from reasoning.reading.model.surface import ids_in, read_back

WELL_LINKED = 0.9
"""Weight from which a name that a query leaves out tells against it."""

MOST_NAMESAKES = 9
"""Queries with other things of the same names that are tried."""


@dataclass(frozen=True)
class LinkedQuestion:
    """A question whose names are linked, with the schema's part that it may need.

    Attributes:
        schema: of the graph that is asked.
        prompt: what a model is shown.
        names: the candidates behind the prompt's names, in their order.
    """

    schema: GraphSchema
    prompt: Prompt
    names: Sequence[Candidate]

    @classmethod
    def of(cls, question: str, schema: GraphSchema) -> LinkedQuestion:
        """A question in plain English.

        Raises:
            QuestionError: a marked name is in no way a name of the graph.
        """
        return cls._shown(question, link_names(question, schema), schema)

    @classmethod
    def _shown(cls, question: str, names: Sequence[Candidate], schema: GraphSchema) -> LinkedQuestion:
        part, place = _part(question, names, schema)
        return cls(schema, Prompt(part, [name_entry(name, schema, part, place) for name in names], question), names)

    def with_names(self, question: str, names: Sequence[Candidate]) -> LinkedQuestion:
        """The same with other words and other names linked in them; at most as many as there are ids."""
        return self._shown(question, names[: len(NAME_IDS)], self.schema)

    @property
    def is_names_alone(self) -> bool:
        """Whether nothing stands beside the names, so that nothing is asked of them."""
        letters = list(self.prompt.question)
        for name in self.names:
            letters[name.start : name.start + len(name.text)] = " " * len(name.text)
        return bool(self.names) and not any(map(str.isalnum, letters))

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """The words, in their order, that the graph has nothing for: neither names nor common, and in no label."""
        named = [(name.start, name.start + len(name.text)) for name in self.names]
        words = (
            match.group()
            for match in WORD.finditer(self.prompt.question)
            if not any(start < match.end() and match.start() < end for start, end in named)
        )
        return tuple(
            dict.fromkeys(word for word in words if not is_common(word) and not forms_of(word) & self.schema.words)
        )

    def unread_relations(self, query: Query) -> tuple[str, ...]:
        """Labels of relations that the question says in so many words beside its names, and a query has nothing of.

        The query that is meant leaves one out in two of the 2,379 questions about the built-in graph that the lists
        hold. What is a kind's label as well ("country") is said of things of that kind, and what are common words alone
        ("part of") of anything.
        """
        letters = list(self.prompt.question)
        for name in self.names:
            letters[name.start : name.start + len(name.text)] = "\n" * len(name.text)
        said = [forms_of(word) for word in re.findall(r"\w+|\n", "".join(letters))]
        written = [forms_of(word) for name in re.findall(r"\w+", str(query)) for word in label_words(name).split()]
        kinds = {fold(kind.words) for kind in self.schema.kinds if kind.named}
        unread = []
        for relation in self.schema.relations:
            words = [forms_of(word) for word in relation.words.split()]
            is_read = any(word & other for word in words for other in written)
            if is_read or fold(relation.words) in kinds or all(map(is_common, relation.words.split())):
                continue
            stretches = (said[at : at + len(words)] for at in range(len(said) - len(words) + 1))
            if any(all(one & other for one, other in zip(words, part, strict=True)) for part in stretches):
                unread.append(relation.words)
        return tuple(dict.fromkeys(unread))

    def wordless_relations(self, query: Query) -> tuple[str, ...]:
        """Labels without a letter, which say nothing of what they mean, that a query has and the question does not."""
        said = re.findall(r"\w+", self.prompt.question)
        return tuple(
            dict.fromkeys(
                label for label in relations_of(query) if not any(map(str.isalpha, label)) and label not in said
            )
        )

    def query(self, written: str) -> Checked:
        """What a model wrote as a query that can be asked.

        Raises:
            SkylarkError: it cannot, and why.
        """
        return check(Query.parse(read_back(with_directions(written, self.prompt), self.prompt.meanings)), self.schema)

    def meant(self, written: str) -> list[Checked]:
        """The query that was written, and the same of other things with its names; those of them that can be asked."""
        questions = [self]
        for name in self.used(written):
            others = (name, *self.namesakes(name, written))
            questions = [question.with_name(name, other) for question in questions for other in others]
            questions = questions[:MOST_NAMESAKES]
        found: dict[str, Checked] = {}
        for question in questions:
            try:
                checked = question.query(written)
            except SkylarkError:
                continue
            found.setdefault(str(checked.query), checked)
        return list(found.values())

    def used(self, written: str) -> list[Candidate]:
        """The names that are written, by their ids or, of numbers, written out."""
        ids = ids_in(written)
        return [
            name
            for letter, name in zip(NAME_IDS, self.names, strict=False)
            if letter in ids or (name.literal and name.label in written)
        ]

    def left_out(self, written: str) -> list[Candidate]:
        """A name of each place of the question that is well linked and of which nothing is written."""
        spans = [(name.start, name.start + len(name.text)) for name in self.used(written)]
        unused = {
            name.start: name
            for name in self.names
            if name.weight >= WELL_LINKED
            and not any(start < name.start + len(name.text) and name.start < end for start, end in spans)
        }
        return list(unused.values())

    def is_surely_named(self, name: Candidate) -> bool:
        """Whether words are no others by chance ("Take" is a film): marked, or where none are, capital or a number."""
        if any(other.marked for other in self.names):
            return name.marked
        return bool(name.literal) or (name.start > 0 and not name.text.islower())

    def namesakes(self, name: Candidate, written: str) -> list[Candidate]:
        """What else the words of a name may mean as well, of which nothing is written."""
        used = self.used(written)
        return [
            other
            for other in self.names
            if (other.start, other.text) == (name.start, name.text)
            and other not in used
            and other.weight >= name.weight
        ]

    def with_name(self, name: Candidate, other: Candidate) -> LinkedQuestion:
        """The same with the id of one name standing for another one."""
        at, there = self.names.index(name), self.names.index(other)
        entries, names = list(self.prompt.names), list(self.names)
        entries[at], names[at] = entries[there], names[there]
        return LinkedQuestion(self.schema, replace(self.prompt, names=entries), names)

    def shuffled(self, rng: random.Random) -> LinkedQuestion:
        """The same with the relations in another order, and so with other ids."""
        relations = rng.sample(list(self.prompt.schema.relations), len(self.prompt.schema.relations))
        part = Schema(self.prompt.schema.kinds, relations)
        return LinkedQuestion(self.schema, replace(self.prompt, schema=part), self.names)


def _part(question: str, names: Sequence[Candidate], schema: GraphSchema) -> tuple[Schema, dict[int, int]]:
    """The schema's part that the question may need, and the place there of each kind of the whole."""
    if schema.whole is not None:
        return schema.whole, {at: at for at in range(len(schema.kinds))}
    near = schema.nearest_relations(question, len(RELATION_IDS))
    kinds = [kind for name in names for kind in name.kinds]
    kinds += schema.nearest_kinds(question, len(KIND_IDS) // 3)
    return schema.part(near, list(dict.fromkeys(kinds)))
