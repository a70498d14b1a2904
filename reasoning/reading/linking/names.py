"""Linking names to entities: by their labels and aliases, and by adjectives, plurals and other names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reasoning.errors import AmbiguousEntityError, UnknownEntityError
from reasoning.graph.names import fold
from reasoning.query.read_question import QuestionError
from reasoning.reading.english.common_words import SHORT_NAMES, SPEAKERS
from reasoning.reading.english.word_forms import is_verbal, lemmas, only_noun, stem
from reasoning.reading.english.wordnet import wordnet
from reasoning.reading.lexicon import Lexicon
from reasoning.reading.linking.items import Item, Mention
from reasoning.reading.linking.tokens import Token
from reasoning.reading.linking.words import QuestionWords

LONGEST_NAME = 12
"""Words in the longest name that is looked for without a mark around it."""

ENDINGS = ("stan", "istan", "land", "ia")
"""What makes the name of a country of that of a people or language."""

COMPANY = (
    "Corporation",
    "Corp.",
    "Company",
    "Co.",
    "Inc.",
    "Incorporated",
    "Limited",
    "Ltd.",
    "plc",
    "Group",
    "AG",
    "LLC",
)
"""What companies have behind their names, and nobody says."""

LANGUAGE_WORDS = frozenset({"language", "speak", "spoken", "tongue", "dub"})

LOWER, LOWER_NOUN = 0.25, 0.1
"""What it costs that a name has a capital in the graph and none here, and where the word is only ever a noun, or names
what is well known in a graph with types."""

AS_WELL_KNOWN = 0.15
"""A namesake with this part of the prominence of the entity that has the bare name may be meant as well."""

_BRACKETED = re.compile(r" \([^()]*\)$")


def may_be_slip(text: str, name: str) -> bool:
    """Whether a word may be a slip for a name: hardly ever in the first letter, "Wakanda" is not Akanda."""
    return fold(name)[:1] == fold(text)[:1]


class NameLinks(QuestionWords):
    """Which entities the words of a question may name."""

    def __init__(self, question: str, lexicon: Lexicon) -> None:
        super().__init__(question, lexicon)
        self.shouting = question.isupper()
        self.of_languages = bool(LANGUAGE_WORDS & {form for word in self.words for form in lemmas(word)})

    def _marked(self, text: str) -> Mention:
        candidates = self._candidates(text, alike=False)
        if candidates:
            return Mention(text, candidates, marked=True)
        try:
            match = self.kg.match(text)
        except (UnknownEntityError, AmbiguousEntityError) as error:
            raise QuestionError(str(error)) from None
        if match.corrected_to is not None and not may_be_slip(text, match.corrected_to):
            raise QuestionError(str(UnknownEntityError(text, [match.corrected_to], self.kg.graph_name)))
        return Mention(text, (match.entities,), match.corrected_to, marked=True)

    def _names_at(self, at: int) -> Iterator[Item]:
        if (half := self._half_of_name(at)) is not None:
            yield half
            return
        reach = at
        while reach < len(self.tokens) and reach - at < LONGEST_NAME and self._in_name(reach):
            reach += 1
        for end in range(reach, at, -1):
            tokens = self.tokens[at:end]
            text = self._with_brackets(tokens[0].start, tokens[-1].end)
            if tokens[-1].text == "'s" or not self._may_be_name(text, tokens, at):
                continue
            candidates = self._candidates(text)
            short = len(text) <= 3 or (len(text) <= 6 and end > at + 1)  # "in .ch" is no code
            if candidates and text.islower() and short and text.casefold() not in SHORT_NAMES:
                candidates = candidates if self._is_label(candidates) else ()
            if candidates:
                others = self._belonging(text, end - at) if tokens[-1].text[-1:] != "s" else ()
                if others and not any(set(others) & set(rank) for rank in candidates):
                    candidates = (*candidates, others)  # "Norwegian" is a language first
                name = text.rstrip(".")
                plain = text.islower() and end == at + 1 and bool(lemmas(text)) and self._is_capital(candidates)
                said = self.words[at - 1 : at] in (["a"], ["an"], ["the"]) or text not in lemmas(text)
                if plain and said and self.lexicon.type_relation is not None:
                    candidates = tuple(rank for rank in candidates if any(map(self.lexicon.is_well_known, rank)))
                    if not candidates:
                        continue  # "the best", "a coast" are hardly the towns of these names
                if plain and self.lexicon.type_relation is not None:
                    noun = any(map(self.lexicon.is_well_known, candidates[0]))  # "the euro"
                else:
                    noun = only_noun(text) and not wordnet().senses(text, "a")
                cost = 0.0 if not plain else LOWER_NOUN if noun else LOWER
                yield Item("entity", name, at, end, mention=Mention(name, candidates), cost=cost)
            elif others := self._belonging(text.rstrip("."), end - at):
                ranks: tuple[tuple[int, ...], ...] = (others,)
                if spoken := self._language(text):
                    ranks = (spoken,) if self.of_languages else (others, spoken)
                yield Item("entity", text, at, end, mention=Mention(text, ranks), cost=0.1)
            elif known := self._known_as(text, end - at):
                yield Item("entity", text, at, end, mention=Mention(text, known), cost=0.1)

    def _in_name(self, at: int) -> bool:
        """Whether a token may stand in a name: a word, a number, the "&" of "Simon & Schuster"."""
        return self.tokens[at].kind in ("word", "number") or self.tokens[at].text == "&"

    def _half_of_name(self, at: int) -> Item | None:
        """The first of two names that share their last word: "Danish or Norwegian kroner", "North and South Korea"."""
        first, *rest = self.tokens[at : at + 4]
        if len(rest) < 3 or self.words[at + 1] not in ("and", "or") or not first.text[:1].isupper():
            return None
        found = []
        for one in (first, rest[1]):
            name = f"{one.text} {rest[2].text}"
            found.append(self._candidates(name) or ((others,) if (others := self._belonging(name, 2)) else ()))
        if not all(found) or not rest[1].text[:1].isupper():
            return None
        return Item("entity", first.text, at, at + 1, mention=Mention(f"{first.text} {rest[2].text}", found[0]))

    def _with_brackets(self, start: int, end: int) -> str:
        """A stretch of the question with the round bracket at its end or beginning that its other one belongs to."""
        text = self.question[start:end]
        if text.count("(") > text.count(")") and self.question[end : end + 1] == ")":
            return f"{text})"
        if text.count(")") > text.count("(") and self.question[:start].endswith("("):
            return f"({text}"
        return text

    def _candidates(self, text: str, alike: bool = True) -> tuple[tuple[int, ...], ...]:
        key = fold(text)
        fitting = self.kg.names.with_key(key) if text.strip() else []
        ranks: tuple[list[int], list[int], list[int]] = ([], [], [])
        for entity in fitting:
            label = self.kg.entity_labels[entity]
            ranks[0 if text in (label, self.kg.identifier(entity)) else 1 if fold(label) == key else 2].append(entity)
        return self._with_namesakes(text, [rank for rank in ranks if rank], alike)

    def _with_namesakes(self, text: str, ranks: list[list[int]], alike: bool) -> tuple[tuple[int, ...], ...]:
        """The ranks, with those as well known as the first beside it: there are two Birminghams, and two Koreas."""
        if not ranks or not alike:
            return tuple(map(tuple, ranks))
        text = text.title() if text.islower() else text
        first, label = ranks[0], self.kg.entity_labels[ranks[0][0]]
        if fold(label) == fold(text):
            others = [e for rank in ranks[1:] for e in rank if self._without_brackets(e) == fold(text)]
            others += [e for e in self.kg.names.told_apart(fold(text)) if e not in others and e not in first]
        elif f" {text}" in label or label.startswith(f"{text} "):
            kinds = set(self.kg.types(first[0]))
            others = [e for e in self.lexicon.called(text) if kinds & set(self.kg.types(e)) and e not in first]
        else:
            others = []
        share = AS_WELL_KNOWN if fold(label) == fold(text) else AS_WELL_KNOWN / 10
        beside = [entity for entity in others if self.lexicon.as_well_known(entity, first[0], share)]
        # A city and the province around it are nearly one: the bare name is the city's.
        around = [entity for entity in beside if self.lexicon.one_within_other(entity, first[0])]
        beside = [entity for entity in beside if entity not in around]
        if around:
            ranks = [first, around, *ranks[1:]]
        rest = [[entity for entity in rank if entity not in beside] for rank in ranks[1:]]
        return tuple(tuple(rank) for rank in [[*first, *beside], *rest] if rank)

    def _without_brackets(self, entity: int) -> str | None:
        label = self.kg.entity_labels[entity]
        return fold(_BRACKETED.sub("", label)) if label.endswith(")") else None

    def _language(self, text: str) -> tuple[int, ...]:
        """The language that an adjective names too, where the graph calls it "Spanish Language"."""
        named = self.kg.names.with_key(fold(f"{text} language")) if text[:1].isupper() else []
        return tuple(named) if len(named) == 1 else ()

    def _known_as(self, text: str, words: int) -> tuple[tuple[int, ...], ...]:
        """What has another name that means the same, or this one with what companies have behind theirs."""
        if self.lexicon.type_relation is not None or words > 3 or not (text[0] + text.split()[-1][0]).isupper():
            return ()
        for name in (*wordnet().same_names(text), *(f"{text} {ending}" for ending in COMPANY)):
            if candidates := self._candidates(name):
                return candidates
        return ()

    def _belonging(self, text: str, words: int) -> tuple[int, ...]:
        """What an adjective or a plural names: "French" France, "euros" Euro."""
        names: tuple[str, ...] = ()
        if len(text) > 3:
            names = (wordnet().nouns_of(text) or wordnet().nouns_of(text.removesuffix("s"))) if words < 4 else ()
            if not names and text.casefold().endswith("zone"):  # "the eurozone"
                names = (text[:-4],)
            if text.casefold() in SPEAKERS:
                names = (SPEAKERS[text.casefold()],)
            if not names and words == 1 and (longer := self.kg.names.longer_by(fold(text), ENDINGS)):
                return tuple(longer)  # "Kyrgyz"
            if not names and text.casefold().endswith("s"):
                names = (text[:-1], text[:-2] if text.casefold().endswith("es") else text[:-1])
            if 1 < words < 4 and not names:  # "pounds sterling"
                names = (" ".join((word, *lemmas(word))[-1] for word in text.split()),)
            if text.endswith("ies") and words > 1:
                names += (f"{text[:-3]}y",)
            elif not names or text.casefold().endswith("ies"):
                others = lemmas(text) if not is_verbal(text) else ()
                names += tuple(form for form in others if form != text.casefold())  # "bacteria"
        for name in names:
            candidates = self._candidates(name)
            if not candidates or (words == 1 and self.lexicon.is_common(name)):
                continue
            label = self.kg.entity_labels[candidates[0][0]]
            if len(name) <= 3 and fold(label) != fold(name):
                continue  # "runs" is no code
            if label.endswith(f" {text}"):  # both Virgin Islands
                return self._with_namesakes(text, [list(candidates[0])], True)[0]
            return candidates[0]
        return ()

    def _is_capital(self, candidates: tuple[tuple[int, ...], ...]) -> bool:
        """Whether a name has a capital in the graph: "fall" in a question is hardly the film "Fall"."""
        return all(self.kg.entity_labels[entity][:1].isupper() for entity in candidates[0])

    def _is_label(self, candidates: tuple[tuple[int, ...], ...]) -> bool:
        return any(len(self.kg.entity_labels[entity]) <= 3 for entity in candidates[0])

    def _may_be_name(self, name: str, tokens: list[Token], at: int) -> bool:
        words = [token.text for token in tokens]
        if name.casefold() in SHORT_NAMES:
            return True
        # "time zone" is the type, though that is an entity of this name.
        of_type = tuple(stem(word) for word in words) in self.lexicon.types
        if not of_type and not all(self.lexicon.is_common(word) for word in words):
            return True
        if len(words) == 1:
            # "US" and "IT" are codes only where the rest is not in capitals too; "is", "in", "and" never are.
            return name.strip(".") in ("US", "U.S") and not self.shouting
        if at > 0 and all(word[:1].isupper() or not word.isalpha() for word in words):
            return True
        return self.lexicon.type_relation is None and name.islower() and self._is_whole_label(name)

    def _is_whole_label(self, name: str) -> bool:
        """Whether several words are a label despite the case, and no phrase for a relation."""
        labels = (fold(self.kg.entity_labels[entity]) for entity in self.kg.names.with_key(fold(name)))
        return fold(name) in labels and self.lexicon.use(name, tuple(name.casefold().split())) is None
