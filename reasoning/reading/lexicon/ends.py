"""What the two ends of a relation have to do with each other, as sets of entities."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from reasoning.reading.lexicon.relation_names import RelationNames

COMMON = 0.1
"""Two ends with more than this part of the smaller one in common are of one kind of thing."""

BOTH_WAYS = 0.5
"""Part of a relation's pairs that are stored both ways from which it says the same of both ends."""

MOST_ENDS = 4000
"""Ends that are compared with one another."""


class RelationEnds(RelationNames):
    """The ends of one graph's relations: (relation index, whether it is where the relation leads to)."""

    @cached_property
    def end_groups(self) -> Mapping[tuple[int, bool], int]:
        """Ends of one number are of one kind of thing, by what they have in common; {} in a graph with too many."""
        ends = [(self.kg.relation(name).index, inverse) for name in self.kg.relation_ids for inverse in (False, True)]
        if not ends or len(ends) > MOST_ENDS:
            return {}
        from scipy.sparse import csr_array  # type: ignore[import-untyped]
        from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

        sides = [self.kg.index.side(inverse) for _, inverse in ends]
        there = [side.sources[side.rows(relation)] for side, (relation, _) in zip(sides, ends, strict=True)]
        sizes = np.array([len(entities) for entities in there])
        starts = np.concatenate(([0], np.cumsum(sizes)))
        entities = np.concatenate(there)
        shape = (len(ends), len(self.kg.universe))
        members = csr_array((np.ones(len(entities), np.int32), entities, starts), shape=shape)
        common = (members @ members.T).tocoo()
        smaller = np.minimum(sizes[common.row], sizes[common.col])
        alike = common.data > COMMON * smaller
        pairs = (np.ones(int(alike.sum()), np.int8), (common.row[alike], common.col[alike]))
        groups = connected_components(csr_array(pairs, shape=(len(ends), len(ends))), directed=False)[1]
        return {end: int(group) for end, group in zip(ends, groups, strict=True)}

    def groups_of(self, entity: int) -> frozenset[int]:
        """The kinds of things, by `end_groups`, that an entity is one of."""
        found: set[int] = set()
        for inverse in (False, True):
            relations = np.unique(self.kg.index.triples(self.kg.index.around(entity, inverse))[:, 1])
            found |= {self.end_groups[relation, inverse] for relation in relations.tolist() if self.end_groups}
        return frozenset(found)

    def is_symmetric(self, name: str) -> bool:
        """Whether most of what a relation says is stored both ways."""
        found = self.kg.relation(name)
        if found.kind == "values":
            return False
        if name not in self._symmetric:
            heads, tails = self.kg.index.block(found.index, False)
            size, apart = len(self.kg.universe), heads != tails
            there = heads[apart].astype(np.int64) * size + tails[apart]
            turned = tails[apart].astype(np.int64) * size + heads[apart]
            self._symmetric[name] = bool(len(there)) and bool(np.isin(there, turned).mean() >= BOTH_WAYS)
        return self._symmetric[name]

    @cached_property
    def _symmetric(self) -> dict[str, bool]:
        return {}
