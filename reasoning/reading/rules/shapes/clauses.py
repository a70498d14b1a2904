"""What restricts a noun, and what a clause leaves open: "countries that border France", "that Ann directed"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from reasoning.graph.names import fold
from reasoning.query.tree import Compare, Entity, Project, Top
from reasoning.reading.english.vocabulary import ARTICLES, BEING, DOING, HAVING
from reasoning.reading.english.word_forms import is_verb, is_verbal, only_noun
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.rules.chart import Phrase, Rule
from reasoning.reading.rules.constructions import is_person, shared
from reasoning.reading.rules.grounding import NoReading, is_entity
from reasoning.reading.rules.measures import Superlative
from reasoning.reading.rules.predicates import (
    Application,
    Chosen,
    Implied,
    Located,
    Not,
    Objects,
    Predicate,
    Related,
    Together,
)
from reasoning.reading.rules.shapes.relations import NOUN_AS_VERB, UNFIT, UNSAID_VERB, RelationShapes


class ClauseShapes(RelationShapes):
    """Rules for clauses."""

    def restricted_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "countries that border France"."""
        assert b.predicate is not None
        predicate = b.predicate
        if isinstance(a.value, int):  # "the five countries with the most inhabitants"
            if not isinstance(predicate, Chosen) or not isinstance(predicate.choice, Superlative):
                return
            predicate = Chosen(replace(predicate.choice, k=a.value))
        for phrase in self._nouns(a, b, predicate.readings(self.ground, a.type)[:4]):
            yield replace(phrase, use=a.use)

    def restricted(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the capitals of Europe that ..."."""
        assert a.objects is not None and b.predicate is not None
        if a.named or a.bare or a.objects.sources[0][0].values:
            return
        base = a.objects.sources[0][0]
        # What is said behind a superlative narrows what it chooses among.
        cost = 0.3 if isinstance(base.query, Top) else 0.15 if isinstance(base.query, Compare) else 0.06
        cost += 0.4 if b.value == "of" else 0.0
        # It is said of the noun that stands nearest: "the capital of the neighbour that ..."
        cost += 0.05 if isinstance(base.query, Project) and not isinstance(base.query.source, Entity) else 0.0
        yield from self._nouns(a, b, b.predicate.readings(self.ground, None, base)[:4], cost)

    def told_apart(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Paris in Texas", of the several of that name."""
        if not a.named or b.value != "in" or b.predicate is None or a.objects is None or len(a.objects.sources) > 1:
            return
        there = []
        for one in self.ground.called(a.text):
            try:
                there += [one for found in b.predicate.readings(self.ground, None, one)[:3] if len(found.members)][:1]
            except NoReading:
                continue
        if len(there) == 1:
            yield replace(a, objects=Objects((tuple(there),)), cost=a.cost + b.cost)

    def restricted_range(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "capitals that have the most people", "directors who also acted in ..."."""
        assert a.use is not None and b.predicate is not None
        if is_verbal(a.text) or b.value == "of":
            return
        for base in self.ground.range_of(a.use):
            readings = [r for r in b.predicate.readings(self.ground, None, base) if len(r.members)]
            yield from self._nouns(a, b, readings[:4], 0.35)

    def said_to_be(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films of Ann are crime fiction"."""
        untyped = self.ground.lexicon.type_relation is None
        if not untyped or a.objects is None or a.named or a.bare or b.objects is None or not b.named:
            return
        if len(b.objects.sources) == 1 and self.linked.before(b.start) & BEING:
            readings = Implied("are", b.objects).readings(self.ground, None, a.objects.sources[0][0])
            yield from self._nouns(a, b, [reading for reading in readings if len(reading.members)][:3], 0.1)

    def verb_not(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "border neither France nor Spain"."""
        if a.use is not None and b.objects is not None:
            yield self._predicate(a, b, Not(Related(Application(a.use, b.objects, "verb"))), 0.02)

    def had(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "how many airports does Iceland have"."""
        if b.objects is None or b.bare or a.type is None:
            return
        last = self.linked.tokens[b.end - 1].text.casefold()
        if b.end > b.start + 1 and last in HAVING:
            predicate: Predicate = Implied("have", b.objects)
            if b.named and self.ground.lexicon.location and self._reads(Located(b.objects), a.type):
                predicate = Located(b.objects)
            yield from self._nouns(a, b, predicate.readings(self.ground, a.type)[:3], 0.1)

    def of_subject(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "which languages does Peru speak", "what genres do the films of Ann fall under"."""
        if a.use is None or is_verbal(a.text) or b.value == "sharing":
            return
        if b.gap is None:
            unfit = self.ground.lexicon.type_relation is None and b.estimate >= UNFIT and is_verb(b.text)
            if (
                unfit and isinstance(b.predicate, Related) and is_person(a.text)
            ):  # "musicians who play the harp", where teams are played
                application = Application(a.use, b.predicate.application.objects, "of")
                yield from self._nouns(a, b, application.readings(self.ground, a.type)[:2], UNSAID_VERB)
            return
        if b.use is None:
            yield from self._applied_noun(a, a.use, b.gap, b, 0.05)
        elif (use := shared(a.use, b.use)) is not None:
            yield from self._applied_noun(a, replace(use, text=a.text), b.gap, b, 0.0)
        elif self.ground.lexicon.type_relation is None and b.estimate >= UNFIT:
            # "which instruments does Ann play", where what is played is teams
            yield from self._applied_noun(a, a.use, b.gap, replace(b, cost=b.cost), UNSAID_VERB)

    def gap(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "that Ann directed", "is Tokyo the capital of", "do the countries ... speak"."""
        assert b.use is not None and a.objects is not None
        said = {*self.linked.before(b.start), self.linked.tokens[b.start].text.casefold()}
        asked = self.linked.before(a.start) & DOING and not self.ground.asks  # "where does Peru have embassies"
        if a.bare or (b.kind in ("relation", "relation of") and only_noun(b.text) and said & HAVING and not asked):
            # "the countries in Africa have a capital" says nothing of capitals that Africa has.
            return
        as_noun = b.kind == "relation of"
        cost = NOUN_AS_VERB if b.kind == "relation" and only_noun(b.text) else 0.02
        fixed = as_noun and self.ground.lexicon.type_relation is not None
        passive = b.kind == "relation" and b.text.endswith(" by")
        put = b.kind == "relation in" and self.linked.before(a.start) & BEING and is_verbal(b.text)
        construction = "having" if as_noun else "verb" if passive else "left in" if put else "gap"
        application = Application(b.use, a.objects, construction, fixed)
        yield self._predicate(a, b, Related(application), cost, use=b.use, gap=a.objects, named=a.named)

    def gap_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films of Ann were written by (whom)"."""
        assert b.use is not None and a.objects is not None
        if not a.bare:
            application = Application(b.use, a.objects, "verb")
            yield self._predicate(a, b, Related(application), 0.02, use=b.use, gap=a.objects)

    def in_which(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "in which Ann plays"."""
        if b.gap is not None and self.linked.before(b.start) & {"which", "whom"}:
            yield replace(b, cost=a.cost + b.cost + 0.02)

    def in_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(is) in an alliance with"."""
        if not is_verbal(b.text) and self.linked.before(b.start) & {"a", "an"}:
            yield replace(b, cost=a.cost + b.cost)

    def seen_in(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(that I can) see Ann in"."""
        if b.gap is not None and b.use is None and isinstance(b.predicate, Implied):
            yield replace(b, cost=a.cost + b.cost + 0.05)

    def _not_gap(self, gap: Rule) -> Rule:
        """ "that Ann did not direct"."""

        def rule(a: Phrase, b: Phrase) -> Iterator[Phrase]:
            for phrase in gap(a, b):
                if phrase.predicate is not None:
                    yield replace(phrase, predicate=Not(phrase.predicate))

        return rule

    def relations(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "diagnoses and treats"."""
        yield replace(a, kind="relations", value=(a, b), cost=a.cost + b.cost)

    def verbs(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "that diagnose and treat a disease", "that Ann wrote or directed"."""
        several, noun = (a, b) if a.kind == "relations" else (b, a)
        one, two = cast(tuple[Phrase, Phrase], several.value)
        if noun.objects is None or noun.bare or one.use is None or two.use is None:
            return
        construction = "verb" if several is a else "gap"
        first, second = (Related(Application(use, noun.objects, construction)) for use in (one.use, two.use))
        parts = (first, Not(second) if "not" in two.kind else second)
        yield self._predicate(a, b, Together(parts, two.kind.split()[0]), 0.03)

    def light_gap(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Ann appears in (what)"."""
        assert a.objects is not None
        if not a.bare:
            yield self._predicate(a, b, Implied(b.text, a.objects), 0.05, gap=a.objects)

    def between(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(is there) an alliance between Peru and Chile"."""
        if a.use is not None and b.objects is not None and b.named and len(b.objects.sources) == 2:
            one, other = b.objects.sources
            for reading in self.ground.apply(a.use, one, "from")[:2]:
                whole = self.ground.both(reading, other[0])
                yield self._noun(a, [whole], a.cost + b.cost, kind="truth")

    def place_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "is Paris in"; where nothing lies anywhere, "does Psycho belong to"."""
        assert a.objects is not None
        if self.ground.lexicon.type_relation is None or not self.ground.lexicon.location:
            yield from self.light_gap(a, b)
        if self.ground.lexicon.location and not a.bare and len(a.objects.sources) == 1:
            yield self._predicate(a, b, Located(a.objects, outwards=True), 0.02 if a.named else 0.3, gap=a.objects)

    def placed_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Asian neighbours of Russia"; and "the Israeli sheqel", whose name says so."""
        assert a.objects is not None and b.objects is not None
        if not a.named or len(a.objects.sources) != 1 or not wordnet().nouns_of(a.text):
            return
        if b.named:
            own = [r for r in b.objects.sources[0] if is_entity(r) and fold(a.text) in fold(str(r.query))]
            if own:
                yield replace(b, objects=Objects((tuple(own),)), cost=a.cost + b.cost)
        elif not b.bare and not b.objects.sources[0][0].values:
            base = b.objects.sources[0][0]
            if isinstance(base.query, Compare | Top):
                return
            yield from self._nouns(b, a, Located(a.objects).readings(self.ground, None, base)[:2], b.cost + 0.1)

    def said_before(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "French-speaking neighbours of Nigeria"."""
        assert a.predicate is not None and b.objects is not None
        if a.gap is None or not a.named or a.use is None or not is_verbal(a.use.text):
            return
        base = b.objects.sources[0][0]
        if not b.named and not b.bare and not base.values and not isinstance(base.query, Compare | Top):
            yield from self._nouns(b, a, a.predicate.readings(self.ground, None, base)[:2], b.cost + 0.1)

    def owned_placed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Russia's Asian neighbours"."""
        if a.objects is None or b.use is None or b.gap is None:
            return
        for reading in Application(b.use, a.objects, "of").readings(self.ground)[:2]:
            yield from self._nouns(a, b, Located(b.gap).readings(self.ground, None, reading)[:2], 0.02)

    def placed_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Asian neighbours", of something said before."""
        if a.named and a.objects is not None and wordnet().nouns_of(a.text) and not is_verbal(b.text):
            yield Phrase("placed relation", text=b.text, use=b.use, gap=a.objects, cost=a.cost + b.cost)

    def placed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "European countries"."""
        assert a.objects is not None
        if a.named and len(a.objects.sources) == 1 and b.type is not None and not self._does(a, b):
            if self.linked.before(b.start) & ARTICLES:
                return  # "(is) a virus a cell"
            try:
                predicate: Predicate = Located(a.objects)
                for phrase in self._nouns(a, b, predicate.readings(self.ground, b.type)[:3], 0.08):
                    yield replace(phrase, use=b.use)
            except NoReading:
                predicate = Implied(b.text, a.objects)
                yield from self._nouns(a, b, predicate.readings(self.ground, b.type)[:3], 0.2)
