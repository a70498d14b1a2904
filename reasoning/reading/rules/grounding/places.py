"""A relation put to what lies in a place, or to the place that something lies in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from reasoning.query.tree import Project
from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.rules.constructions import inverse_of
from reasoning.reading.rules.grounding.options import Options
from reasoning.reading.rules.grounding.readings import KEPT, GroundedReading

INSIDE = 0.2
"""What it costs to go through what lies in a place, or through where something lies."""


class Places(Options):
    """Where things lie in one graph."""

    def are_places(self, sources: Sequence[Sequence[GroundedReading]]) -> bool:
        """Whether something lies in any of some readings."""
        for name in self.lexicon.location:
            relation = self.kg.relation(name)
            if any(len(self._walk(one, relation, not relation.inverse)) for options in sources for one in options[:1]):
                return True
        return False

    def _within(self, sources: Sequence[GroundedReading]) -> Iterator[GroundedReading]:
        for name in self.lexicon.location:
            relation = self.kg.relation(name)
            for source in sources:
                members = self._walk(source, relation, not relation.inverse)
                if len(members):
                    query = Project(name, source.query, inverse=True)
                    yield GroundedReading(query, members, source.notes, cost=source.cost, guesses=source.guesses)

    def _inside(
        self,
        use: RelationUse,
        sources: Sequence[GroundedReading],
        construction: str,
        want: Kind | None,
        fixed: bool,
    ) -> list[GroundedReading]:
        """The relation put to what lies in a place: "the currencies of Europe" are those of its countries."""
        if fixed or self.lexicon.type_relation is None:
            return []
        for middle in self._within(sources):
            for option in self._options(use, (middle,), construction, want, fixed=False):
                # The people of a state are not those of its cities: only relations between things pass on.
                if option.fit == 2 and not option.reading.values and option.name not in self.lexicon.location:
                    note = f'read "{use.text}" of what lies there: {middle.query}'
                    return [replace(option.reading.at(INSIDE), notes=(*option.reading.notes, note))]
        return []

    def _outside(
        self, use: RelationUse, sources: Sequence[GroundedReading], construction: str, want: Kind | None, fixed: bool
    ) -> list[GroundedReading]:
        """The relation put to the place that something lies in: the currency of a city is its country's.

        Only what lies nowhere itself holds in all of a place: the capital of a country is not that of its regions.
        """
        if fixed or self.lexicon.type_relation is None or inverse_of(use, construction):
            return []
        placeless = [name for name in use.relations if self._placeless(name)]
        if not placeless:
            return []
        found = []
        for source in sources:
            for name in self.lexicon.location:
                relation = self.kg.relation(name)
                if source.values or not len(members := self._walk(source, relation, relation.inverse)):
                    continue
                query = Project(name, source.query)
                place = GroundedReading(query, members, source.notes, cost=source.cost, guesses=source.guesses)
                for option in self._options(use.only(placeless), (place,), construction, want, fixed=True):
                    if option.fit == 2:
                        note = f'read "{use.text}" of where that lies: {place.query}'
                        found.append(replace(option.reading.at(INSIDE), notes=(*option.reading.notes, note)))
                if found and found[-1].query.children[0].children[0] == source.query:
                    break
        return sorted(found, key=lambda reading: reading.cost)[:KEPT]

    def _placeless(self, name: str) -> bool:
        """Whether what a relation leads to lies nowhere, as languages and currencies do."""
        relation = self.kg.relation(name)
        if relation.kind == "values":
            return False
        kinds = self._end_kinds(relation, not relation.inverse)
        return not any(
            np.isin(self._end_kinds(self.kg.relation(place), self.kg.relation(place).inverse), kinds).any()
            for place in self.lexicon.location
        )
