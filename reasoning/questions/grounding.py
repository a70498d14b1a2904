"""Putting a relation to a set, with the graph deciding what the words leave open.

English does not say which way a relation was stored ("directed by", "director of", "films by"), which relation "in"
means, or which of two namesakes is spoken of. Every possibility is looked up: one that leads somewhere, or whose types
fit at both ends, is kept with its cost; what was decided is noted; what fits nowhere is no reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reasoning.errors import QuestionError
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph, Relation
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union
from reasoning.query.verbalise import label_words
from reasoning.questions.anchors import anchor
from reasoning.questions.lexicon import Kind, Lexicon, RelationUse
from reasoning.questions.linking import Mention
from reasoning.questions.vocabulary import KEYWORDS, KIND_WORDS
from reasoning.questions.word_forms import lemmas, stem, stems
from reasoning.questions.wordnet import wordnet

BUDGET = 12_000
"""Relation steps tried for one question: an ordinary one takes fewer than 100."""

NOTHING: Ids = np.zeros(0, dtype=np.int32)

TURNED, ONLY_TURNED, EMPTY, INSIDE, BY_ALIAS, NOTHING_STORED = 0.3, 0.08, 0.45, 0.2, 0.15, 1.0
"""What it costs to follow a relation against its usual direction, and where only that fits; to reach nothing though the
types fit; to go through what lies in a place; to take a name that is an alias; and to reach nothing where no types say
that it could be."""

IMPLIED, BY_VERB = 0.2, 0.1
"""What it costs to take a step that no word names, and what is added where a verb stands for it."""

HEARSAY = 0.3
"""A word farther than this from a relation's name does not make a reading that reaches nothing."""

PREPOSED = frozenset(phrase for phrase, (role, _) in KEYWORDS.items() if role in ("of", "in", "by", "with"))
"""Words that say no more than that two things have to do with each other."""

NAMESAKE = 9
"""Rank of an entity that is called so only with its type behind the name."""

KEPT = 6
"""Readings of one phrase that are kept, the cheapest."""


class NoReading(Exception):
    """One way of reading a stretch of the question came to nothing; the message says why.

    Args:
        message: why.
        weak: whether what was tried is hardly what the words say, so that another reason is the better one to tell.
    """

    def __init__(self, message: str, weak: bool = False) -> None:
        super().__init__(message)
        self.weak = weak


@dataclass(frozen=True)
class Reading:
    """A part of the question as a query, with what it gives in this graph.

    Attributes:
        query: the query.
        members: what it denotes; of values, the entities that have one.
        notes: what was assumed.
        values: whether it gives values and not entities.
        rank: how much worse than the best reading of the same name it is.
        cost: how far the words are from what they were read as, 0 where they say just that.
        rivals: queries that the words mean as well, with other answers.
    """

    query: Query
    members: Ids
    notes: tuple[str, ...] = ()
    values: bool = False
    rank: int = 0
    cost: float = 0.0
    rivals: tuple[Query, ...] = ()

    def at(self, more: float) -> Reading:
        """The reading at a higher cost."""
        return replace(self, cost=self.cost + more) if more else self


