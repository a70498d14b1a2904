"""Phrases as people write them, brought to one form, and a detector's class names among them.

Everything that is looked up goes through the same two functions (lower case, no article, head noun in the singular),
so "Wine Glasses", "wine-glass" and "the wineglasses" can meet. COCO's classes have reviewed senses, since their names
say less than what is counted under them ("cup" counts drinking glasses). Of any other vocabulary the names are all
that is known: a name stands for its commonest visible sense.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vision.classes.lexicon import COCO_CLASSES, DATA, lexicon, visible_nouns


def word_set(words: str) -> frozenset[str]:
    """Words parted by spaces, as a set."""
    return frozenset(words.split())


def word_pairs(pairs: str) -> dict[str, str]:
    """Pairs "word:other" parted by spaces, as a mapping."""
    return dict(pair.split(":") for pair in pairs.split())


COLOURS: dict[str, str] = {
    word: colour
    for colour, words in {
        "black": "black", "white": "white", "grey": "grey gray silver", "red": "red crimson scarlet maroon",
        "orange": "orange", "yellow": "yellow golden", "green": "green", "blue": "blue navy turquoise",
        "purple": "purple violet", "pink": "pink", "brown": "brown beige tan",
    }.items()
    for word in words.split()
}  # fmt: skip
"""Colour words to the eleven basic colours (Berlin & Kay 1969)."""

_SHADES = {"dark", "light", "bright", "pale", "deep", "vivid"}

_DETERMINERS = word_set(
    "a an the all any every each some this that these those my your his her our their its both several many few no "
    "one two three four five six seven eight nine ten various different multiple other another"
)
_LONGEST_NAME = 8
"""Words; what has more before its first preposition is no name."""
_NO_PART_OF_NAMES = word_set(
    "all any each every this that these those my your his her its our their me you him it them us i we they he she is "
    "are was were be am not do does did will would please now then"
)
_OPENINGS = re.compile(
    r"^(?:(?:all|any|each|every|some|most|both|none|one|types?|kinds?|sorts?|examples?|instances?|pictures of kinds?)"
    r" of(?: the| these| those| a| an)? |(?:any|every|each|all|some|other) (?:kinds?|types?|sorts?) of )"
)
_CLOSING = re.compile(
    r" (?:in|on|from|of|within) (?:the|this|that|my) (?:image|picture|photo|photograph|scene|frame|shot)$"
)

_IRREGULAR = word_pairs(
    "people:person persons:person folks:folk men:man women:woman children:child mice:mouse geese:goose teeth:tooth "
    "feet:foot oxen:ox knives:knife loaves:loaf leaves:leaf wolves:wolf calves:calf shelves:shelf scarves:scarf "
    "wives:wife lives:life elves:elf thieves:thief halves:half hooves:hoof lice:louse dice:die buses:bus busses:bus "
    "cows:cow cacti:cactus fungi:fungus octopi:octopus media:medium axes:axe movies:movie cookies:cookie ties:tie "
    "pies:pie shoes:shoe toes:toe canoes:canoe gateaux:gateau plateaux:plateau taxis:taxi skis:ski passersby:passerby "
    "passers-by:passer-by"
)
_ONE_AS_MANY = word_set(
    "scissors glasses eyeglasses sunglasses spectacles goggles binoculars tongs pliers tweezers shears secateurs snips "
    "clippers pants trousers jeans shorts tights pyjamas pajamas overalls leggings underpants clothes stairs groceries "
    "headphones earphones earbuds electronics sweets goods species series sheep fries chips noodles barracks gallows "
    "maracas bagpipes suspenders braces handcuffs cards bus gas lens iris canvas atlas bias tennis christmas swiss "
    "octopus hippopotamus rhinoceros platypus walrus cactus citrus lotus crocus campus circus status virus bonus sinus "
    "glass grass dress mattress class cutlass compass mass cross boss moss press harness wilderness princess waitress "
    "actress hostess stewardess lioness chess fortress fitness business cargoes molasses debris chassis news "
    "gymnastics prius lexus greens afters bleachers headquarters dominoes billiards"
)

_DRINKS = word_set(
    "wine beer champagne drinking water cocktail martini shot juice pint whisky whiskey brandy sherry stemmed crystal "
    "empty full milk highball tall liqueur prosecco margarita lemonade"
)
"""What stands before "glasses" where they are no spectacles."""
_HEAD_ENDS = word_set(
    "with without on in at from by near for under over behind beside inside outside above below next between among "
    "that which who whose where wearing holding riding carrying sitting standing lying walking running driving to you "
    "left right made full using"
)
_PARTS_OF = word_set(
    "piece slice pair herd flock bunch group crowd pack kind type sort set stack pile row line swarm team couple "
    "number lot head bit portion serving fleet dozen swathe cluster collection variety assortment heap load "
    "handful litter member class example instance mob gaggle school drove loaf"
)


def plain(phrase: str) -> str:
    """Lower case, plain quotes and spaces, no punctuation around it."""
    text = unicodedata.normalize("NFKC", phrase).lower().replace("’", "'").replace("_", " ")
    return " ".join(text.split()).strip(" .,;:!?\"'`()[]{}<>*")


def tidy(phrase: str) -> str:
    """The same without what points at it: articles and numbers before it, "in the picture" after it."""
    text = _CLOSING.sub("", plain(phrase))
    while True:
        shorter = _OPENINGS.sub("", text)
        first, _, rest = shorter.partition(" ")
        if rest and (first in _DETERMINERS or first.isdigit()):
            shorter = rest
        if shorter == text:
            return text
        text = shorter


@lru_cache(maxsize=65536)
def singular(word: str) -> str:
    """A noun's singular; a word that is none, or has none ("scissors"), as it is.

    A candidate that is a known noun is taken before one that only follows the rules of spelling.
    """
    if "-" in word:
        start, _, last = word.rpartition("-")
        return f"{start}-{singular(last)}" if start and last and word not in _IRREGULAR else _IRREGULAR.get(word, word)
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _ONE_AS_MANY or len(word) < 3:
        return word
    for plural in ("women", "men", "children", "people", "mice", "geese", "teeth", "feet"):
        if word.endswith(plural):
            one = word.removesuffix(plural) + _IRREGULAR[plural]
            if _is_noun(one):
                return one
    if not word.endswith("s") or word.endswith(("ss", "'s")):
        return word
    candidates = [word[:-1]]
    if word.endswith("ies"):
        candidates = [word[:-3] + "y", word[:-1]]
    elif word.endswith("ves"):
        candidates = [word[:-1], word[:-3] + "f", word[:-3] + "fe"]
    elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        candidates = [word[:-2], word[:-1]]
    for nouns in (lexicon().words, visible_nouns()):
        for candidate in candidates:
            if candidate in nouns:
                return candidate
    if _is_noun(word) or word.endswith(("us", "is")):
        return word
    return candidates[0]


def irregular_plurals(word: str) -> tuple[str, ...]:
    """The plurals of a noun that no rule makes: "people" and "persons" of "person"; none of most."""
    return tuple(plural for plural, one in _IRREGULAR.items() if one == word)


def _is_noun(word: str) -> bool:
    return word in lexicon().words or word in visible_nouns()


def determined(name: str, text: str) -> str:
    """A name with the article or the like that stands before it in a text: "the cat" of "cat" in "find the cat!".

    "" where none does, as before what is a question or an order and no name.
    """
    if name.casefold().split(" ", 1)[0] in _DETERMINERS:
        return name
    before = re.search(rf"(\w+)\s+{re.escape(name)}(?!\w)", text, re.IGNORECASE)
    return f"{before[1]} {name}" if before and before[1].casefold() in _DETERMINERS else ""


def head_end(words: list[str]) -> int:
    """Where the head noun of a phrase ends: at the last word, or before the first preposition."""
    for position, word in enumerate(words):
        if position and (word in _HEAD_ENDS or word == "of"):
            return position
    return len(words)


def with_singular_head(words: list[str]) -> list[str]:
    """The same words with the head noun in the singular."""
    if not words:
        return words
    words = [
        singular(word) if after in ("and", "or") else word for word, after in zip(words, [*words[1:], ""], strict=True)
    ]
    end = head_end(words)
    head = words[end - 1]
    if head == "glasses" and end > 1 and words[end - 2] in _DRINKS:
        head = "glass"
    return [*words[: end - 1], singular(head), *words[end:]]


def is_sentence(words: list[str]) -> bool:
    """Whether words tell or order something rather than name a thing: "ignore all previous instructions"."""
    return len(words) > _LONGEST_NAME or not _NO_PART_OF_NAMES.isdisjoint(words[1:])


def split_partitive(words: list[str]) -> list[str]:
    """ "slice of pizza" -> "pizza", "herd of cows" -> "cows": what a part, a pair or a crowd is of."""
    if "of" in words[1:-1]:
        at = words.index("of", 1)
        if singular(words[at - 1]) in _PARTS_OF:
            return tidy(" ".join(words[at + 1 :])).split()
    return words


def split_colour(words: list[str]) -> tuple[str | None, list[str]]:
    """The basic colour before a noun and the words without it; None where no colour or nothing else stands there.

    Of two colours ("black and white cat") neither is the object's colour.
    """
    start = 1 if len(words) > 2 and words[0] in _SHADES else 0
    first = re.sub(r"-?colou?red$", "", words[start]) if start < len(words) else ""
    colour = COLOURS.get(first)
    rest = words[start + 1 :]
    if rest and rest[0] in ("coloured", "colored"):
        rest = rest[1:]
    if colour is None or not rest:
        if "-and-" in first and len(words) > 1:
            return None, words[1:]
        return None, words
    if len(rest) > 2 and rest[0] == "and" and rest[1] in COLOURS:
        return None, rest[2:]
    if len(rest) > 1 and rest[0] in COLOURS:
        return None, rest[1:]
    return colour, rest


@lru_cache(maxsize=65536)
def normalise(phrase: str) -> str:
    """The label of a phrase: "Sofas" -> "sofa", "people" -> "person", "the black cats" -> "black cat"."""
    return " ".join(with_singular_head(tidy(phrase).split()))


def spellings(phrase: str) -> tuple[str, ...]:
    """The ways in which a normalised phrase may stand in a list: as it is, without hyphens, without spaces, bare 's."""
    spaced = phrase.replace("-", " ")
    return tuple(dict.fromkeys((phrase, spaced, spaced.replace("'s", "s"), spaced.replace(" ", ""))))


