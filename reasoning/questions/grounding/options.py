"""Every way of putting a relation to a set, with how well the graph says that it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import Relation
from reasoning.query.tree import Project
from reasoning.query.verbalise import label_words
from reasoning.questions.grounding.readings import NAMESAKE, Reading
from reasoning.questions.grounding.sets import Sets
from reasoning.questions.lexicon import Kind, RelationUse
from reasoning.questions.word_forms import stem, stems

EMPTY = 0.45
"""What it costs to reach nothing though the types fit."""


@dataclass(frozen=True)
class Option:
    """One way of putting a relation to a set.

    Attributes:
        reading: what it leads to.
        name: the relation.
        source: what it was put to.
        inverse: whether it was followed backwards.
        fit: 2 where it leads to what is wanted, 1 where the types say that it could, 0 where nothing does.
    """

    reading: Reading
    name: str
    source: Reading
    inverse: bool
    fit: int


class Options(Sets):
    """Relations of one graph, tried in either direction."""

    def _options(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: Kind | None,
        fixed: bool,
        noun: bool = False,
    ) -> Iterator[Option]:
        wanted = self.wanted(want)
        for name in use.relations:
            relation = self.kg.relation(name)
            one_way = fixed or (noun and not self._may_turn(use, name))
            for source in sources:
                if source.values:
                    continue  # a number has no relations
                cost = source.cost + use.cost(name)
                if relation.kind == "values":
                    # "Texas" has no area here, and that of Texas City is no answer.
                    if want is None and source.rank < NAMESAKE:
                        yield self._value_option(name, relation, source, cost)
                    continue
                for way in (inverse,) if one_way else (inverse, not inverse):
                    members = self._walk(source, relation, relation.inverse != way)
                    reading = Reading(Project(name, source.query, way), members, source.notes)
                    if noun and way:
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
                    further = cost + (EMPTY if fit < 2 else 0)
                    yield Option(replace(reading, cost=further), name, source, way, fit)

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
        return said.endswith(("er", "or")) and stem(said) in stems(" ".join(label))

    def _value_option(self, name: str, relation: Relation, source: Reading, cost: float) -> Option:
        have = self.kg.literals[relation.index].entities
        members = np.intersect1d(source.members, have, assume_unique=True)
        reading = Reading(Project(name, source.query), members, source.notes, values=True, cost=cost)
        return Option(reading, name, source, False, 2 if len(members) else 0)

    def _types_fit(self, members: Ids, relation: Relation, way: bool, want: Kind | None) -> bool:
        if self.lexicon.type_relation is None or (want is not None and want.entity is None):
            return False
        start = self._end_kinds(relation, relation.inverse != way)
        target = self._end_kinds(relation, relation.inverse == way)
        return bool(np.isin(self.kinds(members), start).any()) and (want is None or want.entity in target)

    def _end_kinds(self, relation: Relation, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to)."""
        return self.lexicon.end_kinds(relation.index, inverse)
