"""Prepositions, "whose" and "with", and what things share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reasoning.reading.english.word_forms import is_verbal, stem
from reasoning.reading.rules.chart import Phrase
from reasoning.reading.rules.constructions import shared
from reasoning.reading.rules.predicates import (
    Application,
    Chosen,
    Having,
    Implied,
    Located,
    Not,
    Related,
    Sharing,
    Touching,
)
from reasoning.reading.rules.shapes.making import Shapes


class PrepositionShapes(Shapes):
    """Rules for prepositions and possession."""

    def located(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "in Asia"."""
        assert b.objects is not None
        if a.kind == "in" and b.named and "people" in self.linked.before(a.start):
            yield replace(b, cost=a.cost + b.cost + 0.02)  # what "do people in Suriname speak"
        if not b.bare and self.ground.lexicon.location:
            yield self._predicate(a, b, Located(b.objects), 0.0 if a.kind == "in" else 0.05, value=a.kind)

    def implied(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "about Paris", "of Ann"."""
        assert b.objects is not None
        typed = self.ground.lexicon.type_relation is not None and (
            a.kind != "in" or self.ground.are_places(b.objects.sources)
        )
        if not b.bare and not (typed and a.kind in ("in", "of", "by")):
            yield self._predicate(a, b, Implied(a.text, b.objects), 0.1, value=a.kind)

    def implied_having(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "with the euro"."""
        assert b.objects is not None
        if not b.bare and b.named:
            yield self._predicate(a, b, Implied(a.text, b.objects, inverse=True), 0.1)

    def with_predicate(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "have the largest area", "with the same currency as"."""
        by = isinstance(b.predicate, Related) and b.predicate.application.construction == "by" and not is_verbal(b.text)
        if isinstance(b.predicate, Chosen | Sharing) or b.value == "as" or by:
            yield replace(b, cost=a.cost + b.cost)

    def having(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "whose capital is Bern"."""
        assert a.use is not None and b.objects is not None
        if b.bare:
            return
        predicate = Related(Application(a.use, b.objects, "having"))
        yield from self._whose(a, self._predicate(a, b, predicate))

    def _whose(self, a: Phrase, predicate: Phrase) -> Iterator[Phrase]:
        # "which country's capital is Bern" says its type itself.
        if isinstance(a.value, Phrase) and a.value.objects is not None and predicate.predicate is not None:
            readings = predicate.predicate.readings(self.ground, a.value.type)
            yield from self._nouns(a, replace(predicate, cost=0.0), readings[:3])
        else:
            yield predicate

    def having_predicate(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "whose director also directed Psycho"."""
        assert a.use is not None and b.predicate is not None
        phrase = self._predicate(a, b, Having(a.use, b.predicate))
        if a.value == "their":
            phrase = replace(phrase, value="their", type=a.type)
        yield from self._whose(a, phrase)

    def as_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the euro as currency"."""
        assert b.use is not None and a.objects is not None
        if a.named:
            yield self._predicate(a, b, Related(Application(b.use, a.objects, "having")), value="as", use=b.use)

    def noun_as(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Swahili among (their languages)"."""
        if b.text.casefold() == "among" and a.named:
            yield replace(a, kind="noun as", cost=a.cost + b.cost)

    def outside(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "outside Africa", "outside the eurozone"."""
        assert b.objects is not None
        if not b.bare:
            inside = Located(b.objects) if self.ground.are_places(b.objects.sources) else Implied("in", b.objects)
            yield self._predicate(a, b, Not(inside), 0.02)

    def having_part(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "whose code starts with (+44)"."""
        if stem(b.text.split()[0]) in ("start", "begin", "end"):
            yield replace(a, cost=a.cost + b.cost + 0.05)

    def having_some(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "cities that have an airport"."""
        if b.bare and b.objects is not None and b.type is not None:
            yield self._predicate(a, b, Touching(b.objects.sources[0][0]), 0.1)

    def having_none(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "cities without an airport"."""
        if b.bare and b.objects is not None and b.type is not None:
            yield self._predicate(a, b, Not(Touching(b.objects.sources[0][0])), 0.1)

    def sharing(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "share directors with Psycho"."""
        assert a.use is not None and b.objects is not None
        if not b.bare:
            yield self._predicate(a, b, Sharing(a.use, b.objects, inner=a.kind.startswith("co")))

    def sharing_gap(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Ann co-starred with (whom)"."""
        assert b.use is not None and a.objects is not None
        if not a.bare:
            yield self._predicate(
                a, b, Sharing(b.use, a.objects, inner=b.kind.startswith("co")), 0.03, gap=a.objects, value="sharing"
            )

    def same_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the same director of Psycho"."""
        if not b.named and not b.bare:
            yield replace(b, cost=a.cost + b.cost)

    def used_same(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "use the same currency"."""
        if a.use is not None and b.use is not None and shared(a.use, b.use) is not None:
            yield replace(b, cost=a.cost + b.cost)

    def by_same(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "directed by the same director as Psycho"."""
        use = b.predicate.use if isinstance(b.predicate, Sharing) else b.use if b.value == "as" else None
        if use is not None and (a.use is None or shared(a.use, use) is not None):
            yield replace(b, cost=a.cost + b.cost)
