"""Linking words that are no names: to relations, to kinds of things, and to the roles that they play in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reasoning.graph.names import fold
from reasoning.reading.english.number_words import NUMBER_WORDS, ordinal, spoken_number
from reasoning.reading.english.vocabulary import (
    ANYTHING,
    ARTICLES,
    BEHIND_VERBS,
    FILLER,
    KEYWORDS,
    KIND_WORDS,
    LIGHT,
    PREPOSITIONS,
    PRONOUNS,
    THEIR,
    UNSAYABLE,
    changes_nothing,
)
from reasoning.reading.english.word_forms import PARTICLES, is_noun, is_verb, is_verbal, lemmas, only_noun, stem
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.lexicon import Kind, RelationUse
from reasoning.reading.linking.items import Item, Mention
from reasoning.reading.linking.words import SOMEBODY, QuestionWords

NEAR_WORD = 0.25
"""A word farther from a relation's name than this names its kind of thing sooner than the relation."""

FAR_VERB = 0.25
"""A verb nearer than this to a relation's name means it, whatever preposition stands behind."""

VERB_AS_KIND = 0.2
"""What it costs that a verb that names a relation is a noun here: "virus cause"."""

OWN_WORD = 0.15
"""A word nearer than this to a relation's name is hardly a noun that the graph says nothing of."""

NAMED_ITSELF = 0.35
"""What it costs to take a verb for one that says little, where a relation has its name."""

UNKNOWN_VERB = 0.15
"""What it costs that a verb says no more than its object, which names a relation."""

TAKEN_WITH = 6
"""Words behind a verb among which "with" is looked for."""

TAKEN = 0.6
"""Cosine of a verb and its object with the relation of the object from which the verb says no more."""

_ENDING = frozenset(
    {"end", "terminate", "stop", "finish", "cancel", "refuse", "reject", "deny", "avoid", "lack", "lose"}
    | {"break", "sever", "cut", "suspend", "annul", "withdraw"}
)

_RELATIVE = ("that", "which", "who")


