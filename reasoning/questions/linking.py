"""From the words of a question to the things of a graph: every stretch of words with all that it may mean.

A name is looked up by binary search over the graph's folded keys, so a graph with a million names costs milliseconds.
Common words are never names unless they are marked: there are towns called "Of", "Use" and "Many". What overlaps is
kept side by side; the grammar takes the stretches that make a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reasoning.errors import AmbiguousEntityError, QuestionError, UnknownEntityError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.questions.lexicon import Kind, Lexicon, RelationUse
from reasoning.questions.number_words import NUMBER_WORDS, spoken_number
from reasoning.questions.vocabulary import (
    ANYTHING,
    FILLER,
    KEYWORDS,
    KIND_WORDS,
    LIGHT,
    ORDINALS,
    PREPOSITIONS,
    PRONOUNS,
    SHORT_NAMES,
    SPEAKERS,
    THEIR,
    UNSAYABLE,
    changes_nothing,
)
from reasoning.questions.word_forms import PARTICLES, is_verb, is_verbal, lemmas, only_noun, stem
from reasoning.questions.wordnet import wordnet

LONGEST_NAME = 12
"""Words in the longest name that is looked for without a mark around it."""

MOST_WORDS = 70
"""Words in the longest question; the work grows with the third power."""

CORRECTIONS_TRIED = 2
"""Misspelt names looked up in one question; each is a scan over all names of the graph."""

ENDINGS = ("stan", "istan", "land", "ia")
"""What makes the name of a country of that of a people or language."""

MOST_LONGER = 5
"""Entities that a part of their name may stand for; more are too many to choose from."""

NEAR_WORD = 0.25
"""A word farther from a relation's name than this names its kind of thing sooner than the relation."""

LONGEST_FILLER = 4
"""Words in the longest phrase that may be left out as a whole."""

WITHIN_LONGER = 0.35
"""What it costs to read a part of a longer name as a name of its own."""

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
"""What it costs that a name has a capital in the graph and none here, and where the word is only ever a noun."""

UNKNOWN_VERB = 0.15
"""What it costs that a verb says no more than its object, which names a relation."""

TAKEN = 0.6
"""Cosine of a verb and its object with the relation of the object from which the verb says no more."""

_ENDING = frozenset(
    {"end", "terminate", "stop", "finish", "cancel", "refuse", "reject", "deny", "avoid", "lack", "lose"}
)

VERB_AS_KIND = 0.2
"""What it costs that a verb that names a relation is a noun here: "virus cause"."""

NAMED_ITSELF = 0.35
"""What it costs to take a verb for one that says little, where a relation has its name."""

FAR_VERB = 0.25
"""A verb nearer than this to a relation's name means it, whatever preposition stands behind."""

WITHIN_LONGER_PHRASE = 0.15
"""The same for a word of a longer phrase that names a relation."""

WITHOUT_PREPOSITION = 0.6
"""The same for a verb whose preposition gives it another meaning."""

AS_WELL_KNOWN = 0.15
"""A namesake with this part of the prominence of the entity that has the bare name may be meant as well."""

BEHIND_VERBS = PARTICLES | PREPOSITIONS | frozenset({"of", "for", "from", "to", "on", "at", "in", "with"})
"""What belongs to a verb before it: "made up of", "depend on"."""

_BRACKETED = re.compile(r" \([^()]*\)$")
_RELATIVE = ("that", "which", "who")
_ARTICLES = ("a", "an", "the")
BEING = frozenset({"is", "are", "was", "were"})
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|“(?P<curly>[^”]*)”|\[(?P<bracketed>[^\]]*)\]'
    r"|(?P<number>(?:\d{1,3}(?: \d{3})+|\d[\d,]*)(?:\.\d+)?(?![\w/]))"
    r"|(?P<word>\+\d+|(?<!\S)\.\w{2,}|\w+(?:['’ʼ./][^\W_]\w*)*\.?|[²³])|(?P<symbol>[<>!]=|[<>=,;&]|(?<=\s)\+(?=\s))"
)
_POSSESSIVE = re.compile(r"(?<=\w)['’ʼ]s?$")
_CONTRACTED = frozenset({"what's", "who's", "it's", "that's", "where's", "there's", "when's", "how's", "let's"})


