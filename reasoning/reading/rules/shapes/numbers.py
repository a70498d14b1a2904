"""Comparisons and superlatives: "a population over 5 million", "the second largest"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from reasoning.query.tree import Intersect, Operator
from reasoning.reading.english.number_words import MAGNITUDES
from reasoning.reading.english.vocabulary import KEYWORDS
from reasoning.reading.lexicon import RelationUse
from reasoning.reading.rules.chart import Phrase
from reasoning.reading.rules.grounding import GroundedReading, NoReading
from reasoning.reading.rules.measures import (
    COLLOQUIAL,
    Comparison,
    Superlative,
    comparisons,
    has_times,
    measured,
    value_of,
    values_of,
)
from reasoning.reading.rules.overlooked import counted
from reasoning.reading.rules.predicates import (
    Application,
    Chosen,
    Located,
    Objects,
    Together,
)
from reasoning.reading.rules.shapes.prepositions import PrepositionShapes
from reasoning.wording.verbalise import label_words

UNITS = frozenset({"km2", "km²", "sq km", "square kilometre", "square kilometer", "square km", "m", "metre", "meter"})
"""What the values of relations are measured in."""


class NumberShapes(PrepositionShapes):
    """Rules for numbers."""

    def test(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more than 5 million"."""
        yield Phrase("test", text=a.text, value=((a.value, b.value),))

    def range(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "between 1 and 5 million", which is one million."""
        low, high = cast(float, a.value), cast(float, b.value)
        size = MAGNITUDES.get(b.text.casefold().split()[-1].lstrip("0123456789.,"), 1.0)
        if low < high / size and low < size:
            low = round(low * size)
        yield Phrase("test", text=a.text, value=((">=", low), ("<=", high)))

    def measured_test(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "above 1,000 km²", which says of itself what is measured."""
        if b.text.casefold().rstrip("s") in UNITS:
            yield replace(a, cost=a.cost + b.cost)

    def how_much(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "how many square kilometres", which is asked of a value and not a count."""
        if b.text.casefold().rstrip("s") in UNITS:
            yield replace(b, cost=a.cost + b.cost)

    def numbered_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the seven emirates of the UAE", of which there are seven."""
        if b.objects is not None and not b.named and not b.bare:
            if isinstance(a.value, int) and 0 < a.value <= 1000:
                yield replace(b, kind="numbered noun", value=a.value, cost=a.cost + b.cost)
            fitting = [reading for reading in b.objects.sources[0] if len(reading.members) == a.value]
            if fitting and not any(reading.values for reading in fitting):
                told = tuple(replace(reading, notes=(*reading.notes, counted(a.text))) for reading in fitting)
                yield replace(b, objects=Objects((told,)), cost=a.cost + b.cost)

    def numbered_most(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the three neighbours of Chad with the most people"."""
        if isinstance(b.predicate, Chosen) and isinstance(b.predicate.choice, Superlative) and a.objects is not None:
            choice = replace(b.predicate.choice, k=cast(int, a.value))
            yield from self._nouns(a, b, [choice.put_to(reading, self.kg) for reading in a.objects.sources[0][:1]])

    def more_of_one(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more people live in Karachi (than in Lahore)"."""
        if b.named and b.objects is not None and len(b.objects.sources) == 1:
            yield replace(b, kind="more of one", value=a, cost=a.cost + b.cost)

    def more_than_other(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more people live in Karachi than in Lahore"."""
        degree = cast(Phrase, a.value)
        for phrase in self.compare_noun(degree, b):
            if phrase.kind == "compared":
                yield from self.compared(a, replace(phrase, cost=b.cost))

    def greater_behind(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "is France or Spain bigger"."""
        if a.objects is not None and a.objects.joint == "or":
            yield from self.greater_of(b, a)

    def owned_most(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Chad's largest"."""
        yield replace(a, kind="owned most", value=(a, b), cost=a.cost + b.cost)

    def owned_best(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Chad's largest city", "Chad's largest neighbour"."""
        owner, most = cast(tuple[Phrase, Phrase], a.value)
        assert owner.objects is not None
        choice = self._superlative(most, None, 1, b.text.endswith("s"))
        if b.kind == "type":
            readings = Located(owner.objects).readings(self.ground, b.type)[:2]
        elif b.use is not None:
            readings = Application(b.use, owner.objects, "of").readings(self.ground, b.type)[:2]
        for reading in readings:
            if not reading.values:
                yield self._noun(b, [choice.put_to(reading, self.kg)], most.cost + b.cost)

    def comparison(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "a population over 5 million", "more than 5 million people"."""
        relation, test = (a, b) if b.kind == "test" else (b, a)
        use = measured(relation.use, self.kg)
        if use is None:
            raise NoReading(f"a comparison needs to say of what; {values_of(self.kg)}")
        for name in use.relations[:2]:
            choices = self._comparisons(name, test)
            phrase = self._choice(relation, choices[0], test.cost + use.cost(name))
            if len(choices) > 1:
                phrase = replace(phrase, predicate=Together(tuple(map(Chosen, choices))))
            yield from self._whose(a, replace(phrase, value="test"))

    def _comparisons(self, name: str, test: Phrase) -> list[Comparison]:
        """What a test says of a relation's values; two comparisons where it is a range."""
        parts = cast(tuple[tuple[Operator, int | float], ...], test.value)
        return [one for operator, value in parts for one in comparisons(self.kg, name, operator, value)]

    def compared_value(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the population of France is over 60 million"."""
        assert a.objects is not None
        for reading in a.objects.sources[0]:
            if reading.values and hasattr(reading.query, "relation"):
                name, source = reading.query.relation, reading.query.children[0]
                whole = replace(reading, query=source, values=False)
                for choice in self._comparisons(name, b):
                    whole = choice.put_to(whole, self.kg)
                yield self._noun(a, [whole], a.cost + b.cost, kind="truth")

    def ordinal(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the second largest"."""
        largest, relations, *_ = cast(tuple[bool, tuple[str, ...]], b.value)
        yield replace(b, kind="most", value=(largest, relations, 1, a.value))

    def numbered(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "five countries", of which a superlative says which."""
        if isinstance(a.value, int) and 0 < a.value <= 1000 and b.type is not None:
            yield replace(b, kind="numbered type", value=a.value, cost=a.cost + b.cost)

    def most_numbered(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the top five countries (by area)"."""
        largest, relations, *number = cast(tuple[bool, tuple[str, ...], int], a.value)
        if not number and b.type is not None and b.type.entity is not None:
            reading = self.ground.of_type(b.type.entity)
            most = replace(a, value=(largest, relations, b.value))
            if relations:
                yield self._noun(b, [self._superlative(most, None, 1).put_to(reading, self.kg)], a.cost + b.cost)
            yield Phrase("top", text=b.text, value=(most, reading), cost=a.cost + b.cost)

    def top_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the top five countries by area"."""
        use = measured(b.use, self.kg)
        if use is not None:
            most, reading = cast(tuple[Phrase, GroundedReading], a.value)
            yield self._noun(a, [self._superlative(most, use, 1).put_to(reading, self.kg)], a.cost + b.cost)

    def equal(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "a salary of 65000"."""
        if measured(a.use, self.kg) is not None:
            yield from self.comparison(a, Phrase("test", text=b.text, value=(("=", b.value),), cost=b.cost))

    def measured_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "country by area"."""
        if measured(b.use, self.kg) is not None:
            yield replace(a, use=b.use, cost=a.cost + b.cost + 0.01)

    def superlative(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the 3 largest"."""
        most, number = (a, b) if a.kind == "most" else (b, a)
        if isinstance(number.value, int) and 0 < number.value <= 1000:
            yield replace(most, kind="most", value=(*cast(tuple[object, ...], most.value)[:2], number.value))

    def most_of_measure(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "covers the most land"."""
        if cast(tuple[bool, tuple[str, ...]], b.value)[1]:
            yield replace(b, cost=a.cost + b.cost)

    def top_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the top 3 largest"."""
        largest, relations, *number = cast(tuple[bool, tuple[str, ...], int], a.value)
        if number and largest and not relations:
            yield replace(b, value=(*cast(tuple[object, ...], b.value)[:2], *number), cost=a.cost + b.cost)

    def _superlative(self, most: Phrase, use: RelationUse | None, default: int, several: bool = False) -> Superlative:
        largest, relations, *number = cast(tuple[bool, tuple[str, ...], int], most.value)
        k = number[0] if number else default
        place = number[1] if len(number) > 1 else 1
        note = f'took the one {most.text}; say how many for more, as in "the 3 {most.text}"'
        names = tuple(use.relations[:1]) if use is not None else tuple(relations)
        return Superlative(k, largest, names, most.text, note if several and not number else "", place)

    def best(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the largest country in Africa"."""
        assert b.objects is not None
        if b.named or any(reading.values for reading in b.objects.sources[0]):
            return
        several = self._plural(a.end, b)
        choice = self._superlative(a, measured(b.use, self.kg), 1, several)
        for reading in b.objects.sources[0][:1]:
            yield self._noun(
                a, [choice.put_to(reading, self.kg)], a.cost + (0.0 if b.bare else b.cost), value=(a, reading)
            )

    def _plural(self, position: int, b: Phrase) -> bool:
        return b.text.split()[0].endswith("s")

    def best_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the largest population"."""
        use = measured(b.use, self.kg)
        if use is not None:
            yield Phrase("best by", text=a.text, cost=a.cost + b.cost, value=self._superlative(a, use, 1))

    def ranked_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the largest countries by population"."""
        use = measured(b.use, self.kg)
        if use is not None and isinstance(a.value, tuple):
            most, reading = cast(tuple[Phrase, GroundedReading], a.value)
            choice = self._superlative(most, use, 1, self._plural(0, replace(a, text=a.text)))
            yield self._noun(a, [choice.put_to(reading, self.kg)], a.cost + b.cost)

    def degree_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more people", "a larger area"."""
        use = measured(b.use, self.kg)
        if use is not None:
            largest, _ = cast(tuple[bool, tuple[str, ...]], a.value)
            yield replace(a, kind="degree of", value=(largest, use.relations[:1]), cost=a.cost + b.cost)

    def compare_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more people than Chile", "larger than Chile"."""
        yield replace(b, kind="compare noun", value=a, cost=a.cost + b.cost)
        if a.kind == "compare":
            degree = KEYWORDS.get(a.text.casefold().split()[0])
            if degree is None or degree[0] != "degree":
                return
            largest, meant = cast(tuple[bool, tuple[str, ...]], degree[1])
            a = replace(a, value=(largest, self.ground.lexicon.measures(meant)))
        largest, relations = cast(tuple[bool, tuple[str, ...]], a.value)
        yield from self._than(a, b, largest, relations)

    def measured_than(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "earns more than Bob", "was founded after Acme"."""
        use, compare = measured(a.use, self.kg), cast(Phrase, b.value)
        if use is None:
            return
        if compare.kind == "compare" and compare.value in (">", "<"):
            yield from self._than(b, b, compare.value == ">", use.relations[:1], a.cost)
        elif compare.kind == "degree than":
            largest, relations = cast(tuple[bool, tuple[str, ...]], compare.value)
            if not relations:
                yield from self._than(b, b, largest, use.relations[:1], a.cost)

    def degree_test(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "older than 40"."""
        largest, relations = cast(tuple[bool, tuple[str, ...]], a.value)
        for name in relations[:1]:
            if not name.startswith("-"):
                choice = Comparison(name, ">" if largest else "<", cast("int | float", b.value))
                yield self._choice(a, choice, b.cost)

    def in_year(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "hired in 2010"."""
        use = measured(a.use, self.kg)
        if use is not None and str(a.value).casefold() == "in" and has_times(self.kg, use.relations[0]):
            yield from self.comparison(a, Phrase("test", text=b.text, value=(("=", b.value),), cost=b.cost))

    def most_of_all(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "earns the most", "was founded first"."""
        yield from self.best_by(b, a)

    def compared_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "larger than Chile by area"."""
        use, compare = measured(b.use, self.kg), cast(Phrase, a.value)
        if use is not None and compare.kind == "compare":
            yield from self._than(a, a, str(compare.value).startswith(">"), use.relations[:1], b.cost)

    def _than(
        self, a: Phrase, b: Phrase, largest: bool, relations: tuple[str, ...], cost: float = 0.0
    ) -> Iterator[Phrase]:
        """What is said of something by setting it beside something else: true or not of one, a bound for several."""
        if b.objects is None or not relations:
            return
        if len(b.objects.sources) != 1:
            raise NoReading("one thing is compared with one other; ask of each by itself")
        cost += a.cost + (b.cost if b is not a else 0.0)
        yield Phrase("compared", text=a.text, value=(Superlative(1, largest, relations, a.text), b), cost=cost)
        other = b.objects.sources[0][0]
        choices = []
        for signed in relations:
            relation = signed.removeprefix("-")
            value = value_of(self.kg, relation, other)
            if value is not None:
                said = value if has_times(self.kg, relation) else f"{value:,}"
                note = f"took the {label_words(relation)} of {other.query}: {said}"
                choices.append(Comparison(relation, ">" if largest == (signed == relation) else "<", value, note))
        if choices:
            rivals = tuple(choices[1:]) if a.text.casefold() in COLLOQUIAL else ()
            yield self._choice(a, replace(choices[0], rivals=rivals), cost - a.cost + 0.1)

    def greater_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "which has more people, France or Spain"."""
        if b.objects is None or len(b.objects.sources) < 2 or not b.named:
            return
        if isinstance(a.value, Superlative):
            choice = a.value
        else:
            largest, relations = cast(tuple[bool, tuple[str, ...]], a.value)
            choice = Superlative(1, largest, relations, a.text)
        whole = self.ground.either(*(options[0] for options in b.objects.sources))
        yield self._noun(a, [choice.put_to(whole, self.kg)], a.cost + b.cost, value="one of")

    def greater_one(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "which country is bigger, France or Spain"."""
        if b.value == "one of":
            assert b.objects is not None
            yield from self._nouns(a, b, [self.ground.restrict(b.objects.sources[0][0], a.type)])

    def compared(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "is Peru larger than Chile by area"."""
        assert a.objects is not None
        most, other = cast(tuple[Superlative, Phrase], b.value)
        if a.named and len(a.objects.sources) == 1 and other.objects is not None:
            one, two = a.objects.sources[0][0], other.objects.sources[0][0]
            whole = most.put_to(self.ground.either(one, two), self.kg)
            rivals = tuple(Intersect((rival, one.query)) for rival in whole.rivals)
            found = replace(self.ground.both(whole, one), rivals=rivals)
            yield self._noun(a, [found], a.cost + b.cost, kind="truth")
