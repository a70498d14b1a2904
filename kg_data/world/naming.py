"""Gives every entity a name of its own, since thousands of places share theirs.

A question says "Georgia" and must reach one entity. So each name belongs bare to one holder (the country, else the
capital, else the most populous place), and the others carry a qualifier in brackets: "Georgia (United States)",
"Paris (Texas)", "Singapore (city)". Names count as the same when they differ only in case or accents, because people
type "San Jose" for "San José".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Letters that Unicode doesn't decompose, as a reader without the keyboard for them writes them.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "Ae",
        "œ": "oe", "Œ": "Oe", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ə": "a", "Ə": "A", "ħ": "h", "Ħ": "H",
        "’": "'", "‘": "'", "ʻ": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-",
    }
)  # fmt: skip

_ACCENTS = re.compile("[\u0300-\u036f]")
_JOINTS = re.compile(r"['.]")
_GAPS = re.compile(r"[\W_]+")
_NOT_LETTERS = re.compile(r"[\W_]+")

# One Latin name: letters of the Latin blocks, with the marks that stand inside names.
_LATIN_NAME = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ž][A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ'’‘ .\-]+")
_LATIN_START = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-žȘȚḀ-Ỹ]")
# Names that a scheme of transliteration made rather than a reader: marks that no Latin spelling uses.
_TRANSLITERATION = re.compile(r"['’‘]{2}|[a-z]['’][a-z]*['’]|^[A-Z]+$|['’]$")

_SCRIPTS = {
    "CYRILLIC": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tg", "mn", "bs"},
    "GREEK": {"el"}, "ARABIC": {"ar", "fa", "ur", "ps", "ku", "sd"}, "HEBREW": {"he"}, "ARMENIAN": {"hy"},
    "GEORGIAN": {"ka"}, "CJK": {"zh", "ja"}, "HIRAGANA": {"ja"}, "KATAKANA": {"ja"}, "HANGUL": {"ko"}, "THAI": {"th"},
    "DEVANAGARI": {"hi", "ne"}, "BENGALI": {"bn"}, "LAO": {"lo"}, "KHMER": {"km"}, "MYANMAR": {"my"},
    "ETHIOPIC": {"am", "ti"}, "SINHALA": {"si"}, "TAMIL": {"ta"}, "TIBETAN": {"dz"}, "THAANA": {"dv"},
}  # fmt: skip


# How many names in the country's own script a city keeps.
_MOST_NATIVE = 6


@dataclass
class Entity:
    """One thing of the world before it has its label.

    Attributes:
        kind: its type, e.g. "city".
        name: the plain name, which others may share.
        rank: who keeps a shared name; the smallest comes first.
        qualifiers: what may stand in brackets behind the name, in order of preference.
        aliases: other names, in order of importance.
        codes: aliases that are codes, which it keeps even where they spell another's name ("WAW" and Waw).
    """

    kind: str
    name: str
    rank: tuple[float, ...]
    qualifiers: Sequence[str] = ()
    aliases: list[str] = field(default_factory=list)
    codes: Sequence[str] = ()


def plain(name: str) -> str:
    """The name without accents and typographic quotes, case kept: "São Tomé" to "Sao Tome"."""
    if name.isascii():
        return name
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", name.translate(_PLAIN_LETTERS)))


def fold(name: str) -> str:
    """The name without accents and case, punctuation kept."""
    return name.casefold() if name.isascii() else plain(name).casefold()


def key(name: str) -> str:
    """The form in which two names are the same: no accents, case, apostrophes or full stops; other marks are gaps."""
    folded = fold(name)
    if folded.isalnum():
        return folded
    return _GAPS.sub(" ", _JOINTS.sub("", folded)).strip() or name


def assign_labels(entities: Sequence[Entity], reserved: Mapping[str, int]) -> list[str]:
    """A label for each entity, all different even after `key`, position by position.

    Holders are served in the order of their rank. One whose every qualifier is taken gets a number, so that the result
    is always unique; ties keep the order of `entities`, so that it's always the same.

    Args:
        entities: all of them.
        reserved: keys that only the entity of this position may bear, such as "holland", an alias of a country.
    """
    labels = [""] * len(entities)
    taken: set[str] = set()

    def free(candidate: str, index: int) -> bool:
        folded = key(candidate)
        return folded not in taken and reserved.get(folded, index) == index

    for index in _by_rank(entities):
        entity = entities[index]
        candidates = [entity.name, *(f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers if qualifier)]
        label = next((candidate for candidate in candidates if free(candidate, index)), "")
        number = 2
        while not label:
            candidate = f"{candidates[-1]} {number}"
            label, number = (candidate if free(candidate, index) else ""), number + 1
        taken.add(key(label))
        labels[index] = label
    return labels


def assign_aliases(entities: Sequence[Entity], labels: Sequence[str]) -> list[tuple[int, str]]:
    """The other names of each entity, as (position, name), so that each name leads to one entity.

    An alias is dropped where it's another's label, or an alias of one that goes before in rank; codes go before all
    other aliases. Two kinds stay all the same: a code that spells another's label in capitals, as it's matched the way
    it's written, and the bare name of an entity that had to be qualified, which lets a search for "Paris" offer
    "Paris (Texas)" too.
    """
    order = _by_rank(entities)
    spelled = set(labels)
    owners = {key(label): index for index, label in enumerate(labels)}
    of_labels = frozenset(labels)
    pairs: list[tuple[int, str]] = []
    for index in order:
        for code in entities[index].codes:
            if code not in spelled:
                spelled.add(code)
                owners.setdefault(key(code), index)
                pairs.append((index, code))
    for index in order:
        entity, label = entities[index], labels[index]
        qualified = [f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers] if label != entity.name else []
        for alias in dict.fromkeys([entity.name, plain(label), *entity.aliases, *qualified]):
            folded = key(alias)
            mine = owners.setdefault(folded, index) == index
            if alias != label and alias not in entity.codes and (mine or (alias == entity.name and alias in of_labels)):
                pairs.append((index, alias))
    return sorted(pairs, key=lambda pair: pair[0])


def _by_rank(entities: Sequence[Entity]) -> list[int]:
    return sorted(range(len(entities)), key=lambda index: (*entities[index].rank, entities[index].name, index))


def is_latin(name: str) -> bool:
    """Whether a name begins with a Latin capital; machine transliterations mostly begin with a small letter."""
    return bool(_LATIN_START.match(name))


def script_of(name: str) -> str:
    """The script of the first letter, by Unicode's name for it: "LATIN", "CYRILLIC", "CJK"..."""
    for letter in name:
        if letter.isalpha():
            return unicodedata.name(letter, "").split(" ", 1)[0]
    return ""


