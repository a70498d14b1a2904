"""Words that are likely in a question about a graph: those of its relations and kinds, and its best known names.

A speech model hears "land barrier" for "land area" until it knows what is talked about; Whisper takes such words as if
they had been said before. They are taken from the graph alone, and no question is known to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from reasoning.graph.kinds import GraphKinds
from reasoning.graph.names import fold
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph

MOST_CHARACTERS = 300
"""Of all words: of more Whisper-base takes what it was told for what was said, and stops, or says one word for ever."""

SCHEMA_CHARACTERS = 200
"""Of them, those of relations and kinds at most."""

LONGEST_NAME = 40

MOST_LOOKED_AT = 500
"""Names of the best known things, from which those are taken that people say."""

_SAID = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")


def spoken_vocabulary(kg: KnowledgeGraph) -> str:
    """Words of a graph that are likely in questions about it, the likeliest first; "" where it has none."""
    schema = _fitting((label_words(name) for name in (*kg.relation_names(), *_kinds(kg))), SCHEMA_CHARACTERS)
    names = _fitting(_known_best(kg), MOST_CHARACTERS - sum(len(word) + 2 for word in schema), schema)
    return ", ".join([*schema, *names])


def _kinds(kg: KnowledgeGraph) -> Iterable[str]:
    kinds = GraphKinds(kg)
    return kg.type_names if kinds.type_relation is None else [kg.entity_labels[kind] for kind in kinds.types]


def _known_best(kg: KnowledgeGraph) -> Iterator[str]:
    """Names of the things of which most is said; of a graph on a server none, where that would have to be asked."""
    if kg.server is not None:
        return
    degrees = kg.index.degrees(kg.universe)
    first = np.argsort(-degrees, kind="stable")[:MOST_LOOKED_AT]
    yield from (kg.entity_labels[entity] for entity in kg.universe[first].tolist())


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