@dataclass(frozen=True)
class Mention:
    """Entities that a stretch of the question may name.

    Attributes:
        text: the words.
        candidates: entity indexes by how well the name fits: exact labels, labels despite case and accents, aliases.
        corrected_to: the name that was read, where the spelling did not fit any name.
        marked: whether quotes or brackets say that it is a name.
    """

    text: str
    candidates: tuple[tuple[int, ...], ...]
    corrected_to: str | None = None
    marked: bool = False


@dataclass(frozen=True)
class Item:
    """A stretch of a question and one thing that it may mean.

    Attributes:
        kind: "entity", "relation", "type", "number", "anything", "light" (a verb that says little), "word" (not
            understood), "unsayable" (of `UNSAYABLE`) or a role of `KEYWORDS`.
        text: the words.
        start, end: positions of its words in the question, the end excluded.
        mention: of an entity, or of a number that is a name too.
        use: of a word that may be a relation.
        type: of a noun that says what kind of thing is meant.
        value: of a number or a keyword.
        nearest: of a word that looks like a name, the names of the graph most like it.
        cost: how far the words are from what they are taken for.
    """

    kind: str
    text: str
    start: int = 0
    end: int = 0
    mention: Mention | None = None
    use: RelationUse | None = None
    type: Kind | None = None
    value: object = None
    nearest: tuple[str, ...] = ()
    cost: float = 0.0


@dataclass(frozen=True)
class Token:
    """One word, number, sign or marked name of a question, with its place in the text."""

    text: str
    start: int
    end: int
    kind: str


@dataclass
class Linked:
    """A question's words with all that they may mean.

    Attributes:
        tokens: the words.
        items: what stretches of them may mean, by where they begin.
        filler: whether each word may be left out, since it changes nothing in what is asked.
    """

    tokens: list[Token]
    items: list[Item] = field(default_factory=list)
    filler: list[bool] = field(default_factory=list)

    def before(self, position: int) -> frozenset[str]:
        """The words that change nothing directly before a position: "that", "do", "which"."""
        words = set()
        while position > 0 and self.filler[position - 1]:
            position -= 1
            words.add(self.tokens[position].text.casefold())
        return frozenset(words)

    def of_kind(self, *kinds: str) -> list[Item]:
        """The items of some kinds, in the question's order."""
        return sorted((item for item in self.items if item.kind in kinds), key=lambda item: (item.start, -item.end))

    def names(self) -> list[Mention]:
        """The mentions of the question, without those that are a part of a longer one."""
        found: list[Item] = []
        for item in self.of_kind("entity"):
            if item.mention is not None and all(item.start >= other.end for other in found):
                found.append(item)
        return [item.mention for item in found if item.mention is not None]


def link(question: str, lexicon: Lexicon) -> Linked:
    """All that the words of a question may mean.

    Raises:
        QuestionError: a marked name is in no way a name of the graph, or the question has too many words.
    """
    return _Linker(question, lexicon).linked()


