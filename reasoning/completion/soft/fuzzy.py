"""Fuzzy sets of entities: how sure each is to be a member, most of them not at all.

A set lists the entities whose confidence it knows and has one confidence for all the rest: 0 for what was reached, near
1 for a complement. So a complement costs no more than the set that it turns round, and everything that the query
grammar can say is closed under these operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids

Confidences = NDArray[np.float64]


@dataclass(frozen=True)
class FuzzySet:
    """How sure each entity is to be a member.

    Attributes:
        members: int32, sorted, unique, shape (m,).
        confidence: float64 from 0 to 1, shape (m,).
        rest: the confidence of every entity that is not listed.
        via: after a projection, the entity that each member was best reached from, int32, shape (m,); else None.
    """

    members: Ids
    confidence: Confidences
    rest: float = 0.0
    via: Ids | None = None

    @classmethod
    def crisp(cls, members: Ids) -> FuzzySet:
        """Certain members and no others."""
        return cls(np.asarray(members, dtype=np.int32), np.ones(len(members)))

    def of(self, entities: Ids) -> Confidences:
        """The confidence of each of `entities`, shape (len(entities),)."""
        if not len(self.members):
            return np.full(len(entities), self.rest)
        at = np.minimum(np.searchsorted(self.members, entities), len(self.members) - 1)
        return np.where(self.members[at] == entities, self.confidence[at], self.rest)

    def confidence_of(self, entity: int) -> float:
        """The confidence of one entity."""
        return float(self.of(np.array([entity], dtype=np.int32))[0])

    def reached_from(self, member: int) -> int:
        """The entity that a member of a projection's result was best reached from."""
        assert self.via is not None
        return int(self.via[np.searchsorted(self.members, member)])

    def cut(self, least: float) -> FuzzySet:
        """Without the listed members whose confidence is 0 or below `least`; only where the rest is 0."""
        if self.rest > 0:
            return self
        kept = (self.confidence > 0) & (self.confidence >= least)
        via = None if self.via is None else self.via[kept]
        return FuzzySet(self.members[kept], self.confidence[kept], 0.0, via)

    def ranked(self, universe: Ids) -> tuple[Ids, Confidences]:
        """Entities with a confidence above 0, the surest first, level ones in the order of their index."""
        members, confidence = self.members, self.confidence
        if self.rest > 0:
            members = universe
            confidence = self.of(universe)
        order = np.lexsort((members, -confidence))
        order = order[confidence[order] > 0]
        return members[order], confidence[order]


def intersect(sets: Sequence[FuzzySet]) -> FuzzySet:
    """In all of them: the product (product t-norm)."""
    positive = [fuzzy for fuzzy in sets if fuzzy.rest == 0]
    if positive:
        members = positive[0].members
        for fuzzy in positive[1:]:
            members = np.intersect1d(members, fuzzy.members, assume_unique=True)
    else:
        members = _listed(sets)
    confidence, rest = np.ones(len(members)), 1.0
    for fuzzy in sets:
        confidence = confidence * fuzzy.of(members)
        rest *= fuzzy.rest
    return FuzzySet(members, confidence, rest).cut(0.0)


def unite(sets: Sequence[FuzzySet]) -> FuzzySet:
    """In any of them: the probabilistic sum, 1 - (1 - a)(1 - b)."""
    members = _listed(sets)
    missing, rest = np.ones(len(members)), 1.0
    for fuzzy in sets:
        missing = missing * (1 - fuzzy.of(members))
        rest *= 1 - fuzzy.rest
    return FuzzySet(members, 1 - missing, 1 - rest)


def negate(fuzzy: FuzzySet, scale: float) -> FuzzySet:
    """Not in it: 1 - min(1, scale * confidence); a scale above 1 lets likely members count as members."""
    return FuzzySet(fuzzy.members, 1 - np.minimum(1.0, scale * fuzzy.confidence), 1 - min(1.0, scale * fuzzy.rest))


def among_first(fuzzy: FuzzySet, places: NDArray[np.int64], k: int) -> FuzzySet:
    """In the set and among its first `k`: sure members push those behind them out, and those that tie stand together.

    The confidence of a member is its own times the probability that fewer than k of those before it are members, all
    independent (the Poisson binomial distribution, kept up to k).

    Args:
        fuzzy: the set.
        places: the place of each listed member, shape (m,); members that tie have the same.
        k: how many are first.
    """
    count = np.zeros(k)
    count[0] = 1.0
    confidence = np.zeros(len(places))
    for place in np.unique(places):
        level = np.flatnonzero(places == place)
        confidence[level] = fuzzy.confidence[level] * count.sum()
        for own in fuzzy.confidence[level].tolist():
            moved = count * own
            count -= moved
            count[1:] += moved[:-1]
    return FuzzySet(fuzzy.members, confidence).cut(0.0)


def _listed(sets: Sequence[FuzzySet]) -> Ids:
    return np.unique(np.concatenate([fuzzy.members for fuzzy in sets]))
