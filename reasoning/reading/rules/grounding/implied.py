"""Relations that no word names: "countries without the euro", "the films of Ann"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.query.tree import Project
from reasoning.reading.english.vocabulary import KEYWORDS, KIND_WORDS
from reasoning.reading.english.word_forms import lemmas
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.rules.constructions import said_way
from reasoning.reading.rules.grounding.readings import GroundedReading, NoReading
from reasoning.reading.rules.grounding.relations import Relations

IMPLIED, BY_VERB = 0.2, 0.1
"""What it costs to take a step that no word names, and what is added where a verb stands for it."""

FAVOURED, REACHED = 0.25, 0.15
"""What is taken off where the noun of what is looked for names the relation, and where it led to what is asked from."""

PREPOSED = frozenset(phrase for phrase, (role, _) in KEYWORDS.items() if role in ("of", "in", "by", "with")) | {
    "without"
}
"""Words that say no more than that two things have to do with each other."""


class ImpliedRelations(Relations):
    """Relations of one graph that hardly a word speaks of."""

    def around(self, sources: Sequence[GroundedReading], want: Kind | None) -> list[GroundedReading]:
        """What something lies in, or belongs to where that is said of no place: the country of a ".tv" domain."""
        try:
            return super().around(sources, want)
        except NoReading:
            if want is None or want.entity is None or not (only := self._only_between(sources, want)):
                raise
            return [replace(r, notes=(*r.notes, f'read "{want.text}" as {r.query}')) for r in only]

    def between(self, source: GroundedReading, want: Kind) -> list[GroundedReading]:
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
                    query = Project(name, source.query, inverse)
                    reading = GroundedReading(query, members, source.notes, cost=source.cost, guesses=source.guesses)
                    found.append(self.restrict(reading, want))
        if not found:
            raise NoReading(f"nothing leads from {source.query} to {want.text}")
        return found

    def implied(
        self,
        text: str,
        sources: Sequence[GroundedReading],
        want: Kind | None,
        inverse: bool | None,
        noun: bool = False,
        favoured: Sequence[str] = (),
    ) -> list[GroundedReading]:
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
        if want is not None:
            # "The mother of Ann" says which way that relation runs.
            there -= {n for n in favoured if said_way(self.lexicon.shapes[n], want.text, "of") is not None}
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
            costs.append(unlike - (FAVOURED if name in favoured else REACHED if name in reached else 0.0))
        order = sorted(range(len(names)), key=lambda at: costs[at])
        use = RelationUse(text, tuple(names[i] for i in order), tuple(costs[i] for i in order))
        found = self.apply(use, sources, "from" if inverse is False else "to", want=want, fixed=inverse is not None)
        return [replace(r, notes=(*r.notes, f'read "{text}" as {r.query}')) for r in found]

    def _only_between(self, sources: Sequence[GroundedReading], want: Kind) -> list[GroundedReading]:
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

    def _alike(self, said: Sequence[str], name: str) -> float:
        """How much a noun and what a relation leads to are the same kind of thing, 0 to 1."""
        role = self.lexicon.words[name][-1]
        pairs = [
            (one, two) for word in said for one in lemmas(word) for two in (*lemmas(role), *self.lexicon.agents(name))
        ]
        best = max((wordnet().likeness(one, two) for one, two in pairs), default=0.0)
        return best / max(1, len(self.lexicon.words[name]) - 1)  # "time since ally" is hardly an ally

    def _leading(self, sources: Sequence[GroundedReading]) -> set[str]:
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
