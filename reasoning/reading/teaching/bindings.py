"""Words with the id of the relation or kind that they mean: what a model has to bind before it can read questions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from reasoning.reading.model.prompt import KIND_IDS, RELATION_IDS
from reasoning.reading.teaching.graphs import DrawnGraph

BINDINGS = 12
"""Words of a pack with the ids that they mean, beside its questions."""


@dataclass(frozen=True)
class Binding:
    """Words, and the id that they mean, behind a `~` where a relation is followed backwards and kinds don't say so."""

    text: str
    pieces: tuple[str, ...]


def draw_bindings(graph: DrawnGraph, count: int, rng: random.Random) -> list[Binding]:
    """What people say of single relations and kinds of a graph; at most so many, as many as there are."""
    said = [binding for name, key in graph.relations for binding in _of_relation(graph, name, key, rng)]
    said += [
        Binding(word, (KIND_IDS[at],))
        for (name, key), at in graph.kinds.items()
        for pair in graph.domain(name).kinds[key].words
        for word in pair
    ]
    return rng.sample(said, min(count, len(said)))


def _of_relation(graph: DrawnGraph, name: str, key: str, rng: random.Random) -> Iterator[Binding]:
    """All that is said of one relation, with the name of somebody in it."""
    domain, (at, turned) = graph.domain(name), graph.relations[name, key]
    relation, entry, letter = domain.relations[key], graph.schema.relations[at], RELATION_IDS[at]
    yield Binding(entry.words, (letter,))
    for field, phrases in relation.phrases.items():
        backwards = field.startswith("from") != turned
        for phrase in phrases:
            kind = rng.choice(list(relation.end if field.startswith("from") else relation.start))
            about = rng.choice(list(domain.kinds[kind].names))
            place = graph.kinds.get((name, kind))
            decided = isinstance(entry.end, str) or (place in entry.start) != (place in entry.end)
            pieces = ("~", letter) if backwards and not decided else (letter,)
            yield Binding(phrase.replace("{X}", about).replace("{N}", about), pieces)
