"""Mined rules as a model: long rules, confidences, and the edges that they predict."""

from __future__ import annotations

import hashlib
import shutil
import threading
import zlib
from collections.abc import Callable
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from reasoning.completion.rule_mining import (
    BUCKETS,
    ClosedRules,
    ConstantRules,
    DirectedEdges,
    RuleOptions,
    best_of,
    bucket_of,
    group_of,
    mine_closed,
    mine_constant,
    reach,
    strengths,
    with_classes,
)
from reasoning.errors import CompletionError, GraphError
from reasoning.execution.batch import compiled
from reasoning.graph import cache
from reasoning.graph.index import Ids, TripleIndex

SAMPLED = 100
"""Edges of each head that bodies are looked for along."""
STEPS, PATHS = 20_000, 2_000
"""Edges walked, and paths found, from the source of a sampled edge until the search is given up."""
COUNTED = 100
"""Bodies of each head that are counted, those found along the most edges."""
WALKS = 50_000
"""Edges walked to count a body; where these are too few its sources are sampled."""


def mine_long(edges: DirectedEdges, relations: int, options: RuleOptions) -> ClosedRules:
    """Find and count closed rules of three body relations; arguments as of `mine_closed`."""
    directed = 2 * relations
    generator = np.random.default_rng(options.seed)
    order = np.argsort(edges.relations, kind="stable")
    group_ends = np.searchsorted(edges.relations[order], np.arange(directed + 1))
    owners = np.repeat(np.arange(len(edges.relations)), np.diff(edges.starts))
    edge_order = np.argsort(edges.relations[owners], kind="stable")
    edge_ends = np.searchsorted(edges.relations[owners][edge_order], np.arange(directed + 1))
    size = len(edges.bounds) - 1
    walks, inner_walks = (np.zeros(size, dtype=np.int32) for _ in range(2))
    ends, inner = (np.empty(size, dtype=np.int32) for _ in range(2))
    known = np.zeros(size, dtype=np.int8)
    rows: list[NDArray[np.int64]] = []
    keys = np.empty(SAMPLED * PATHS, dtype=np.int64)
    for head in range(directed):
        mine = edge_order[edge_ends[head] : edge_ends[head + 1]]
        sample = generator.permutation(mine)[:SAMPLED]
        sources = edges.entities[owners[sample]]
        count = find_bodies(sources, edges.targets[sample], directed, int(generator.integers(1 << 30)), edges, keys)
        bodies, along = np.unique(keys[:count], return_counts=True)
        often = np.lexsort((bodies, -along))[:COUNTED]
        bodies = bodies[often[along[often] >= options.support]]
        body = np.column_stack((bodies // directed**2, bodies // directed % directed, bodies % directed)).astype(
            np.int32
        )
        for relations_of_body in body:
            first = int(relations_of_body[0])
            groups = generator.permutation(order[group_ends[first] : group_ends[first + 1]])
            counts = np.zeros((2, BUCKETS), dtype=np.int64)
            count_long(head, groups, relations_of_body, WALKS, edges, walks, ends, inner_walks, inner, known, counts)
            least = max(options.support, options.confidence * (counts[1].sum() + options.smoothing))
            if counts[0].sum() >= least:
                rows.append(np.concatenate(([head], relations_of_body, counts.ravel())))
    table = np.array(rows, dtype=np.int32).reshape(-1, 4 + 2 * BUCKETS)
    columns = (table[:, 0], table[:, 1:4], table[:, 4 : 4 + BUCKETS], table[:, 4 + BUCKETS :])
    return ClosedRules(*(np.ascontiguousarray(part) for part in columns))


@compiled
def find_bodies(
    sources: Ids, ends: Ids, directed: int, seed: int, edges: DirectedEdges, keys: NDArray[np.int64]
) -> int:
    """Bodies (a x d + b) x d + c that lead from each source to its end, each once an edge, into `keys`; how many."""
    bounds, relations, _, starts, targets, _ = edges
    np.random.seed(seed)
    near = np.full(len(bounds) - 1, -1, dtype=np.int64)
    after = np.full(len(targets), -1, dtype=np.int64)
    filled = 0
    for i in range(len(sources)):
        x, y = sources[i], ends[i]
        # The edges into y, chained by where they come from: the reverse of those that leave it.
        into = np.repeat(relations[bounds[y] : bounds[y + 1]], np.diff(starts[bounds[y] : bounds[y + 1] + 1])) ^ 1
        base = starts[bounds[y]]
        for e in range(base, starts[bounds[y + 1]]):
            after[e] = near[targets[e]]
            near[targets[e]] = e
        begin, steps = filled, STEPS
        own = starts[bounds[x]]
        firsts = np.repeat(relations[bounds[x] : bounds[x + 1]], np.diff(starts[bounds[x] : bounds[x + 1] + 1]))
        for at in np.random.permutation(len(firsts)):
            z = targets[own + at]
            if steps <= 0 or filled - begin >= PATHS:
                break
            if z == y:
                continue
            for g in range(bounds[z], bounds[z + 1]):
                for to in range(starts[g], starts[g + 1]):
                    steps -= 1
                    w = targets[to]
                    if w == x:
                        continue
                    e = near[w]
                    while e >= 0 and filled - begin < PATHS:
                        keys[filled] = (firsts[at] * directed + relations[g]) * directed + into[e - base]
                        filled += 1
                        e = after[e]
        for e in range(base, starts[bounds[y + 1]]):
            near[targets[e]] = -1
        once = np.unique(keys[begin:filled])
        keys[begin : begin + len(once)] = once
        filled = begin + len(once)
    return filled


@compiled
def count_long(
    head: int,
    groups: NDArray[np.int64],
    body: Ids,
    budget: int,
    edges: DirectedEdges,
    walks: Ids,
    ends: Ids,
    inner_walks: Ids,
    inner: Ids,
    known: NDArray[np.int8],
    counts: NDArray[np.int64],
) -> None:
    """Count pairs that a body leads to, with the head and in all, into `counts`, shape (2, BUCKETS)."""
    bounds, relations, entities, starts, targets, _ = edges
    for group in groups:
        if budget <= 0:
            break
        x = entities[group]
        count, steps = reach(x, group, body, edges, walks, ends, inner_walks, inner)
        budget -= steps
        own = group_of(bounds, relations, x, head)
        if own >= 0:
            known[targets[starts[own] : starts[own + 1]]] = 1
        for i in range(count):
            y = ends[i]
            bucket = bucket_of(walks[y])
            walks[y] = 0
            counts[1, bucket] += 1
            counts[0, bucket] += known[y]
        if own >= 0:
            known[targets[starts[own] : starts[own + 1]]] = 0


REST, OFTEN = 1e-3, 1e-6
"""Weights that let the sum of all rules, and then how often a candidate is a target, decide between equals."""
Bounds = NDArray[np.int64]


class Sets(NamedTuple):
    """What constant rules compare, and their two orders; see `ConstantRules`.

    Attributes:
        starts, members: the members of groups and classes, see `with_classes`.
        premise_bounds: int64: each premise's stretch of `conclusions` and `supports`.
        conclusion_bounds: int64: each conclusion's stretch of `premises` and `premise_supports`.
    """

    starts: Bounds
    members: Ids
    premise_bounds: Bounds
    conclusions: Ids
    supports: Ids
    conclusion_bounds: Bounds
    premises: Ids
    premise_supports: Ids


class Scratch(NamedTuple):
    """What `score_rows` reckons in; between two rows everything in it is 0 but for `ends`, `inner` and `touched`.

    Attributes:
        known, walks, ends, inner_walks, inner, total, touched: of shape (entities,).
        strongest: the strongest rules of each candidate, shape (entities, top).
    """

    known: NDArray[np.int8]
    walks: Ids
    ends: Ids
    inner_walks: Ids
    inner: Ids
    total: NDArray[np.float32]
    touched: Ids
    strongest: NDArray[np.float32]

    @classmethod
    def of(cls, entities: int, top: int) -> Scratch:
        """One for so many entities, of which so many rules count."""
        walks, ends, inner_walks, inner, touched = np.zeros((5, entities), np.int32)
        known, total = np.zeros(entities, np.int8), np.zeros(entities, np.float32)
        return cls(known, walks, ends, inner_walks, inner, total, touched, np.zeros((entities, top), np.float32))


@compiled
def rule_strength(support: int, size: int, smoothing: float) -> float:
    """-log(1 - support / (size + smoothing)): strength of several rules adds up to noisy-or."""
    return float(-np.log1p(-support / (size + smoothing)))


@compiled
def add(
    strongest: NDArray[np.float32], total: NDArray[np.float32], touched: Ids, count: int, y: int, weight: float
) -> int:
    """Give candidate y the strength of one more rule; how many candidates have any is `count`, before and after."""
    if not weight > 0.0:
        return count
    if total[y] == 0.0:
        touched[count] = y
        count += 1
    total[y] += weight
    i = strongest.shape[1] - 1
    if weight > strongest[y, i]:
        while i > 0 and strongest[y, i - 1] < weight:
            strongest[y, i] = strongest[y, i - 1]
            i -= 1
        strongest[y, i] = weight
    return count


@compiled
def score_rows(
    relation: int,
    sources: Ids,
    popularity: NDArray[np.float32],
    loops: NDArray[np.float32],
    looped: NDArray[np.int8],
    bodies: Ids,
    path_strengths: NDArray[np.float32],
    edges: DirectedEdges,
    sets: Sets,
    smoothing: float,
    scratch: Scratch,
    rows: NDArray[np.float32],
) -> None:
    """The strength for all entities as targets of a directed relation; see `RulePredictor.strength`.

    Args:
        popularity: float32, shape (2, entities): strength from how many edges of the relation lead to each entity, all
            of them and all but one.
        loops: float32, shape (2,): strength that the relation leads from an entity to itself, unknown and known.
        looped: int8, shape (entities,): whether it is known to.
        bodies, path_strengths: the relation's closed rules.
        rows: out, shape (sources, entities).
    """
    bounds, relations, entities, starts, targets, facts = edges
    set_starts, members, premise_bounds, conclusions, supports, conclusion_bounds, premises, premise_supports = sets
    groups, inverse = len(relations), relation ^ 1
    known, walks, ends, inner_walks, inner, total, touched, strongest = scratch
    for row in range(len(sources)):
        x, found = sources[row], 0
        own = group_of(bounds, relations, x, relation)
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                known[targets[at]] = 1
        for rule in range(len(bodies)):
            group = group_of(bounds, relations, x, bodies[rule, 0])
            if group >= 0:
                count, _ = reach(x, group, bodies[rule], edges, walks, ends, inner_walks, inner)
                for i in range(count):
                    y = ends[i]
                    strength = path_strengths[rule, bucket_of(walks[y]), known[y]]
                    found = add(strongest, total, touched, found, y, strength)
                    walks[y] = 0
        # What x is in says of named targets: conclusions (y, inverse).
        for g in range(bounds[x], bounds[x + 1]):
            for at in range(starts[g], starts[g + 1] + 1):
                premise = facts[at] if at < starts[g + 1] else groups + relations[g]
                low, high = premise_bounds[premise], premise_bounds[premise + 1]
                end = high
                while low < high:
                    middle = (low + high) >> 1
                    if relations[conclusions[middle]] < inverse:
                        low = middle + 1
                    else:
                        high = middle
                while low < end and relations[conclusions[low]] == inverse:
                    y = entities[conclusions[low]]
                    if y != x:
                        support = supports[low] - known[y]
                        of_set = set_starts[premise + 1] - set_starts[premise]
                        weight = rule_strength(support, of_set, smoothing)
                        found = add(strongest, total, touched, found, y, weight)
                    low += 1
        # What candidates are in says of x: the conclusion (x, relation).
        if own >= 0:
            for i in range(conclusion_bounds[own], conclusion_bounds[own + 1]):
                low, high = set_starts[premises[i]], set_starts[premises[i] + 1]
                weight = rule_strength(premise_supports[i], high - low, smoothing)
                lower = rule_strength(premise_supports[i] - 1, high - low, smoothing)
                for at in range(low, high):
                    y = members[at]
                    if y != x:
                        found = add(strongest, total, touched, found, y, lower if known[y] else weight)
        if loops[looped[x]] > 0.0:
            found = add(strongest, total, touched, found, x, loops[looped[x]])
        rows[row] = popularity[0]
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                rows[row, targets[at]] = popularity[1, targets[at]]
        for at in range(found):
            y = touched[at]
            best = np.float32(0.0)
            for i in range(strongest.shape[1]):
                best += strongest[y, i]
                strongest[y, i] = 0.0
            rows[row, y] += best + REST * (total[y] - best)
            total[y] = 0.0
        if own >= 0:
            for at in range(starts[own], starts[own + 1]):
                known[targets[at]] = 0


CERTAIN = np.float32(1 - 2.0**-24)
"""The largest confidence below 1."""

KEPT_BYTES = 2**27
"""Of what is kept of relations for all entities: a query asks for rows of one relation many times."""


class RulePredictor:
    """Confidence of missing edges, from rules alone.

    Relations are directed: number 2r walks relation r from heads to tails, 2r + 1 from tails to heads. Use `fit` or
    `load` to make one.
    """

    def __init__(
        self,
        index: TripleIndex,
        entities: int,
        relations: int,
        options: RuleOptions,
        closed: ClosedRules,
        constant: ConstantRules,
    ) -> None:
        self.entities, self.relations, self.options = entities, relations, options
        self.edges = DirectedEdges(*_frozen(DirectedEdges.build(index, entities)))
        self.closed, self.constant = ClosedRules(*_frozen(closed)), ConstantRules(*_frozen(constant))
        self.index = index
        self._bounds = np.searchsorted(closed.head, np.arange(2 * relations + 1))
        self._keeping, self._of_thread = threading.Lock(), threading.local()
        self._popularities: LRUCache[int, NDArray[np.float32]]
        self._popularities = LRUCache(KEPT_BYTES, getsizeof=lambda kept: kept.nbytes)
        self._loops: LRUCache[int, tuple[NDArray[np.float32], NDArray[np.int8]]]
        self._loops = LRUCache(KEPT_BYTES, getsizeof=lambda kept: kept[1].nbytes)
        (self.path_strengths,) = _frozen((strengths(closed, options.smoothing),))
        groups = len(self.edges.relations)
        by_conclusion = np.argsort(constant.conclusion, kind="stable")
        self.sets = Sets(
            *_frozen(
                (
                    *with_classes(self.edges, relations),
                    np.searchsorted(constant.premise, np.arange(groups + 2 * relations + 1)),
                    constant.conclusion,
                    constant.support,
                    np.searchsorted(constant.conclusion[by_conclusion], np.arange(groups + 1)),
                    constant.premise[by_conclusion],
                    constant.support[by_conclusion],
                )
            )
        )

    @classmethod
    def fit(
        cls,
        index: TripleIndex,
        entities: int,
        relations: int,
        options: RuleOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> RulePredictor:
        """Mine the rules of a graph.

        Args:
            index: its triples.
            entities, relations: in all, those in no triple too; directions do not count.
            options: which rules are kept.
            say: is given the progress, a line at a time.
        """
        options = options or RuleOptions()
        edges = DirectedEdges.build(index, entities)
        closed = mine_closed(edges, relations, options)
        say(f"{len(closed.head):,} rules whose body is a path of one or two edges")
        parts = [closed]
        if len(edges.targets) <= options.sparse * len(np.unique(edges.entities)):
            parts.append(mine_long(edges, relations, options))
            say(f"{len(parts[1].head):,} rules whose body is a path of three edges")
        closed = best_of(parts, options.smoothing, options.rules)
        constant = mine_constant(edges, relations, options)
        say(f"{len(constant.premise):,} rules with constants")
        return cls(index, entities, relations, options, closed, constant)

    @property
    def digest(self) -> str:
        """A digest of the rules, in hex."""
        total = hashlib.sha256(repr(self.options).encode())
        for array in (*self.closed, *self.constant):
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.closed.head) + len(self.constant.premise)

    def scores(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """Confidence that a directed relation leads from each source to each entity, as if that edge were not known.

        An edge of the graph takes part neither in its own walks nor in the support of its rules; all others do.

        Args:
            relation: directed relation, 0 to 2 x relations - 1.
            sources: shape (s,).

        Returns:
            float32 in [0, 1), shape (s, entities); 0 where no rule applies.
        """
        return np.minimum(-np.expm1(-self.strength(relation, sources)), CERTAIN)

    def strength(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """-log(1 - confidence) of `scores`: float32 from 0, shape (s, entities)."""
        shape = (len(sources), self.entities)
        rows = np.empty(shape, np.float32) if len(self) else np.zeros(shape, np.float32)
        if len(self) and len(sources):
            rules = slice(*self.rules_of(relation))
            loops, looped = self.loops(relation)
            score_rows(
                relation,
                np.ascontiguousarray(sources, dtype=np.int32),
                self._popularity(relation),
                loops,
                looped,
                self.closed.body[rules],
                self.path_strengths[rules],
                self.edges,
                self.sets,
                self.options.smoothing,
                self._scratch(),
                rows,
            )
        return rows

    def _scratch(self) -> Scratch:
        if not hasattr(self._of_thread, "scratch"):
            self._of_thread.scratch = Scratch.of(self.entities, self.options.top)
        scratch: Scratch = self._of_thread.scratch
        return scratch

    def rules_of(self, relation: int) -> tuple[int, int]:
        """First and last + 1 of the closed rules that predict a directed relation."""
        return int(self._bounds[relation]), int(self._bounds[relation + 1])

    @cachedmethod(attrgetter("_popularities"), lock=attrgetter("_keeping"))
    def _popularity(self, relation: int) -> NDArray[np.float32]:
        """Strength from how often each entity is a target, shape (2, entities); the second with one edge left out."""
        edges, inverse = self.edges, relation ^ 1
        groups = np.flatnonzero(edges.relations == inverse)
        often = np.zeros(self.entities)
        often[edges.entities[groups]] = edges.starts[groups + 1] - edges.starts[groups]
        return (OFTEN * np.log1p(np.maximum(np.stack([often, often - 1]), 0))).astype(np.float32)

    @cachedmethod(attrgetter("_loops"), lock=attrgetter("_keeping"))
    def loops(self, relation: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Strength that the relation leads from an entity to itself (unknown, known), and for which it is known to."""
        sources, targets = self.index.block(relation >> 1, bool(relation & 1))
        looped = np.zeros(self.entities, dtype=np.int8)
        looped[sources[sources == targets]] = 1
        count, smoothing = int(looped.sum()), self.options.smoothing
        confidence = np.array([count, max(0, count - 1)]) / (len(np.unique(sources)) + smoothing)
        if count < self.options.support:
            confidence[:] = 0
        return (-np.log1p(-confidence)).astype(np.float32), looped

    def save(self, folder: Path) -> None:
        """Write the rules into `folder`, whole or not at all; what it held before is removed first.

        Raises:
            CompletionError: it cannot be written.
        """
        arrays = {f"closed_{name}": array for name, array in self.closed._asdict().items()}
        arrays |= {f"constant_{name}": array for name, array in self.constant._asdict().items()}
        details = {
            "entities": self.entities,
            "relations": self.relations,
            "triples": _checksum(self.index),
            "options": asdict(self.options),
        }
        try:
            shutil.rmtree(folder, ignore_errors=True)
            cache.save(folder, arrays, details)
        except OSError as error:
            raise CompletionError(f"the rules cannot be written to {folder}: {error.strerror or error}") from error

    @classmethod
    def load(cls, folder: Path, index: TripleIndex) -> RulePredictor:
        """Open saved rules.

        Raises:
            CompletionError: nothing is saved there, it is damaged, or it was mined from other triples than the index's.
        """
        try:
            saved = cache.load(folder)
        except GraphError as error:
            raise CompletionError(f"the rules in {folder} cannot be read ({error}); fit them anew") from error
        if saved is None:
            raise CompletionError(f"there are no rules in {folder}; fit and save them first")
        arrays, details = saved
        try:
            if details["triples"] != _checksum(index):
                raise CompletionError(
                    f"the rules in {folder} were mined from other triples (checksum {details['triples']}) than the "
                    f"graph's ({_checksum(index)}); fit them anew"
                )
            closed = ClosedRules(*(arrays[f"closed_{name}"] for name in ClosedRules._fields))
            constant = ConstantRules(*(arrays[f"constant_{name}"] for name in ConstantRules._fields))
            options = RuleOptions(**details["options"])
            return cls(index, details["entities"], details["relations"], options, closed, constant)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CompletionError(f"{folder} holds no rules ({error!r}); fit them anew") from error


def _frozen(arrays: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    """Read-only views: mapped files are read-only too, and compiled code takes one type of array only."""
    views = tuple(np.ascontiguousarray(array).view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def _checksum(index: TripleIndex) -> str:
    parts = (index.forward.bounds, index.forward.sources, index.forward.starts, index.forward.targets)
    value = 0
    for part in parts:
        value = zlib.crc32(part.tobytes(), value)
    return f"{value:08x}"
