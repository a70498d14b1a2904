"""Which entities a name may bring to mind beside those that carry it, and which of them is the best known."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import islice

import numpy as np

from kg_data.columns import LiteralColumn
from reasoning.graph.names import fold
from reasoning.reading.english.word_forms import stems
from reasoning.reading.lexicon.kinds import KindWords

FEW = 500
"""Entities of one type that are so few that each is known by its name."""


BESIDE_CAPITAL = 0.5
"""A namesake of a capital needs this part of its prominence to be meant as well."""


class EntityNames(KindWords):
    """The entities of one graph by their names, and how well known they are."""

    def called(self, word: str) -> list[int]:
        """Entities with a word at an end of their label, of 60 at most: "North Korea" for "Korea"."""
        labels, found = self.kg.entity_labels, []
        for match in islice(re.finditer(re.escape(word.encode()), labels.blob.tobytes()), 2000):
            entity = int(np.searchsorted(labels.offsets, match.start(), "right")) - 1
            label = labels[entity]
            if label != word and (label.startswith(f"{word} ") or label.endswith(f" {word}")):
                found.append(entity)
        return found[:60]

    def namesakes(self, text: str) -> tuple[int, ...]:
        """Entities that are called so with their type behind the name: "New York City", "Georgia (country)"."""
        found: set[int] = set()
        for kind in {kind.entity for kind in self.types.values() if kind.entity is not None and kind.cost == 0}:
            label = self.kg.entity_labels[kind]
            for name in (f"{text} {label}", f"{text} ({label})"):
                named = self.kg.names.with_key(fold(name))
                found.update(entity for entity in named if fold(self.kg.entity_labels[entity]) == fold(name))
        return tuple(found) if len(found) == 1 else ()

    def prominence(self, entity: int) -> float:
        """How well known an entity is: its population where the graph has that, else how much is said of it."""
        if self._population is not None:
            at = int(np.searchsorted(self._population.entities, entity))
            if at < len(self._population.entities) and self._population.entities[at] == entity:
                return float(self._population.values[at])
            return 0.0
        return float(len(self.kg.index.around(entity, False)) + len(self.kg.index.around(entity, True)))

    def is_well_known(self, entity: int) -> bool:
        """Whether an entity is among the tenth of the best known, or of a kind that has few."""
        assert self.type_relation is not None
        relation = self.kg.relation(self.type_relation)
        side = self.kg.index.side(not relation.inverse)
        kinds = self.kg.index.project(np.array([entity], dtype=np.int32), relation.index, relation.inverse)
        if any(len(side.row(relation.index, int(kind))) <= FEW for kind in kinds):
            return True
        return self.prominence(entity) >= self._best_known

    @cached_property
    def _best_known(self) -> float:
        if self._population is not None:
            return float(np.quantile(self._population.values, 0.9))
        return float(np.quantile([self.prominence(entity) for entity in range(0, len(self.kg.universe), 20)], 0.9))

    def as_well_known(self, entity: int, other: int, share: float) -> bool:
        """Whether an entity has at least a share of the prominence of another; compared by what both have."""
        if other in self._capitals and entity not in self._capitals:
            share = max(share, BESIDE_CAPITAL)
        if self._population is not None:
            one, two = self.prominence(entity), self.prominence(other)
            if one and two:
                return one >= share * two
            if not one and not two and set(self.kg.types(entity)) & set(self.kg.types(other)):
                return True
            share *= 2  # how much is said of something tells less
        degrees = [len(self.kg.index.around(e, False)) + len(self.kg.index.around(e, True)) for e in (entity, other)]
        return degrees[0] >= share * degrees[1]

    def one_within_other(self, entity: int, other: int) -> bool:
        """Whether one of two entities lies in the other."""
        for name in self.location:
            found = self.kg.relation(name)
            side = self.kg.index.side(found.inverse)
            if other in side.row(found.index, entity) or entity in side.row(found.index, other):
                return True
        return False

    @cached_property
    def _capitals(self) -> frozenset[int]:
        names = [name for name, cost in self._uses.get(stems("capital"), {}).items() if cost == 0]
        edges = [self.kg.relation(name) for name in names if self._is_edges(name)]
        ends = [self.kg.index.block(found.index, not found.inverse)[0] for found in edges]
        return frozenset(np.concatenate(ends).tolist()) if ends else frozenset()

    @cached_property
    def _population(self) -> LiteralColumn | None:
        return next((column for column in self.kg.literals if stems(column.relation) == stems("population")), None)
