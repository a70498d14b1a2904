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
from reasoning.graph.names import fold
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

_SENTENCES = re.compile(r"(?<=[?!])\s+")

_NAMESAKE = re.compile(r" \(.*\)$")

_WORDS = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")

_NAME = re.compile(r"(?=[+.]|.*[^\W\d_])[+.]?[^\W_]+(?:(?:\. |[ '’-])[^\W_]+)*")


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

    Before them stand short questions about its kinds and relations. The phrases are the words of relations and kinds,
    nouns in both numbers, and names, without what tells namesakes apart in brackets. Words of other signs than letters
    are left out, as are names that are spelled otherwise than they are said ("Asia/Ho_Chi_Minh") and bare numbers,
    which questions are full of.
    """
    kinds = GraphKinds(kg)
    types = kg.type_names if kinds.type_relation is None else [kg.entity_labels[kind] for kind in kinds.types]
    things = [words for words in map(label_words, types) if _is_said(words, _WORDS)]
    relations = {name: words for name in kg.relation_names() if _is_said(words := label_words(name), _WORDS)}
    asked = {name: verbalise(Project(name, It()), kg) for name in relations if name != kinds.type_relation}
    properties = [name for name, what in asked.items() if not what.startswith("what ")]  # "what it borders"
    nouns = [*(relations[name] for name in properties), *things]
    names = (name for known in _known(kg) if _is_said(name := _NAMESAKE.sub("", known), _NAME))
    phrases = chain(relations.values(), things, map(plural, filter(str.isascii, nouns)), names)
    counted = [plural(thing) for thing in things if thing.isascii()][:KINDS_BEFORE]
    questions = [
        *(f"{'How many' if place else 'Which'} {several} are there?" for place, several in enumerate(counted)),
        *(f"What is {asked[name]}?" for name in properties if name.isascii()),
    ]
    return Topic(_fitting(questions), tuple(dict.fromkeys(phrases)))


def echoes(text: str, before: str) -> bool:
    """Whether a text holds one of the sentences that were taken to have been said before, or is a part of one.

    Of what it does not understand Whisper says once more what it was told.
    """
    said = f" {fold(text)} "
    sentences = (f" {fold(sentence)} " for sentence in _SENTENCES.split(before) if sentence)
    return any(sentence in said or said in sentence for sentence in sentences)


def _is_said(words: str, form: re.Pattern[str]) -> bool:
    return len(words) <= LONGEST_NAME and form.fullmatch(words) is not None


def _fitting(sentences: Iterable[str]) -> str:
    """Those for which there is room, the first ones first."""
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".strip()
        text = longer if len(longer) <= MOST_BEFORE else text
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
