"""What a relation that the words name leads to, the likeliest way to put it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.rules.grounding.options import Option
from reasoning.reading.rules.grounding.places import Places
from reasoning.reading.rules.grounding.readings import KEPT, GroundedReading, NoReading

TURNED, ONLY_TURNED, NOTHING_STORED = 0.3, 0.08, 1.0
"""What it costs to follow a relation against its usual direction, and where only that fits; and to reach nothing where
no types say that it could be."""

HEARSAY = 0.3
"""A word farther than this from a relation's name does not make a reading that reaches nothing."""


class Relations(Places):
    """Relations of one graph put to sets."""

    def apply(
        self,
        use: RelationUse,
        sources: Sequence[GroundedReading],
        construction: str,
        want: Kind | None = None,
        fixed: bool = False,
    ) -> list[GroundedReading]:
        """What a relation leads to, the likeliest reading first.

        Args:
            use: the relation, or several that the words may mean.
            sources: readings of the same words, of which one is meant.
            construction: the way in which the sentence names the relation, see `Application`; with the relation's name
                it says or suggests the direction. Of a noun ("of") another one is never taken without a note.
            want: what the answer should be.
            fixed: whether only that direction makes sense.

        Raises:
            NoReading: nothing fits.
        """
        for rank in sorted({source.rank for source in sources}):
            # A worse fit of the name (an alias of something else) counts only where the better ones lead nowhere.
            level = [source for source in sources if source.rank == rank]
            options = list(self._options(use, level, construction, want, fixed))
            if fitting := [option for option in options if option.fit]:
                return self._ranked(use, fitting)
            if inside := self._inside(use, level, construction, want, fixed):
                return inside
            if outside := self._outside(use, level, construction, want, fixed):
                return outside
        options = list(self._options(use, sources, construction, want, fixed))
        if self.lexicon.type_relation is None and not fixed and options and use.costs[:1] <= (HEARSAY,):
            # Without types an empty set cannot be told from a misreading; say so and answer what was asked.
            first = options[0].reading.at(NOTHING_STORED)
            told = not len(options[0].source.members)
            return [first if told else replace(first, notes=(*first.notes, f"nothing is stored for {first.query}"))]
        raise NoReading(self._mismatch(use, sources, want))

    def located(self, sources: Sequence[GroundedReading], want: Kind | None) -> list[GroundedReading]:
        """What lies in a place, at one remove where need be: the cities of a continent are those of its countries.

        Raises:
            NoReading: nothing lies there.
        """
        names = self.lexicon.location
        use = RelationUse("in", names, tuple(0.05 * at for at in range(len(names))), ranked=True)
        if not use.relations:
            raise NoReading("this graph has no relation that says where something lies")
        try:
            return self.apply(use, sources, "to", want=want, fixed=True)
        except NoReading as failed:
            for middle in self._within(sources):
                try:
                    found = self.apply(use, (middle,), "to", want=want, fixed=True)
                except NoReading:
                    continue
                return [reading.at(0.05) for reading in found]
            raise NoReading(str(failed), weak=True) from None

    def around(self, sources: Sequence[GroundedReading], want: Kind | None) -> list[GroundedReading]:
        """The places that something lies in, the nearest first.

        Raises:
            NoReading: this is said of none of them.
        """
        names = self.lexicon.location
        if not names:
            raise NoReading("this graph has no relation that says where something lies")
        use = RelationUse("in", names, tuple(0.05 * at for at in range(len(names))), ranked=True)
        return self.apply(use, sources, "from", want=want, fixed=True)

    def range_of(self, use: RelationUse) -> list[GroundedReading]:
        """Everything that a relation leads to, where it starts from one type: "capitals" are those of countries."""
        relation = self.kg.relation(use.relations[0])
        if self.lexicon.type_relation is None or relation.kind == "values":
            return []
        kinds = self._end_kinds(relation, relation.inverse)
        if len(kinds) != 1:
            return []
        try:
            return self.apply(use, (self.of_type(int(kinds[0])),), "from", fixed=True)
        except NoReading:
            return []

    def led_to(self, use: RelationUse) -> set[int]:
        """Types of what a relation leads to, empty where the graph has no types or the relation has values."""
        relation = self.kg.relation(use.relations[0])
        if self.lexicon.type_relation is None or relation.kind == "values":
            return set()
        return set(self._end_kinds(relation, not relation.inverse).tolist())

    def _ranked(self, use: RelationUse, fitting: Sequence[Option]) -> list[GroundedReading]:
        found = []
        for option in fitting:
            reading = option.reading
            if option.turned and not reading.values:
                both = any(o.name == option.name and not o.turned and o.fit == 2 for o in fitting)
                reading = reading.at(TURNED if both else ONLY_TURNED)
            turned = next(
                (
                    other
                    for other in fitting
                    if other.name == option.name and other.source is option.source and other.inverse != option.inverse
                ),
                None,
            )
            if turned is not None:
                if np.array_equal(turned.reading.members, reading.members):
                    if option.inverse:
                        continue  # both ways give the same: the one that needs no sign
                    reading = replace(reading, cost=min(option.reading.cost, turned.reading.cost))
                elif not option.turned and turned.fit == option.fit == 2:
                    note = f'read "{use.text}" as {reading.query}; {turned.reading.query} has answers too'
                    reading = replace(reading, notes=(*reading.notes, note))
            found.append(reading)
        return sorted(found, key=lambda reading: reading.cost)[:KEPT]

    def _mismatch(self, use: RelationUse, sources: Sequence[GroundedReading], want: Kind | None) -> str:
        source = sources[0]
        kinds = self.kind_names(source.members)
        text = f'"{use.text}" does not fit {source.query}' + (f" ({kinds})" if kinds else "")
        if want is not None:
            text += f" with {want.text} as the answer"
        relation = self.kg.relation(use.relations[0])
        if relation.kind == "edges" and self.lexicon.type_relation is not None:
            heads, tails = self._end_kinds(relation, False)[:3], self._end_kinds(relation, True)[:3]
            ends = [" or ".join(self.kg.entity_labels[int(kind)] for kind in end) for end in (heads, tails)]
            text += f": it leads from {ends[0]} to {ends[1]}" if all(ends) else ""
        return text
