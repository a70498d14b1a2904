"""A relation as a noun or a verb with what it is put to: "the capital of France", "border France"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from reasoning.query.tree import Entity, Project
from reasoning.reading.english.vocabulary import ARTICLES, BEHIND_VERBS, BEING, DOING, HAVING, KIND_WORDS
from reasoning.reading.english.word_forms import is_noun, is_verb, is_verbal, lemmas, only_noun, stem, stems
from reasoning.reading.lexicon import RelationUse
from reasoning.reading.rules.chart import Phrase
from reasoning.reading.rules.constructions import said_way, shared
from reasoning.reading.rules.grounding import GroundedReading, NoReading
from reasoning.reading.rules.grounding.options import OWN
from reasoning.reading.rules.measures import measured
from reasoning.reading.rules.predicates import (
    Application,
    Implied,
    Objects,
    Related,
)
from reasoning.reading.rules.shapes.making import Shapes

UNFIT, UNSAID_VERB = 0.4, 0.25
"""From what estimate on a verb does not fit its subject, and what it costs to go by the nouns beside it alone."""

AS_NOUN = 0.1
"""What it costs to take what may be a verb for the kind of the name behind it."""

NOUN_AS_VERB = 0.2
"""What it costs to read a noun as a verb: nothing "capitals" anything."""


_WAYS = {"from": False, "by": False, "to": True, "against": True, "on": True, "upon": True, "towards": True}
"""Whether what stands behind a noun and a preposition is whom it is done to: "aid from Peru", "action against Peru"."""


class RelationShapes(Shapes):
    """Rules for a relation and its objects."""

    def typed_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "neighbouring countries", "capital city"."""
        # "countries border" is no border
        nothing = b.type is not None and b.type.entity is None and b.type.members is None and a.text.endswith("s")
        # "directors that the actors ...", "allies have embassies"
        apart = self.linked.before(b.start) & (HAVING | {"that", "who", "which"})
        does = is_verb(a.text) and not is_noun(a.text) and a.text.endswith("s")  # "manages people"
        if a.type is None and b.type is not None and not (_past(a.text) or nothing or apart or does):
            yield replace(a, type=b.type, cost=a.cost + b.cost + b.type.cost + 0.02)

    def one_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "languages spoken", "release date"."""
        if a.text.endswith(" by") or set(stems(a.text)) & set(stems(b.text)):
            return
        apart = {"a", "an", "the"} if only_noun(a.text) else {"a", "an"}
        if not is_verbal(b.text) and self.linked.before(b.start) & apart:
            return  # "border a neighbour", "directors that the actors ..."
        if (use := shared(a.use, b.use)) is not None:
            yield replace(a, use=replace(use, text=a.text), cost=a.cost + b.cost + 0.02)

    def noun_of(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the capital of France"."""
        assert a.use is not None and b.objects is not None
        if b.bare:
            return
        first, *behind = a.text.split()
        if behind and is_verbal(first) and is_noun(behind[-1]) and self.ground.lexicon.type_relation is None:
            yield self._predicate(a, b, Related(Application(a.use, b.objects, "verb")), 0.02)
            return  # "expelled diplomats of Peru"
        # "the kind of money that is used" is that money
        kind = 0.2 if not b.named and KIND_WORDS & set(lemmas(a.text)) else 0.0
        yield from self._applied_noun(a, a.use, b.objects, b, kind)
        yield self._predicate(a, b, Related(Application(a.use, b.objects, "of")), 0.05)

    def _applied_noun(
        self, a: Phrase, use: RelationUse, objects: Objects, b: Phrase, cost: float = 0.0, way: bool | None = None
    ) -> Iterator[Phrase]:
        both_said = "both" in self.linked.before(b.start if b.start > a.start else a.end)
        if len(objects.sources) > 1 and objects.joint != "or" and not both_said:
            # "the capital of Japan and France"
            readings = [self.ground.apply(use, options, "of", a.type) for options in objects.sources]
            both = self.ground.either(*(found[0] for found in readings))
            note = 'read "and" as: of any of them'
            yield from self._nouns(a, b, [replace(both, notes=(*both.notes, note))], cost)
            return
        construction = "of" if way is None else "to" if way else "from"
        application = Application(use, objects, construction)
        yield from self._nouns(a, b, application.readings(self.ground, a.type), cost)

    def _said_otherwise(self, a: Phrase) -> bool:
        """Whether a verb's preposition is another than its relation's: "works with" is not "works in"."""
        if str(a.value).casefold() not in ("with", "against") or not is_verb(a.text) or a.use is None:
            return False
        labels = [self.ground.lexicon.shapes[name].casefold().split() for name in a.use.relations]
        ends = {label[-1] for label in labels if len(label) > 1 and stem(label[-2]) in stems(a.text)}
        return bool(ends & BEHIND_VERBS) and str(a.value).casefold() not in ends

    def _is_verbal(self, phrase: Phrase) -> bool:
        """Whether a phrase ends in a participle; "a warning" is a noun."""
        noun = is_noun(phrase.text) and self.linked.before(phrase.start) & ARTICLES
        return is_verbal(phrase.text) and not (phrase.text.casefold().endswith("ing") and noun)

    def noun_or_verb(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "languages spoken in Peru", and "born in Peru"."""
        assert a.use is not None and b.objects is not None
        if b.bare or self._said_otherwise(a):
            return
        try:
            if not self._is_verbal(a):
                way = _WAYS.get(str(a.value).casefold()) if self.ground.lexicon.type_relation is None else None
                yield from self._applied_noun(a, a.use, b.objects, b, 0.03, way)
        except NoReading:
            pass
        # "Tourists from France" leave it, whether they or where they go is asked for.
        construction = "gap" if a.value == "from" and not _verb(a.text) else "verb"
        construction = "participle" if construction == "verb" and self._is_verbal(a) else construction
        cost = 0.0 if self._is_verbal(a) else 0.06
        yield self._predicate(a, b, Related(Application(a.use, b.objects, construction)), cost)

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
        for reading in self._same_step(a, b):
            yield self._predicate(a, b, Related(Application(a.use, Objects(((reading,),)), "verb")), 0.03)
        asked = a.text.casefold().startswith("how ") or measured(a.use, self.kg) is not None
        owned = a.start and self.linked.tokens[a.start - 1].text.casefold() == "whose"  # "whose mother is Ann"
        if asked or (self.linked.before(b.start) & (DOING | BEING) and not owned):
            yield from self._applied_noun(a, a.use, b.objects, b, 0.05)
        cost = NOUN_AS_VERB if a.type is None and only_noun(a.text) else 0.0
        found = self._predicate(a, b, Related(Application(a.use, b.objects, "verb")), cost)
        yield found
        label = self.ground.lexicon.shapes[a.use.relations[0]]
        said = a.use.costs[:1] <= (OWN,) and said_way(label, a.text, "verb") is not None
        untyped = self.ground.lexicon.type_relation is None
        if found.estimate >= UNFIT and untyped and not said and not only_noun(a.text):
            # "a musician who plays the harp", where what is played is teams
            yield self._predicate(a, b, Implied(a.text, b.objects), UNSAID_VERB)

    def _same_step(self, a: Phrase, b: Phrase) -> Iterator[GroundedReading]:
        """What a relation is put to where a verb and its object are both of its name: "expelled French diplomats"."""
        assert a.use is not None and b.objects is not None
        said = stem(a.text)
        for reading in b.objects.sources[0] if not b.named and len(b.objects.sources) == 1 else ():
            query = reading.query
            if isinstance(query, Project) and query.relation in a.use.relations and isinstance(query.source, Entity):
                words = self.ground.lexicon.words.get(query.relation, ())
                if said in stems(" ".join(words[:-1])):
                    yield self.ground.named(query.source)

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
        if self.linked.before(b.start) & ARTICLES or b.text.split()[-1].casefold() in BEHIND_VERBS:
            return  # "(is) Ben the mother of", "(was) Graz born in"
        if self._does(a, b):
            return
        if self.linked.before(b.start) & HAVING:
            return  # "countries in Africa have a capital"
        if a.named and len(a.objects.sources) == 1 and not is_verbal(b.text):
            kinds = self.ground.led_to(b.use)
            own = tuple(r for r in a.objects.sources[0] if set(self.ground.kinds(r.members).tolist()) & kinds)
            if self.ground.lexicon.type_relation is None:
                members = self.ground.wanted(self.ground.lexicon.kind(b.text, tuple(b.text.casefold().split())))
                own = (
                    ()
                    if members is None
                    else tuple(r for r in a.objects.sources[0] if int(r.members[0]) in _Set(members))
                )
            if b.text.casefold().endswith("s") and b.text.casefold() not in lemmas(b.text):
                own = ()  # "Bolivia neighbours"
            if own:  # "the Spanish language", "Kathmandu time"
                yield replace(a, objects=Objects((own,)), cost=a.cost + b.cost + 0.02)
            yield from self._applied_noun(b, b.use, a.objects, a, 0.12 + 0.3 * bool(own))

    def _does(self, a: Phrase, b: Phrase) -> bool:
        """Whether one phrase is the verb of another: "(does) Ada employ"."""
        return is_verb(b.text) and bool(self.linked.before(a.start) & DOING)

    def of_its_kind(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the Spanish language", "Schiphol airport"."""
        assert a.objects is not None and b.type is not None
        if a.named and b.type.entity is not None and len(a.objects.sources) == 1 and not b.text.endswith("s"):
            kind = b.type.entity
            own = tuple(r for r in a.objects.sources[0] if kind in self.ground.kinds(r.members).tolist())
            if own:
                yield replace(a, objects=Objects((own,)), cost=a.cost + b.cost + 0.02)

    def of_name(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the region of Brittany", which is Brittany."""
        if b.named and not a.text.endswith("s"):
            yield from self.of_its_kind(b, replace(a, text=a.text, cost=a.cost))

    def is_relation(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "where Spanish is the language"."""
        assert b.use is not None and a.objects is not None
        if not a.bare and not is_verbal(b.text) and self.linked.before(b.start) & BEING:
            predicate = Related(Application(b.use, a.objects, "having", fixed=True))
            yield self._predicate(a, b, predicate, 0.05, value="as", use=b.use)

    def apposition(self, a: Phrase, b: Phrase) -> Iterator[Phrase]:
        """ "the film Psycho", "the actor Tom Hanks"."""
        if a.start < b.start and self.linked.before(b.start) & (BEING | DOING):
            return  # "(whose) mother is Ann", "films did Ann (direct)"
        if (
            not b.named
            or b.objects is None
            or len(b.objects.sources) != 1
            or (a.kind == "relation" and is_verbal(a.text))
        ):
            return
        kind = a.type if a.kind == "type" else None
        untyped = self.ground.lexicon.type_relation is None
        if untyped and a.text.endswith("s") and only_noun(a.text):
            return  # "the nations Peru borders"
        if a.kind == "relation" and a.use is not None:
            kind = self.ground.lexicon.kind(a.text, tuple(a.text.casefold().split()))
            if kind is None:
                return
        members = self.ground.wanted(kind)
        found = [r for r in b.objects.sources[0] if members is None or int(r.members[0]) in _Set(members)]
        if found:
            kept = tuple(replace(reading, rank=0) for reading in found)
            guessed = kind.cost if untyped and kind is not None and members is None else 0.0
            if untyped and is_verb(a.text) and not self.linked.before(a.start) & ARTICLES and a.start:
                guessed += AS_NOUN  # "and boycott Peru"
            yield replace(b, objects=Objects((kept,)), cost=a.cost + b.cost + 0.02 + guessed)
            if a.kind == "relation" and a.use is not None:
                # "the actors of the writer Ann": of what she wrote
                made = Application(a.use, Objects((kept,)), "having").readings(self.ground)
                yield from self._nouns(a, b, made[:2], 0.3)


def _verb(text: str) -> bool:
    """Whether a word is a verb first: not "exports", but "received"."""
    return is_verb(text) and not is_noun(text)


def _past(text: str) -> bool:
    """Whether a relation is said in a form that no noun follows: "written", "written by"."""
    return text.endswith(" by") or (is_verbal(text) and not text.endswith("ing"))


class _Set:
    """Membership in a sorted array."""

    def __init__(self, members: object) -> None:
        self._members = members

    def __contains__(self, entity: int) -> bool:
        members = np.asarray(self._members)
        at = int(np.searchsorted(members, entity))
        return at < len(members) and int(members[at]) == entity
