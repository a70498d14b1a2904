"""What is asked for where it stands last, and by nouns that name no kind of the graph's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reasoning.reading.english.vocabulary import ANYTHING, BEING, KIND_WORDS
from reasoning.reading.english.word_forms import is_verbal, lemmas
from reasoning.reading.rules.chart import Phrase
from reasoning.reading.rules.constructions import shared
from reasoning.reading.rules.predicates import (
    Application,
    Implied,
    Located,
    Objects,
    Related,
)
from reasoning.reading.rules.shapes.relations import RelationShapes


class AskingShapes(RelationShapes):
    """Rules for what is asked for."""

    def asked_last(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Tokyo is the capital of which country", "were released in which years"."""
        assert a.predicate is not None
        if a.gap is None or not self.linked.before(b.start) & {"which", "what", "whose", "this", "these"}:
            return
        found: Iterator[Phrase] = iter(())
        if b.kind == "type":
            found = self._nouns(a, b, a.predicate.readings(self.ground, b.type)[:3])
        elif b.use is not None:
            use = shared(b.use, a.use) if a.use is not None else b.use
            if use is not None:
                found = self._applied_noun(b, replace(use, text=b.text), a.gap, a)
        for phrase in found:
            yield replace(phrase, kind="asked")

    def being(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Psycho is a film", of which more is said behind."""
        if a.named and self.linked.before(b.start) & BEING:
            for phrase in self.apposition(b, a):
                yield replace(phrase, cost=phrase.cost + 0.05)

    def parted(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films were released", of which more is said behind."""
        yield replace(b, kind="parted", type=a.type, cost=a.cost + b.cost)

    def completed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films were released whose director is Ann"."""
        assert a.use is not None and b.predicate is not None
        if b.value == "of":
            return
        for reading in b.predicate.readings(self.ground, a.type)[:2]:
            objects = Objects(((reading,),))
            application = Application(a.use, objects, "gap")
            yield self._predicate(a, b, Related(application), 0.1, use=a.use, gap=objects)

    def reduced(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Hitchcock directed films"."""
        assert a.predicate is not None
        if a.gap is not None and a.named and a.use is not None and is_verbal(a.use.text):
            yield from self._nouns(a, b, a.predicate.readings(self.ground, b.type)[:3], 0.08)

    def modified(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "film co-writers", "film genres"."""
        if a.type is not None and a.type.entity is None and not is_verbal(b.text) and not a.text.endswith("s"):
            yield replace(b, cost=a.cost + b.cost + 0.1)

    def put_in(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "describe Psycho in a few words"."""
        if isinstance(a.predicate, Implied) and b.type is not None and b.type.entity is None:
            yield from self._nouns(a, b, a.predicate.readings(self.ground, b.type)[:3])

    def type_of_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "type of film"."""
        assert a.type is not None and b.type is not None
        if not KIND_WORDS & set(lemmas(a.text)):
            return
        text = f"{a.text} of {b.text}"
        if self.ground.lexicon.in_table(text, tuple(text.casefold().split())) is not None:
            return  # the genre
        yield replace(a, kind="type", text=text, type=replace(a.type, text=text), cost=a.cost + 0.02)

    def anything(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "everything that is a country"."""
        if a.text.casefold() in ANYTHING:
            yield replace(b, cost=a.cost + b.cost)

    def other_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "other films"."""
        if a.text.casefold() == "other":
            yield replace(b, cost=a.cost + b.cost)

    def one_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "countries and territories", which are of one type."""
        if a.type is not None and b.type is not None and a.type.entity is not None and a.type.entity == b.type.entity:
            yield replace(a, cost=a.cost + b.cost)

    def kind_of_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "kind of money", which is money."""
        if KIND_WORDS & set(lemmas(a.text)) and not is_verbal(b.text):
            yield replace(b, cost=a.cost + b.cost + 0.02)

    def what_it_is(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "what type of film is Psycho", by the likeness of the noun to a relation."""
        assert a.type is not None and b.objects is not None
        anything = a.type.entity is None and a.type.members is None and a.type.cost > 0
        if anything and not b.bare and self.linked.before(b.start) & BEING:
            readings = self.ground.implied(f"{a.text} is", b.objects.sources[0], None, inverse=False, noun=True)
            yield from self._nouns(a, b, [reading.at(a.type.cost) for reading in readings][:3])

    def _theirs(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        yield replace(a, kind="having", type=b.type, value="their", cost=a.cost + b.cost)

    def of_theirs(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "writers that the directors of their films also directed Psycho"."""
        if b.value != "their" or b.predicate is None or a.use is None or is_verbal(a.text):
            return
        for reading in b.predicate.readings(self.ground, b.type)[:2]:
            yield from self._applied_noun(a, a.use, Objects(((reading,),)), b, 0.1)

    def counted(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "how many countries ..."."""
        assert b.objects is not None
        reading = b.objects.sources[0][0]
        if not b.named:
            # "How many people live in ..." asks for a value and not for a count.
            yield replace(b, kind="noun" if reading.values else "count", cost=a.cost + b.cost)

    def where(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "where is Munich"."""
        assert b.objects is not None
        if not self.ground.lexicon.location:
            if not b.bare and not b.named:  # "where do tourists from Peru go"
                yield replace(b, cost=a.cost + b.cost + 0.1)
        elif not b.bare and len(b.objects.sources) == 1:
            predicate = Located(b.objects, outwards=True)
            yield from self._nouns(a, b, predicate.readings(self.ground, None)[:3])

    def where_clause(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the country where Munich is"."""
        assert b.objects is not None
        if not b.bare and len(b.objects.sources) == 1:
            yield self._predicate(a, b, Located(b.objects, outwards=True), 0.05)

    def when(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "when was Psycho"."""
        use = self.ground.lexicon.time_use
        if use is not None and b.objects is not None and not b.bare:
            yield from self._nouns(a, b, Application(use, b.objects, "of").readings(self.ground), 0.1)

    def when_predicate(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "when was Psycho released"."""
        use = self.ground.lexicon.time_use
        if use is not None and b.gap is not None:
            found = shared(use, b.use) if b.use is not None else use
            if found is not None:
                readings = Application(replace(found, text="when"), b.gap, "of").readings(self.ground)
                yield from self._nouns(a, b, readings)
