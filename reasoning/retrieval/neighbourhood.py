"""The neighbourhood of a step's input: facts that fit a token budget, the most useful first."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.content import Relation, ValueColumn
from reasoning.graph.index import Ids
from reasoning.graph.names import fold, label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.parsing.english import forms_in
from reasoning.parsing.linking import WELL_LINKED, link_names
from reasoning.parsing.schema import schema_of
from reasoning.query.binding import BoundChain, bind
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Entity, Project, Query, Value
from skylark.errors import SkylarkError

CHEAPEST_TRIPLE = 3
"""Tokens that no triple costs less than, to bound what is looked at before anything is rendered."""


class TripleCost(Protocol):
    """What triples, int32 of shape (n, 3), cost in a prompt."""

    def together(self, triples: Ids) -> int:
        """Tokens of a context that holds these triples and no others."""

    def at_most(self, triples: Ids) -> list[int]:
        """The most tokens of each triple, whatever else is in its context, shape (n,)."""


def packed(prices: Sequence[int], room: int, budget: int) -> list[list[int]]:
    """Positions in their order, parted so that no part costs more than `room`.

    One item that costs more than the room, but no more than the budget, is a part of its own; one that costs more than
    the budget is in none.

    Args:
        prices: tokens of each item.
        room: tokens that a part may take.
        budget: tokens that an item may take, at least `room`.
    """
    parts: list[list[int]] = []
    left = 0
    for position, price in enumerate(prices):
        if price > budget:
            continue
        if price > left:
            parts.append([])
            left = room
        parts[-1].append(position)
        left -= price
    return parts


class Facts:
    """The facts of one graph.

    Attributes:
        labels: the name of each relation, by its number.
        identifiers: its id in the source.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self.labels = [*map(kg.relation_label, range(kg.relation_count)), *(c.relation for c in kg.literals)]
        self.identifiers = [*kg.relation_ids, *(column.identifier for column in kg.literals)]
        self._starts = list(accumulate(map(len, kg.literals), initial=kg.index.bound))

    def __len__(self) -> int:
        return self._starts[-1]

    def number(self, relation: Relation) -> int:
        """A relation's number in rows."""
        return relation.index + (self._kg.relation_count if relation.kind == "values" else 0)

    def rows(self, positions: Ids) -> Ids:
        """The facts at `positions`, shape (n, 3)."""
        column = np.searchsorted(self._starts, positions, "right") - 1
        rows = np.zeros((len(positions), 3), dtype=np.int32)
        rows[column < 0] = self._kg.index.triples(positions[column < 0])
        for number in np.unique(column[column >= 0]).tolist():
            at = column == number
            place = positions[at] - self._starts[number]
            relation = np.full(len(place), self._kg.relation_count + number)
            rows[at] = np.column_stack((self._kg.literals[number].entities[place], relation, -1 - place))
        return rows

    def around(self, entity: int) -> tuple[Ids, Ids, NDArray[np.bool_]]:
        """Positions (n,) of the facts about an entity, their rows (n, 3), and which of them enter it, (n,)."""
        out, into = (self._kg.index.around(entity, incoming) for incoming in (False, True))
        values = [
            start + place
            for start, column in zip(self._starts, self._kg.literals, strict=False)
            if (place := self._place(column, entity)) is not None
        ]
        positions = np.concatenate((out, np.array(values, dtype=np.int32), into)).astype(np.int32)
        rows = self.rows(positions)
        incoming = np.arange(len(positions)) >= len(out) + len(values)
        once = ~(incoming & (rows[:, 0] == rows[:, 2]))  # a loop is among both
        return positions[once], rows[once], incoming[once]

    def _place(self, column: ValueColumn, entity: int) -> int | None:
        """Where an entity's value stands in a column; None where it has none.

        What a server cannot hand over whole has no places, so its values are left out.
        """
        if (server := self._kg.server) is not None:
            there = len(column) <= server.client.limits.rows
            if not there or not len(column.read(np.array([entity], dtype=np.int32))[0]):
                return None
        place = int(np.searchsorted(column.entities, entity))
        return place if place < len(column.entities) and column.entities[place] == entity else None

    def value(self, row: Sequence[int]) -> Value | None:
        """What the tail of a row stands for where it is a value, None where it is an entity."""
        _, relation, tail = row
        if tail >= 0:
            return None
        column = self._kg.literals[relation - self._kg.relation_count]
        return self._kg.value(column, float(column.values[-1 - tail]))


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
        head, relation, tail: a fact as a row of `Facts`: indexes, as long as no value is meant.
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
        cost: tokens of each of the rows of shape (n, 3), as they will be shown.
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
        edges = self._edges.get(visit.entity)
        if edges is None:
            edges = self._edges[visit.entity] = _Edges(*self._facts.around(visit.entity))
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
    if not named:
        return frozenset()
    words = [_words(label) for label in labels]
    wanted = frozenset().union(*(words[relation] for relation in named))
    return frozenset(relation for relation, own in enumerate(words) if own & wanted)