class Grounding:
    """Readings over one graph; counts its own work, so that no question can cost more than `BUDGET` steps."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.kg, self.lexicon, self.spent = lexicon.kg, lexicon, 0
        self._kinds: dict[tuple[int, bool], Ids] = {}
        self._walked: dict[tuple[int, int, bool], tuple[Ids, Ids]] = {}

    # Entities and types -----------------------------------------------------------------------------------------

    def entities(self, mention: Mention, cost: float = 0.0) -> tuple[Reading, ...]:
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

    def named(self, query: Entity) -> Reading:
        """The entity of a query."""
        entity = self.kg.entity_by_id(query.name) if query.by_id else self.kg.entity(query.name)
        return Reading(query, np.array([entity], dtype=np.int32))

    def are_places(self, sources: Sequence[Sequence[Reading]]) -> bool:
        """Whether something lies in any of some readings."""
        for name in self.lexicon.location:
            relation = self.kg.relation(name)
            if any(len(self._walk(one, relation, not relation.inverse)) for options in sources for one in options[:1]):
                return True
        return False

    def kinds(self, members: Ids) -> Ids:
        """Entity indexes of the types of some entities, empty where the graph has no types."""
        if self.lexicon.type_relation is None:
            return NOTHING
        found = self.kg.relation(self.lexicon.type_relation)
        return self.kg.index.project(members, found.index, found.inverse)

    def of_type(self, kind: int) -> Reading:
        """Everything of one type."""
        assert self.lexicon.kind_relation is not None
        found = self.kg.relation(self.lexicon.kind_relation)
        members = self.kg.index.project(np.array([kind], dtype=np.int32), found.index, not found.inverse)
        return Reading(Project(self.lexicon.kind_relation, anchor(self.kg, kind), inverse=True), members)

    def wanted(self, want: Kind | None) -> Ids | None:
        """What is of a kind, None where anything is."""
        if want is None:
            return None
        return want.members if want.entity is None else self.of_type(want.entity).members

    def range_of(self, use: RelationUse) -> list[Reading]:
        """Everything that a relation leads to, where it starts from one type: "capitals" are those of countries."""
        relation = self.kg.relation(use.relations[0])
        if self.lexicon.type_relation is None or relation.kind == "values":
            return []
        kinds = self._end_kinds(relation, relation.inverse)
        if len(kinds) != 1:
            return []
        try:
            return self.apply(use, (self.of_type(int(kinds[0])),), inverse=False, fixed=True)
        except NoReading:
            return []

    def members_of(self, entity: Entity) -> Ids:
        """The one entity that a name in a query means."""
        return np.array([self.kg.entity_by_id(entity.name) if entity.by_id else self.kg.entity(entity.name)], np.int32)

    def step(self, name: str, source: Reading, inverse: bool) -> Reading:
        """One relation from a set, in one direction."""
        relation = self.kg.relation(name)
        members = self._walk(source, relation, relation.inverse != inverse)
        return Reading(Project(name, source.query, inverse), members, source.notes, cost=source.cost)

    def led_to(self, use: RelationUse) -> set[int]:
        """Types of what a relation leads to, empty where the graph has no types or the relation has values."""
        relation = self.kg.relation(use.relations[0])
        if self.lexicon.type_relation is None or relation.kind == "values":
            return set()
        return set(self._end_kinds(relation, not relation.inverse).tolist())

    def restrict(self, reading: Reading, want: Kind | None) -> Reading:
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
            return reading.at(want.cost)
        typed = self.of_type(want.entity)
        inside = np.intersect1d(reading.members, typed.members, assume_unique=True)
        itself = self.lexicon.type_relation is None and want.entity in reading.members.tolist()
        whole = reading if len(inside) + itself == len(reading.members) else self.both(reading, typed)
        return whole.at(want.cost)

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
        return Reading(Complement(part.query), members, part.notes, cost=part.cost)

    def may_meet(self, parts: Sequence[Reading]) -> bool:
        """Whether some sets could have a member in common, by their types; True where nothing tells."""
        if self.lexicon.type_relation is None or not all(len(part.members) for part in parts):
            return True
        common = self.kinds(parts[0].members)
        for part in parts[1:]:
            common = np.intersect1d(common, self.kinds(part.members))
        return len(common) > 0

    # Relations --------------------------------------------------------------------------------------------------

    def apply(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: Kind | None = None,
        fixed: bool = False,
        noun: bool = False,
    ) -> list[Reading]:
        """What a relation leads to, the likeliest reading first.

        Args:
            use: the relation, or several that the words may mean.
            sources: readings of the same words, of which one is meant.
            inverse: the direction that the grammar of the sentence suggests.
            want: what the answer should be.
            fixed: whether only that direction makes sense.
            noun: whether the words say "the capital of ...", which says the direction: the other one is taken only
                where the relation may be named for its other end, and never without a note.

        Raises:
            NoReading: nothing fits.
        """
        for rank in sorted({source.rank for source in sources}):
            # A worse fit of the name (an alias of something else) counts only where the better ones lead nowhere.
            level = [source for source in sources if source.rank == rank]
            options = list(self._options(use, level, inverse, want, fixed, noun))
            if fitting := [option for option in options if option.fit]:
                return self._ranked(use, fitting, inverse)
            if inside := self._inside(use, level, inverse, want, fixed, noun):
                return inside
            if outside := self._outside(use, level, inverse, want, fixed):
                return outside
        options = list(self._options(use, sources, inverse, want, fixed, noun))
        if self.lexicon.type_relation is None and not fixed and options and use.costs[:1] <= (HEARSAY,):
            # Without types an empty set cannot be told from a misreading; say so and answer what was asked.
            first = options[0].reading.at(NOTHING_STORED)
            told = not len(options[0].source.members)
            return [first if told else replace(first, notes=(*first.notes, f"nothing is stored for {first.query}"))]
        raise NoReading(self._mismatch(use, sources, want))

    def located(self, sources: Sequence[Reading], want: Kind | None) -> list[Reading]:
        """What lies in a place, at one remove where need be: the cities of a continent are those of its countries.

        Raises:
            NoReading: nothing lies there.
        """
        names = self.lexicon.location
        use = RelationUse("in", names, tuple(0.05 * at for at in range(len(names))), ranked=True)
        if not use.relations:
            raise NoReading("this graph has no relation that says where something lies")
        try:
            return self.apply(use, sources, inverse=True, want=want, fixed=True)
        except NoReading as failed:
            for middle in self._within(sources):
                try:
                    found = self.apply(use, (middle,), inverse=True, want=want, fixed=True)
                except NoReading:
                    continue
                return [reading.at(0.05) for reading in found]
            raise NoReading(str(failed), weak=True) from None

    def around(self, sources: Sequence[Reading], want: Kind | None) -> list[Reading]:
        """The places that something lies in, the nearest first.

        Raises:
            NoReading: this is said of none of them.
        """
        names = self.lexicon.location
        if not names:
            raise NoReading("this graph has no relation that says where something lies")
        use = RelationUse("in", names, tuple(0.05 * at for at in range(len(names))), ranked=True)
        return self.apply(use, sources, inverse=False, want=want, fixed=True)

    def between(self, source: Reading, want: Kind) -> list[Reading]:
        """What relations lead from a set to things of a type, in either direction.

        Raises:
            NoReading: none does.
        """
        wanted = self.wanted(want)
        assert wanted is not None
        found = []
        for name in self.lexicon.names:
            relation = self.kg.relation(name)
            if relation.kind == "values" or name == self.lexicon.kind_relation:
                continue
            for inverse in (False, True):
                members = self._walk(source, relation, relation.inverse != inverse)
                inside = np.intersect1d(members, wanted, assume_unique=True)
                if len(inside):
                    reading = Reading(Project(name, source.query, inverse), members, source.notes, cost=source.cost)
                    found.append(self.restrict(reading, want))
        if not found:
            raise NoReading(f"nothing leads from {source.query} to {want.text}")
        return found

    def implied(
        self,
        text: str,
        sources: Sequence[Reading],
        want: Kind | None,
        inverse: bool | None,
        noun: bool = False,
        favoured: Sequence[str] = (),
    ) -> list[Reading]:
        """What has to do with something, by a word that hardly says how: "countries without the euro".

        Args:
            text: the word.
            sources: readings of the same words, of which one is meant.
            want: what the answer should be.
            inverse: the direction, None for either.
            noun: whether the text begins with a noun that says what is looked for.
            favoured: relations that the noun of what is looked for names.

        Raises:
            NoReading: no relation leads there.
        """
        told = want is not None and want.entity is not None and inverse is None
        if told and want is not None and (only := self._only_between(sources, want)):
            return [replace(r, notes=(*r.notes, f'read "{text}" as {r.query}')) for r in only]
        likeness = self.lexicon.similarity.asked(text)
        if self.lexicon.kind_relation is not None and KIND_WORDS & set(lemmas(text.split()[0])):
            likeness = {self.lexicon.kind_relation: 1.0}
        there = self._leading(sources)
        names = sorted((n for n in likeness if n in there), key=lambda n: -likeness[n])
        if not names:
            raise NoReading(f"it is not said which relation leads to {sources[0].query}")
        said = [word for word in text.split() if noun for form in lemmas(word) if wordnet().senses(form, "n")][:1]
        # Of two relations that the word is equally unlike, the more usual one is the better guess.
        # The films "of the director of Psycho" are those that he directed.
        back = inverse is not False
        reached = {s.query.relation for s in sources if back and isinstance(s.query, Project)}
        guessed = IMPLIED + (0.0 if text.split()[-1] in PREPOSED else BY_VERB)
        costs = []
        for name in names:
            unlike = (
                guessed + 0.3 * (1 - likeness[name]) - 0.3 * self._alike(said, name) - 0.3 * self.lexicon.share(name)
            )
            costs.append(unlike - (0.15 if name in reached or name in favoured else 0.0))
        order = sorted(range(len(names)), key=lambda at: costs[at])
        use = RelationUse(text, tuple(names[i] for i in order), tuple(costs[i] for i in order))
        found = self.apply(use, sources, inverse=inverse is not False, want=want, fixed=inverse is not None)
        return [replace(r, notes=(*r.notes, f'read "{text}" as {r.query}')) for r in found]

    def _only_between(self, sources: Sequence[Reading], want: Kind) -> list[Reading]:
        """What the one relation between some readings and things of a type leads to, [] where there are more."""
        for rank in sorted({source.rank for source in sources}):
            for source in sources:
                if source.rank != rank:
                    continue
                try:
                    found = self.between(source, want)
                except NoReading:
                    continue
                names = {reading.query.relation for reading in found if isinstance(reading.query, Project)}
                return [reading.at(0.1) for reading in found] if len(found) == 1 and len(names) == 1 else []
        return []

    # Inside -----------------------------------------------------------------------------------------------------

    def _alike(self, said: Sequence[str], name: str) -> float:
        """How much a noun and what a relation leads to are the same kind of thing, 0 to 1."""
        role = self.lexicon.words[name][-1]
        pairs = [
            (one, two) for word in said for one in lemmas(word) for two in (*lemmas(role), *self.lexicon.agents(name))
        ]
        best = max((wordnet().likeness(one, two) for one, two in pairs), default=0.0)
        return best / max(1, len(self.lexicon.words[name]) - 1)  # "time since ally" is hardly an ally

    def _leading(self, sources: Sequence[Reading]) -> set[str]:
        """Relations that lead from or to one of some sets."""
        names = [name for name in self.lexicon.names if self.kg.relation(name).kind == "edges"]
        if all(len(source.members) == 1 for source in sources):
            numbers: set[int] = set()
            for source in sources:
                for incoming in (False, True):
                    positions = self.kg.index.around(int(source.members[0]), incoming)
                    numbers |= set(np.unique(self.kg.index.triples(positions)[:, 1]).tolist())
            return {name for name in names if self.kg.relation(name).index in numbers}
        return set(names[:60])

    def _entity(self, mention: Mention, entity: int, rank: int) -> Reading:
        label = self.kg.entity_labels[entity]
        notes: tuple[str, ...] = ()
        if mention.corrected_to is not None or mention.text not in (label, self.kg.identifier(entity)):
            notes = (f'read "{mention.text}" as "{label}"',)
        aliased = int(rank > 0 and fold(mention.text) not in (fold(label), fold(self.kg.identifier(entity))))
        rank = max(rank, aliased)
        cost = BY_ALIAS * aliased + (0.05 if rank == 1 and not aliased else 0.0)
        return Reading(anchor(self.kg, entity), np.array([entity], dtype=np.int32), notes, rank=rank, cost=cost)

    def _walk(self, source: Reading, relation: Relation, backwards: bool) -> Ids:
        key = (id(source.members), relation.index, backwards)
        kept = self._walked.get(key)
        if kept is None or kept[0] is not source.members:
            self.spent += 1
            if self.spent > BUDGET:
                raise QuestionError("the question is too involved to be read; ask it in several parts")
            kept = (source.members, self.kg.index.project(source.members, relation.index, backwards))
            self._walked[key] = kept
        return kept[1]

    def _options(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: Kind | None,
        fixed: bool,
        noun: bool = False,
    ) -> Iterator[_Option]:
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
                    yield _Option(replace(reading, cost=further), name, source, way, fit)

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

    def _value_option(self, name: str, relation: Relation, source: Reading, cost: float) -> _Option:
        have = self.kg.literals[relation.index].entities
        members = np.intersect1d(source.members, have, assume_unique=True)
        reading = Reading(Project(name, source.query), members, source.notes, values=True, cost=cost)
        return _Option(reading, name, source, False, 2 if len(members) else 0)

    def _types_fit(self, members: Ids, relation: Relation, way: bool, want: Kind | None) -> bool:
        if self.lexicon.type_relation is None or (want is not None and want.entity is None):
            return False
        start = self._end_kinds(relation, relation.inverse != way)
        target = self._end_kinds(relation, relation.inverse == way)
        return bool(np.isin(self.kinds(members), start).any()) and (want is None or want.entity in target)

    def _end_kinds(self, relation: Relation, inverse: bool) -> Ids:
        """Types of all entities that a relation starts from (with `inverse`, that it leads to)."""
        return self.lexicon.end_kinds(relation.index, inverse)

    def _within(self, sources: Sequence[Reading]) -> Iterator[Reading]:
        for name in self.lexicon.location:
            relation = self.kg.relation(name)
            for source in sources:
                members = self._walk(source, relation, not relation.inverse)
                if len(members):
                    query = Project(name, source.query, inverse=True)
                    yield Reading(query, members, source.notes, cost=source.cost)

    def _inside(
        self,
        use: RelationUse,
        sources: Sequence[Reading],
        inverse: bool,
        want: Kind | None,
        fixed: bool,
        noun: bool,
    ) -> list[Reading]:
        """The relation put to what lies in a place: "the currencies of Europe" are those of its countries."""
        if fixed or self.lexicon.type_relation is None:
            return []
        for middle in self._within(sources):
            for option in self._options(use, (middle,), inverse, want, fixed=False, noun=noun):
                # The people of a state are not those of its cities: only relations between things pass on.
                if option.fit == 2 and not option.reading.values and option.name not in self.lexicon.location:
                    note = f'read "{use.text}" of what lies there: {middle.query}'
                    return [replace(option.reading.at(INSIDE), notes=(*option.reading.notes, note))]
        return []

    def _outside(
        self, use: RelationUse, sources: Sequence[Reading], inverse: bool, want: Kind | None, fixed: bool
    ) -> list[Reading]:
        """The relation put to the place that something lies in: the currency of a city is its country's.

        Only what lies nowhere itself holds in all of a place: the capital of a country is not that of its regions.
        """
        if fixed or inverse or self.lexicon.type_relation is None:
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
                place = Reading(Project(name, source.query), members, source.notes, cost=source.cost)
                for option in self._options(use.only(placeless), (place,), inverse, want, fixed=True):
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

    def _ranked(self, use: RelationUse, fitting: Sequence[_Option], inverse: bool) -> list[Reading]:
        found = []
        for option in fitting:
            reading = option.reading
            if option.inverse != inverse and not reading.values:
                both = any(o.name == option.name and o.inverse == inverse and o.fit == 2 for o in fitting)
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
                elif option.inverse == inverse and turned.fit == option.fit == 2:
                    note = f'read "{use.text}" as {reading.query}; {turned.reading.query} has answers too'
                    reading = replace(reading, notes=(*reading.notes, note))
            found.append(reading)
        return sorted(found, key=lambda reading: reading.cost)[:KEPT]

    def _mismatch(self, use: RelationUse, sources: Sequence[Reading], want: Kind | None) -> str:
        source = sources[0]
        kinds = self.kind_names(source.members)
        text = f'"{use.text}" does not fit {source.query}' + (f" ({kinds})" if kinds else "")
        if want is not None:
            text += f" with {want.text} as the answer"
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


def ambiguous(kg: KnowledgeGraph, readings: Sequence[Reading]) -> str:
    """What to say where several entities have one name, or names that the words fit as well."""
    labels = {kg.entity_labels[int(reading.members[0])] for reading in readings}
    ids = [kg.identifier(int(reading.members[0])) for reading in readings]
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    told = f"have the name {labels.pop()!r}" if len(labels) == 1 else "may be meant"
    return f"{len(ids)} entities {told}: {', '.join(ids[:5])}{more}; put the id of the one you mean in [brackets]"


def goes_back(reading: Reading) -> bool:
    """Whether a step goes back by the relation that led there."""
    query = reading.query
    before = query.source if isinstance(query, Project) else query
    return (
        isinstance(query, Project)
        and isinstance(before, Project)
        and query.relation == before.relation
        and query.inverse != before.inverse
    )


def is_entity(reading: Reading) -> bool:
    """Whether a reading is one entity by its name."""
    return isinstance(reading.query, Entity)


def _joined(kind: type[Intersect] | type[Union], parts: Sequence[Reading], members: Ids) -> Reading:
    queries: list[Query] = []
    for part in parts:
        queries.extend(part.query.parts if isinstance(part.query, kind) else (part.query,))
    queries = list(dict.fromkeys(queries))
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    query = kind(tuple(queries)) if len(queries) > 1 else queries[0]
    return Reading(query, members, notes, cost=sum(part.cost for part in parts))
