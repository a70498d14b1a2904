"""Linking: the entities, numbers and dates that a question may name, and the question as shown to the model.

Nothing is decided here: each candidate comes with a weight, and the model chooses. What it writes is read back as a
query of the graph.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dateutil import parser as dates

from reasoning.graph.names import fold, label_words
from reasoning.parsing.checking import Checked, check, with_directions
from reasoning.parsing.codec import ids_in, read_back
from reasoning.parsing.english import WORD, forms_of, is_common, spoken_number
from reasoning.parsing.mentions import Mention
from reasoning.parsing.options import anchor
from reasoning.parsing.schema import KIND_IDS, NAME_IDS, RELATION_IDS, GraphSchema, NameEntry, Prompt, Schema
from reasoning.query.records import relations_of
from reasoning.query.tree import Query
from skylark.errors import SkylarkError

NAMESAKES = 3
"""Entities that are offered for one stretch of words."""

SMALLEST = 10
"""Numbers below this are written out and need no id."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? \d{{4}}|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}})\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s,;?!()]+(?:,\d{3}(?![^\s,;?!()]))*")


@dataclass(frozen=True)
class Candidate:
    """What a stretch of a question may name.

    Attributes:
        start: where the stretch begins, in characters.
        text: the stretch.
        label: the entity's own name, or the value.
        query: it as a query's text.
        kinds: places of the entity's kinds in the graph's schema.
        literal: "number" or "date" of a value; "" of an entity.
        weight: how well the words fit the name, 0 to 1.
        marked: whether it stands in brackets or quotes, as names may.
    """

    start: int
    text: str
    label: str
    query: str
    kinds: tuple[int, ...] = ()
    literal: str = ""
    weight: float = 1.0
    marked: bool = False


def link_names(question: str, schema: GraphSchema) -> list[Candidate]:
    """The candidates in the question's order, at most as many as ids; a QuestionError where a marked name is no name
    here."""
    found = list(_dates(question))
    dated = [(candidate.start, candidate.start + len(candidate.text)) for candidate in found]

    def free(start: int, end: int) -> bool:
        return not any(first < end and start < last for first, last in dated)

    for mention in schema.mentions.of(question):
        if free(mention.start, mention.end):
            found += _entities(mention, schema)
    found += [number for number in _numbers(question) if free(number.start, number.start + len(number.text))]
    found.sort(key=lambda candidate: (candidate.start, -candidate.weight))
    unique = {(candidate.text, candidate.query): candidate for candidate in found}
    return list(unique.values())[: len(NAME_IDS)]


def _entities(mention: Mention, schema: GraphSchema) -> list[Candidate]:
    return [
        Candidate(
            mention.start,
            mention.text,
            schema.kg.entity_labels[entity],
            str(anchor(schema.kg, entity)),
            schema.kinds_of_entity(entity),
            weight=weight,
            marked=mention.marked,
        )
        for entity, weight in mention.entities[:NAMESAKES]
    ]


def _dates(question: str) -> Iterator[Candidate]:
    for match in _DATE.finditer(question):
        try:
            day = dates.parse(match.group(), dayfirst="-" not in match.group()).date()
        except (ValueError, OverflowError):
            continue
        yield Candidate(match.start(), match.group(), str(day), f'date("{day}")', literal="date")


def _numbers(question: str) -> Iterator[Candidate]:
    """Numbers of two digits and more, in digits or words; small ones are written out."""
    words = list(_WORD.finditer(question))
    at = 0
    while at < len(words):
        texts = [word.group().lower().strip("$€£.'\"") for word in words[at : at + 8]]
        value, taken = spoken_number(texts)
        if not taken:
            at += 1
            continue
        last = words[at + taken - 1]
        text = question[words[at].start() : last.end()].rstrip(".")
        if value >= SMALLEST or value != int(value):
            shown = str(int(value)) if value == int(value) else repr(float(value))
            yield Candidate(words[at].start(), text, shown, shown, literal="number")
        at += taken


def name_entry(name: Candidate, schema: GraphSchema, part: Schema, place: Mapping[int, int]) -> NameEntry:
    """A candidate as a prompt over a part of the schema shows it."""
    if name.literal:
        return NameEntry(name.text, name.label, name.literal, name.query)
    words = []
    for kind in name.kinds:
        if kind in place:
            words.append(part.kind_words(place[kind]))
        elif schema.kinds[kind].named:
            words.append(schema.kinds[kind].words)
    kinds = tuple(place[kind] for kind in name.kinds if kind in place)
    return NameEntry(name.text, name.label, " or ".join(words) or "thing", name.query, kinds)


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
        """A question in plain English; a QuestionError where a marked name is in no way a name of the graph."""
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
        """What a model wrote as a query that can be asked; a SkylarkError says why where it cannot."""
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
