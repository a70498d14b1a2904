""" "And", "or", "not" and "except" between phrases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reasoning.query.tree import Project
from reasoning.reading.english.vocabulary import ARTICLES, HAVING
from reasoning.reading.english.word_forms import is_verb, is_verbal
from reasoning.reading.rules.chart import Phrase
from reasoning.reading.rules.grounding import NoReading
from reasoning.reading.rules.predicates import (
    Application,
    Chosen,
    Implied,
    Not,
    Objects,
    OneOf,
    Predicate,
    Related,
    Together,
)
from reasoning.reading.rules.shapes.making import Shapes

NOT_BEING = frozenset({"isn't", "aren't", "wasn't", "weren't", "not", "no"})

GETTING = frozenset({"get", "gets", "got", "getting"})
"""Verbs that make a passive as "be" does."""


def _joint(predicate: Predicate) -> str:
    """What joins the parts of a restriction, or the names in it."""
    if isinstance(predicate, Together):
        return predicate.joint
    return predicate.application.objects.joint if isinstance(predicate, Related) else ""


def _said_twice(one: Objects, other: Objects) -> bool:
    """Whether two lists of names have one in common: "accuse Peru and (boycott) Peru" is no list."""
    names = [{options[0].query for options in objects.sources} for objects in (one, other)]
    return not names[0].isdisjoint(names[1])


class JoiningShapes(Shapes):
    """Rules for words that join."""

    def negated(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "not in Europe"."""
        assert b.predicate is not None
        yield self._predicate(a, b, Not(b.predicate), use=b.use, gap=b.gap)

    def negated_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "without the euro"; and "not Spain", which takes up the verb before."""
        assert b.objects is not None
        if b.named:
            if a.text.casefold() == "without":
                yield from self.excepted(a, b)  # "European countries without Spain"
            yield self._predicate(a, b, Not(Implied(a.text, b.objects, inverse=True)), 0.05)
        elif b.bare and self.ground.lexicon.type_relation is None and a.text.casefold() in NOT_BEING:
            yield self._predicate(a, b, Not(OneOf(b.objects)))  # "aren't animals"
        yield replace(b, kind="not noun")

    def gap_not(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "that food causes and bacteria do not"."""
        if a.use is None or a.predicate is None or a.gap is None or b.objects is None or b.bare:
            return
        other = Not(Related(Application(a.use, b.objects, "gap")))
        yield self._predicate(a, b, Together((a.predicate, other), "and"), 0.05)

    def one_in(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(don't have) one in Peru", which takes up the relation before."""
        if a.text.casefold() == "one" and b.objects is not None and b.named:
            yield replace(b, kind="one in", cost=a.cost + b.cost)

    def _resumes(self, position: int) -> bool:
        """Whether "those" or "the ones" stands behind the word that joins."""
        words = [token.text.casefold() for token in self.linked.tokens[position : position + 4]]
        return "those" in words or "ones" in words

    def _either_way(self, a: Phrase, joined: int) -> bool:
        """Whether "and" follows "French or English" with neither a comma nor "either" to part them."""
        if a.predicate is None or self.linked.tokens[joined].text.casefold() != "and":
            return False
        words = {token.text.casefold() for token in self.linked.tokens[a.start : a.end]}
        return "or" in words and not words & {"either", "both"} and _joint(a.predicate) == "or"

    def _among(self) -> bool:
        return self.linked.tokens[0].text.casefold() in ("of", "out", "among", "from", "between")

    def excepted(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "except Spain"."""
        assert b.objects is not None
        yield self._predicate(a, b, Not(OneOf(b.objects)))

    def conjunction(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """Two restrictions, both or either."""
        assert a.predicate is not None and b.predicate is not None
        if b.kind == "predicate" and b.value == "of":
            return
        joint = "or" if b.kind == "or predicate" else "and"
        if b.kind == "and predicate" and self._resumes(b.start):
            joint = "or"  # "that serve Milan, and those that serve Rome"
        if joint == "and" and b.kind == "and predicate" and self._either_way(a, b.start):
            raise NoReading('"and" beside "or" may bind either way; ask in two questions')
        cost = 0.0 if b.kind != "predicate" else 0.04
        if b.kind == "and predicate" and self.linked.tokens[b.start].text == "," and self._among():
            cost += 0.2  # what is said behind the comma is said of the whole
        yield self._predicate(a, b, Together((a.predicate, b.predicate), joint), cost, use=b.use)

    def listed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "France, Spain or Italy"."""
        assert a.objects is not None and b.objects is not None
        joint = "or" if "or" in (b.kind.split()[0], b.objects.joint) else "and"
        if joint == "or" and b.kind == "and noun" and self.linked.tokens[b.start].text.casefold() == "and":
            raise NoReading('"and" beside "or" may bind either way; ask in two questions')
        comma = self.linked.tokens[b.start].text == "," and not b.objects.joint
        if comma and a.named and b.named:
            return  # "Saxony, a German state" is one thing
        if a.named and b.named and _said_twice(a.objects, b.objects):
            return
        if a.named and b.named and a.objects.joint in ("", joint):
            objects = Objects((*a.objects.sources, *b.objects.sources), joint)
            yield replace(a, objects=objects, cost=a.cost + b.cost)
        elif not a.bare and not b.bare and not a.named and not b.named:
            joining = {token.text.casefold() for token in self.linked.tokens[b.start : b.end]}
            if not joining & {"and", "or", "plus", "&", "nor", "with"}:
                return  # a comma alone puts the same thing in other words
            parts = [a.objects.sources[0][0], b.objects.sources[0][0]]
            if not any(part.values for part in parts):
                whole = self.ground.either(*parts)
                note = () if joint == "or" else ('read "and" as: any of them',)
                yield self._noun(a, [replace(whole, notes=(*whole.notes, *note))], a.cost + b.cost + 0.1)

    def elided(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "border Spain but not France"."""
        assert b.objects is not None and a.predicate is not None
        use = a.predicate.verb()
        if use is None or not b.named:
            return
        other: Predicate = Related(Application(use, b.objects, "verb"))
        if "not" in b.kind:
            other = Not(other)
        joint = "or" if b.kind.startswith("or") else "and"
        if joint == "or" and isinstance(a.predicate, Not):
            other, joint = Not(other), "and"  # "like neither chess nor tennis"
        yield self._predicate(a, b, Together((a.predicate, other), joint), 0.05)

    def exclusive(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "border France or Italy, but not both"."""
        one = a.predicate
        if isinstance(one, Together) and one.joint == "or":
            both: Predicate = Together(one.parts, "and")
        elif isinstance(one, Related) and one.application.objects.joint == "or":
            application = one.application
            both = Related(replace(application, objects=replace(application.objects, joint="and")))
        else:
            return
        yield self._predicate(a, b, Together((one, Not(both))))

    def excepted_before(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "..., China excepted"."""
        assert a.objects is not None
        if a.named and len(a.objects.sources) == 1:
            yield self._predicate(a, b, Not(OneOf(a.objects)))

    def left_out(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "leaving Spain aside"."""
        if isinstance(a.predicate, Not):
            yield replace(a, cost=a.cost + b.cost)

    def lacking(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "without neighbours", "do not have neighbours"; not "is not a neighbour"."""
        assert b.use is not None
        if a.text.casefold() in ("not", *NOT_BEING) and not self.linked.before(b.start) & HAVING:
            return
        for reading in self.ground.range_of(b.use)[:1]:
            yield self._predicate(a, b, Not(Related(Application(b.use, Objects(((reading,),)), "having"))), 0.05)

    def light_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "give aid", "signed treaties"; and "got tagged"."""
        if not is_verbal(b.text) or a.text.casefold() in GETTING or self.linked.before(b.start) & ARTICLES:
            yield replace(b, cost=a.cost + b.cost + 0.03)

    def supplied(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(does Peru) support with aid", "supplied with weapons"."""
        if b.use is not None and not isinstance(b.value, Phrase) and is_verb(a.text) and not is_verbal(b.text):
            yield replace(b, kind="relation", text=a.text, cost=b.cost + 0.05)

    def supplied_to(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "supplies Peru with aid"."""
        if a.objects is not None and not a.bare and b.use is not None and not isinstance(b.value, Phrase):
            yield self._predicate(a, b, Related(Application(b.use, a.objects, "verb")), 0.05)

    def light_test(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "cover at least 5 million km²"."""
        if b.value in ("test", "as"):
            yield replace(b, cost=a.cost + b.cost)

    def having_not(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "whose currency isn't the euro"."""
        if a.use is not None and b.objects is not None and not b.bare and not isinstance(a.value, Phrase):
            yield self._predicate(a, b, Not(Related(Application(a.use, b.objects, "having"))), 0.02)

    def having_other(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "with a currency other than the euro"."""
        one = b.predicate.of if isinstance(b.predicate, Not) else None
        if a.use is not None and isinstance(one, OneOf) and not isinstance(a.value, Phrase):
            yield self._predicate(a, b, Not(Related(Application(a.use, one.objects, "having"))), 0.02)

    def chosen_among(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "of Kenya and Uganda, who has more people"; "of the capitals of Asia, which is the largest"."""
        if a.objects is None or a.bare or b.predicate is None or self.linked.tokens[b.start].text != ",":
            return
        if not all(self.linked.filler[at] or self.linked.tokens[at].text.casefold() == "of" for at in range(a.start)):
            return
        if a.named and len(a.objects.sources) > 1 and isinstance(b.predicate, Chosen):
            whole = self.ground.either(*(options[0] for options in a.objects.sources))
            yield self._noun(a, b.predicate.readings(self.ground, None, whole), a.cost + b.cost, value="one of")
        elif not a.named and not a.objects.sources[0][0].values:
            base = a.objects.sources[0][0]
            yield from self._nouns(a, b, b.predicate.readings(self.ground, None, base)[:3])

    def said_again(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "(do) students from Peru study"."""
        if a.named or a.bare or a.objects is None or b.use is None or not is_verb(b.text):
            return
        query = a.objects.sources[0][0].query
        if isinstance(query, Project) and query.relation in b.use.relations:
            yield replace(a, cost=a.cost + b.cost + 0.12)

    def vacuous(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the emigrants from Cuba go to"."""
        if not a.named and not a.bare:
            yield replace(a, cost=a.cost + b.cost + 0.2)
