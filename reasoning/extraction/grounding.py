"""Holding what a model wrote against the text: a triple stays if the text has the words that it names as evidence.

A triple is kept where its evidence stands in the passage word by word (blanks and ends of lines count alike), one of
its names in these words, and the other in them or shortly before. Of everything else it is counted why it went.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kg_data.values import Value
from reasoning.extraction.passages import Passage
from reasoning.extraction.replies import TripleReply
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.extraction.values import value_in
from reasoning.graph.names import fold
from reasoning.graph.sources import Source
from reasoning.reading.english.common_words import is_common

LONGEST_EVIDENCE = 600
"""Characters: who quotes the whole text proves nothing."""

LONGEST_NAME = 200
"""Characters of a name."""

BEFORE = 400
"""Characters before the evidence in which a name may stand that the evidence has a pronoun for."""


class Reason(StrEnum):
    """Why a triple was dropped, in words that follow a number."""

    NO_RELATION = "with a relation that the schema does not have"
    NO_SPAN = "whose evidence does not stand in the text"
    LONG_SPAN = "whose evidence is longer than a sentence"
    NO_NAME = "with a name that is empty, too long or a pronoun"
    NAME_ELSEWHERE = "with a name that does not stand in the evidence or before it"
    NO_VALUE = "whose tail is no such number or date in the evidence"
    SAME_ENDS = "that lead from a thing to itself"
    WRONG_KIND = "that join things of other kinds than the relation does"
    AMBIGUOUS = "with a name that several things of the graph have"
    CONFLICT = "with another value than one that is there"
    TOO_MANY = "beyond the most that a reply may have"


@dataclass(frozen=True)
class Grounded:
    """A triple that the text says.

    Attributes:
        head: a name, as the text spells it.
        relation: of the schema.
        tail: a name, or a value.
        source: the document with the line and the characters of the evidence.
        evidence: these characters.
    """

    head: str
    relation: RelationSchema
    tail: str | Value
    source: Source
    evidence: str


def grounded(said: TripleReply, passage: Passage, schema: ExtractionSchema) -> Grounded | Reason:
    """A triple of a reply as the passage says it, or why it does not."""
    relation = schema.by_name.get(fold(said.relation))
    if relation is None:
        return Reason.NO_RELATION
    head, tail = (" ".join(name.split()) for name in (said.head, said.tail))
    if not is_name(head) or (relation.value is None and not is_name(tail)):
        return Reason.NO_NAME
    if len(said.evidence) > LONGEST_EVIDENCE:
        return Reason.LONG_SPAN
    problem = Reason.NO_SPAN
    for start, end in spans(said.evidence, passage.text):
        span = passage.text[start:end]
        around = passage.text[_word_start(passage.text, start - BEFORE) : end]
        meant: str | Value | None = tail
        if relation.value is not None:
            meant = value_in(relation.value, tail, span)
            if meant is None:
                problem = Reason.NO_VALUE
                continue
        names = [head] if relation.value is not None else [head, tail]
        inside = [stands_in(name, span) for name in names]
        if not all(stands_in(name, around) for name in names) or not (any(inside) or relation.value is not None):
            problem = Reason.NAME_ELSEWHERE
            continue
        if isinstance(meant, str) and fold(head) == fold(meant):
            return Reason.SAME_ENDS
        assert meant is not None
        place = passage.start + start
        source = Source(passage.document, passage.line_at(start), place, place + end - start)
        return Grounded(head, relation, meant, source, span)
    return problem


def spans(evidence: str, text: str) -> list[tuple[int, int]]:
    """Where some words stand in a text one after the other, whatever blanks are between them."""
    words = evidence.split()
    if not words:
        return []
    plain = evidence.strip()
    if (at := text.find(plain)) >= 0:  # as nearly always, and quicker than to compile an expression
        found = []
        while at >= 0:
            found.append((at, at + len(plain)))
            at = text.find(plain, at + 1)
        return found
    return [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]


def stands_in(name: str, text: str) -> bool:
    """Whether a name stands in a text as whole words, but for case, accents and marks."""
    return f" {fold(name)} " in f" {fold(text)} "


def is_name(name: str) -> bool:
    """Whether a text may name a thing: not "she", "it" or "there", which name another thing in each text."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or not any(map(str.isalnum, name)):
        return False
    return " " in name or name == name.upper() or not is_common(name)


def _word_start(text: str, place: int) -> int:
    """The beginning of the first word at or behind a place."""
    if place <= 0:
        return 0
    blank = re.compile(r"\s").search(text, place - 1)
    return len(text) if blank is None else blank.end()
