"""What is likely in a question about a graph: how such questions go, the words of its schema, and its names.

A speech model hears "land barrier" for "land area" until it knows what is talked about. Whisper is told so by a text
that is taken to have been said just before, and a search for what was said may prefer names. Both are taken from the
graph alone, and no question is known to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import It, Project
from reasoning.wording.inflection import plural
from reasoning.wording.verbalise import verbalise

MOST_BEFORE = 200
"""Characters that are said to have been said; of more Whisper-base takes what it was told for what was said."""

KINDS_BEFORE = 3
"""Kinds of things that are named there."""

LONGEST_NAME = 60
"""Characters of a name that people say whole."""

MOST_NAMES = 5000
"""Names of the best known things that a search for what was said prefers; of 20,000 it finds no more."""

MOST_OF_END = 300
"""Names at an end of a relation that are preferred as well: of a currency little is said, and it is asked about."""

MOST_OF_ENDS = 12_000
"""Names at all ends of relations, as many at each."""

_NAMESAKE = re.compile(r" \(.*\)$")

_SAID = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")


@dataclass(frozen=True)
class Topic:
    """What a speech model is told to expect.

    Attributes:
        before: a text that is taken to have been said just before, in the manner of which it goes on.
        phrases: that a search for what was said prefers.
    """

    before: str = ""
    phrases: tuple[str, ...] = ()


ANYTHING = Topic()
"""Nothing is expected."""


def spoken_topic(kg: KnowledgeGraph) -> Topic:
    """What is likely in questions about a graph.

    Before them stand the shortest questions about its kinds and relations. The phrases are the words of relations and
    kinds, one and several, and names, without what tells namesakes apart in brackets; those of letters alone, since
    others are spelled otherwise than they are said.
    """
    kinds = GraphKinds(kg)
    types = kg.type_names if kinds.type_relation is None else [kg.entity_labels[kind] for kind in kinds.types]
    relations = kg.relation_names()
    schema = [form for name in map(label_words, (*relations, *types)) for form in (name, plural(name))]
    names = (_NAMESAKE.sub("", name) for name in _known(kg))
    said = (phrase for phrase in chain(schema, names) if len(phrase) <= LONGEST_NAME and _SAID.fullmatch(phrase))
    telling = [name for name in relations if name != kinds.type_relation]
    return Topic(_fitting(_short_questions(kg, types, telling)), tuple(dict.fromkeys(said)))


def _short_questions(kg: KnowledgeGraph, types: Iterable[str], relations: Iterable[str]) -> Iterator[str]:
    for place, kind in enumerate(map(label_words, list(types)[:KINDS_BEFORE])):
        yield f"{'How many' if place else 'Which'} {plural(kind)} are there?"
    for name in relations:
        asked = verbalise(Project(name, It()), kg)
        yield f"{asked[0].upper()}{asked[1:]}?" if asked.startswith("what ") else f"What is {asked}?"


def _fitting(sentences: Iterable[str]) -> str:
    """The first ones, as many as there is room for."""
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".strip()
        if len(longer) > MOST_BEFORE:
            break
        text = longer
    return text


def _known_best(kg: KnowledgeGraph, entities: Ids, most: int) -> Iterator[str]:
    """Names of those of some entities of which most is said."""
    first = np.argsort(-kg.index.degrees(entities), kind="stable")[:most]
    yield from (kg.entity_labels[entity] for entity in entities[first].tolist())


def _known(kg: KnowledgeGraph) -> Iterator[str]:
    """Names of what is known best, in all and at each end of a relation; of a graph on a server none, where that would
    have to be asked."""
    if kg.server is not None:
        return
    yield from _known_best(kg, kg.universe, MOST_NAMES)
    most = min(MOST_OF_END, MOST_OF_ENDS // max(1, 2 * kg.relation_count))
    for relation in range(kg.relation_count):
        for inverse in (False, True):
            yield from _known_best(kg, kg.index.ends(relation, inverse), most)
