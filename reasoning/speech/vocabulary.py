"""Words that are likely in a question about a graph: those of its relations and kinds, and its best known names.

A speech model hears "land barrier" for "land area" until it knows what is talked about; Whisper takes such words as if
they had been said before. They are taken from the graph alone, and no question is known to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import fold
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.wording.inflection import plural

MOST_CHARACTERS = 300
"""Of all words: of more Whisper-base takes what it was told for what was said, and stops, or says one word for ever."""

SCHEMA_CHARACTERS = 200
"""Of them, those of relations and kinds at most."""

LONGEST_NAME = 60
"""Characters of a name that people say whole."""

MOST_LOOKED_AT = 500
"""Names of the best known things, from which those are taken that people say."""

MOST_NAMES = 5000
"""Names of the best known things that a search for what was said prefers; of 20,000 it finds no more."""

MOST_OF_END = 300
"""Names at an end of a relation that are preferred as well: of a currency little is said, and it is asked about."""

MOST_OF_ENDS = 12_000
"""Names at all ends of relations, as many at each."""

_NAMESAKE = re.compile(r" \(.*\)$")

_SAID = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")


def spoken_vocabulary(kg: KnowledgeGraph) -> str:
    """Words of a graph that are likely in questions about it, the likeliest first; "" where it has none."""
    schema = _fitting((label_words(name) for name in (*kg.relation_names(), *_kinds(kg))), SCHEMA_CHARACTERS)
    known = () if kg.server is not None else _known_best(kg, kg.universe, MOST_LOOKED_AT)
    names = _fitting(known, MOST_CHARACTERS - sum(len(word) + 2 for word in schema), schema)
    return ", ".join([*schema, *names])


def spoken_phrases(kg: KnowledgeGraph) -> tuple[str, ...]:
    """What is likely to be said in questions about a graph, for a search that prefers it; () where it has nothing.

    Words of relations and kinds, one and several, and names, without what tells namesakes apart in brackets; those of
    letters alone, since others are spelled otherwise than they are said.
    """
    labels = [label_words(name) for name in (*kg.relation_names(), *_kinds(kg))]
    schema = [form for label in labels for form in (label, plural(label))]
    names = (_NAMESAKE.sub("", name) for name in _known(kg))
    said = (phrase for phrase in chain(schema, names) if len(phrase) <= LONGEST_NAME and _SAID.fullmatch(phrase))
    return tuple(dict.fromkeys(said))


def _kinds(kg: KnowledgeGraph) -> Iterable[str]:
    kinds = GraphKinds(kg)
    return kg.type_names if kinds.type_relation is None else [kg.entity_labels[kind] for kind in kinds.types]


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


def _fitting(words: Iterable[str], room: int, known: Iterable[str] = ()) -> list[str]:
    """Those that can be said, each once, as many as there is room for."""
    taken: list[str] = []
    seen = {fold(word) for word in known}
    for word in words:
        if len(word) > LONGEST_NAME or not _SAID.fullmatch(word) or fold(word) in seen:
            continue
        if (room := room - len(word) - 2) < 0:
            break
        seen.add(fold(word))
        taken.append(word)
    return taken