def _tokens(question: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(question):
        kind, text = match.lastgroup or "", match[match.lastgroup or 0]
        start, end = match.start(), match.end()
        ending = (
            _POSSESSIVE.search(text)
            if kind == "word" and text.casefold().replace("’", "'") not in _CONTRACTED
            else None
        )
        if ending is not None:
            yield Token(text[: ending.start()], start, start + ending.start(), kind)
            yield Token("'s", start + ending.start(), end, kind)
        else:
            yield Token(text, start, end, kind)


class _Linker:
    def __init__(self, question: str, lexicon: Lexicon) -> None:
        self.question, self.lexicon = question, lexicon
        self.kg: KnowledgeGraph = lexicon.kg
        self.tokens = list(_tokens(question))
        if len(self.tokens) > MOST_WORDS:
            raise QuestionError("the question is too involved to be read; ask it in several parts")
        self.words = [token.text.rstrip(".").replace("’", "'").casefold() for token in self.tokens]
        self.in_filler = [False] * len(self.tokens)  # of a longer phrase that may be left out
        self.filler = self._filler()
        self.named: list[Item] = []
        self.corrections = CORRECTIONS_TRIED
        self.shouting = question.isupper()
        self.of_languages = bool(LANGUAGE_WORDS & {form for word in self.words for form in lemmas(word)})

    def linked(self) -> Linked:
        found = Linked(self.tokens)
        found.filler = self.filler
        spoken = 0
        for at, token in enumerate(self.tokens):
            if self.words[at] in THEIR and not self.in_filler[at]:
                found.filler[at] = False
            if self.words[at] in PRONOUNS and not self.in_filler[at] and self._spoken_of(at) is not None:
                found.filler[at] = self.words[at] in ("it", "them")
            if token.kind in ("quoted", "curly", "bracketed"):
                self.named.append(Item("entity", token.text, at, at + 1, mention=self._marked(token.text)))
                found.items.append(self.named[-1])
                continue
            names = list(self._names_at(at))
            self.named += [name for name in names[:1] if name.cost == 0]
            found.items += names
            found.items += self._phrases_at(at)
            if at >= spoken and (item := self._number(at)) is not None:
                found.items.append(item)
                spoken = item.end
        for item in found.items:
            if item.kind != "entity" and item.end > item.start + 1 and not all(self.in_filler[item.start : item.end]):
                found.filler[item.start : item.end] = [False] * (item.end - item.start)  # the "many" of "how many"
        found.items = [item for item in found.items if not self._swallowed(item, found)]
        found.items += [kind for item in found.items if (kind := self._as_kind(item, found)) is not None]
        _prefer_longest(found.items)
        covered = list(found.filler)
        for item in found.items:
            covered[item.start : item.end] = [True] * (item.end - item.start)
        at = 0
        while at < len(self.tokens):
            if covered[at]:
                at += 1
                continue
            item = self._unknown(at)
            found.items.append(item)
            at = max(item.end, at + 1)
        return found

    def _filler(self) -> list[bool]:
        """Whether each word may be left out; "in the world" only as a whole."""
        filler = [
            token.kind == "word" and changes_nothing(word) for token, word in zip(self.tokens, self.words, strict=True)
        ]
        filler[:1] = [filler[:1] == [True] or self.words[:1] == ["could"]]  # "could an antibiotic cause it"
        said = [at for at, word in enumerate(self.words) if word not in _ARTICLES]
        for at, word in enumerate(self.words):
            filler[at] = filler[at] or word in ("has", "have", "had")  # which may also say what something has
        for length in range(2, LONGEST_FILLER + 1):
            for at in range(len(said) - length + 1):
                run = said[at : at + length]
                if " ".join(self.words[place] for place in run) in FILLER:
                    filler[run[0] : run[-1] + 1] = [True] * (run[-1] + 1 - run[0])
                    self.in_filler[run[0] : run[-1] + 1] = [True] * (run[-1] + 1 - run[0])
        return filler

    # Entities ---------------------------------------------------------------------------------------------------

    def _marked(self, text: str) -> Mention:
        candidates = self._candidates(text, alike=False)
        if candidates:
            return Mention(text, candidates, marked=True)
        try:
            match = self.kg.match(text)
        except (UnknownEntityError, AmbiguousEntityError) as error:
            raise QuestionError(str(error)) from None
        return Mention(text, (match.entities,), match.corrected_to, marked=True)

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

    def _names_at(self, at: int) -> Iterator[Item]:
        reach = at
        while reach < len(self.tokens) and reach - at < LONGEST_NAME and self.tokens[reach].kind in ("word", "number"):
            reach += 1
        for end in range(reach, at, -1):
            tokens = self.tokens[at:end]
            text = self.question[tokens[0].start : tokens[-1].end]
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
                noun = self.lexicon.type_relation is None and only_noun(text) and not wordnet().senses(text, "a")
                cost = 0.0 if not plain else LOWER_NOUN if noun else LOWER
                yield Item("entity", name, at, end, mention=Mention(name, candidates), cost=cost)
            elif others := self._belonging(text.rstrip("."), end - at):
                ranks: tuple[tuple[int, ...], ...] = (others,)
                if spoken := self._language(text):
                    ranks = (spoken,) if self.of_languages else (others, spoken)
                yield Item("entity", text, at, end, mention=Mention(text, ranks), cost=0.1)
            elif known := self._known_as(text, end - at):
                yield Item("entity", text, at, end, mention=Mention(text, known), cost=0.1)

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
            if text.endswith("ies") and words > 1:
                names += (f"{text[:-3]}y",)
            elif not names or text.casefold().endswith("ies"):
                names += tuple(form for form in lemmas(text) if form != text.casefold())  # "bacteria"
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

    def _swallowed(self, item: Item, found: Linked) -> bool:
        """Whether a word belongs to a phrase: the "share" of "share a border", the "of" of "which of"."""
        pronoun = item.kind == "entity" and item.text.casefold() in PRONOUNS
        if (item.kind != "entity" or pronoun) and all(self.in_filler[item.start : item.end]):
            return True
        return item.kind == "share" and any(
            other.kind == "relation" and other.start == item.start and other.end > item.end for other in found.items
        )

    def _as_kind(self, item: Item, found: Linked) -> Item | None:
        """A name as what the answers are, in a graph that says what is a kind of what: "which lipids"."""
        if self.lexicon.type_relation is not None or self.lexicon.kind_relation is None or item.mention is None:
            return None
        entity = item.mention.candidates[0][0]
        asked = item.text.casefold().endswith("s") or found.before(item.start) & {"which", "what", "how", "many"}
        many = any(other.kind == "many" and other.end == item.start for other in found.items)
        before = self.words[max(0, item.start - 2) : item.start]
        kinds = len(before) == 2 and before[1] == "of" and bool(KIND_WORDS & set(lemmas(before[0])))
        # "isn't a chemical"
        some = before[-1:] in (["a"], ["an"]) and self._is_said_of(item.start - 1)
        if not (asked or many or kinds or some) or not self.lexicon.has_kinds(entity):
            return None
        start = item.start - 2 if kinds else item.start
        value = "kinds" if kinds else None
        kind = Kind(item.text, entity)
        return replace(item, kind="type", start=start, mention=None, type=kind, value=value, cost=item.cost)

    def _is_said_of(self, at: int) -> bool:
        """Whether what begins at a word is what something is or is not."""
        said = [word.removesuffix("n't") for word in self.words[max(0, at - 2) : at]]
        return set(said[-1:]) & BEING != set() or (said[-1:] == ["not"] and said[0] in BEING)

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

    # Words that are no names ------------------------------------------------------------------------------------

    def _phrases_at(self, at: int) -> Iterator[Item]:
        for length in range(4, 0, -1):
            tokens = self.tokens[at : at + length]
            if len(tokens) < length or any(token.kind not in ("word", "symbol") for token in tokens):
                continue
            if length > 1 and (self.words[at + length - 1] in _ARTICLES or self.words[at] in _ARTICLES):
                continue
            text = self.question[tokens[0].start : tokens[-1].end].rstrip(".")
            # "share a border" is "share border"
            words = [self.words[at], *(w for w in self.words[at + 1 : at + length] if w not in _ARTICLES)]
            found = list(self._phrase(text, words, at))
            for item in found:
                if not (item.kind == "unsayable" and self.filler[at]):  # "could you tell me"
                    yield replace(item, start=at, end=at + length)
            if found and length > 1 and found[0].kind not in ("relation", "type"):
                return

    def _spoken_of(self, at: int) -> Mention | None:
        """What "it" or "them" stands for: the last name before."""
        return next((item.mention for item in reversed(self.named) if item.end <= at), None)

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
            yield Item(keyword[0], text, value=keyword[1])
            if keyword[0] != "share" and keyword[0] != "in":
                return
            if keyword[0] == "in" and joined not in ("located", "situated"):
                return
        if changes_nothing(joined) and joined not in PRONOUNS:
            if (use := self.lexicon.in_table(text, tuple(words))) is not None:
                yield Item("relation", text, use=use)  # "is official"
            return
        if joined in UNSAYABLE:
            yield Item("unsayable", text)
            return
        if joined in ORDINALS:
            yield Item("ordinal", text, value=ORDINALS[joined])
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
            and len(words) == 2
            and text.islower()
            and text.count(" ") == 1
            and all(map(lemmas, words))
            and self._half_known(words)
        ):
            use = self.lexicon.meant(text, 0.75)
        if use is None or (use.costs[:1] > (FAR_VERB,) or (use.ranked and joined.split()[-1] in ("of", "from"))):
            use = self._with_preposition(text, words) or use
        if use is not None:
            yield Item("relation", text, use=use)
        if len(words) == 1 and (joined in ANYTHING or joined.removesuffix("s") in ANYTHING):
            yield Item("type", text, type=Kind(text))
        elif keyword is None and kind is not None and not (self._follows_who(at) and not only_noun(joined)):
            verb = self.lexicon.type_relation is None and use is not None and use.costs[:1] <= (0.05,)
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
        if not all(any(wordnet().senses(form, "n") for form in lemmas(word)) for word in words) or is_verbal(words[0]):
            return None
        found = self.lexicon.kind(words[1], (words[1],))
        return replace(found, text=text) if found is not None and text.count(" ") == 1 else None

    def _follows_who(self, at: int) -> bool:
        """Whether a word stands where a graph without types has a verb: "who boycotts", "those who boycott"."""
        return self.lexicon.type_relation is None and self.words[max(0, at - 1) : at] == ["who"]

    def _with_preposition(self, text: str, words: list[str]) -> RelationUse | None:
        """What a verb and its preposition mean together, in a graph whose types do not tell: "die of"."""
        if self.lexicon.type_relation is not None or not 1 < len(words) < 4:
            return None
        verb, *rest = words
        if not any(wordnet().senses(form, "va") for form in lemmas(verb)) or not set(rest) <= BEHIND_VERBS:
            return None
        alone = self.lexicon.use(verb, (verb,))
        if alone is not None and alone.costs[:1] <= (FAR_VERB,) and not (alone.ranked and rest[-1] in ("of", "from")):
            return None
        found = self.lexicon.phrased(" ".join([*lemmas(verb)[-1:], *rest]))
        return replace(found, text=text) if found is not None else None

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

    def _nominal(self, at: int, length: int) -> bool:
        """Whether a word stands where only a noun does: "which type", "the type of"."""
        behind = self.words[at + length] if at + length < len(self.words) else ""
        return (at > 0 and self.words[at - 1] in ("which", "what", "the", "a", "an")) or behind == "of"

    def _half_known(self, words: list[str]) -> bool:
        """Whether one of two words names a relation: of "release date" the "release" of "release year"."""
        nouns = all(any(wordnet().senses(form, "n") for form in lemmas(word)) for word in words)
        # "movies starred" says two things, "release date" one.
        parts = is_verbal(words[0]) or (is_verbal(words[1]) and words[0].endswith("s"))
        known = nouns and not parts and sum(self.lexicon.names_itself(word) for word in words) == 1
        return known and not any(word in KEYWORDS or word in FILLER or word in LIGHT for word in words)

    def _part_of_names(self, text: str) -> tuple[int, ...]:
        """What is called so with more words: "Schiphol", "sheqel"; () where more than a few are."""
        found = self.lexicon.called(text) or self.lexicon.called(text.capitalize())
        return tuple(found) if len(found) <= MOST_LONGER else ()

    def _number(self, at: int) -> Item | None:
        value, length = spoken_number(self.words[at:])
        if not length or (length == 1 and self.words[at] in ("one", "zero")):
            return None
        words = self.question[self.tokens[at].start : self.tokens[at + length - 1].end]
        return Item("number", words, at, at + length, value=value)

    def _takes_relation(self, at: int) -> bool:
        """Whether a verb adds little to its object: "lodge protests", "impose a boycott"; not so "annul treaties"."""
        forms = lemmas(self.words[at])
        if self.lexicon.type_relation is not None or not any(wordnet().senses(form, "v") for form in forms):
            return False
        behind = next((a for a in range(at + 1, min(at + 3, len(self.words))) if self.words[a] not in _ARTICLES), at)
        for length in (2, 1):
            words = tuple(self.words[behind : behind + length])
            use = self.lexicon.use(" ".join(words), words, True) if behind > at and len(words) == length else None
            if use is not None and use.costs[:1] <= (0.2,):
                whole = self.lexicon.similarity.likeness(" ".join((self.words[at], *words)))
                return whole.get(use.relations[0], 0.0) > TAKEN and not _ends(self.words[at])
        return False

    def _unknown(self, at: int) -> Item:
        """A stretch that looks like a name as a misspelt one, a word by its sense, else not understood."""
        end = at
        while (
            end < min(len(self.tokens), at + LONGEST_NAME)
            and self.tokens[end].kind == "word"
            and self.tokens[end].text[:1].isupper()
        ):
            end += 1
        text = self.tokens[at].text.rstrip(".")
        # A question's first word has a capital whatever it is.
        named = (end > at and (at > 0 or end > 1)) or text[:1] in "+."
        end = max(end, at + 1)
        if not named and not lemmas(text) and len(text) > 4:
            named, end = True, at + 1
        if named and self.corrections:
            self.corrections -= 1
            text = self.question[self.tokens[at].start : self.tokens[end - 1].end].rstrip(".")
            if longer := self._part_of_names(text):
                return Item("entity", text, at, end, mention=Mention(text, (longer,)), cost=0.1)
            try:
                match = self.kg.match(text)
            except UnknownEntityError as error:
                return Item("word", self.tokens[at].text.rstrip("."), at, at + 1, nearest=tuple(error.nearest))
            except AmbiguousEntityError as error:
                raise QuestionError(str(error)) from None
            # A slip is hardly ever in the first letter: "Wakanda" is not Akanda.
            if match.corrected_to is not None and fold(match.corrected_to)[:1] != fold(text)[:1]:
                return Item("word", self.tokens[at].text.rstrip("."), at, at + 1, nearest=(match.corrected_to,))
            return Item("entity", text, at, end, mention=Mention(text, (match.entities,), match.corrected_to))
        if self.tokens[at].kind == "word" and self._takes_relation(at):
            return Item("light", text, at, at + 1, cost=UNKNOWN_VERB)
        if self.tokens[at].kind == "word" and lemmas(text) and (use := self.lexicon.meant(text)) is not None:
            if several := self._kind_of_names(text.casefold(), use):
                return Item("entity", text, at, at + 1, mention=Mention(text, (several,)))
            return Item("relation", text, at, at + 1, use=use)
        return Item("word", text, at, at + 1)


