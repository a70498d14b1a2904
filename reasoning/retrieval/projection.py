"""The subgraph that one step of a chain may need, within a token budget, in several parts where it is too big for one.

The retriever sees one step: its input set and its relation, never later steps and never the exact answer. A context
that held only the answer would test copying, so it holds distractors as well, as many of them as of the triples that
the step is about, where the graph has them and the budget allows. What the step is about comes first: where all of it
fits, it is in one context, with fewer distractors if need be. Where it does not, it is parted, since what a relation
leads to from a set is the union of what each part of the edges leads to; then each part gets half the budget and its
own distractors the other half. What is beyond the last part allowed is counted.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.retrieval.budget import CHEAPEST_TRIPLE, TripleCost, packed

FEWEST_DISTRACTORS = 6
"""Distractors sought even where the step is about fewer triples, so that one triple never stands alone."""

MOST_SOURCES = 64
"""Entities of the input set, drawn, whose other edges are looked at."""

MOST_EDGES = 32
"""Other edges of one entity, drawn, of each direction."""

MOST_FOREIGN = 512
"""Edges of the relation from other entities, drawn."""

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Subgraph:
    """What one context holds.

    Attributes:
        triples: int32, shape (n, 3), columns head, relation, tail, in random order.
        about: bool, shape (n,): which of them the step is about; the others are distractors.
    """

    triples: Ids
    about: NDArray[np.bool_]

    @property
    def relevant(self) -> int:
        """How many triples the step is about."""
        return int(self.about.sum())

    @property
    def distractors(self) -> int:
        """How many triples the step is not about."""
        return len(self.triples) - self.relevant


@dataclass(frozen=True)
class Retrieved:
    """What was retrieved for one step.

    Attributes:
        parts: at least one; no triple that the step is about is in two of them.
        left_out: how many more triples the step is about that are in none of them.
    """

    parts: tuple[Subgraph, ...]
    left_out: int


def retrieve(
    kg: KnowledgeGraph,
    sources: Ids,
    relation: Relation,
    budget: int,
    cost: TripleCost,
    rng: random.Random,
    max_parts: int = 1,
) -> Retrieved:
    """The subgraph of one projection.

    Args:
        kg: the graph.
        sources: the input set, sorted, shape (s,).
        relation: the relation with its direction.
        budget: tokens that the triples of one part may take together.
        cost: tokens of triples as the prompt will write them.
        rng: chooses distractors and the order.
        max_parts: the most parts.
    """
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    heads, tails = (right, left) if relation.inverse else (left, right)
    about = np.column_stack((heads, np.full(len(heads), relation.index), tails)).astype(np.int32)
    order = _round_robin(left, rng)[: max(1, max_parts * budget // CHEAPEST_TRIPLE)]
    whole = len(order) == len(about) and cost.together(about) <= budget
    chosen = [order] if whole else _parted(order, left[order], cost.at_most(about[order]), budget, max_parts)
    parts = tuple(_with_distractors(kg, sources, relation, about[part], budget, cost, rng) for part in chosen)
    return Retrieved(parts, len(about) - sum(part.relevant for part in parts))


def _parted(order: Ids, sources: Ids, prices: list[int], budget: int, max_parts: int) -> list[Ids]:
    """Edges in parts of half the budget; one empty part where not even one edge fits.

    Args:
        order: edges, every source having its turn before any has its second, shape (m,).
        sources: each one's source, shape (m,).
        prices: each one's tokens.
        budget: tokens of a context.
        max_parts: the most parts.
    """
    # A part's question names the sources in it: with the edges of a source together it is short.
    grouped = np.argsort(sources, kind="stable")
    parts = packed([prices[position] for position in grouped], budget // 2, budget)
    if len(parts) <= max_parts:
        chosen = [order[grouped[part]] for part in parts]
    else:
        # Not all can be there, so every source is to have its share.
        chosen = [order[part] for part in packed(prices, budget // 2, budget)[:max_parts]]
    return chosen or [order[:0]]


def _with_distractors(
    kg: KnowledgeGraph,
    sources: Ids,
    relation: Relation,
    about: Ids,
    budget: int,
    cost: TripleCost,
    rng: random.Random,
) -> Subgraph:
    """The triples of one part, shape (r, 3), among as many others as the graph has and the budget allows."""
    wanted = max(len(about), FEWEST_DISTRACTORS)
    others = distractors(kg, sources, relation, 2 * wanted, rng)[:wanted]
    if not len(about):
        # The question names a source and the relation, which no triple of the context may have: room for their ids.
        kept = len(next(iter(packed(cost.at_most(others), budget, budget)), []))
    else:
        more = range(1, len(others) + 1)
        kept = bisect_right(more, budget, key=lambda m: cost.together(np.concatenate((about, others[:m]))))
    triples = np.concatenate((about, others[:kept]))
    order = np.array(rng.sample(range(len(triples)), len(triples)), dtype=np.int64)
    return Subgraph(triples[order].astype(np.int32), order < len(about))


def _round_robin(sources: Ids, rng: random.Random) -> Ids:
    """An order of edges in which every source has its turn before any has its second; shape (m,)."""
    if not len(sources):
        return np.zeros(0, dtype=np.int32)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sources)) + 1))
    turn = np.arange(len(sources)) - np.repeat(starts, np.diff(np.append(starts, len(sources))))
    shuffled = np.random.default_rng(rng.getrandbits(64)).permutation(len(sources))
    return np.asarray(shuffled[np.argsort(turn[shuffled], kind="stable")], dtype=np.int32)


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
    left, right = kg.index.some(relation.index, relation.inverse, 2 * MOST_FOREIGN)
    foreign = ~np.isin(left, sources)
    heads, tails = (right, left) if relation.inverse else (left, right)
    relations = np.full(int(foreign.sum()), relation.index)
    yield from _drawn(np.column_stack((heads[foreign], relations, tails[foreign])), MOST_FOREIGN, rng)


def _drawn(triples: Ids, most: int, rng: random.Random) -> Iterator[Triple]:
    picked = rng.sample(range(len(triples)), min(len(triples), most))
    return ((int(head), int(relation), int(tail)) for head, relation, tail in triples[picked].tolist())
