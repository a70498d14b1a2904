"""How many links a proof of an answer lacks at least.

Gregucci et al. 2024, "Is Complex Query Answering Really Complex?" (arXiv 2410.12537), ask this of the benchmarks: every
hard answer needs a link that the smaller graph lacks, but mostly no more than one. All others of some proof are known,
and what looks like reasoning over three hops is the prediction of one link. Negated branches are judged on the full
graph and prove nothing.

Costs run through the query tree as min-plus sums: an entity is reached at the least cost over its predecessors, a link
costs 1 where it is missing, an intersection costs the sum of its parts. A proof that uses one missing link in two
places pays twice there, as it does in that paper; here it counts once, and is found by giving such links away for
nothing. That matters most to type pi, whose two branches often end with the same link.

The proofs of all answers are laid out together, per projection as arrays of links: proofs share what they have in
common, and their cost is found in one walk up the tree.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import EvaluationError, QueryError
from reasoning.evaluation.sampling.graphs import GraphPair, contained
from reasoning.graph.index import Ids
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union

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


class MissingLinks:
    """Counts the missing links of query-answer pairs.

    Args:
        pair: the smaller graph and the full one.
    """

    def __init__(self, pair: GraphPair) -> None:
        self._pair, self._kg = pair, pair.full

    def least(self, query: Query, answers: Ids) -> Costs:
        """The least number of distinct missing links in a proof of each answer.

        Args:
            query: a tree of projections, intersections, unions, and complements within intersections.
            answers: answers on the full graph, sorted, shape (m,).

        Returns:
            int64, shape (m,); 0 where the smaller graph alone has a proof.

        Raises:
            EvaluationError: one of them is no answer on the full graph.
            QueryError: the query has another form.
        """
        every = self.proofs(query)
        strange = np.setdiff1d(answers, every.members, assume_unique=True)
        if len(strange):
            raise EvaluationError(
                f'"{self._kg.identifier(int(strange[0]))}" is no answer of {query} on the splits '
                f'{", ".join(self._kg.splits)} of "{self._kg.graph_name}"; are the queries of another split or graph?'
            )
        proofs_of_answers = every.within(answers)
        least = proofs_of_answers.costs()
        size = 1
        while (least > size).any():
            # Whoever uses `size` links twice or more pays at least that much more than once each.
            dear = np.flatnonzero(least > size)
            some = proofs_of_answers.within(answers[dear])
            shared = _shared(some)
            if size > min(len(shared), sum(1 for _ in some.projections()) // 2):
                break
            for free in combinations(shared, size):
                least[dear] = np.minimum(least[dear], some.costs(free) + size)
            size += 1
        return least

    def proofs(self, node: Query) -> Proofs:
        """All proofs of what a tree reaches on the full graph; `within` its members they have `costs`.

        Raises:
            QueryError: the query has no such proofs, see `least`.
        """
        if isinstance(node, Entity):
            entity = node.index(self._kg)
            return AnchorProofs(np.array([entity], dtype=np.int32))
        if isinstance(node, Project):
            return self._projected(node)
        if isinstance(node, Union):
            parts = [self.proofs(part) for part in node.parts]
            return UnionProofs(parts, np.unique(np.concatenate([part.members for part in parts])))
        if isinstance(node, Intersect):
            parts = [self.proofs(part) for part in node.parts if not isinstance(part, Complement)]
            if parts:
                members = reduce(np.intersect1d, [part.members for part in parts])
                for part in node.parts:
                    if isinstance(part, Complement):
                        members = np.setdiff1d(members, self.proofs(part.part).members, assume_unique=True)
                return IntersectionProofs(parts, members)
        raise QueryError(f"missing links are not counted for {node}: it has no part that proves an answer")

    def _projected(self, node: Project) -> Proofs:
        source = self.proofs(node.source)
        relation = self._kg.relation(node.relation)
        if relation.kind != "edges":
            raise QueryError(f"missing links are not counted for {node}: {node.relation} has values")
        inverse = relation.inverse != node.inverse
        side = self._kg.index.whole.side(inverse)
        owners, places = side.places(source.members, relation.index)
        starts, ends = source.members[owners], np.asarray(side.targets[places])
        heads, tails = (ends, starts) if inverse else (starts, ends)
        links = heads.astype(np.int64) * self._kg.entity_count + tails
        missing = self._pair.missing[inverse][places]
        return ProjectionProofs(source, np.unique(ends), relation.index, starts, ends, links, missing)


def _shared(proofs: Proofs) -> list[Link]:
    """The missing links that more than one projection can go through."""
    uses: dict[int, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = defaultdict(list)
    for projection in proofs.projections():
        uses[projection.relation].append(np.unique(projection.links[projection.missing]))
    shared: list[Link] = []
    for relation, links in uses.items():
        distinct, times = np.unique(np.concatenate(links), return_counts=True)
        shared += [(relation, link) for link in distinct[times > 1].tolist()]
    return shared
