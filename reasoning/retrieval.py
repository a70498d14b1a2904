"""The subgraph that one step of a chain may need, within a token budget.

The retriever sees one step: its input set and its relation, never later steps and never the exact answer. A context
that held only the answer would test copying, so it holds distractors as well: other edges of the same entities, and
the same relation between others; as many of them as of the triples that the step is about, where the graph has them
and the budget allows. Where even the triples that the step is about do not fit, they get half the budget, since the
context is incomplete anyway. What did not fit is counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph, Relation

FEWEST_DISTRACTORS = 6
"""Distractors sought even where the step is about fewer triples, so that one triple never stands alone."""

CHEAPEST_TRIPLE = 3
"""Tokens that no triple costs less than, to bound what is looked at before anything is rendered."""


@dataclass(frozen=True)
class Subgraph:
    """What was retrieved for one step.

    Attributes:
        triples: int32, shape (n, 3), columns head, relation, tail, in random order.
        relevant: how many of them the step is about.
        left_out: how many more the step is about that did not fit.
    """

    triples: Ids
    relevant: int
    left_out: int

    @property
    def distractors(self) -> int:
        """How many triples the step is not about."""
        return len(self.triples) - self.relevant


def retrieve(
    kg: KnowledgeGraph,
    sources: Ids,
    relation: Relation,
    budget: int,
    cost: Callable[[Ids], list[int]],
    rng: random.Random,
) -> Subgraph:
    """The subgraph of one projection.

    Args:
        kg: the graph.
        sources: the input set, sorted, shape (s,).
        relation: the relation with its direction.
        budget: tokens that the triples may take together.
        cost: tokens of each of the triples of shape (n, 3) as the prompt will write them.
        rng: chooses distractors and the order.
    """
    most = max(1, budget // CHEAPEST_TRIPLE)
    left, right = kg.index.edges(sources, relation.index, relation.inverse)
    heads, tails = (right, left) if relation.inverse else (left, right)
    about = np.column_stack((heads, np.full(len(heads), relation.index), tails)).astype(np.int32)
    order = _round_robin(left, rng)
    candidates = about[order[:most]]
    prices = cost(candidates)
    whole = len(candidates) == len(about) and sum(prices) <= budget
    kept: list[Ids] = []
    spent = 0
    for triple, tokens in zip(candidates, prices, strict=True):
        if spent + tokens > (budget if whole else budget // 2):
            break
        spent += tokens
        kept.append(triple)
    relevant = len(kept)
    wanted = max(relevant, FEWEST_DISTRACTORS)
    others = _distractors(kg, sources, relation, 2 * wanted, rng)
    for triple, tokens in zip(others, cost(others), strict=True):
        if len(kept) - relevant == wanted or spent + tokens > budget:
            break
        spent += tokens
        kept.append(triple)
    rng.shuffle(kept)
    triples = np.array(kept, dtype=np.int32).reshape(-1, 3)
    return Subgraph(triples, relevant, len(about) - relevant)


def _round_robin(sources: Ids, rng: random.Random) -> Ids:
    """An order of edges in which every source has its turn before any has its second; shape (m,)."""
    if not len(sources):
        return np.zeros(0, dtype=np.int32)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sources)) + 1))
    turn = np.arange(len(sources)) - np.repeat(starts, np.diff(np.append(starts, len(sources))))
    shuffled = np.array(rng.sample(range(len(sources)), len(sources)))
    return np.asarray(shuffled[np.argsort(turn[shuffled], kind="stable")], dtype=np.int32)


def _distractors(kg: KnowledgeGraph, sources: Ids, relation: Relation, most: int, rng: random.Random) -> Ids:
    """Up to `most` triples that the step is not about, the two kinds in turn; shape (d, 3)."""
    own, foreign = _other_edges(kg, sources, relation, rng), _other_sources(kg, sources, relation, rng)
    found: dict[tuple[int, int, int], None] = {}
    streams: list[Iterator[tuple[int, int, int]]] = [own, foreign]
    while streams and len(found) < most:
        for stream in list(streams):
            triple = next(stream, None)
            if triple is None:
                streams.remove(stream)
            else:
                found[triple] = None
    return np.array(list(found)[:most], dtype=np.int32).reshape(-1, 3)


def _other_edges(
    kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random
) -> Iterator[tuple[int, int, int]]:
    """Edges of the same entities with other relations, or with this one the other way round."""
    members = set(sources.tolist())
    for source in rng.sample(sources.tolist(), min(len(sources), 64)):
        for incoming in rng.sample((relation.inverse, not relation.inverse), 2):
            positions = kg.index.around(source, incoming)
            picked = rng.sample(range(len(positions)), min(len(positions), 32))
            for head, relation_index, tail in kg.index.triples(positions[np.array(picked, dtype=np.int64)]).tolist():
                about = (tail if relation.inverse else head) in members and relation_index == relation.index
                if not about:
                    yield head, relation_index, tail


def _other_sources(
    kg: KnowledgeGraph, sources: Ids, relation: Relation, rng: random.Random
) -> Iterator[tuple[int, int, int]]:
    """The same relation from other entities."""
    members = set(sources.tolist())
    left, right = kg.index.block(relation.index, relation.inverse)
    for position in rng.sample(range(len(left)), min(len(left), 512)):
        source, target = int(left[position]), int(right[position])
        if source not in members:
            yield (target, relation.index, source) if relation.inverse else (source, relation.index, target)
