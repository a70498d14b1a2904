"""What the two ends of a relation have to do with each other, as sets of entities."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from reasoning.graph.ends import end_groups
from reasoning.reading.lexicon.relation_names import RelationNames

BOTH_WAYS = 0.5
"""Part of a relation's pairs that are stored both ways from which it says the same of both ends."""


class RelationEnds(RelationNames):
    """The ends of one graph's relations: (relation index, whether it is where the relation leads to)."""

    @cached_property
    def end_groups(self) -> Mapping[tuple[int, bool], int]:
        """Ends of one number are of one kind of thing; {} in a graph with too many."""
        return end_groups(self.kg)

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
