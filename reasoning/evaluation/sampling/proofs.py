"""The proofs of a query's answers on a graph, all at once: which links each can go through.

A proof says which entity each variable of the query is and which branch of a union holds. Laid out per projection as
arrays of links, proofs share what they have in common, and their cost is found in one walk up the tree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.evaluation.sampling.graphs import contained
from reasoning.graph.index import Ids

Costs = NDArray[np.int64]
Link = tuple[int, int]
"""A relation and `head * entities + tail`."""


class Proofs(ABC):
    """What a query reaches, and how.

    Attributes:
        members: the entities that are reached, int32, sorted, shape (m,).
    """

    members: Ids

    @abstractmethod
    def within(self, entities: Ids) -> Proofs:
        """The proofs of some members alone (sorted, all of them members)."""

    @abstractmethod
    def costs(self, free: Collection[Link] = ()) -> Costs:
        """The least number of missing links in a proof of each member, those that are free not counted, shape (m,)."""

    @abstractmethod
    def projections(self) -> Iterator[ProjectionProofs]:
        """The projections that proofs go through."""


@dataclass(frozen=True)
class AnchorProofs(Proofs):
    """An entity that is given."""

    members: Ids

    def within(self, entities: Ids) -> Proofs:
        """The entity."""
        return self

    def costs(self, free: Collection[Link] = ()) -> Costs:
        """Nothing."""
        return np.zeros(len(self.members), dtype=np.int64)

    def projections(self) -> Iterator[ProjectionProofs]:
        """None."""
        return iter(())


@dataclass(frozen=True)
class ProjectionProofs(Proofs):
    """One step over n links.

    Attributes:
        source: where the links start.
        relation: the relation of the links.
        starts, ends: from which member of the source to which member, int32, shape (n,).
        links: each as `head * entities + tail`, int64, shape (n,).
        missing: which of them the smaller graph lacks, shape (n,).
    """

    source: Proofs
    members: Ids
    relation: int
    starts: Ids
    ends: Ids
    links: NDArray[np.int64]
    missing: NDArray[np.bool_]

    def within(self, entities: Ids) -> Proofs:
        """The links that end in the entities, and the proofs of their starts."""
        kept = np.flatnonzero(contained(self.ends, entities))
        kept = kept[np.argsort(self.ends[kept], kind="stable")]  # by their ends, as `costs` needs them
        starts, ends = self.starts[kept], self.ends[kept]
        source = self.source.within(np.unique(starts))
        return ProjectionProofs(source, entities, self.relation, starts, ends, self.links[kept], self.missing[kept])

    def costs(self, free: Collection[Link] = ()) -> Costs:
        """The least over the links that end in a member."""
        if not len(self.members):
            return np.zeros(0, dtype=np.int64)
        paid = self.missing
        for relation, link in free:
            if relation == self.relation:
                paid = paid & (self.links != link)
        each = self.source.costs(free)[np.searchsorted(self.source.members, self.starts)] + paid
        return np.minimum.reduceat(each, np.searchsorted(self.ends, self.members))

    def projections(self) -> Iterator[ProjectionProofs]:
        """This one, and those before it."""
        yield self
        yield from self.source.projections()


@dataclass(frozen=True)
class _SeveralProofs(Proofs):
    parts: Sequence[Proofs]
    members: Ids

    def within(self, entities: Ids) -> Proofs:
        """The entities in each part that has them."""
        parts = [part.within(np.intersect1d(part.members, entities, assume_unique=True)) for part in self.parts]
        return type(self)(parts, entities)

    def projections(self) -> Iterator[ProjectionProofs]:
        """Those of all parts."""
        for part in self.parts:
            yield from part.projections()


class IntersectionProofs(_SeveralProofs):
    """Proofs that need a proof from every part."""

    def costs(self, free: Collection[Link] = ()) -> Costs:
        """The sum over the parts."""
        total = np.zeros(len(self.members), dtype=np.int64)
        for part in self.parts:
            total += part.costs(free)[np.searchsorted(part.members, self.members)]
        return total


class UnionProofs(_SeveralProofs):
    """Proofs from any part."""

    def costs(self, free: Collection[Link] = ()) -> Costs:
        """The least over the parts."""
        least = np.full(len(self.members), np.iinfo(np.int64).max)
        for part in self.parts:
            places = np.searchsorted(self.members, part.members)
            least[places] = np.minimum(least[places], part.costs(free))
        return least
