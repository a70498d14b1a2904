"""The shapes of English questions, whatever the graph: which phrases join, and what they mean together.

A rule takes two neighbouring phrases. "relation of" is a relation that waits for its object; a noun is a set; a
predicate restricts a noun. Costs say how usual a shape is where several fit; what the words and the graph say comes
on top of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from reasoning.query.tree import Compare, Operator, Top
from reasoning.questions.chart import Phrase, Rule
from reasoning.questions.constructions import inverse_of, shared
from reasoning.questions.grounding import Grounding, NoReading, Reading
from reasoning.questions.lexicon import RelationUse
from reasoning.questions.linking import Item, Linked
from reasoning.questions.measures import Comparison, Superlative, measured, values_of
from reasoning.questions.predicates import (
    Application,
    Chosen,
    Having,
    Implied,
    Located,
    Not,
    Objects,
    OneOf,
    Predicate,
    Related,
    Sharing,
    Together,
)
from reasoning.questions.vocabulary import KIND_WORDS, is_verbal, lemmas, only_noun, stems

DOING = frozenset({"do", "does", "did"})
BEING = frozenset({"is", "are", "was", "were"})
NOUN_AS_VERB = 0.2
"""What it costs to read a noun as a verb: nothing "capitals" anything."""

_LINKS = ("of", "in", "preposition", "about", "with", "as", "by")


class Grammar:
    """The rules over one question.

    Args:
        ground: puts relations to the graph.
        linked: the question's words.
    """

    def __init__(self, ground: Grounding, linked: Linked) -> None:
        self.ground, self.kg, self.linked = ground, ground.kg, linked
        self.rules: dict[tuple[str, str], list[Rule]] = {}
        for prepositions, kind in ((("of",), "relation of"), (("by",), "relation by"), (_LINKS[1:6], "relation in")):
            for word in prepositions:
                self._rule(("relation", word), self._waiting(kind))
        for kinds, rule in (
            (("relation", "type"), self.typed_relation),
            (("relation", "relation"), self.one_relation),
            (("relation of", "noun"), self.noun_of),
            (("relation in", "noun"), self.noun_or_verb),
            (("relation by", "noun"), self.passive),
            (("relation", "noun"), self.verb),
            (("relation", "noun"), self.apposition),
            (("type", "noun"), self.apposition),
            (("relation", "predicate"), self.of_subject),
            (("relation", "predicate"), self.restricted_range),
            (("noun", "possessive"), self.owner),
            (("owner", "relation"), self.owned),
            (("noun", "relation"), self.compound),
            (("noun", "relation"), self.gap),
            (("noun", "relation of"), self.gap),
            (("noun", "relation in"), self.gap),
            (("noun", "relation by"), self.gap_by),
            (("noun", "light"), self.light_gap),
            (("noun", "in"), self.place_of),
            (("noun", "about"), self.light_gap),
            (("type", "relation"), self.parted),
            (("parted", "predicate"), self.completed),
            (("noun", "type"), self.placed),
            (("noun", "predicate"), self.restricted),
            (("type", "predicate"), self.restricted_type),
            (("predicate", "type"), self.asked_last),
            (("noun", "type"), self.being),
            (("predicate", "type"), self.reduced),
            (("predicate", "relation"), self.asked_last),
            (("not", "predicate"), self.negated),
            (("not", "noun"), self.negated_noun),
            (("except", "noun"), self.excepted),
            (("and", "predicate"), self.joined("and predicate")),
            (("or", "predicate"), self.joined("or predicate")),
            (("and", "noun"), self.joined("and noun")),
            (("or", "noun"), self.joined("or noun")),
            (("and", "not noun"), self.joined("and not noun")),
            (("and", "and"), self.joined("and")),
            (("in", "in"), self.joined("in")),
            (("and", "or"), self.joined("or")),
            (("and", "except"), self.joined("except")),
            (("predicate", "and predicate"), self.conjunction),
            (("predicate", "or predicate"), self.conjunction),
            (("predicate", "predicate"), self.conjunction),
            (("noun", "and noun"), self.listed),
            (("noun", "or noun"), self.listed),
            (("predicate", "and noun"), self.elided),
            (("predicate", "or noun"), self.elided),
            (("predicate", "not noun"), self.elided),
            (("predicate", "and not noun"), self.elided),
            (("in", "noun"), self.located),
            (("of", "noun"), self.located),
            (("preposition", "noun"), self.implied),
            (("about", "noun"), self.implied),
            (("by", "noun"), self.implied),
            (("of", "noun"), self.implied),
            (("in", "noun"), self.implied),
            (("light", "noun"), self.implied),
            (("with", "noun"), self.implied_having),
            (("with", "relation"), self.joined("having")),
            (("with", "predicate"), self.with_predicate),
            (("having", "noun"), self.having),
            (("having", "predicate"), self.having_predicate),
            (("noun", "as"), self.joined("noun as", first=True)),
            (("noun as", "relation"), self.as_relation),
            (("share", "relation"), self.joined("sharing")),
            (("same", "relation"), self.joined("sharing")),
            (("co", "relation"), self.joined("co-relation")),
            (("share", "sharing"), self.joined("sharing")),
            (("relation", "together"), self.joined("co-relation", first=True)),
            (("noun", "together"), self.joined("noun", first=True)),
            (("relation", "share"), self.joined("sharing", first=True)),
            (("same", "noun"), self.same_noun),
            (("sharing with", "noun"), self.sharing),
            (("co-relation with", "noun"), self.sharing),
            (("noun", "co-relation"), self.sharing_gap),
            (("noun", "co-relation with"), self.sharing_gap),
            (("noun", "sharing"), self.sharing_gap),
            (("relation by", "predicate"), self.by_same),
            (("in", "predicate"), self.by_same),
            (("compare", "number"), self.test),
            (("relation", "test"), self.comparison),
            (("relation of", "test"), self.comparison),
            (("having", "test"), self.comparison),
            (("test", "relation"), self.comparison),
            (("with", "test"), self.joined("test")),
            (("noun", "test"), self.compared_value),
            (("number", "most"), self.superlative),
            (("ordinal", "most"), self.ordinal),
            (("number", "type"), self.numbered),
            (("type", "by measure"), self.measured_type),
            (("between", "number"), self.joined("from")),
            (("from", "and"), self.joined("from and", first=True)),
            (("from and", "number"), self.range),
            (("predicate", "xor"), self.exclusive),
            (("and noun", "excepted"), self.excepted_before),
            (("or", "in"), self.joined("or", first=True)),
            (("and", "in"), self.joined("and", first=True)),
            (("or", "of"), self.joined("or", first=True)),
            (("or", "by"), self.joined("or", first=True)),
            (("with", "not"), self.joined("not")),
            (("not", "relation"), self.lacking),
            (("light", "relation"), self.light_relation),
            (("noun", "light"), self.vacuous),
            (("noun", "compared"), self.compared),
            (("type", "relation"), self.modified),
            (("type", "co-relation"), self.modified),
            (("in", "type"), self.joined("in type")),
            (("predicate", "in type"), self.put_in),
            (("type", "of"), self.joined("type of", first=True)),
            (("type of", "type"), self.type_of_type),
            (("type", "noun"), self.what_it_is),
            (("their", "relation"), self.joined("relation")),
            (("their", "type"), self.joined("type")),
            (("their", "noun"), self.joined("noun")),
            (("relation in", "their"), self.joined("relation their", first=True)),
            (("relation of", "their"), self.joined("relation their", first=True)),
            (("relation their", "type"), self._theirs),
            (("relation", "predicate"), self.of_theirs),
            (("compare", "noun"), self.compare_noun),
            (("compare noun", "by measure"), self.compared_by),
            (("and", "xor"), self.joined("xor")),
            (("noun", "not"), self.joined("noun not", first=True)),
            (("and", "relation"), self.joined("and relation")),
            (("or", "relation"), self.joined("or relation")),
            (("relation", "and relation"), self.relations),
            (("relation", "or relation"), self.relations),
            (("relations", "noun"), self.verbs),
            (("noun", "relations"), self.verbs),
            (("or", "preposition"), self.joined("or", first=True)),
            (("or", "about"), self.joined("or", first=True)),
            (("where", "noun"), self.where_clause),
            (("most", "number"), self.superlative),
            (("most", "noun"), self.best),
            (("most", "relation"), self.best_by),
            (("with", "best by"), self.joined("best by")),
            (("by", "relation"), self.joined("by measure")),
            (("noun", "by measure"), self.ranked_by),
            (("many", "noun"), self.counted),
            (("where", "noun"), self.where),
            (("where", "predicate"), self.joined("predicate")),
            (("when", "noun"), self.when),
            (("when", "predicate"), self.when_predicate),
        ):
            self._rule(kinds, rule)
        for kind in ("sharing", "co-relation"):
            for word in _LINKS:
                self._rule((kind, word), self.joined(f"{kind} with", first=True))
        for kinds in (("noun", "relation"), ("noun", "relation of"), ("noun", "relation in"), ("noun", "relation by")):
            self._rule(("noun not", kinds[1]), self._not_gap(self.gap_by if kinds[1] == "relation by" else self.gap))
        for word in ("in", "preposition", "about", "with"):
            self._rule(("having", word), self._waiting("relation in"))
        for word in _LINKS:
            self._rule(("light", word), self.joined("light", first=True))
        self._rule(("light", "compare"), self.joined("light", first=True))  # "fall under"

    def _rule(self, kinds: tuple[str, str], rule: Rule) -> None:
        self.rules.setdefault(kinds, []).append(rule)

    # Words --------------------------------------------------------------------------------------------------------

    def lexical(self, items: list[Item]) -> Iterator[Phrase]:
        """The phrases that single stretches make."""
        for item in items:
            if item.kind == "entity":
                assert item.mention is not None
                objects = Objects((self.ground.entities(item.mention, item.cost),))
                kind = "owner" if item.value == "owner" else "noun"
                yield Phrase(kind, item.start, item.end, text=item.text, objects=objects, named=True)
            elif item.kind not in ("word", "unsayable"):
                yield Phrase(
                    item.kind, item.start, item.end, 0.0, item.text, use=item.use, type=item.type, value=item.value
                )

    def alone(self, phrase: Phrase) -> Iterator[Phrase]:
        """What a phrase is also by itself."""
        if phrase.kind == "type" and phrase.type is not None and phrase.type.entity is not None:
            reading = self.ground.of_type(phrase.type.entity).at(phrase.type.cost)
            yield self._noun(phrase, [reading], 0.1, bare=True, type=phrase.type, use=phrase.use)
        elif phrase.kind == "relation" and phrase.use is not None:
            for reading in self.ground.range_of(phrase.use):
                yield self._noun(phrase, [reading.at(0.15)], 0.1, bare=True)
        elif phrase.kind == "most":
            yield self._choice(phrase, self._superlative(phrase, None, 1), 0.05)
        elif phrase.kind == "best by":
            yield self._choice(phrase, cast(Superlative, phrase.value), 0.0)

    # Making phrases -----------------------------------------------------------------------------------------------

    def _noun(self, a: Phrase, readings: list[Reading], cost: float = 0.0, **more: object) -> Phrase:
        return replace(
            Phrase("noun", text=a.text, cost=cost, objects=Objects((tuple(readings),))),
            **more,  # type: ignore[arg-type]
        )

    def _nouns(self, a: Phrase, b: Phrase, readings: list[Reading], cost: float = 0.0) -> Iterator[Phrase]:
        structure = (0.0 if a.objects is not None and a.named else a.cost) + b.cost + cost
        for reading in readings:
            yield self._noun(a, [reading], structure)

    def _predicate(self, a: Phrase, b: Phrase, predicate: Predicate, cost: float = 0.0, **more: object) -> Phrase:
        try:
            options = predicate.options(self.ground, None)
            if not options:
                raise NoReading("its parts do not fit together")
            estimate = min(
                c + sum(part.reading.cost for part in parts if part.reading is not None) for c, parts in options
            )
        except NoReading:
            if not isinstance(predicate, Located | Implied | Related | Together | Not):
                raise
            estimate = 0.4
        return replace(
            Phrase("predicate", text=a.text, cost=a.cost + b.cost + cost, predicate=predicate, estimate=estimate),
            **more,  # type: ignore[arg-type]
        )

    def _choice(self, a: Phrase, choice: Comparison | Superlative, cost: float) -> Phrase:
        return Phrase("predicate", text=a.text, cost=a.cost + cost, predicate=Chosen(choice))

    def _waiting(self, kind: str) -> Rule:
        def rule(a: Phrase, b: Phrase) -> Iterator[Phrase]:
            yield replace(a, kind=kind, value=b.text)

        return rule

    def joined(self, kind: str, first: bool = False) -> Rule:
        """A rule that keeps one of two phrases under a new name."""

        def rule(a: Phrase, b: Phrase) -> Iterator[Phrase]:
            kept = a if first else b
            yield replace(kept, kind=kind, cost=a.cost + b.cost)

        return rule

    # Relations as nouns -------------------------------------------------------------------------------------------

    def typed_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "neighbouring countries", "capital city"."""
        if a.type is None and b.type is not None and not _past(a.text):
            yield replace(a, type=b.type, cost=a.cost + b.cost + b.type.cost + 0.02)

    def one_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "languages spoken", "release date"."""
        if a.text.endswith(" by") or set(stems(a.text)) & set(stems(b.text)):
            return
        if (use := shared(a.use, b.use)) is not None:
            yield replace(a, use=replace(use, text=a.text), cost=a.cost + b.cost + 0.02)

    def noun_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the capital of France"."""
        assert a.use is not None and b.objects is not None
        if b.bare:
            return
        yield from self._applied_noun(a, a.use, b.objects, b)
        yield self._predicate(a, b, Related(Application(a.use, b.objects, "of")), 0.05)

    def _applied_noun(
        self, a: Phrase, use: RelationUse, objects: Objects, b: Phrase, cost: float = 0.0
    ) -> Iterator[Phrase]:
        both_said = "both" in self.linked.before(b.start if b.start > a.start else a.end)
        if len(objects.sources) > 1 and objects.joint != "or" and not both_said:
            # "the capital of Japan and France"
            readings = [
                self.ground.apply(use, options, inverse_of(use, "of"), a.type, noun=True) for options in objects.sources
            ]
            both = self.ground.either(*(found[0] for found in readings))
            note = 'read "and" as: of any of them'
            yield from self._nouns(a, b, [replace(both, notes=(*both.notes, note))], cost)
            return
        application = Application(use, objects, "of")
        yield from self._nouns(a, b, application.readings(self.ground, a.type), cost)

    def noun_or_verb(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "languages spoken in Peru", and "born in Peru"."""
        assert a.use is not None and b.objects is not None
        if b.bare:
            return
        try:
            if not is_verbal(a.text):
                yield from self._applied_noun(a, a.use, b.objects, b, 0.03)
        except NoReading:
            pass
        yield self._predicate(a, b, Related(Application(a.use, b.objects, "verb")), 0.0 if is_verbal(a.text) else 0.06)

    def passive(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "directed by Ann"."""
        assert a.use is not None and b.objects is not None
        if not b.bare:
            yield self._predicate(a, b, Related(Application(a.use, b.objects, "by")))

    def verb(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "border France"; and "which capital does France have", "how big is France"."""
        assert a.use is not None and b.objects is not None
        if b.bare:
            return
        if a.text.endswith(" by"):
            yield self._predicate(a, b, Related(Application(a.use, b.objects, "by")))
            return
        asked = a.text.casefold().startswith("how ") or measured(a.use, self.kg) is not None
        if asked or self.linked.before(b.start) & (DOING | BEING):
            yield from self._applied_noun(a, a.use, b.objects, b, 0.05)
        cost = NOUN_AS_VERB if a.type is None and only_noun(a.text) else 0.0
        yield self._predicate(a, b, Related(Application(a.use, b.objects, "verb")), cost)

    def owner(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "France's"."""
        if not a.bare:
            yield replace(a, kind="owner")
        else:
            yield replace(a, kind="owner", cost=a.cost + 0.1)

    def owned(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "France's capital"; and "whose": "which country's capital"."""
        assert b.use is not None and a.objects is not None
        if a.bare:
            yield replace(b, kind="having", text=b.text, type=None, value=a, cost=a.cost + b.cost)
            return
        yield from self._applied_noun(b, b.use, a.objects, a)

    def compound(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the Psycho director"."""
        assert b.use is not None and a.objects is not None
        if a.named and len(a.objects.sources) == 1 and not is_verbal(b.text):
            yield from self._applied_noun(b, b.use, a.objects, a, 0.12)

    def apposition(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the film Psycho", "the actor Tom Hanks"."""
        if (
            not b.named
            or b.objects is None
            or len(b.objects.sources) != 1
            or (a.kind == "relation" and is_verbal(a.text))
        ):
            return
        kind = a.type if a.kind == "type" else None
        if a.kind == "relation" and a.use is not None:
            kind = self.ground.lexicon.kind(a.text, tuple(a.text.casefold().split()))
            if kind is None:
                return
        members = self.ground.wanted(kind)
        found = [r for r in b.objects.sources[0] if members is None or int(r.members[0]) in _Set(members)]
        if found:
            kept = tuple(replace(reading, rank=0) for reading in found)
            yield replace(b, objects=Objects((kept,)), cost=a.cost + b.cost + 0.02)
            if a.kind == "relation" and a.use is not None:
                # "the actors of the writer Ann": of what she wrote
                made = Application(a.use, Objects((kept,)), "having").readings(self.ground)
                yield from self._nouns(a, b, made[:2], 0.3)

    # Restrictions -------------------------------------------------------------------------------------------------

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
        yield from self._nouns(a, b, b.predicate.readings(self.ground, None, base)[:4], cost)

    def restricted_range(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "capitals that have the most people", "directors who also acted in ..."."""
        assert a.use is not None and b.predicate is not None
        if is_verbal(a.text) or b.value == "of":
            return
        for base in self.ground.range_of(a.use):
            readings = [r for r in b.predicate.readings(self.ground, None, base) if len(r.members)]
            yield from self._nouns(a, b, readings[:4], 0.35)

    def of_subject(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "which languages does Peru speak", "what genres do the films of Ann fall under"."""
        if b.gap is None or a.use is None or is_verbal(a.text) or b.value == "sharing":
            return
        if b.use is None:
            yield from self._applied_noun(a, a.use, b.gap, b, 0.05)
        elif (use := shared(a.use, b.use)) is not None:
            yield from self._applied_noun(a, replace(use, text=a.text), b.gap, b, 0.0)

    def gap(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "that Ann directed", "is Tokyo the capital of", "do the countries ... speak"."""
        assert b.use is not None and a.objects is not None
        if a.bare:
            return
        as_noun = b.kind == "relation of"
        cost = NOUN_AS_VERB if b.kind == "relation" and only_noun(b.text) else 0.02
        fixed = as_noun and self.ground.lexicon.type_relation is not None
        application = Application(b.use, a.objects, "having" if as_noun else "gap", fixed)
        yield self._predicate(a, b, Related(application), cost, use=b.use, gap=a.objects, named=a.named)

    def gap_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films of Ann were written by (whom)"."""
        assert b.use is not None and a.objects is not None
        if not a.bare:
            application = Application(b.use, a.objects, "verb")
            yield self._predicate(a, b, Related(application), 0.02, use=b.use, gap=a.objects)

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
        parts = tuple(Related(Application(use, noun.objects, construction)) for use in (one.use, two.use))
        yield self._predicate(a, b, Together(parts, two.kind.split()[0]), 0.03)

    def light_gap(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "Ann appears in (what)"."""
        assert a.objects is not None
        if not a.bare:
            yield self._predicate(a, b, Implied(b.text, a.objects), 0.05, gap=a.objects)

    def place_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "is Paris in"."""
        assert a.objects is not None
        if not a.bare and len(a.objects.sources) == 1:
            yield self._predicate(a, b, Located(a.objects, outwards=True), 0.02, gap=a.objects)

    def placed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "European countries"."""
        assert a.objects is not None
        if a.named and len(a.objects.sources) == 1 and b.type is not None:
            try:
                predicate: Predicate = Located(a.objects)
                yield from self._nouns(a, b, predicate.readings(self.ground, b.type)[:3], 0.08)
            except NoReading:
                predicate = Implied(b.text, a.objects)
                yield from self._nouns(a, b, predicate.readings(self.ground, b.type)[:3], 0.2)

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
        """"Psycho is a film", of which more is said behind."""
        if a.named and self.linked.before(b.start) & BEING:
            for phrase in self.apposition(b, a):
                yield replace(phrase, cost=phrase.cost + 0.05)

    def parted(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films were released", of which more is said behind."""
        yield replace(b, kind="parted", type=a.type, cost=a.cost + b.cost)

    def completed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the films were released whose director is Ann"."""
        assert a.use is not None and b.predicate is not None
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
        yield replace(a, kind="type", text=text, type=replace(a.type, text=text), cost=a.cost + 0.02)

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

    # Joining ------------------------------------------------------------------------------------------------------

    def negated(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "not in Europe"."""
        assert b.predicate is not None
        yield self._predicate(a, b, Not(b.predicate), use=b.use, gap=b.gap)

    def negated_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "without the euro"; and "not Spain", which takes up the verb before."""
        assert b.objects is not None
        if b.named:
            yield self._predicate(a, b, Not(Implied(a.text, b.objects, inverse=True)), 0.05)
        yield replace(b, kind="not noun")

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
        cost = 0.0 if b.kind != "predicate" else 0.04
        yield self._predicate(a, b, Together((a.predicate, b.predicate), joint), cost, use=b.use)

    def listed(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "France, Spain or Italy"."""
        assert a.objects is not None and b.objects is not None
        joint = "or" if "or" in (b.kind.split()[0], b.objects.joint) else "and"
        if a.named and b.named and a.objects.joint in ("", joint):
            objects = Objects((*a.objects.sources, *b.objects.sources), joint)
            yield replace(a, objects=objects, cost=a.cost + b.cost)
        elif not a.bare and not b.bare and not a.named and not b.named:
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
        if a.named:
            yield self._predicate(a, b, Not(OneOf(a.objects)))

    def lacking(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "without neighbours"."""
        assert b.use is not None
        for reading in self.ground.range_of(b.use)[:1]:
            yield self._predicate(a, b, Not(Related(Application(b.use, Objects(((reading,),)), "having"))), 0.05)

    def light_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "give aid", "signed treaties"."""
        if not is_verbal(b.text):
            yield replace(b, cost=a.cost + b.cost + 0.03)

    def vacuous(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the emigrants from Cuba go to"."""
        if not a.named and not a.bare:
            yield replace(a, cost=a.cost + b.cost + 0.2)

    # Prepositions -------------------------------------------------------------------------------------------------

    def located(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "in Asia"."""
        assert b.objects is not None
        if not b.bare and self.ground.lexicon.location:
            yield self._predicate(a, b, Located(b.objects), 0.0 if a.kind == "in" else 0.05, value=a.kind)

    def implied(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "about Paris", "of Ann"."""
        assert b.objects is not None
        typed = self.ground.lexicon.type_relation is not None
        if not b.bare and not (typed and a.kind in ("in", "of", "by")):
            yield self._predicate(a, b, Implied(a.text, b.objects), 0.1, value=a.kind)

    def implied_having(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "with the euro"."""
        assert b.objects is not None
        if not b.bare and b.named:
            yield self._predicate(a, b, Implied(a.text, b.objects, inverse=True), 0.1)

    def with_predicate(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "have the largest area", "with the same currency as"."""
        if isinstance(b.predicate, Chosen | Sharing) or b.value == "as":
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
        yield self._predicate(a, b, Related(Application(b.use, a.objects, "having")), value="as")

    # Sharing ------------------------------------------------------------------------------------------------------

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

    def by_same(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "directed by the same director as Psycho"."""
        if isinstance(b.predicate, Sharing) and (a.use is None or shared(a.use, b.predicate.use) is not None):
            yield replace(b, cost=a.cost + b.cost)

    # Numbers ------------------------------------------------------------------------------------------------------

    def test(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "more than 5 million"."""
        yield Phrase("test", text=a.text, value=((a.value, b.value),))

    def range(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "between 1 and 5 million"."""
        yield Phrase("test", text=a.text, value=((">=", a.value), ("<=", b.value)))

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
            yield from self._whose(a, phrase)

    def _comparisons(self, name: str, test: Phrase) -> list[Comparison]:
        """What a test says of a relation's values; two comparisons where it is a range."""
        parts = cast(tuple[tuple[Operator, int | float], ...], test.value)
        return [Comparison(name, operator, value) for operator, value in parts]

    def compared_value(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the population of France is over 60 million"."""
        assert a.objects is not None
        for reading in a.objects.sources[0]:
            if reading.values and hasattr(reading.query, "relation"):
                name, source = reading.query.relation, reading.query.children[0]
                whole = replace(reading, query=source, values=False)
                for choice in self._comparisons(name, b):
                    whole = choice.put_to(whole, self.kg)
                yield self._noun(a, [whole], a.cost + b.cost, value="compared")

    def ordinal(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the second largest"."""
        largest, relations, *_ = cast(tuple[bool, tuple[str, ...]], b.value)
        yield replace(b, kind="most", value=(largest, relations, 1, a.value))

    def numbered(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "five countries", of which a superlative says which."""
        if isinstance(a.value, int) and 0 < a.value <= 1000 and b.type is not None:
            yield replace(b, value=a.value, cost=a.cost + b.cost)

    def measured_type(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "country by area"."""
        if measured(b.use, self.kg) is not None:
            yield replace(a, use=b.use, cost=a.cost + b.cost + 0.01)

    def superlative(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the 3 largest"."""
        most, number = (a, b) if a.kind == "most" else (b, a)
        if isinstance(number.value, int) and 0 < number.value <= 1000:
            yield replace(most, kind="most", value=(*cast(tuple[object, ...], most.value)[:2], number.value))

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
            most, reading = cast(tuple[Phrase, Reading], a.value)
            choice = self._superlative(most, use, 1, self._plural(0, replace(a, text=a.text)))
            yield self._noun(a, [choice.put_to(reading, self.kg)], a.cost + b.cost)

    def compare_noun(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "larger than Chile"."""
        yield replace(b, kind="compare noun", value=a.value)

    def compared_by(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "larger than Chile by area"."""
        use = measured(b.use, self.kg)
        if use is not None and a.named:
            operator = str(a.value or "")
            most = Superlative(1, operator.startswith(">"), use.relations[:1], a.text)
            yield Phrase("compared", text=a.text, value=(most, a), cost=a.cost + b.cost)

    def compared(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "is Peru larger than Chile by area"."""
        assert a.objects is not None
        most, other = cast(tuple[Superlative, Phrase], b.value)
        if a.named and len(a.objects.sources) == 1 and other.objects is not None:
            one, two = a.objects.sources[0][0], other.objects.sources[0][0]
            whole = most.put_to(self.ground.either(one, two), self.kg)
            yield self._noun(a, [self.ground.both(whole, one)], a.cost + b.cost, value="compared")

    # Questions ----------------------------------------------------------------------------------------------------

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
        if not b.bare and len(b.objects.sources) == 1:
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


def _past(text: str) -> bool:
    """Whether a relation is said in a form that no noun follows: "written", "written by"."""
    return text.endswith(" by") or (is_verbal(text) and not text.endswith("ing"))


class _Set:
    """Membership in a sorted array."""

    def __init__(self, members: object) -> None:
        self._members = members

    def __contains__(self, entity: int) -> bool:
        import numpy as np

        members = np.asarray(self._members)
        at = int(np.searchsorted(members, entity))
        return at < len(members) and int(members[at]) == entity
