"""How many links a proof of an answer lacks at least.

Gregucci et al. 2024, "Is Complex Query Answering Really Complex?" (arXiv 2410.12537), ask this of the benchmarks: every
hard answer needs a link that the smaller graph lacks, but mostly no more than one. All others of some proof are known,
and what looks like reasoning over three hops is the prediction of one link. Negated branches are judged on the full
graph and prove nothing.

Costs run through the query tree as min-plus sums: an entity is reached at the least cost over its predecessors, a link
costs 1 where it is missing, an intersection costs the sum of its parts. A proof that uses one missing link in two
places pays twice there, as it does in that paper; here it counts once, and is found by giving such links away for
nothing. That matters most to type pi, whose two branches often end with the same link.
"""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from itertools import combinations

import numpy as np

from reasoning.errors import EvaluationError, QueryError
from reasoning.evaluation.sampling.graphs import GraphPair
from reasoning.evaluation.sampling.proofs import (
    AnchorProofs,
    Costs,
    IntersectionProofs,
    Link,
    ProjectionProofs,
    Proofs,
    UnionProofs,
)
from reasoning.graph.index import Ids
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union


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
        side = self._kg.index.side(inverse)
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