def _ends(verb: str) -> bool:
    """Whether a verb says that something stops or is not."""
    near = {text for form in lemmas(verb) for text, cost in wordnet().related(form, "v").items() if cost < 0.45}
    return bool(near & _ENDING)


def _said_more(phrase: Item, item: Item) -> float:
    """What a part of a phrase costs: of "export books", but not the "members" of "members of" that is just that."""
    if not (
        phrase.start <= item.start and item.end <= phrase.end and phrase.end - phrase.start > item.end - item.start
    ):
        return 0.0
    if item.use is None or phrase.use is None or phrase.text.split()[-1].casefold() not in BEHIND_VERBS:
        return WITHIN_LONGER_PHRASE
    # The preposition of "die of" gives the verb another meaning.
    return 0.0 if set(phrase.use.relations) & set(item.use.relations) else WITHOUT_PREPOSITION


def _dearer(item: Item, more: float) -> Item:
    """A relation or a kind of thing at a higher cost."""
    use = item.use and replace(item.use, costs=tuple(item.use.cost(name) + more for name in item.use.relations))
    return replace(item, use=use, type=item.type and replace(item.type, cost=item.type.cost + more))


def _prefer_longest(items: list[Item]) -> None:
    """Make names and phrases that are a part of a longer one cost more."""
    phrases = [item for item in items if item.kind == "relation" and item.end > item.start + 1]
    for place, item in enumerate(items):
        sayable = item.use is not None or (item.type is not None and item.type.entity is None)
        more = max((_said_more(phrase, item) for phrase in phrases), default=0.0) if sayable else 0.0
        items[place] = _dearer(item, more) if more else item
    names = [item for item in items if item.kind == "entity"]
    for place, item in enumerate(items):
        if item.kind == "entity" and any(
            other.start <= item.start and item.end <= other.end and other.end - other.start > item.end - item.start
            for other in names
        ):
            items[place] = replace(item, cost=item.cost + WITHIN_LONGER)