def _words(label: str) -> frozenset[str]:
    return frozenset(fold(label_words(label)).split()) - EMPTY_WORDS


MOST_ANCHORS = 64
"""Ways from anchors to the answer that are followed; a query that uses one set twice has more of them than anchors."""

MOST_RELATIONS = 3
"""Relations that a text without a query may name."""


@dataclass(frozen=True)
class Guidance:
    """What guides a search.

    Attributes:
        anchors: where to begin, with the relations that lead on from there in their order.
        named: numbers of relations whose place is not known, and of all with values.
        types: names of types that are asked for.
    """

    anchors: tuple[Anchor, ...]
    named: frozenset[int] = frozenset()
    types: frozenset[str] = frozenset()


def guidance_of_query(query: Query, kg: KnowledgeGraph) -> Guidance:
    """Each anchor with the relations on its way to the answer, and the relations whose values the query reads.

    Raises:
        UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in the graph.
    """
    chain = bind(query, kg)
    if chain.anchor is not None:
        return Guidance((Anchor(chain.anchor),))
    read = {step.relation for step in chain if step.relation is not None and step.relation.kind == "values"}
    anchors = tuple(dict.fromkeys(islice(_anchors(chain), MOST_ANCHORS)))
    return Guidance(anchors, frozenset(map(Facts(kg).number, read)))


def _anchors(chain: BoundChain) -> Iterator[Anchor]:
    def ways(position: int) -> Iterator[tuple[Relation, ...]]:
        """The relations followed from a step on, the step's own first."""
        step = chain.steps[position]
        own = (step.relation,) if step.relation is not None and step.relation.kind == "edges" else ()
        users = [later.position for later in chain if position in later.inputs]
        if not users:
            yield own
        for user in users:
            yield from (own + way for way in ways(user))

    for step in chain:
        for anchor in step.anchors:
            if anchor is not None:
                yield from (Anchor(anchor, way) for way in ways(step.position))


def guidance_of_text(text: str, kg: KnowledgeGraph) -> Guidance:
    """The entities that a text names, the relations that its words are most like, and the types that it names.

    No anchors where it names no entity.
    """
    schema = schema_of(kg)
    try:
        names = [name for name in link_names(text, schema) if not name.literal and name.weight >= WELL_LINKED]
    except QuestionError:
        return Guidance(())
    entities = dict.fromkeys(found.index(kg) for name in names if isinstance(found := Query.parse(name.query), Entity))
    near = {schema.relations[place].query for place in schema.nearest_relations(text, MOST_RELATIONS)}
    relations = [kg.relation(name) for name, entry in schema.by_name.items() if entry.query in near]
    said = forms_in(text)
    kinds = [kind for kind in schema.kinds if kind.named and set(kind.words.casefold().split()) <= said]
    return Guidance(
        tuple(Anchor(entity) for entity in entities),
        frozenset(map(Facts(kg).number, relations)),
        frozenset(
            kg.entity_labels[one.source.index(kg)]
            for kind in kinds
            if isinstance(one := Query.parse(kind.query), Project) and isinstance(one.source, Entity)
        ),
    )
