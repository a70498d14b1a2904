"""Every way of putting a relation to a set, with how well the graph says that it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import Relation
from reasoning.query.tree import Project
from reasoning.reading.english.word_forms import is_verb, stem, stems
from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.rules.constructions import inverse_of, said_way
from reasoning.reading.rules.grounding.readings import NAMESAKE, GroundedReading
from reasoning.reading.rules.grounding.sets import Sets
from reasoning.wording.verbalise import label_words

EMPTY = 0.45
"""What it costs to reach nothing though the types fit."""

OWN = 0.1
"""A word nearer than this to a relation's name names it."""

FEW = 50
"""Things whose relations are looked at to say what kind they are, in a graph without types."""


@dataclass(frozen=True)
class Option:
    """One way of putting a relation to a set.

    Attributes:
        reading: what it leads to.
        name: the relation.
        source: what it was put to.
        inverse: whether it was followed backwards.
        turned: whether that is not the direction that the sentence suggests.
        fit: 2 where it leads to what is wanted, 1 where the types say that it could, 0 where nothing does.
    """

    reading: GroundedReading
    name: str
    source: GroundedReading
    inverse: bool
    turned: bool
    fit: int


class Options(Sets):
    """Relations of one graph, tried in either direction."""

    def _options(
        self,
        use: RelationUse,
        sources: Sequence[GroundedReading],
        construction: str,
        want: Kind | None,
        fixed: bool,
    ) -> Iterator[Option]:
        wanted = self.wanted(want)
        for name in use.relations:
            relation = self.kg.relation(name)
            said = None if fixed else said_way(self.lexicon.shapes[name], use.text, construction)
            inverse = inverse_of(use.only([name]), construction) if said is None else said
            noun = construction == "of"
            one_way = fixed or (noun and said is None and not self._may_turn(use, name))
            for source in sources:
                if source.values:
                    continue  # a number has no relations
                cost, guesses = source.cost + use.cost(name), (*source.guesses, *use.guesses(name))
                if relation.kind == "values":
                    # "Texas" has no area here, and that of Texas City is no answer.
                    if want is None and source.rank < NAMESAKE:
                        yield self._value_option(name, relation, source, cost, guesses)
                    continue
                strict = said is not None and not self.lexicon.is_symmetric(name)
                possible = self._ends_fit(source, relation, inverse, want) if strict else True
                itself = construction in ("verb", "gap") and use.cost(name) <= OWN and self._is_verb(name, use.text)
                if strict and (possible or self.asks or itself):
                    ways: tuple[bool, ...] = (inverse,)
                else:
                    ways = (inverse,) if one_way else (inverse, not inverse)
                for way in ways:
                    members = self._walk(source, relation, relation.inverse != way)
                    reading = GroundedReading(Project(name, source.query, way), members, source.notes, guesses=guesses)
                    if noun and way and said is None:
                        note = f'read "{use.text}" as the relation "{name}" backwards: {reading.query}'
                        reading = replace(reading, notes=(*reading.notes, note))
                    fit = 0
                    if wanted is None or not len(members):
                        inside = len(members) > 0
                    else:
                        inside = bool(np.isin(members, wanted, assume_unique=True).any())
                    if inside:
                        fit = 2
                    elif self._types_fit(source.members, relation, way, want):
                        fit = 1
                    elif strict and way == inverse and (possible or use.cost(name) <= OWN):
                        fit = int(possible or self.asks or itself)
                    further = cost + (EMPTY if fit < 2 else 0)
                    yield Option(replace(reading, cost=further), name, source, way, way != inverse, fit)

    def _is_verb(self, name: str, said: str) -> bool:
        """Whether a relation's name is the verb that is said, which says who does it: "boycotts" of "who boycotts"."""
        if self.lexicon.type_relation is not None:
            return False  # what the types say is surer
        label = self.lexicon.shapes[name].split()
        return len(label) == 1 and is_verb(label[0]) and stem(label[0]) in stems(said)

    def _may_turn(self, use: RelationUse, name: str) -> bool:
        """Whether "the <use> of X" may be what has the relation to X, against what the relation's name suggests.

        Always where no types can tell. Else where the noun is made of a verb that is the relation's name, as "player"
        of "plays for" and "director" of "directs", or the name ends in a preposition, as "participant in" does.
        """
        if self.lexicon.type_relation is None:
            return True
        label = fold(label_words(name)).split()
        said = fold(use.text).split()[-1].removesuffix("s")
        if said in label:
            return label[-1] in ("in", "for", "at", "on", "to", "with")
        if said.endswith("ee") and label[-1] == "by":  # whom it employs is "employed by" it
            return stem(said) in stems(" ".join(label))
        return said.endswith(("er", "or")) and stem(said) in stems(" ".join(label))

    def _value_option(
        self, name: str, relation: Relation, source: GroundedReading, cost: float, guesses: tuple[str, ...]
    ) -> Option:
        have = self.kg.literals[relation.index].entities
        members = np.intersect1d(source.members, have, assume_unique=True)
        reading = GroundedReading(
            Project(name, source.query), members, source.notes, values=True, cost=cost, guesses=guesses
        )
        return Option(reading, name, source, False, False, 2 if len(members) else 0)

    def _ends_fit(self, source: GroundedReading, relation: Relation, way: bool, want: Kind | None) -> bool:
        """Whether a relation could start from something in one direction; True where nothing tells."""
        if not len(source.members):
            return True
        backwards = relation.inverse != way
        if self.lexicon.type_relation is None:
            group = self.lexicon.end_groups.get((relation.index, backwards))
            if group is None or len(source.members) > FEW:
                return True
            return any(group in self.lexicon.groups_of(int(entity)) for entity in source.members)
        kinds, start = self.kinds(source.members), self._end_kinds(relation, backwards)
        if len(kinds) and len(start) and not np.isin(kinds, start).any():
            return False
        target = self._end_kinds(relation, not backwards)
        return want is None or want.entity is None or not len(target) or want.entity in target

    def _types_fit(self, members: Ids, relation: Relation, way: bool, want: Kind | None) -> bool:
        if self.lexicon.type_relation is None or (want is not None and want.entity is None):
            return False
        start = self._end_kinds(relation, relation.inverse != way)
        target = self._end_kinds(relation, relation.inverse == way)
        return bool(np.isin(self.kinds(members), start).any()) and (want is None or want.entity in target)

    def _end_kinds(self, relation: Relation, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to)."""
        return self.lexicon.end_kinds(relation.index, inverse)
