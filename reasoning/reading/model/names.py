"""What a question may name: entities of the graph, numbers and dates, each a candidate for the model to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dateutil import parser as dates

from reasoning.graph.names import fold
from reasoning.reading.anchors import anchor
from reasoning.reading.english.number_words import spoken_number
from reasoning.reading.lexicon import lexicon_of
from reasoning.reading.linking import Item, Linked, link
from reasoning.reading.linking.tokens import Token
from reasoning.reading.model.prompt import NAME_IDS, NameEntry, Schema
from reasoning.reading.model.schema import GraphSchema

NAMESAKES = 3
"""Entities that one stretch of words may name."""

SMALLEST = 10
"""Numbers below this are written out and need no id."""

LONGEST_BEGINNING = 5
"""Words of a stretch that may begin a name."""

TELLING = 4
"""Letters of a word in small letters that may begin or end a name."""

LONGER = 0.6
"""Weight of a name that a stretch only begins."""

PRONOUNS = frozenset({"he", "she", "it", "they", "him", "her", "them", "his", "hers", "its", "their", "theirs"})
"""What refers to another name of the question; the model sees that one."""

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
    """The candidates in the question's order, at most as many as there are ids.

    Raises:
        QuestionError: a marked name is in no way a name of the graph.
    """
    found = list(_dates(question))
    dated = [(candidate.start, candidate.start + len(candidate.text)) for candidate in found]

    def free(start: int, end: int) -> bool:
        return not any(first < end and start < last for first, last in dated)

    linked = link(question, lexicon_of(schema.kg))
    for item in linked.of_kind("entity"):
        if item.text.casefold() in PRONOUNS:
            continue
        start = linked.tokens[item.start].start
        if free(start, linked.tokens[item.end - 1].end):
            found += _entities(item, start, schema)
    found += [
        longer
        for longer in _longer_names(question, linked, schema)
        if free(longer.start, longer.start + len(longer.text))
    ]
    found += [number for number in _numbers(question) if free(number.start, number.start + len(number.text))]
    found.sort(key=lambda candidate: (candidate.start, -candidate.weight))
    unique = {(candidate.text, candidate.query): candidate for candidate in found}
    return list(unique.values())[: len(NAME_IDS)]


def _entities(item: Item, start: int, schema: GraphSchema) -> list[Candidate]:
    kg = schema.kg
    assert item.mention is not None
    corrected = 0.2 if item.mention.corrected_to else 0.0
    ranked = [(rank, entity) for rank, entities in enumerate(item.mention.candidates) for entity in entities]
    return [
        Candidate(
            start,
            item.text,
            kg.entity_labels[entity],
            str(anchor(kg, entity)),
            schema.kinds_of_entity(entity),
            weight=max(0.1, 1 - item.cost - 0.2 * rank - corrected),
            marked=item.mention.marked,
        )
        for rank, entity in ranked[:NAMESAKES]
    ]


def _longer_names(question: str, linked: Linked, schema: GraphSchema) -> Iterator[Candidate]:
    """Names that a stretch of words begins, where few do: "Leeds" for the "Leeds Office", "senior women"."""
    kg, tokens = schema.kg, linked.tokens
    exact = {(item.start, item.end) for item in linked.of_kind("entity")}
    reach = 0
    for at in range(len(tokens)):
        for end in range(min(len(tokens), at + LONGEST_BEGINNING), max(at, reach), -1):
            words = tokens[at:end]
            within = any(first <= at and end <= last and (first, last) != (at, end) for first, last in exact)
            if within or not _may_begin_name(words, at == 0, (at, end) in exact):
                continue
            text = question[words[0].start : words[-1].end].rstrip(".")
            key = fold(text) + " "
            span = kg.names.keys.starting(key)
            near = set(kg.names.entities[span.start : span.stop].tolist()) if len(span) <= 2 * NAMESAKES else set()
            named = sorted(entity for entity in near if fold(kg.entity_labels[entity]).startswith(key))
            if not 1 <= len(named) <= (1 if (at, end) in exact else NAMESAKES):
                continue
            reach = end
            for entity in named:
                label, kinds = kg.entity_labels[entity], schema.kinds_of_entity(entity)
                yield Candidate(words[0].start, text, label, str(anchor(kg, entity)), kinds, weight=LONGER)
            break


def _may_begin_name(words: Sequence[Token], first: bool, exact: bool) -> bool:
    """Whether words are such as a person names something by: "in the" is hardly "In the Mood"."""
    if any(word.kind != "word" or word.text == "'s" for word in words):
        return False
    capital = words[0].text[:1].isupper() and not first
    if len(words) == 1:
        return capital or exact
    return all(len(word.text) >= TELLING or word.text[:1].isupper() for word in (words[0], words[-1]))


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
