"""The k-hop neighbourhood of some entities, guided by what is asked and ranked, within a token budget.

LARK (Choudhary & Reddy 2023, section 3.2) walks from the entities of a query along the relations that the query names.
Where that is not known beforehand, or a model is to see more, breadth-first search is the usual way, and drowns at the
first hub. Here the search is best-first, and the next triple is always the one that ranks highest:

1. by its tier, the worst of its path: 0 where each relation of the path is the one that the query names there, 1 where
   one is named somewhere in the query, 2 where one shares a word with a named relation or leads to an entity of a type
   asked for, 3 otherwise;
2. by p, the product over the path of 1 / log2(2 + degree) of the entities walked through, the anchor aside, so that
   near triples come before far ones and a hub's edges late;
3. where both are the same, anchors and ways take turns, and so do the relations of each, in the order of the graph.

The score is (3 - tier + p) / 4, between 0 and 1. It falls along every path, so whatever the budget, the path from an
anchor to each triple is there. Where a way of more edges ranks higher, what is behind its triples is still found by the
fewest edges that lead there: such a path may be longer than the hops that are asked for. A triple that several ways
share is gone on from for each of them, so the path to what is behind it may begin at the anchor of another way than the
one that it is ranked by. The values of an entity are ranked as its edges are; nothing lies behind them.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_data.errors import SkylarkError
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.relations import Relation
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.retrieval.budget import CHEAPEST_TRIPLE
from reasoning.retrieval.facts import Facts

ON_PATH, NAMED, ALIKE, OTHER = range(4)
"""The tiers."""

PRICED_AT_ONCE = 32
"""Triples whose tokens are counted by one call: as few calls as that, and few counted in vain at the end."""

EMPTY_WORDS = frozenset(("a", "an", "and", "by", "for", "has", "have", "in", "is", "of", "on", "the", "to", "with"))
"""Words that make no two relations alike."""


@dataclass(frozen=True)
class Anchor:
    """Where a search begins.

    Attributes:
        entity: entity index.
        path: the relations to follow first, in their order, each with its direction; all of them between entities.
    """

    entity: int
    path: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class RankedTriple:
    """A triple of the neighbourhood.

    Attributes:
        head, relation, tail: a fact as a row, see `reasoning.retrieval.facts`: indexes, as long as no value is meant.
        hop: edges of its path from the anchor to its far end, from 1.
        score: see the module; between 0 and 1.
        anchor: the entity that its path begins at.
        via: the position in the neighbourhood of the triple that led to it; None at hop 1.
    """

    head: int
    relation: int
    tail: int
    hop: int
    score: float
    anchor: int
    via: int | None


@dataclass(frozen=True)
class Neighbourhood:
    """What was found around the anchors.

    Attributes:
        triples: best first.
        left_out: for each hop, how many more triples were met that did not fit; what lies behind them was not looked
            at.
        tokens: what the triples cost together.
    """

    triples: tuple[RankedTriple, ...]
    left_out: tuple[int, ...]
    tokens: int

    def path(self, position: int) -> list[RankedTriple]:
        """The triples from the anchor to the one at `position`, that one last."""
        steps, at = [], position
        while True:
            steps.append(self.triples[at])
            before = self.triples[at].via
            if before is None:
                return steps[::-1]
            at = before


def neighbourhood(
    kg: KnowledgeGraph,
    anchors: Iterable[Anchor],
    cost: Callable[[Ids], Sequence[int]],
    *,
    hops: int = 2,
    budget: int = 2048,
    named: Collection[int] = (),
    types: Collection[str] = (),
) -> Neighbourhood:
    """The highest-ranking facts within `hops` of the anchors, in both directions; see the module for the ranking.

    The same arguments give the same triples in the same order. A triple that does not fit is passed over, with all that
    is behind it, and the search goes on while there is room for the cheapest so far.

    Args:
        kg: the graph.
        anchors: where to begin, and along which relations.
        cost: tokens of each of the rows of shape (n, 3), as they will be shown; see `reasoning.retrieval.facts`.
        hops: edges from an anchor, at least 1.
        budget: tokens that the triples may take together.
        named: numbers of further relations that the question names, their place unknown, and of those with values;
            those of the paths are named anyway.
        types: names of types that the question asks for.

    Raises:
        SkylarkError: `hops` or `budget` is below 1.
    """
    if hops < 1 or budget < 1:
        raise SkylarkError(f"hops and budget must be at least 1, not {hops} and {budget}")
    search = _Search(kg, list(anchors), hops, frozenset(named), frozenset(types))
    return search.run(cost, budget)


@dataclass(frozen=True)
class _Visit:
    """An entity reached: how well, from which anchor, whether on its path, and by how few edges (`hop`)."""

    entity: int
    anchor: Anchor
    on_path: bool
    hop: int
    tier: int
    p: float
    via: int | None


@dataclass(frozen=True)
class _Edges:
    """The facts around one entity: their positions, rows (n, 3), and which of them enter it."""

    positions: Ids
    triples: Ids
    incoming: NDArray[np.bool_]


class _Search:
    def __init__(
        self, kg: KnowledgeGraph, anchors: Sequence[Anchor], hops: int, named: frozenset[int], types: frozenset[str]
    ) -> None:
        self._kg, self._facts, self._hops = kg, Facts(kg), hops
        self._named = named | {relation.index for anchor in anchors for relation in anchor.path}
        self._types = {fold(name) for name in types}
        self._alike = _alike(self._facts.labels, self._named)
        self._edges: dict[int, _Edges] = {}
        self._expanded: set[tuple[int, Anchor, int]] = set()
        self._fewest: dict[int, int] = {}
        """By how few edges each entity was reached whose edges are queued."""
        self._queue: list[tuple[int, float, int, _Visit, Ids]] = []
        self._order = itertools.count()
        self._met = np.zeros(len(self._facts), dtype=np.int16)
        """The hop at which each triple was first met, 0 for never. Untouched pages take no memory."""
        self._places: dict[int, int] = {}
        """Of each triple that was taken, its position in the neighbourhood."""
        self._met_at, self._taken_at = [0] * (hops + 1), [0] * (hops + 1)
        for anchor in dict.fromkeys(anchors):
            self._expand(_Visit(anchor.entity, anchor, True, 0, ON_PATH, 1.0, None))

    def run(self, cost: Callable[[Ids], Sequence[int]], budget: int) -> Neighbourhood:
        found: list[RankedTriple] = []
        left, looked, cheapest = budget, max(1, budget // CHEAPEST_TRIPLE), budget
        while self._queue and looked and left >= cheapest * bool(found):
            tier, negative_p, *_ = self._queue[0]
            drawn = self._drawn(min(looked, PRICED_AT_ONCE))
            if not drawn:
                continue
            looked -= len(drawn)
            rows = self._facts.rows(np.array(list(drawn), dtype=np.int32))
            prices = cost(rows)
            cheapest = min([cheapest, *prices])
            for (position, visits), triple, price in zip(drawn.items(), rows.tolist(), prices, strict=True):
                if price > left:
                    continue
                left -= price
                self._places[position] = len(found)
                self._taken_at[self._met[position]] += 1
                score = (OTHER - tier - negative_p) / 4
                (head, relation, tail), visit = triple, visits[0]
                before = None if visit.via is None else found[visit.via]
                hop, anchor = (1, visit.anchor.entity) if before is None else (before.hop + 1, before.anchor)
                found.append(RankedTriple(head, relation, tail, hop, score, anchor, visit.via))
                for visit in visits:
                    self._go_on(position, visit, tier, -negative_p)
        left_out = (met - taken for met, taken in zip(self._met_at[1:], self._taken_at[1:], strict=True))
        return Neighbourhood(tuple(found), tuple(left_out), budget - left)

    def _drawn(self, most: int) -> dict[int, list[_Visit]]:
        """Positions that rank highest, with the visits that they were met on; groups of one rank take turns."""
        rank = self._queue[0][:2]
        groups: list[tuple[int, _Visit, Ids]] = []
        while self._queue and len(groups) < most and self._queue[0][:2] == rank:
            groups.append(heapq.heappop(self._queue)[2:])
        drawn: dict[int, list[_Visit]] = {}
        done = [0] * len(groups)
        for turn, number in itertools.product(range(most), range(len(groups))):
            _, visit, positions = groups[number]
            if len(drawn) == most:
                break
            if turn < len(positions):
                done[number] += 1
                position = int(positions[turn])
                if position not in self._places:
                    drawn.setdefault(position, []).append(visit)
                else:
                    self._go_on(position, visit, rank[0], -rank[1])
        for (order, visit, positions), gone in zip(groups, done, strict=True):
            if gone < len(positions):
                heapq.heappush(self._queue, (*rank, order, visit, positions[gone:]))
        return drawn

    def _go_on(self, position: int, visit: _Visit, tier: int, p: float) -> None:
        """Queue what is behind a triple that was taken, met on a visit."""
        head, _, tail = self._facts.rows(np.array([position], dtype=np.int32))[0].tolist()
        if tail >= 0:
            other, via = tail if head == visit.entity else head, self._places[position]
            self._expand(_Visit(other, visit.anchor, tier == ON_PATH, visit.hop + 1, tier, p, via))

    def _expand(self, visit: _Visit) -> None:
        """Queue the edges around an entity, by tiers."""
        if visit.hop == self._hops:
            return
        edges = self._around(visit.entity)
        p = visit.p / math.log2(2 + len(edges.positions)) if visit.hop else 1.0
        on_path = np.zeros(len(edges.positions), dtype=bool)
        path = visit.anchor.path
        if visit.on_path and visit.hop < len(path):
            relation = path[visit.hop]
            loops = edges.triples[:, 0] == edges.triples[:, 2]
            on_path = (edges.triples[:, 1] == relation.index) & ((edges.incoming == relation.inverse) | loops)
            if self._first_time((visit.entity, visit.anchor, visit.hop)):
                self._push(visit, ON_PATH, p, edges.positions[on_path])
        if self._fewest.get(visit.entity, self._hops) <= visit.hop:
            return
        self._fewest[visit.entity] = visit.hop
        tiers = np.maximum(self._tiers(edges), visit.tier)
        for tier in np.unique(tiers[~on_path]).tolist():
            self._push(visit, tier, p, _in_turns(edges, ~on_path & (tiers == tier)))

    def _push(self, visit: _Visit, tier: int, p: float, positions: Ids) -> None:
        if len(positions):
            fresh = positions[self._met[positions] == 0]
            self._met[fresh] = visit.hop + 1
            self._met_at[visit.hop + 1] += len(fresh)
            heapq.heappush(self._queue, (tier, -p, next(self._order), visit, positions))

    def _first_time(self, key: tuple[int, Anchor, int]) -> bool:
        before = len(self._expanded)
        self._expanded.add(key)
        return len(self._expanded) > before

    def _around(self, entity: int) -> _Edges:
        if entity not in self._edges:
            self._edges[entity] = _Edges(*self._facts.around(entity))
        return self._edges[entity]

    def _tiers(self, edges: _Edges) -> NDArray[np.int64]:
        relations = edges.triples[:, 1]
        tiers = np.full(len(relations), OTHER)
        if self._types:
            far = np.where(edges.incoming, edges.triples[:, 0], edges.triples[:, 2])
            kinds = [
                entity >= 0 and any(fold(kind) in self._types for kind in self._kg.types(entity))
                for entity in far.tolist()
            ]
            tiers[np.array(kinds, dtype=bool)] = ALIKE
        tiers[np.isin(relations, list(self._alike))] = ALIKE
        tiers[np.isin(relations, list(self._named))] = NAMED
        return tiers


def _in_turns(edges: _Edges, chosen: NDArray[np.bool_]) -> Ids:
    """The chosen positions, in which each relation has its turn before any has its second."""
    positions, relations = edges.positions[chosen], edges.triples[chosen, 1]
    by_relation = np.lexsort((positions, relations))
    positions, relations = positions[by_relation], relations[by_relation]
    starts = np.searchsorted(relations, relations, "left")
    return np.asarray(positions[np.lexsort((relations, np.arange(len(relations)) - starts))])


def _alike(labels: Sequence[str], named: Collection[int]) -> frozenset[int]:
    """Relations that share a word with a named one."""
    if not named:
        return frozenset()
    words = [_words(label) for label in labels]
    wanted = frozenset().union(*(words[relation] for relation in named))
    return frozenset(relation for relation, own in enumerate(words) if own & wanted)


def _words(label: str) -> frozenset[str]:
    return frozenset(fold(label_words(label)).split()) - EMPTY_WORDS