@dataclass(frozen=True)
class Evidence:
    """What is known of a phrase: the classes that it means, none where it is known to mean none.

    Attributes:
        classes: classes of the vocabulary, in its order.
        is_group: whether it names a kind of things.
        exact: whether it is a class name.
        narrower: whether it names only a part of what the classes count, as "limousine" of "car".
    """

    classes: tuple[str, ...]
    is_group: bool = False
    exact: bool = False
    narrower: bool = field(default=False, compare=False)


class Vocabulary:
    """Class names, each once, with ways to reach them, also by their supercategories.

    Attributes:
        opaque: names of which neither lexicon nor WordNet knows anything.
        is_reviewed: whether every class is one of COCO's, so that the lexicon's word is final.
    """

    def __init__(self, names: Sequence[str], supercategories: Mapping[str, str] | None = None) -> None:
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}
        self._by_spelling: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            for spelling in _spellings_of_name(name):
                known = self._by_spelling.get(spelling, ())
                if name not in known:
                    self._by_spelling[spelling] = (*known, name)
        self._of_coco = {name: self._called(name) for name in COCO_CLASSES}
        self._by_supercategory: dict[str, list[str]] = {}
        for name, supercategory in (supercategories or {}).items():
            if name in self._places:
                self._by_supercategory.setdefault(normalise(supercategory), []).append(name)
        self._of_coco_here = {name for names in self._of_coco.values() for name in names}
        self.is_reviewed = self._of_coco_here.issuperset(self.names)
        self._depths: dict[int, int] = {}
        self._own_of: dict[str, tuple[frozenset[str], frozenset[int]]] = {}
        self.opaque: set[str] = set()
        self._claims, self._members = self._senses()

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Class names, each once, in the vocabulary's order."""
        return tuple(sorted(set(names), key=self._places.__getitem__))

    def exact(self, phrase: str) -> Evidence | None:
        """The class of that name, in any case, number, hyphens and spaces."""
        names = next((self._by_spelling[form] for form in spellings(phrase) if form in self._by_spelling), None)
        return Evidence(names, exact=True) if names else None

    def known(self, phrase: str) -> Evidence | None:
        """What a phrase in its normal form means by name, lexicon or WordNet; None where no one knows it."""
        return self.exact(phrase) or self.by_lexicon(phrase) or self.by_supercategory(phrase) or self.by_senses(phrase)

    def by_lexicon(self, phrase: str) -> Evidence | None:
        """What the lexicon says, in this vocabulary; that a phrase is no class of COCO says nothing of another one."""
        entry = next((found for form in spellings(phrase) if (found := lexicon().entry(form))), None)
        if entry is None:
            return None
        classes = self.of_coco(entry.classes)
        narrower = not entry.is_group and self._is_narrower(phrase, classes)
        if self.is_reviewed:
            return Evidence(classes, entry.is_group, narrower=narrower)
        senses = self.by_senses(phrase)
        if senses and senses.classes and self._of_coco_here.isdisjoint(senses.classes):
            return senses
        if classes:
            return Evidence(classes, entry.is_group, narrower=narrower)
        return (senses or Evidence(())) if entry.classes else None

    def by_supercategory(self, phrase: str) -> Evidence | None:
        """The classes of the supercategory of that name."""
        names = self._by_supercategory.get(phrase)
        return Evidence(self.in_order(names), is_group=True) if names else None

    def of_coco(self, classes: Iterable[str]) -> tuple[str, ...]:
        """The classes here that are the same as COCO's."""
        return self.in_order(name for coco in classes for name in self._of_coco[coco])

    def by_senses(self, phrase: str) -> Evidence | None:
        """What WordNet says: the class that the phrase is a kind of, or the classes that are kinds of it."""
        nouns = visible_nouns()
        word = next((form for form in spellings(phrase) if form in nouns), None)
        if word is None:
            return None
        if not nouns.is_first_visible(word):
            return Evidence(())
        sense = preferred_sense(word)
        for above in nouns.ancestors(sense):
            if above in self._claims:
                classes = self.in_order(self._claims[above])
                return Evidence(classes, narrower=self._is_narrower(phrase, classes))
        below = self._members.get(sense, set())
        if len(below) < 2 and self.is_reviewed:  # to WordNet a laptop is a machine; who says "machine" doesn't mean it
            below = set()
        return Evidence(self.in_order(below), bool(below))

    def _is_narrower(self, phrase: str, classes: Iterable[str]) -> bool:
        """Whether a word for classes is no other name of one, and means to WordNet neither what they are nor more."""
        forms, nouns = spellings(phrase), visible_nouns()
        senses = {sense for form in forms for sense in nouns.senses(form)}
        own = [self._own(name) for name in classes]
        return all(names.isdisjoint(forms) and above.isdisjoint(senses) for names, above in own)

    def _own(self, name: str) -> tuple[frozenset[str], frozenset[int]]:
        """What a class is called, and its senses with all that is above them."""
        if name not in self._own_of:
            nouns = visible_nouns()
            coco = [other for other, names in self._of_coco.items() if name in names]
            words = {form for one in coco for word in (one, *lexicon().names.get(one, ())) for form in spellings(word)}
            words |= {*_spellings_of_name(name)}
            # The first sense that it claims is the class; what it counts beside that, as bears count pandas, is less.
            senses = [sense for sense, names in self._claims.items() if name in names][:1]
            for sense in (sense for word in words for sense in nouns.senses(word)):
                if any(name in self._claims.get(above, ()) for above in nouns.ancestors(sense)):
                    senses.append(sense)
            above = frozenset(above for sense in senses for above in nouns.ancestors(sense))
            self._own_of[name] = frozenset(words), above
        return self._own_of[name]

    def kinship(self, phrase: str) -> NDArray[np.float32]:
        """How near each class stands to a phrase in WordNet, shape (classes,), 0 to 1; all 0 where it is not known.

        The measure is that of Wu & Palmer (1994): twice the depth of the nearest common ancestor by the depths of both.
        """
        nouns = visible_nouns()
        shares = np.zeros(len(self.names), np.float32)
        word = next((form for end in _ends(phrase) for form in spellings(end) if form in nouns), None)
        if word is None:
            return shares
        sense = preferred_sense(word)
        above = {synset: self._depth(synset) for synset in nouns.ancestors(sense)}
        for own, names in self._claims.items():
            common = max((above[synset] for synset in nouns.ancestors(own) if synset in above), default=0)
            share = 2 * common / max(above[sense] + self._depth(own), 1)
            for name in names:
                shares[self._places[name]] = max(shares[self._places[name]], share)
        return shares

    def _depth(self, synset: int) -> int:
        if synset not in self._depths:
            self._depths[synset] = visible_nouns().depth(synset)
        return self._depths[synset]

    def _called(self, coco: str) -> tuple[str, ...]:
        found = map(self.exact, (coco, *lexicon().names.get(coco, ())))
        return next((evidence.classes for evidence in found if evidence), ())

    def _senses(self) -> tuple[dict[int, tuple[str, ...]], dict[int, set[str]]]:
        """Sense to the classes that it means, and sense to the classes under it."""
        nouns = visible_nouns()
        claims: dict[int, tuple[str, ...]] = {}
        for name in self.names:
            if name not in self._of_coco_here:
                forms = (form for form in _spellings_of_name(name) if form in nouns)
                sense = next((preferred_sense(form) for form in forms), None)
                if sense is None:
                    self.opaque.add(name)
                else:
                    claims[sense] = (*claims.get(sense, ()), name)
        for coco, sense in coco_senses():
            if coco == "-":
                claims.setdefault(sense, ())
            elif self._of_coco[coco]:
                claims.setdefault(sense, self._of_coco[coco])
        members: dict[int, set[str]] = {}
        for sense, names in claims.items():
            for above in nouns.ancestors(sense):
                members.setdefault(above, set()).update(names)
        return claims, members


