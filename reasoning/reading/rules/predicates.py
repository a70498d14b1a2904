"""What a question says of the things that it looks for: "border France", "not in Europe", "whose capital is Bern".

A predicate is read only together with the noun that it belongs to: which relation "in Asia" means hangs on whether
countries or airports are. So the grammar builds predicates, and each gives its readings for the kind of thing asked
for, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from reasoning.query.tree import Project
from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.rules.assembling import Part, assembled
from reasoning.reading.rules.constructions import inverse_of
from reasoning.reading.rules.grounding import KEPT, GroundedReading, Grounding, NoReading, goes_back, goes_on
from reasoning.reading.rules.measures import Comparison, Superlative

TWO_SENSES = 0.1
"""What it costs that one word means two relations of two things: "shot in Prague or Budapest"."""

SAID_TWICE = 0.2
"""What it costs to follow one relation twice."""

Option = tuple[float, tuple[Part, ...]]
"""One reading of a predicate: its cost, and the restrictions that it makes."""


@dataclass(frozen=True)
class Objects:
    """What a relation is put to: for each name (or the one phrase) all readings of it, and the word that joins them."""

    sources: tuple[tuple[GroundedReading, ...], ...]
    joint: str = ""

    @property
    def cost(self) -> float:
        """Of the likeliest readings."""
        return sum(min(reading.cost for reading in options) for options in self.sources)


@dataclass(frozen=True)
class Application:
    """A relation put to objects, in the direction that a construction suggests.

    Attributes:
        use: the relation.
        objects: what it is put to.
        construction: "verb" (border France), "participle" (spoken in France), "by" (directed by), "gap" (that he
            directed), "left in" (is water contained in), "of" (is the capital of), "having" (whose capital is
            Paris), "from" and "to" (forwards and backwards, whatever the relation's name is).
        fixed: whether only that direction makes sense.
    """

    use: RelationUse
    objects: Objects
    construction: str
    fixed: bool = False

    def readings(self, ground: Grounding, want: Kind | None = None) -> list[GroundedReading]:
        """What the relation leads to, the likeliest first.

        Raises:
            NoReading: it does not fit.
        """
        sources, joint = self.objects.sources, self.objects.joint
        found = [ground.apply(self.use, options, self.construction, want, self.fixed) for options in sources]
        if ground.lexicon.type_relation is not None and self.construction in ("verb", "gap", "by"):
            # Nobody asks who speaks the languages that are spoken there.
            found = [[one.at(0.8) if goes_back(one) else one for one in readings] for readings in found]
        if self.construction in ("verb", "gap") and ground.lexicon.type_relation is None:
            # ... or who studies where those go who study there.
            found = [[one.at(SAID_TWICE) if goes_on(one) else one for one in readings] for readings in found]
        if len(found) == 1:
            return sorted(found[0], key=lambda reading: reading.cost)
        if not any(reading.values for readings in found for reading in readings):
            join = ground.either if joint == "or" else ground.both
            return [_once(join(*readings), readings) for readings in _likeliest(found)]
        together = ground.either(*(options[0] for options in sources))
        return ground.apply(self.use, (together,), self.construction, want, self.fixed)


class Predicate:
    """Something said of what is looked for."""

    def verb(self) -> RelationUse | None:
        """The relation that a following "and Spain" takes up, None where there is none."""
        return None

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """The readings for a kind of thing, the likeliest first, [] where it fits in no way.

        Raises:
            NoReading: it does not fit; the message says why.
        """
        raise NotImplementedError

    def readings(
        self, ground: Grounding, want: Kind | None, base: GroundedReading | None = None
    ) -> list[GroundedReading]:
        """What it is true of, among `base` if given.

        Raises:
            NoReading: it fits in no way.
        """
        found, reason = [], NoReading("its parts do not fit together")
        for cost, parts in self.options(ground, want):
            try:
                found.append(assembled(ground, want, base, parts).at(cost))
            except NoReading as error:
                reason = error
        if not found:
            raise reason
        return found


def _sets(readings: Sequence[GroundedReading]) -> list[Option]:
    # The cost stands in the reading.
    found: list[Option] = [(0.0, (Part(reading),)) for reading in readings if not reading.values]
    if not found:
        raise NoReading("a value is no thing that could have it")
    return found


@dataclass(frozen=True, eq=False)
class Related(Predicate):
    """It stands in a relation to something."""

    application: Application

    def verb(self) -> RelationUse | None:
        """See `Predicate.verb`."""
        return self.application.use

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        return _sets(self.application.readings(ground, want))


@dataclass(frozen=True, eq=False)
class Located(Predicate):
    """It lies in a place; with `lead` an entity is in it, and the place is asked for."""

    objects: Objects
    outwards: bool = False

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        if self.outwards:
            return _sets(ground.around(self.objects.sources[0], want))
        found = [ground.located(options, want) for options in self.objects.sources]
        joint = self.objects.joint
        note = ('read "and" as: in any of them',) if joint == "and" else ()
        return _sets(
            [
                replace(ground.either(*readings), notes=(*ground.either(*readings).notes, *note))
                if len(readings) > 1
                else readings[0]
                for readings in _likeliest(found)
            ]
        )


@dataclass(frozen=True, eq=False)
class Implied(Predicate):
    """It has to do with something; the word hardly says how."""

    text: str
    objects: Objects
    inverse: bool | None = None

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        # "topics about": the noun adds what it can where it names no kind of the graph's own.
        said, noun = self.text, False
        favoured: tuple[str, ...] = ()
        if want is not None:
            named = ground.lexicon.use(want.text, tuple(want.text.casefold().split()))
            favoured = named.relations if named is not None else ()
            if want.entity is None and want.members is None and want.cost > 0:
                said, noun = f"{want.text} {self.text}", True
        found = [ground.implied(said, options, want, self.inverse, noun, favoured) for options in self.objects.sources]
        join = ground.either if self.objects.joint == "or" else ground.both
        return _sets([_once(join(*r), r) if len(r) > 1 else r[0] for r in _likeliest(found)])


@dataclass(frozen=True, eq=False)
class Having(Predicate):
    """What it stands in a relation to is such and such: "whose director also directed ..."."""

    use: RelationUse
    of: Predicate
    construction: str = "having"

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        found: list[GroundedReading] = []
        reason = ""
        inner = _role(ground, self.use)
        try:
            said = self.of.readings(ground, inner)
        except NoReading:
            if ground.lexicon.type_relation is None:
                raise
            # "a capital with more than 5 million people" says that of capitals.
            said = [one for base in ground.range_of(self.use)[:1] for one in self.of.readings(ground, None, base)]
        for reading in said[:3]:
            try:
                found += Application(self.use, Objects(((reading,),)), self.construction).readings(ground, want)
            except NoReading as error:
                reason = reason or str(error)
        if not found:
            raise NoReading(reason)
        return _sets(sorted(found, key=lambda reading: reading.cost)[:KEPT])


def _role(ground: Grounding, use: RelationUse) -> Kind | None:
    """What a relation leads to, as a kind of thing, where no types say it."""
    if ground.lexicon.type_relation is not None:
        return None
    return ground.lexicon.kind(use.text, tuple(use.text.casefold().split()))


@dataclass(frozen=True, eq=False)
class Sharing(Predicate):
    """It has something in common with something: "share directors with", "with the same currency as".

    With `inner`, the two steps are of the thing itself: "co-starred with" leads from an actor to others.
    """

    use: RelationUse
    objects: Objects
    inner: bool = False

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        construction = "having" if self.inner else "of"
        found = []
        for name in self.use.relations[:4]:
            use, again = self.use.only([name]), RelationUse(self.use.text, (name,))
            for options in self.objects.sources if len(self.objects.sources) == 1 else ():
                try:
                    first = inverse_of(use, construction)
                    typed = ground.lexicon.type_relation is not None
                    for middle in ground.apply(use, options, "to" if first else "from", fixed=typed):
                        if middle.values or not hasattr(middle.query, "inverse"):
                            continue
                        back = "from" if middle.query.inverse else "to"
                        found += ground.apply(again, (middle,), back, want, fixed=True)
                except NoReading:
                    continue
        if not found:
            raise NoReading(f'"{self.use.text}" is nothing that could be shared here')
        return _sets(sorted(found, key=lambda reading: reading.cost)[:KEPT])


@dataclass(frozen=True, eq=False)
class Touching(Predicate):
    """Some of a type has to do with it, by the only relation between the two types: "cities that have an airport"."""

    some: GroundedReading

    def readings(
        self, ground: Grounding, want: Kind | None, base: GroundedReading | None = None
    ) -> list[GroundedReading]:
        """See `Predicate.readings`."""
        if want is None and base is not None:  # "does Chad have an airport": what Chad is says the type
            kinds = ground.kinds(base.members)
            want = Kind("it", int(kinds[0])) if len(kinds) else None
        return super().readings(ground, want, base)

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        if want is None or want.entity is None:
            raise NoReading("it is not said what has it")
        between = ground.between(self.some, want)
        if len(between) > 1:
            # Where something lies says it least.
            between = [r for r in between if getattr(r.query, "relation", "") not in ground.lexicon.location] or between
        return _sets(between[:1])


@dataclass(frozen=True, eq=False)
class OneOf(Predicate):
    """It is one of some named things."""

    objects: Objects

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        ones = [options[0] for options in self.objects.sources]
        return [(0.0, (Part(ones[0] if len(ones) == 1 else ground.either(*ones)),))]


@dataclass(frozen=True, eq=False)
class Chosen(Predicate):
    """Its value passes a comparison, or stands highest."""

    choice: Comparison | Superlative

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        return [(0.0, (Part(choice=self.choice),))]


@dataclass(frozen=True, eq=False)
class Not(Predicate):
    """The opposite of another."""

    of: Predicate

    def verb(self) -> RelationUse | None:
        """See `Predicate.verb`."""
        return self.of.verb()

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        return [
            (cost, tuple(replace(part, negated=not part.negated) for part in parts))
            for cost, parts in self.of.options(ground, want)
            if len(parts) == 1
        ]


@dataclass(frozen=True, eq=False)
class Together(Predicate):
    """Several at once, or any of them."""

    parts: tuple[Predicate, ...]
    joint: str = "and"
    _kept: dict[object, list[Option]] = field(default_factory=dict, compare=False)

    def verb(self) -> RelationUse | None:
        """See `Predicate.verb`."""
        return self.parts[-1].verb()

    def options(self, ground: Grounding, want: Kind | None) -> list[Option]:
        """See `Predicate.options`."""
        key = None if want is None else want.identity
        if key not in self._kept:
            found = [part.options(ground, want)[:3] for part in self.parts]
            options = []
            for chosen in product(*found):
                joined: list[Part] = []
                for number, (_, parts) in enumerate(chosen):
                    first, *rest = parts
                    if number and self.joint == "or":
                        first = replace(first, alternative=True)
                    joined += [first, *rest]
                options.append((sum(cost for cost, _ in chosen), tuple(joined)))
            self._kept[key] = sorted(options, key=lambda option: option[0])[:KEPT]
        return self._kept[key]


def _once(whole: GroundedReading, readings: Sequence[GroundedReading]) -> GroundedReading:
    """What several readings give together; a word said once of several things is taken for something once."""
    steps = {(one.query.relation, one.query.inverse) for one in readings if isinstance(one.query, Project)}
    return replace(whole, cost=max(reading.cost for reading in readings)) if len(steps) == 1 else whole


def _likeliest(found: Sequence[Sequence[GroundedReading]]) -> list[tuple[GroundedReading, ...]]:
    """The likeliest combinations of one reading each; a verb is hardly said of two things in two senses."""
    combined = []
    for readings in product(*(readings[:3] for readings in found)):
        steps = {(one.query.relation, one.query.inverse) for one in readings if isinstance(one.query, Project)}
        first, *rest = readings
        combined.append((first.at(TWO_SENSES) if len(steps) > 1 else first, *rest))
    return sorted(combined, key=lambda readings: sum(reading.cost for reading in readings))[:KEPT]