class PhraseLinks(QuestionWords):
    """What the words of a question may mean beside names."""

    def _phrases_at(self, at: int) -> Iterator[Item]:
        for length in range(4, 0, -1):
            tokens = self.tokens[at : at + length]
            if len(tokens) < length or any(token.kind not in ("word", "symbol") for token in tokens):
                continue
            if length > 1 and (self.words[at + length - 1] in ARTICLES or self.words[at] in ARTICLES):
                continue
            if length > 1 and self.words[at] == "people" and self.words[max(0, at - 1) : at] in (["which"], ["what"]):
                continue  # "which people speak French" asks for people
            text = self.question[tokens[0].start : tokens[-1].end].rstrip(".")
            # "share a border" is "share border"
            words = [self.words[at], *(w for w in self.words[at + 1 : at + length] if w not in ARTICLES)]
            found = list(self._phrase(text, words, at))
            for item in found:
                if not (item.kind == "unsayable" and self.filler[at]):  # "could you tell me"
                    yield replace(item, start=at, end=at + length)
            if found and length > 1 and found[0].kind not in ("relation", "type"):
                return

    def _number(self, at: int) -> Item | None:
        value, length = spoken_number(self.words[at:])
        if not length or (length == 1 and self.words[at] in ("one", "zero")):
            return None
        words = self.question[self.tokens[at].start : self.tokens[at + length - 1].end]
        return Item("number", words, at, at + length, value=value)

    def _phrase(self, text: str, words: list[str], at: int) -> Iterator[Item]:
        joined = " ".join(words)
        if (use := self._kind_of_what(words, at)) is not None:
            yield Item("relation", text, use=use)
            return
        keyword = KEYWORDS.get(joined)
        if joined in ("count", "count of") and at and (not self.filler[at - 1] or self.words[at - 1] in _RELATIVE):
            keyword = None  # "that count French among their languages"
            yield Item("light", text)
        if keyword is not None and (
            keyword[0] in ("compare", "most", "degree", "many", "except")
            or len(words) == 1
            or self.lexicon.use(text, tuple(words)) is None
            or (joined == "part of" and self.lexicon.type_relation is not None)
        ):
            value = keyword[1]
            if keyword[0] in ("degree", "most"):
                value = (keyword[1][0], self.lexicon.measures(keyword[1][1]))  # type: ignore[index]
            yield Item(keyword[0], text, value=value)
            if keyword[0] != "share" and keyword[0] != "in":
                return
            if keyword[0] == "in" and joined not in ("located", "situated"):
                return
        if joined in SOMEBODY and not self.filler[at]:
            yield Item("type", text, type=Kind(text))
            return
        if changes_nothing(joined) and joined not in PRONOUNS:
            if (use := self.lexicon.in_table(text, tuple(words))) is not None:
                yield Item("relation", text, use=use)  # "is official"
            return
        if joined in UNSAYABLE:
            before = set(self.words[max(0, at - 2) : at])
            if not self.filler[at] and not before & ({"how"} if joined == "many" else {"how", "without", "not"}):
                yield Item("unsayable", text)  # but "without a single border"
            return
        if (place := ordinal(joined)) is not None:
            yield Item("ordinal", text, value=place)
            return
        if joined in PRONOUNS and (mention := self._spoken_of(at)) is not None:
            owns = joined in ("its", "their", "his")
            yield Item("entity", text, mention=mention, cost=0.1, value="owner" if owns else None)
            if not owns:
                return
        if joined in THEIR:
            yield Item("their", text)
        if joined == "one":
            yield Item("number", text, value=1)
            yield Item("type", text, type=Kind(text))
        if joined in NUMBER_WORDS:
            return
        if len(words) > 1 and KEYWORDS.get(words[0], ("",))[0] == "co":
            return
        nominal = self._nominal(at, len(words)) or (self.lexicon.type_relation is None and only_noun(joined))
        use = self.lexicon.use(text, tuple(words), nominal)
        kind = self.lexicon.kind(text, tuple(words)) or self._kind_of_two(text, words)
        if self.lexicon.type_relation is None and self.words[max(0, at - 1) : at] in (["been"], ["be"]):
            kind = None if is_verb(joined) else kind  # "have been put on"
        if use is not None and len(words) == 1 and min(use.costs, default=0.0) > NEAR_WORD:
            several = self._kind_of_names(joined, use) if kind is None else ()
            if several:  # "the dollar", of which there are many
                yield Item("entity", text, mention=Mention(text, (several,)))
                return
            typed = kind is not None and kind.entity is not None
            if typed or joined in ANYTHING or joined.removesuffix("s") in ANYTHING:
                use = None  # "places" are no time zones
        if (
            use is None
            and self.lexicon.type_relation is None
            and len(words) == 2
            and text.islower()
            and text.count(" ") == 1
            and all(map(lemmas, words))
            and self._half_known(words)
        ):
            use = self.lexicon.meant(text, 0.75)
            use = use and replace(use, far=frozenset())  # one of the words names it
        if use is None or (use.costs[:1] > (FAR_VERB,) or (use.ranked and joined.split()[-1] in ("of", "from"))):
            use = self._with_preposition(text, words) or use
        if use is not None:
            yield Item("relation", text, use=use)
        if len(words) == 1 and (joined in ANYTHING or joined.removesuffix("s") in ANYTHING):
            yield Item("type", text, type=Kind(text))
        elif keyword is None and kind is not None and not (self._follows_who(at) and not only_noun(joined)):
            verb = self.lexicon.type_relation is None and use is not None and use.costs[:1] <= (0.05,)
            if kind.entity is None and kind.members is None and use is not None and use.costs[:1] <= (OWN_WORD,):
                kind = replace(kind, cost=kind.cost + 2 * VERB_AS_KIND)  # "tourists" names tourism
            if verb and not nominal and is_verb(joined):
                kind = replace(kind, cost=kind.cost + VERB_AS_KIND)
            yield Item("type", text, type=kind, cost=kind.cost)
            if (other := self.lexicon.other_types.get(tuple(stem(word) for word in words))) is not None:
                yield Item("type", text, type=replace(other, text=text), cost=other.cost)
        itself = self.lexicon.type_relation is None and use is not None
        itself = itself and use is not None and (use.costs[:1] <= (0.0,) or len(words) > 1)
        if joined in LIGHT or any(form in LIGHT for form in lemmas(joined)):
            yield Item("light", text, cost=NAMED_ITSELF if itself else 0.0)
        elif joined in PREPOSITIONS:
            yield Item("about", text)
        elif len(words) == 1 and (taken := self._taken_relation(at)) is not None:
            apart = use is not None and not use.far and {*taken.relations}.isdisjoint(use.relations)
            # "support with aid", "help with aid"
            yield Item("light", text, cost=NAMED_ITSELF if apart else UNKNOWN_VERB)

    def _spoken_of(self, at: int) -> Mention | None:
        """What "it" or "them" stands for: the last name before."""
        return next((item.mention for item in reversed(self.named) if item.end <= at), None)

    def _kind_of_what(self, words: list[str], at: int) -> RelationUse | None:
        """ "(a lipid is) a kind of what", in a graph that says what is a kind of what."""
        if self.lexicon.type_relation is not None or (relation := self.lexicon.kind_relation) is None:
            return None
        ends = len(words) == 3 and at + 3 == len(self.words) and words[1:] == ["of", "what"]
        return RelationUse(words[0], (relation,), (0.0,)) if ends and KIND_WORDS & set(lemmas(words[0])) else None

    def _kind_of_two(self, text: str, words: list[str]) -> Kind | None:
        """What two nouns say that an answer is, in a graph without types: "TV shows"."""
        if self.lexicon.type_relation is not None or len(words) != 2 or not words[1].endswith("s"):
            return None
        if any(changes_nothing(word) or word in KEYWORDS or word in LIGHT for word in words):
            return None
        if not all(map(is_noun, words)) or is_verbal(words[0]) or any(wordnet().senses(w, "a") for w in words[:1]):
            return None
        if self.kg.names.with_key(fold(words[0])):
            return None  # "horror films"
        found = self.lexicon.kind(words[1], (words[1],))
        return replace(found, text=text) if found is not None and text.count(" ") == 1 else None

    def _kind_of_names(self, word: str, use: RelationUse) -> tuple[int, ...]:
        """What a relation leads to and is called so with more words, where there are several: dollars, francs."""
        relation = self.kg.relation(use.relations[0])
        if self.lexicon.type_relation is None or relation.kind == "values":
            return ()
        led = set(self.lexicon.end_kinds(relation.index, not relation.inverse).tolist())
        names = {self.kg.entity_labels[kind] for kind in led}
        singular = word[:-1] if word.endswith("s") else word
        found = [e for e in self.lexicon.called(singular.title()) if names & set(self.kg.types(e))]
        return tuple(found) if len(found) > 1 else ()

    def _follows_who(self, at: int) -> bool:
        """Whether a word stands where a graph without types has a verb: "who boycotts", "those who boycott"."""
        return self.lexicon.type_relation is None and self.words[max(0, at - 1) : at] == ["who"]

    def _nominal(self, at: int, length: int) -> bool:
        """Whether a word stands where only a noun does: "which type", "the type of"."""
        behind = self.words[at + length] if at + length < len(self.words) else ""
        return (at > 0 and self.words[at - 1] in ("which", "what", "the", "a", "an")) or behind == "of"

    def _with_preposition(self, text: str, words: list[str]) -> RelationUse | None:
        """What a verb and its preposition mean together, in a graph whose types do not tell: "die of"."""
        if self.lexicon.type_relation is not None or not 1 < len(words) < 4:
            return None
        verb, *rest = words
        if not any(wordnet().senses(form, "va") for form in lemmas(verb)) or not set(rest) <= BEHIND_VERBS:
            return None
        kind = self.lexicon.kind(verb, (verb,))
        if kind is not None and kind.members is not None and verb.endswith("s"):
            return None  # "the films in Dutch"
        alone = self.lexicon.use(verb, (verb,))
        if alone is not None and alone.costs[:1] <= (FAR_VERB,) and not (alone.ranked and rest[-1] in ("of", "from")):
            return None
        found = self.lexicon.phrased(" ".join([*lemmas(verb)[-1:], *rest]))
        return replace(found, text=text) if found is not None else None

    def _half_known(self, words: list[str]) -> bool:
        """Whether one of two words names a relation: of "release date" the "release" of "release year"."""
        nouns = all(map(is_noun, words))
        # "movies starred" says two things, "release date" one.
        parts = is_verbal(words[0]) or (is_verbal(words[1]) and words[0].endswith("s"))
        known = nouns and not parts and sum(self.lexicon.names_itself(word) for word in words) == 1
        return known and not any(word in KEYWORDS or word in FILLER or word in LIGHT for word in words)

    def _taken_relation(self, at: int) -> RelationUse | None:
        """The relation that the object of a verb names which adds little to it: "lodge protests", "supply with arms".

        Not so "annul treaties", but where the relation itself is an end.
        """
        if self.lexicon.type_relation is not None or not is_verb(self.words[at]):
            return None
        near = range(at + 1, min(at + 3, len(self.words)))
        places = [a for a in near if self.words[a] not in ARTICLES | PARTICLES][:1]
        places += [a + 1 for a in range(at + 1, min(at + TAKEN_WITH, len(self.words))) if self.words[a] == "with"][:1]
        for place in places:
            for length in (2, 1):
                words = tuple(self.words[place : place + length])
                use = self.lexicon.use(" ".join(words), words, True) if len(words) == length else None
                if use is not None and use.costs[:1] <= (0.2,):
                    whole = self.lexicon.similarity.likeness(" ".join((self.words[at], *words)))
                    ends = any(map(_ends, self.lexicon.words[use.relations[0]]))
                    if whole.get(use.relations[0], 0.0) > TAKEN and _ends(self.words[at]) == ends:
                        return use
                    break
        return None


def _ends(verb: str) -> bool:
    """Whether a verb says that something stops or is not."""
    near = {text for form in lemmas(verb) for text, cost in wordnet().related(form, "v").items() if cost < 0.45}
    return bool(near & _ENDING)
