"""Triples that a step is not about, so that its context cannot be solved by copying it.

They are near misses: other edges of the same entities, and the same relation between others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph, Relation

MOST_SOURCES = 64
"""Entities of the input set, drawn, whose other edges are looked at."""

MOST_EDGES = 32
"""Other edges of one entity, drawn, of each direction."""

MOST_FOREIGN = 512
"""Edges of the relation from other entities, drawn."""

Triple = tuple[int, int, int]


def distractors(kg: KnowledgeGraph, sources: Ids, relation: Relation, most: int, rng: random.Random) -> Ids:
    """Up to `most` triples, shape (d, 3), that following `relation` from `sources` does not meet; the kinds in turn."""
    found: dict[Triple, None] = {}
    streams = [_other_edges(kg, sources, relation, rng), _other_sources(kg, sources, relation, rng)]
    while streams and len(found) < most:
        for stream in list(streams):
            triple = next(stream, None)
            if triple is None:
                streams.remove(stream)
            else:
                found[triple] = None
    return np.array(list(found)[:most], dtype=np.int32).reshape(-1, 3)


def _other_edges(kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random) -> Iterator[Triple]:
    """Edges of the same entities with other relations, or with this one the other way round."""
    near = 2 if relation.inverse else 0
    for source in rng.sample(sources.tolist(), min(len(sources), MOST_SOURCES)):
        for incoming in rng.sample((relation.inverse, not relation.inverse), 2):
            triples = kg.index.triples(kg.index.around(source, incoming))
            about = (triples[:, 1] == relation.index) & np.isin(triples[:, near], sources)
            yield from _drawn(triples[~about], MOST_EDGES, rng)


def _other_sources(kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random) -> Iterator[Triple]:
    """The same relation from other entities."""
    left, right = kg.index.block(relation.index, relation.inverse)
    foreign = ~np.isin(left, sources)
    heads, tails = (right, left) if relation.inverse else (left, right)
    relations = np.full(int(foreign.sum()), relation.index)
    yield from _drawn(np.column_stack((heads[foreign], relations, tails[foreign])), MOST_FOREIGN, rng)


def _drawn(triples: Ids, most: int, rng: random.Random) -> Iterator[Triple]:
    picked = rng.sample(range(len(triples)), min(len(triples), most))
    return ((int(head), int(relation), int(tail)) for head, relation, tail in triples[picked].tolist())
