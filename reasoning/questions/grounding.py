"""Putting a relation to a set, with the graph deciding what the words leave open.

English does not say which way a relation was stored ("directed by", "director of", "films by"), which relation "in"
means, or which of two namesakes is spoken of. Every possibility is looked up: one that leads somewhere, or whose types
fit at both ends, is taken; what was decided is noted; what fits nowhere is an error and not an empty answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.errors import QuestionError, quoted_list
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph, Relation
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union
from reasoning.query.verbalise import label_words
from reasoning.questions.linking import Lexicon, Mention, RelationUse, anchor
from reasoning.questions.vocabulary import stem, stems

BUDGET = 600
"""Relation steps tried for one question: an ordinary one takes fewer than 30."""

NOTHING: Ids = np.zeros(0, dtype=np.int32)


class NoReading(Exception):
    """One way of reading a stretch of the question came to nothing; the message says why."""


@dataclass(frozen=True)
class Reading:
    """A part of the question as a query, with what it gives in this graph.

    Attributes:
        query: the query.
        members: what it denotes; of values, the entities that have one.
        notes: what was assumed.
        values: whether it gives values and not entities.
        rank: how much worse than the best reading of the same words it is.
    """

    query: Query
    members: Ids
    notes: tuple[str, ...] = ()
    values: bool = False
    rank: int = 0


class Grounding:
    """Readings over one graph; counts its own work, so that no question can cost more than `BUDGET` steps."""

    def __init__(self, kg: KnowledgeGraph, lexicon: Lexicon) -> None:
        self.kg, self.lexicon, self.spent = kg, lexicon, 0
        self._kinds: dict[tuple[int, bool], Ids] = {}

    # Entities and types -----------------------------------------------------------------------------------------

    def entities(self, mention: Mention) -> tuple[Reading, ...]:
        """What a mention may name, the best fit first."""
        return tuple(
            self._entity(mention, entity, rank) for rank, found in enumerate(mention.candidates) for entity in found
        )

    def one(self, options: Sequence[Reading]) -> Reading:
        """The entity itself, where nothing beside its name says which is meant.

        Raises:
            QuestionError: several have the name.
        """
        best = [option for option in options if option.rank == options[0].rank]
        if len(best) > 1:
            raise self._ambiguous(best)
        return options[0]

    def kinds(self, members: Ids) -> Ids:
        """Entity indexes of the types of some entities, empty where the graph has no types."""
        if self.lexicon.type_relation is None:
            return NOTHING
        found = self.kg.relation(self.lexicon.type_relation)
        return self.kg.index.project(members, found.index, found.inverse)

    def of_type(self, kind: int) -> Reading:
        """Everything of one type."""
        assert self.lexicon.type_relation is not None
        found = self.kg.relation(self.lexicon.type_relation)
        members = self.kg.index.project(np.array([kind], dtype=np.int32), found.index, not found.inverse)
        return Reading(Project(self.lexicon.type_relation, anchor(self.kg, kind), inverse=True), members)

    def range_of(self, use: RelationUse) -> Reading | None:
        """Everything that a relation leads to, where it starts from one type: "capitals" are those of countries."""
        relation = self.kg.relation(use.relations[0])
        kinds = self._end_kinds(relation, relation.inverse) if relation.kind == "edges" else NOTHING
        if len(kinds) != 1:
            return None
        try:
            return self.apply(use, (self.of_type(int(kinds[0])),), inverse=False, fixed=True)
        except NoReading:
            return None

    def restrict(self, reading: Reading, kind: int | None) -> Reading:
        """The members of one type; the reading itself where all of them are."""
        if kind is None:
            return reading
        typed = self.of_type(kind)
        inside = np.intersect1d(reading.members, typed.members, assume_unique=True)
        return reading if len(inside) == len(reading.members) else self.both(reading, typed)

    def kind_names(self, members: Ids) -> str:
        """The types of some entities in words, for messages."""
        return " or ".join(self.kg.entity_labels[int(kind)] for kind in self.kinds(members)[:3])

    # Set operations ---------------------------------------------------------------------------------------------

    def both(self, *parts: Reading) -> Reading:
        """The intersection."""
        members = parts[0].members
        for part in parts[1:]:
            members = np.intersect1d(members, part.members, assume_unique=True)
        return _joined(Intersect, parts, members)

    def either(self, *parts: Reading) -> Reading:
        """The union."""
        return _joined(Union, parts, np.unique(np.concatenate([part.members for part in parts])))

    def other_than(self, part: Reading) -> Reading:
        """The complement."""
        members = np.setdiff1d(self.kg.universe, part.members, assume_unique=True)
        return Reading(Complement(part.query), members, part.notes)

    # Relations --------------------------------------------------------------------------------------------------

    def apply(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: int | None = None,
        fixed: bool = False,
        noun: bool = False,
    ) -> Reading:
        """What a relation leads to.

        Args:
            use: the relation, or several that the words may mean.
            sources: readings of the same words, of which one is meant.
            inverse: the direction that the grammar of the sentence suggests.
            want: the type that the answer should have.
            fixed: whether only that direction makes sense.
            noun: whether the words say "the capital of ...", which says the direction: the other one is taken only
                where the relation may be named for its other end, and never without a note.

        Raises:
            NoReading: nothing fits, or several relations fit equally well.
            QuestionError: several entities do.
        """
        for rank in sorted({source.rank for source in sources}):
            # A worse fit of the name (an alias of something else) counts only where the better ones lead nowhere.
            level = [source for source in sources if source.rank == rank]
            options = list(self._options(use, level, inverse, want, fixed, noun))
            if fitting := [option for option in options if option.fit]:
                return self._best(use, fitting)
            if (inside := self._inside(use, level, inverse, want, fixed, noun)) is not None:
                return inside
        options = list(self._options(use, sources, inverse, want, fixed, noun))
        if self.lexicon.type_relation is None and not fixed and options:
            # Without types an empty set cannot be told from a misreading; say so and answer what was asked.
            first = options[0].reading
            told = not len(options[0].source.members)
            return first if told else replace(first, notes=(*first.notes, f"nothing is stored for {first.query}"))
        raise NoReading(self._mismatch(use, sources, want))

    def located(self, sources: Sequence[Reading], want: int | None) -> Reading:
        """What lies in a place, at one remove where need be: the cities of a continent are those of its countries.

        Raises:
            NoReading: nothing lies there.
        """
        use = RelationUse("in", self.lexicon.location, ranked=True)
        if not use.relations:
            raise NoReading("this graph has no relation that says where something lies")
        try:
            return self.apply(use, sources, inverse=True, want=want, fixed=True)
        except NoReading:
            for middle in self._within(sources):
                try:
                    return self.apply(use, (middle,), inverse=True, want=want, fixed=True)
                except NoReading:
                    continue
            raise

    def implied(self, sources: Sequence[Reading], want: int) -> Reading:
        """What has something, where only one relation leads there: "countries without the euro".

        Raises:
            NoReading: none does, or several do.
        """
        found = []
        for name in self.kg.relation_ids[:50]:
            try:
                found.append(self.apply(RelationUse("with", (name,)), sources, inverse=True, want=want, fixed=True))
            except NoReading:
                continue
        if len(found) != 1 or not len(found[0].members):
            raise NoReading(f"it is not said which relation leads to {sources[0].query}")
        return replace(found[0], notes=(*found[0].notes, f'read "with" or "without" as {found[0].query}'))

    # Inside -----------------------------------------------------------------------------------------------------

    def _entity(self, mention: Mention, entity: int, rank: int) -> Reading:
        label = self.kg.entity_labels[entity]
        notes: tuple[str, ...] = ()
        if mention.corrected_to is not None or mention.text not in (label, self.kg.identifier(entity)):
            notes = (f'read "{mention.text}" as "{label}"',)
        aliased = int(fold(mention.text) not in (fold(label), fold(self.kg.identifier(entity))))
        return Reading(anchor(self.kg, entity), np.array([entity], dtype=np.int32), notes, rank=max(rank, aliased))

    def _options(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: int | None,
        fixed: bool,
        noun: bool = False,
    ) -> Iterator[_Option]:
        wanted = None if want is None else self.of_type(want).members
        for order, name in enumerate(use.relations):
            relation = self.kg.relation(name)
            one_way = fixed or (noun and not self._may_turn(use, name))
            for source in sources:
                if relation.kind == "values":
                    if want is None:
                        yield self._value_option(name, relation, source, order)
                    continue
                for way in (inverse,) if one_way else (inverse, not inverse):
                    self.spent += 1
                    if self.spent > BUDGET:
                        raise QuestionError("the question is too involved to be read; ask it in several parts")
                    members = self.kg.index.project(source.members, relation.index, relation.inverse != way)
                    reading = Reading(Project(name, source.query, way), members, source.notes)
                    if noun and way:
                        note = f'read "{use.text}" as the relation "{name}" backwards: {reading.query}'
                        reading = replace(reading, notes=(*reading.notes, note))
                    fit = 0
                    inside = members if wanted is None else np.intersect1d(members, wanted, assume_unique=True)
                    if len(inside):
                        fit = 2
                    elif self._types_fit(source.members, relation, way, want):
                        fit = 1
                    yield _Option(reading, name, source, way, fit, (fit, -order, way == inverse))

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

    def _value_option(self, name: str, relation: Relation, source: Reading, order: int) -> _Option:
        have = self.kg.literals[relation.index].entities
        members = np.intersect1d(source.members, have, assume_unique=True)
        fit = 2 if len(members) else 0
        reading = Reading(Project(name, source.query), members, source.notes, values=True)
        return _Option(reading, name, source, False, fit, (fit, -order, True))

    def _types_fit(self, members: Ids, relation: Relation, way: bool, want: int | None) -> bool:
        start = self._end_kinds(relation, relation.inverse != way)
        target = self._end_kinds(relation, relation.inverse == way)
        return bool(np.isin(self.kinds(members), start).any()) and (want is None or want in target)

    def _end_kinds(self, relation: Relation, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to)."""
        key = (relation.index, inverse)
        if key not in self._kinds:
            self._kinds[key] = self.kinds(np.unique(self.kg.index.block(relation.index, inverse)[0]))
        return self._kinds[key]

    def _within(self, sources: Sequence[Reading]) -> Iterator[Reading]:
        for name in self.lexicon.location:
            relation = self.kg.relation(name)
            for source in sources:
                members = self.kg.index.project(source.members, relation.index, not relation.inverse)
                if len(members):
                    yield Reading(Project(name, source.query, inverse=True), members, source.notes)

    def _inside(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: int | None,
        fixed: bool,
        noun: bool,
    ) -> Reading | None:
        """The relation put to what lies in a place: "the currencies of Europe" are those of its countries."""
        if fixed or self.lexicon.type_relation is None:
            return None
        for middle in self._within(sources):
            for option in self._options(use, (middle,), inverse, want, fixed=False, noun=noun):
                # The people of a state are not those of its cities: only relations between things pass on.
                if option.fit == 2 and not option.reading.values and option.name not in self.lexicon.location:
                    note = f'read "{use.text}" of what lies there: {middle.query}'
                    return replace(option.reading, notes=(*option.reading.notes, note))
        return None

    def _best(self, use: RelationUse, fitting: Sequence[_Option]) -> Reading:
        best = max(fitting, key=lambda option: option.order)
        self._refuse_ties(use, best, fitting)
        turned = [o for o in fitting if o.name == best.name and o.source is best.source and o.inverse != best.inverse]
        for other in turned:
            if np.array_equal(other.reading.members, best.reading.members):
                return best.reading if not best.inverse else other.reading
            if other.fit == best.fit == 2:
                note = f'read "{use.text}" as {best.reading.query}; {other.reading.query} has answers too'
                return replace(best.reading, notes=(*best.reading.notes, note))
        return best.reading

    def _refuse_ties(self, use: RelationUse, best: _Option, fitting: Sequence[_Option]) -> None:
        level = [option for option in fitting if option.fit == best.fit]
        sources = {int(option.source.members[0]): option.source for option in level if len(option.source.members) == 1}
        if len(sources) > 1 and all(isinstance(option.source.query, Entity) for option in level):
            raise self._ambiguous(list(sources.values()))
        names = list(dict.fromkeys(option.name for option in level if option.order[2] == best.order[2]))
        if len(names) > 1 and not use.ranked:
            raise NoReading(f'"{use.text}" may mean {quoted_list(names[:5])}; say which, in the words of its name')

    def _ambiguous(self, options: Sequence[Reading]) -> QuestionError:
        ids = [self.kg.identifier(int(option.members[0])) for option in options]
        more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
        return QuestionError(
            f"{len(ids)} entities have the name {self.kg.entity_labels[int(options[0].members[0])]!r}: "
            f"{', '.join(ids[:5])}{more}; put the id of the one you mean in [brackets]"
        )

    def _mismatch(self, use: RelationUse, sources: Sequence[Reading], want: int | None) -> str:
        source = sources[0]
        kinds = self.kind_names(source.members)
        text = f'"{use.text}" does not fit {source.query}' + (f" ({kinds})" if kinds else "")
        if want is not None:
            text += f" with {self.kg.entity_labels[want]} as the answer"
        relation = self.kg.relation(use.relations[0])
        if relation.kind == "edges" and self.lexicon.type_relation is not None:
            heads, tails = self._end_kinds(relation, False)[:3], self._end_kinds(relation, True)[:3]
            ends = [" or ".join(self.kg.entity_labels[int(kind)] for kind in end) for end in (heads, tails)]
            text += f": it leads from {ends[0]} to {ends[1]}"
        return text


@dataclass(frozen=True)
class _Option:
    reading: Reading
    name: str
    source: Reading
    inverse: bool
    fit: int
    order: tuple[int, int, bool]


def _joined(kind: type[Intersect] | type[Union], parts: Sequence[Reading], members: Ids) -> Reading:
    queries: list[Query] = []
    for part in parts:
        queries.extend(part.query.parts if isinstance(part.query, kind) else (part.query,))
    queries = list(dict.fromkeys(queries))
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Reading(kind(tuple(queries)) if len(queries) > 1 else queries[0], members, notes)
