"""How many links a proof of an answer lacks at least.

Gregucci et al. 2024, "Is Complex Query Answering Really Complex?" (arXiv 2410.12537), ask this of the benchmarks: every
hard answer needs a link that the smaller graph lacks, but mostly no more than one. All others of some proof are known,
and what looks like reasoning over three hops is the prediction of one link. A proof says which entity each variable of
the query is and which branch of a union holds; negated branches are judged on the full graph and prove nothing.

Costs run through the query tree as min-plus sums: an entity is reached at the least cost over its predecessors, a link
costs 1 where it is missing, an intersection costs the sum of its parts. A proof that uses one missing link in two
places pays twice there, as it does in that paper; here it counts once, and is found by giving such links away for
nothing. On NELL995 that tells nearly half of the pairs of type pi to be one link, used by both branches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import EvaluationError, QueryError
from reasoning.graph.index import Ids
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union
from reasoning.sampling.graphs import GraphPair

Costs = NDArray[np.int64]
Links = NDArray[np.int64]
"""Links of one relation as `head * entities + tail`."""


@dataclass(frozen=True)
class _Reached:
    """Entities (sorted, unique) with the least number of missing links over their proofs, both of shape (m,)."""

    members: Ids
    costs: Costs

    @classmethod
    def least(cls, members: Ids, costs: Costs) -> _Reached:
        """The least cost of each of n members that may be there several times."""
        order = np.lexsort((costs, members))
        members, costs = members[order], costs[order]
        first = np.append(True, members[1:] != members[:-1])[: len(members)]
        return cls(members[first], costs[first])


class MissingLinks:
    """Counts the missing links of query-answer pairs.

    Args:
        pair: the smaller graph and the full one.
    """

    def __init__(self, pair: GraphPair) -> None:
        self._pair, self._kg, self._entities = pair, pair.full, pair.full.entity_count

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
        uses: dict[int, list[Links]] = {}
        found = self._of(self._reached(query, (), uses), answers)
        if (found < 0).any():
            wrong = self._kg.identifier(int(answers[int(np.argmin(found))]))
            raise EvaluationError(
                f'"{wrong}" is no answer of {query} on the splits {", ".join(self._kg.splits)} of '
                f'"{self._kg.graph_name}"; are the queries of another split or graph?'
            )
        shared = [(relation, link) for relation, links in uses.items() for link in _in_several(links)]
        for size in range(1, sum(map(len, uses.values())) // 2 + 1):
            for free in combinations(shared, size):
                if (found <= size).all():
                    break
                again = self._of(self._reached(query, free, {}), answers) + size
                found = np.minimum(found, again)
        return found

    def _of(self, reached: _Reached, answers: Ids) -> Costs:
        """The costs of the answers, -1 where one is not reached."""
        at = np.searchsorted(reached.members, answers)
        at[at == len(reached.members)] = 0
        if not len(reached.members):
            return np.full(len(answers), -1)
        return np.where(reached.members[at] == answers, reached.costs[at], -1)

    def _reached(self, node: Query, free: tuple[tuple[int, int], ...], uses: dict[int, list[Links]]) -> _Reached:
        """What a tree reaches on the full graph.

        Args:
            node: the tree.
            free: links that cost nothing, as (relation, link).
            uses: filled with the missing links that each projection over a relation can use.
        """
        if isinstance(node, Entity):
            entity = self._kg.entity_by_id(node.name) if node.by_id else self._kg.entity(node.name)
            return _Reached(np.array([entity], dtype=np.int32), np.zeros(1, dtype=np.int64))
        if isinstance(node, Project):
            return self._projected(node, free, uses)
        if isinstance(node, Union):
            parts = [self._reached(part, free, uses) for part in node.parts]
            return _Reached.least(
                np.concatenate([part.members for part in parts]), np.concatenate([part.costs for part in parts])
            )
        if isinstance(node, Intersect):
            kept = [self._reached(part, free, uses) for part in node.parts if not isinstance(part, Complement)]
            if kept:
                both = reduce(_both, kept)
                for part in node.parts:
                    if isinstance(part, Complement):
                        outside = ~np.isin(both.members, self._reached(part.part, (), {}).members, assume_unique=True)
                        both = _Reached(both.members[outside], both.costs[outside])
                return both
        raise QueryError(f"missing links are not counted for {node}: it has no part that proves an answer")

    def _projected(self, node: Project, free: tuple[tuple[int, int], ...], uses: dict[int, list[Links]]) -> _Reached:
        source = self._reached(node.source, free, uses)
        relation = self._kg.relation(node.relation)
        if relation.kind != "edges":
            raise QueryError(f"missing links are not counted for {node}: {node.relation} has values")
        inverse = relation.inverse != node.inverse
        side = self._kg.index.side(inverse)
        owners, places = side.places(source.members, relation.index)
        targets, missing = np.asarray(side.targets[places]), self._pair.missing[inverse][places]
        starts = source.members[owners].astype(np.int64)
        links = (targets * np.int64(self._entities) + starts) if inverse else (starts * self._entities + targets)
        uses.setdefault(relation.index, []).append(np.unique(links[missing]))
        for other, link in free:
            if other == relation.index:
                missing = missing & (links != link)
        return _Reached.least(targets, source.costs[owners] + missing)


def _both(left: _Reached, right: _Reached) -> _Reached:
    members, at, there = np.intersect1d(left.members, right.members, assume_unique=True, return_indices=True)
    return _Reached(members, left.costs[at] + right.costs[there])


def _in_several(links: list[Links]) -> Iterable[int]:
    """The links that more than one projection can use."""
    if len(links) < 2:
        return ()
    found, uses = np.unique(np.concatenate(links), return_counts=True)
    several: list[int] = found[uses > 1].tolist()
    return several
