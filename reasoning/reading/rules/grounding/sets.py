"""Sets of entities in one graph: what is of a type, what a relation leads to, and what sets have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.graph.index import Ids
from reasoning.graph.store import Relation
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Complement, Intersect, Project, Query, Union
from reasoning.reading.anchors import anchor
from reasoning.reading.lexicon import Kind, Lexicon
from reasoning.reading.rules.grounding.readings import GroundedReading, NoReading

BUDGET = 12_000
"""Relation steps tried for one question: an ordinary one takes fewer than 100."""

NOTHING: Ids = np.zeros(0, dtype=np.int32)


class Sets:
    """Sets in one graph; counts its own work, so that no question can cost more than `BUDGET` steps.

    Args:
        lexicon: the graph's words.
        asks: whether the question wants yes or no.
    """

    def __init__(self, lexicon: Lexicon, asks: bool = False) -> None:
        self.kg, self.lexicon, self.asks, self.spent = lexicon.kg, lexicon, asks, 0
        self._walked: dict[tuple[int, int, bool], tuple[Ids, Ids]] = {}

    def kinds(self, members: Ids) -> Ids:
        """Entity indexes of the types of some entities, empty where the graph has no types."""
        if self.lexicon.type_relation is None:
            return NOTHING
        found = self.kg.relation(self.lexicon.type_relation)
        return self.kg.index.project(members, found.index, found.inverse)

    def kind_names(self, members: Ids) -> str:
        """The types of some entities in words, for messages."""
        return " or ".join(self.kg.entity_labels[int(kind)] for kind in self.kinds(members)[:3])

    def of_type(self, kind: int) -> GroundedReading:
        """Everything of one type."""
        assert self.lexicon.kind_relation is not None
        found = self.kg.relation(self.lexicon.kind_relation)
        members = self.kg.index.project(np.array([kind], dtype=np.int32), found.index, not found.inverse)
        return GroundedReading(Project(self.lexicon.kind_relation, anchor(self.kg, kind), inverse=True), members)

    def wanted(self, want: Kind | None) -> Ids | None:
        """What is of a kind, None where anything is."""
        if want is None:
            return None
        return want.members if want.entity is None else self.of_type(want.entity).members

    def restrict(self, reading: GroundedReading, want: Kind | None) -> GroundedReading:
        """The members of one type; the reading itself where all of them are.

        Raises:
            NoReading: none of them is of a kind that no query can say.
        """
        if want is None:
            return reading
        if want.entity is None:
            if want.members is not None and len(reading.members):
                inside = np.isin(reading.members, want.members, assume_unique=True)
                if not inside.any():
                    raise NoReading(f'"{want.text}" does not fit {reading.query}')
            if want.members is None and want.cost:
                reading = replace(reading, notes=(*reading.notes, f'took "{want.text}" for what is looked for'))
            return reading.at(want.cost)
        typed = self.of_type(want.entity)
        inside = np.intersect1d(reading.members, typed.members, assume_unique=True)
        itself = self.lexicon.type_relation is None and want.entity in reading.members.tolist()
        whole = reading if len(inside) + itself == len(reading.members) else self.both(reading, typed)
        return whole.at(want.cost)

    def step(self, name: str, source: GroundedReading, inverse: bool) -> GroundedReading:
        """One relation from a set, in one direction."""
        relation = self.kg.relation(name)
        members = self._walk(source, relation, relation.inverse != inverse)
        return GroundedReading(
            Project(name, source.query, inverse), members, source.notes, cost=source.cost, guesses=source.guesses
        )

    def _walk(self, source: GroundedReading, relation: Relation, backwards: bool) -> Ids:
        key = (id(source.members), relation.index, backwards)
        kept = self._walked.get(key)
        if kept is None or kept[0] is not source.members:
            self.spent += 1
            if self.spent > BUDGET:
                raise QuestionError("the question is too involved to be read; ask it in several parts")
            kept = (source.members, self.kg.index.project(source.members, relation.index, backwards))
            self._walked[key] = kept
        return kept[1]

    # Set operations ---------------------------------------------------------------------------------------------

    def both(self, *parts: GroundedReading) -> GroundedReading:
        """The intersection."""
        members = parts[0].members
        for part in parts[1:]:
            members = np.intersect1d(members, part.members, assume_unique=True)
        return _joined(Intersect, parts, members)

    def either(self, *parts: GroundedReading) -> GroundedReading:
        """The union; of values of one relation the values of what is in any."""
        queries = [part.query for part in parts if part.values]
        read = [query for query in queries if isinstance(query, Project)]
        if len(read) == len(parts) > 1 and len({query.relation for query in read}) == 1:
            either = self.either(
                *(replace(part, query=query.source, values=False) for part, query in zip(parts, read, strict=True))
            )
            return replace(either, query=Project(read[0].relation, either.query), values=True)
        return _joined(Union, parts, np.unique(np.concatenate([part.members for part in parts])))

    def other_than(self, part: GroundedReading) -> GroundedReading:
        """The complement."""
        members = np.setdiff1d(self.kg.universe, part.members, assume_unique=True)
        return GroundedReading(Complement(part.query), members, part.notes, cost=part.cost, guesses=part.guesses)

    def may_meet(self, parts: Sequence[GroundedReading]) -> bool:
        """Whether some sets could have a member in common, by their types; True where nothing tells."""
        if self.lexicon.type_relation is None or not all(len(part.members) for part in parts):
            return True
        common = self.kinds(parts[0].members)
        for part in parts[1:]:
            common = np.intersect1d(common, self.kinds(part.members))
        return len(common) > 0


def _joined(kind: type[Intersect] | type[Union], parts: Sequence[GroundedReading], members: Ids) -> GroundedReading:
    queries: list[Query] = []
    for part in parts:
        queries.extend(part.query.parts if isinstance(part.query, kind) else (part.query,))
    queries = list(dict.fromkeys(queries))
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    query = kind(tuple(queries)) if len(queries) > 1 else queries[0]
    guesses = tuple(dict.fromkeys(word for part in parts for word in part.guesses))
    return GroundedReading(query, members, notes, cost=sum(part.cost for part in parts), guesses=guesses)