def other_names(name: str, alternates: Iterable[str], languages: frozenset[str], limit: int) -> list[str]:
    """The alternate names of a city that a reader might type.

    GeoNames lists every spelling in every alphabet, and machine transliterations, without language. Kept are Latin
    names that look written by people, and some names in a script of the country's own languages. Of spellings that
    differ only in accents or punctuation the accented one stands for all.

    Args:
        name: the city's main name.
        alternates: GeoNames' list.
        languages: ISO 639 codes of the country's languages.
        limit: how many Latin names to keep at most; the nearest in length to the main name go first.
    """
    latin: dict[str, str] = {}
    native: dict[str, str] = {}
    for alternate in alternates:
        if not 2 <= len(alternate) <= 40:
            continue
        if _LATIN_NAME.fullmatch(alternate):
            if len(alternate) >= 3 and not _TRANSLITERATION.search(alternate):
                letters = _letters(alternate)
                if letters not in latin or latin[letters].isascii():
                    latin[letters] = alternate
        elif not alternate.isascii() and languages & _SCRIPTS.get(script_of(alternate), set()):
            native.setdefault(_letters(alternate), alternate)
    latin.pop(_letters(name), None)
    nearest = sorted(latin.values(), key=lambda alternate: abs(len(alternate) - len(name)))
    return [*nearest[:limit], *list(native.values())[:_MOST_NATIVE]]


def _letters(name: str) -> str:
    folded = fold(name)
    return folded if folded.isalnum() else _NOT_LETTERS.sub("", folded)
