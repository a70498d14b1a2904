"""What a question may name: entities of the graph, numbers and dates, each a candidate for the model to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dateutil import parser as dates

from reasoning.reading.anchors import anchor
from reasoning.reading.english.number_words import spoken_number
from reasoning.reading.model.mentions import Mention
from reasoning.reading.model.prompt import NAME_IDS, NameEntry, Schema
from reasoning.reading.model.schema import GraphSchema

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
    """The candidates in the question's order, at most as many as there are ids.

    Raises:
        QuestionError: a marked name is in no way a name of the graph.
    """
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