def coco_senses() -> Iterator[tuple[str, int]]:
    """The reviewed senses of COCO's classes: class, or "-" for what is none, and sense."""
    for line in (DATA / "coco_senses.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, keys = line.split("\t")
            for key in keys.split("|"):
                word, _, rank = key.rpartition(":")
                yield name, visible_nouns().sense(word, int(rank))


def preferred_sense(word: str) -> int:
    """The sense in which a noun is most likely meant of a thing in a picture: the commonest that can be seen.

    Many tools and animals are also somebody ("printer", "toaster", "whale"): then it is not the person.
    """
    nouns = visible_nouns()
    senses = nouns.senses(word)
    person = nouns.sense("person", 0)
    return next((sense for sense in senses if person not in nouns.ancestors(sense)), senses[0])


def _ends(phrase: str) -> Iterator[str]:
    """The phrase, then what is left of it without its first words."""
    words = phrase.split()
    return (" ".join(words[start:]) for start in range(len(words)))


def _spellings_of_name(name: str) -> tuple[str, ...]:
    """How a class name may be written; LVIS puts what tells two of one name apart into brackets: "bow (weapon)"."""
    bare = re.sub(r"[ _]*\(.*?\)", "", name)
    forms = (tidy(name), normalise(name), tidy(bare), normalise(bare))
    return tuple(dict.fromkeys(spelling for form in forms if form for spelling in spellings(form)))
