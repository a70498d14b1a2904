"""What names denote, and with it all that a question's words can be put to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.query.tree import Entity
from reasoning.reading.anchors import anchor
from reasoning.reading.linking import Mention
from reasoning.reading.rules.grounding.implied import ImpliedRelations
from reasoning.reading.rules.grounding.readings import NAMESAKE, GroundedReading

BY_ALIAS = 0.15
"""What it costs to take a name that is an alias."""

MOST_CALLED = 40
"""Entities of one name that are tried for where they lie."""

OF_ANOTHER = 1.0
"""The same where something else has the name itself: "the population of Asia" is not that of a town called so too."""


class Grounding(ImpliedRelations):
    """Readings over one graph; counts its own work, so that no question can cost more than `BUDGET` steps."""

    def entities(self, mention: Mention, cost: float = 0.0) -> tuple[GroundedReading, ...]:
        """What a mention may name, the best fit first."""
        found = [
            self._entity(mention, entity, rank).at(cost)
            for rank, entities in enumerate(mention.candidates)
            for entity in entities[:20]
        ]
        if not mention.marked:
            for entity in self.lexicon.namesakes(mention.text):
                if all(entity not in entities for entities in mention.candidates):
                    found.append(replace(self._entity(mention, entity, 1).at(cost + 0.2), rank=NAMESAKE))
        return tuple(found)

    def called(self, name: str) -> list[GroundedReading]:
        """All that have a name, alone or with where it lies behind: "Paris", "Paris (Texas)"."""
        named = [*self.kg.names.with_key(fold(name)), *self.kg.names.told_apart(fold(name))]
        ones = [entity for entity in dict.fromkeys(named) if fold(self.kg.entity_labels[entity]).startswith(fold(name))]
        return [self._entity(Mention(name, ((entity,),)), entity, 0) for entity in ones[:MOST_CALLED]]

    def of_entities(self, entities: Sequence[int]) -> list[GroundedReading]:
        """A reading for each of some entity indexes."""
        return [GroundedReading(anchor(self.kg, one), np.array([one], dtype=np.int32)) for one in entities]

    def named(self, query: Entity) -> GroundedReading:
        """The entity of a query."""
        return GroundedReading(query, self.members_of(query))

    def members_of(self, entity: Entity) -> Ids:
        """The one entity that a name in a query means."""
        return np.array([self.kg.entity_by_id(entity.name) if entity.by_id else self.kg.entity(entity.name)], np.int32)

    def _entity(self, mention: Mention, entity: int, rank: int) -> GroundedReading:
        label = self.kg.entity_labels[entity]
        notes: tuple[str, ...] = ()
        if mention.corrected_to is not None or mention.text not in (label, self.kg.identifier(entity)):
            notes = (f'read "{mention.text}" as "{label}"',)
        aliased = int(rank > 0 and fold(mention.text) not in (fold(label), fold(self.kg.identifier(entity))))
        rank = max(rank, aliased)
        first = self.kg.entity_labels[mention.candidates[0][0]]
        taken = (
            aliased
            and self.lexicon.type_relation is not None
            and fold(first) == fold(mention.text)
            and entity in self.kg.names.with_key(fold(mention.text))
        )
        cost = OF_ANOTHER if taken else BY_ALIAS * aliased + (0.05 if rank == 1 and not aliased else 0.0)
        return GroundedReading(anchor(self.kg, entity), np.array([entity], dtype=np.int32), notes, rank=rank, cost=cost)
