"""What a phrase means as a relation: the one that it names, those that it is near to, or those that mean the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reasoning.graph.names import fold
from reasoning.reading.english.similarity import NEAR_ENOUGH
from reasoning.reading.english.vocabulary import FILLER, KEYWORDS, PREPOSITIONS
from reasoning.reading.english.word_forms import is_verbal, lemmas, stem, stems
from reasoning.reading.lexicon.kinds import KindWords
from reasoning.reading.lexicon.meanings import FAR_LINK, RelationUse
from reasoning.reading.lexicon.relation_names import OTHER_WORD, is_agent

FAR_NOUN = 0.35
"""Cost above which a noun may rather say what kind of thing is looked for than name a relation."""

HALF_SAID = 0.7
"""Cosine from which words that share one with a name mean that relation: "military allies", "military alliance"."""

FAMILY = 6
"""Letters from which two words with one beginning are taken for one family."""

RARE = 0.1
"""What it costs that a relation has one triple where another has all: of two with one name the usual one is meant."""

NUMBERED = 0.05
"""The same for "exports3" beside "exports"."""

MOST_RELATIONS = 20
"""Relations that one word may mean."""


class RelationUses(KindWords):
    """The relations of one graph by what is said instead of their names."""

    def use(self, text: str, words: tuple[str, ...], nominal: bool = False) -> RelationUse | None:
        """What a phrase means as a relation: the relation that it names, else those that it is near to.

        Args:
            text: the phrase as written.
            words: its words.
            nominal: whether it stands where only a noun does.
        """
        key = tuple(stem(word) for word in words)
        # A graph's own words say it better than English in general does.
        plain = not any(
            word.isalpha() and (word in KEYWORDS or word in FILLER or word in PREPOSITIONS) for word in words
        )
        for form in (key, (stem("".join(words)),)) if len(words) == 2 and plain else (key,):
            if found := self._uses.get(form):
                return self._use(text, found, form in self._phrases)
        plain = plain and len(text.split()) == len(words)  # no article between
        near = self._family(words[0]) if len(words) == 1 else self._of_words(words) if plain else {}
        meant: dict[str, float] = dict.fromkeys(near, 0.0)
        for lemma in lemmas(" ".join(words)):
            for name, cost in self._near.get((lemma,), {}).items():
                far = cost > FAR_NOUN and not is_agent(lemma) and self.type_relation is None
                if not (nominal and ((lemma, name) in self._verbs or far)):
                    near[name] = min(cost, near.get(name, cost))
                    meant[name] = min(self._meant[(lemma,)][name], meant.get(name, 1.0))
        if not near:
            return None
        use = self._use(text, near, False)
        return replace(use, far=frozenset(name for name in use.relations if meant[name] > FAR_LINK))

    def in_table(self, text: str, words: tuple[str, ...]) -> RelationUse | None:
        """What a phrase means by the reviewed table alone."""
        key = tuple(stem(word) for word in words)
        return self._use(text, self._uses[key], True) if key in self._phrases else None

    def meant(self, text: str, least: float = NEAR_ENOUGH) -> RelationUse | None:
        """What a phrase means by the sense of its words alone, for words that name nothing."""
        near = self.similarity.nearest(text, least)
        far = frozenset(name for name, cost in near.items() if cost > FAR_LINK)
        return RelationUse(text, tuple(near), tuple(near.values()), far=far) if near else None

    def phrased(self, text: str) -> RelationUse | None:
        """What a verb with its preposition means by their sense together: "comes after" of "precedes"."""
        near = self.similarity.phrased(text)
        return RelationUse(text, tuple(near), tuple(near.values())) if near else None

    def measures(self, meant: Sequence[str]) -> tuple[str, ...]:
        """The relations with values that have one of some names; a sign before a name is kept before the relation."""
        found = [
            meant_as[: len(meant_as) - len(plain)] + name
            for meant_as in meant
            for plain in (meant_as.removeprefix("-"),)
            for name, cost in self._uses.get(stems(plain), {}).items()
            if cost == 0 and self.kg.relation(name).kind == "values"
        ]
        return tuple(dict.fromkeys(found))

    def _of_words(self, words: tuple[str, ...]) -> dict[str, float]:
        """Relations named by as many words, each of them near to one of these: "military ally", "military alliance"."""
        costs: dict[str, float] = {}
        if is_verbal(words[-1]):
            return costs  # "films acted" are two things
        for at, word in enumerate(words):
            here: dict[str, float] = dict(self._uses.get((stem(word),), {}))
            for lemma in lemmas(word):
                for name, cost in self._near.get((lemma,), {}).items():
                    here[name] = min(cost, here.get(name, cost))
            here.update({name: cost for name, cost in self._family(word).items() if cost < here.get(name, 1.0)})
            costs = {n: max(c, costs.get(n, 0.0)) for n, c in here.items() if at == 0 or n in costs}
        found = {name: cost for name, cost in costs.items() if len(self.words[name]) == len(words)}
        # "team colors" of "/sports/sports_team/colors"
        *earlier, last = stems(" ".join(words))
        found |= {
            name: OTHER_WORD / 3
            for name, parts in self.words.items()
            if name not in found and last == stem(parts[-1]) and set(earlier) <= self.contexts[name]
        }
        said = set(stems(" ".join(words)))
        half = [
            name
            for name, parts in self.words.items()
            if len(parts) == len(words) and said & set(stems(" ".join(parts)))
        ]
        if not found and half and all(map(lemmas, words)) and not is_verbal(words[0]) and self.type_relation is None:
            likeness = self.similarity.likeness(" ".join(words))
            found = {n: (1 - likeness[n]) * 0.7 for n in half if likeness.get(n, 0.0) > HALF_SAID}
        return found

    def _family(self, word: str) -> dict[str, float]:
        """Relations with a word that begins with this one, or the other way round: "develop" and "developmental"."""
        folded = next(iter(lemmas(word)), fold(word))
        if len(folded) < FAMILY:
            return {}
        return {
            name: OTHER_WORD + (0.0 if word in self.words[name][-1:] else 0.05)
            for name, parts in self.words.items()
            if any(len(part) >= FAMILY and (part.startswith(folded) or folded.startswith(part)) for part in parts)
        }

    def _use(self, text: str, found: dict[str, float], ranked: bool) -> RelationUse:
        """The relations near to the nearest, the nearest first; all of them where they are ranked."""
        names = sorted(found, key=lambda name: found[name])
        kept = [name for name in names if ranked or found[name] <= found[names[0]] + 0.25]
        if not ranked and len(kept) > MOST_RELATIONS:
            kept = sorted(kept, key=lambda name: found[name] + RARE * self._rare(name))[:MOST_RELATIONS]
        plain = {self.words[name] for name in kept if not name[-1:].isdigit()}
        costs = [found[name] + NUMBERED * (name[-1:].isdigit() and self.words[name] in plain) for name in kept]
        if len(kept) > 1 and not ranked and self.type_relation is None:
            # Where types do not decide, the more usual relation is the better guess.
            rare = [self._rare(name) for name in kept]
            costs = [cost + RARE * (one - min(rare)) for cost, one in zip(costs, rare, strict=True)]
            order = sorted(range(len(kept)), key=lambda at: costs[at])
            kept, costs = [kept[at] for at in order], [costs[at] for at in order]
        return RelationUse(text, tuple(kept), tuple(costs), ranked)

    def _rare(self, name: str) -> float:
        """How rare a relation is, 0 for one with all triples and 1 for one with none, on a scale of magnitudes."""
        return 1 - float(np.log1p(self.share(name) * len(self.kg)) / np.log1p(len(self.kg)))
