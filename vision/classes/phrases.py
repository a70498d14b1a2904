"""Phrases as people write them, brought to one form: lower case, no article, the head noun in the singular.

Everything that is looked up (class names, the lexicon, WordNet's nouns) goes through the same two functions, so "Wine
Glasses", "wine-glass" and "the wineglasses" can meet.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from vision.classes.lexicon import lexicon
from vision.classes.nouns import visible_nouns


def word_set(words: str) -> frozenset[str]:
    """Words parted by spaces, as a set."""
    return frozenset(words.split())


def word_pairs(pairs: str) -> dict[str, str]:
    """Pairs "word:other" parted by spaces, as a mapping."""
    return dict(pair.split(":") for pair in pairs.split())


COLOURS: dict[str, str] = {
    word: colour
    for colour, words in {
        "black": "black",
        "white": "white",
        "grey": "grey gray silver",
        "red": "red crimson scarlet maroon",
        "orange": "orange",
        "yellow": "yellow golden",
        "green": "green",
        "blue": "blue navy turquoise",
        "purple": "purple violet",
        "pink": "pink",
        "brown": "brown beige tan",
    }.items()
    for word in words.split()
}
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
