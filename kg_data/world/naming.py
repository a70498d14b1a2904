"""Gives every entity a name of its own, since thousands of places share theirs.

A question says "Georgia" and must reach one entity. So each name belongs bare to one holder (the country, else the
capital, else the most populous place), and the others carry a qualifier in brackets: "Georgia (United States)",
"Paris (Texas)", "Singapore (city)". Names count as the same when they differ only in case or accents, because people
type "San Jose" for "San José".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

# Letters that Unicode doesn't decompose, as a reader without the keyboard for them writes them.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "Ae",
        "œ": "oe", "Œ": "Oe", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ə": "a", "Ə": "A", "ħ": "h", "Ħ": "H",
        "’": "'", "‘": "'", "ʻ": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-",
    }
)  # fmt: skip

# One Latin word: letters of the Latin blocks, with the marks that stand inside names.
_LATIN_NAME = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ž][A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ'’‘ .\-]+")
# Names that a scheme of transliteration made rather than a reader: marks that no Latin spelling uses.
_TRANSLITERATION = re.compile(r"['’‘]{2}|[a-z]['’][a-z]*['’]|^[A-Z]+$|['’]$")

_SCRIPTS = {
    "CYRILLIC": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tg", "mn", "bs"},
    "GREEK": {"el"}, "ARABIC": {"ar", "fa", "ur", "ps", "ku", "sd"}, "HEBREW": {"he"}, "ARMENIAN": {"hy"},
    "GEORGIAN": {"ka"}, "CJK": {"zh", "ja"}, "HIRAGANA": {"ja"}, "KATAKANA": {"ja"}, "HANGUL": {"ko"}, "THAI": {"th"},
    "DEVANAGARI": {"hi", "ne"}, "BENGALI": {"bn"}, "LAO": {"lo"}, "KHMER": {"km"}, "MYANMAR": {"my"},
    "ETHIOPIC": {"am", "ti"}, "SINHALA": {"si"}, "TAMIL": {"ta"}, "TIBETAN": {"dz"}, "THAANA": {"dv"},
}  # fmt: skip


@dataclass
class Entity:
    """One thing of the world before it has its label.

    Attributes:
        kind: its type, e.g. "city".
        name: the plain name, which others may share.
        rank: who keeps a shared name; the smallest comes first.
        qualifiers: what may stand in brackets behind the name, in order of preference.
        aliases: other names, in order of importance.
    """

    kind: str
    name: str
    rank: tuple[float, ...]
    qualifiers: Sequence[str] = ()
    aliases: list[str] = field(default_factory=list)


@lru_cache(maxsize=500_000)
def plain(name: str) -> str:
    """The name without accents and typographic quotes, case kept: "São Tomé" to "Sao Tome"."""
    if name.isascii():
        return name
    decomposed = unicodedata.normalize("NFKD", name.translate(_PLAIN_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def fold(name: str) -> str:
    """The form in which two names are the same name."""
    return plain(name).casefold()


def assign_labels(entities: Sequence[Entity]) -> list[str]:
    """A label for each entity, all different even after `fold`, position by position.

    Holders are served in the order of their rank. One whose every qualifier is taken gets a number, so that the result
    is always unique; ties keep the order of `entities`, so that it's always the same.
    """
    labels = [""] * len(entities)
    taken: set[str] = set()
    for index in sorted(range(len(entities)), key=lambda i: (*entities[i].rank, entities[i].name, i)):
        entity = entities[index]
        candidates = [entity.name, *(f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers if qualifier)]
        label = next((candidate for candidate in candidates if fold(candidate) not in taken), "")
        number = 2
        while not label:
            candidate = f"{candidates[-1]} {number}"
            label, number = ("" if fold(candidate) in taken else candidate), number + 1
        taken.add(fold(label))
        labels[index] = label
    return labels


def assign_aliases(entities: Sequence[Entity], labels: Sequence[str]) -> list[tuple[int, str]]:
    """The other names of each entity, as (position, name).

    An alias that is another entity's label is dropped, since that name already means the other one. The bare name of
    an entity that had to be qualified stays, so that a search for "Paris" can offer "Paris (Texas)" too.
    """
    owners = {fold(label): index for index, label in enumerate(labels)}
    pairs: list[tuple[int, str]] = []
    for index, entity in enumerate(entities):
        label = labels[index]
        qualified = label != entity.name
        wanted = [entity.name, plain(label), plain(entity.name), *entity.aliases]
        if qualified:
            wanted += [f"{entity.name} ({qualifier})" for qualifier in entity.qualifiers]
        for alias in dict.fromkeys(wanted):
            means_other = owners.get(fold(alias), index) != index and not (qualified and fold(alias) == fold(entity.name))
            if alias and alias != label and not means_other:
                pairs.append((index, alias))
    return pairs


def script_of(name: str) -> str:
    """The script of the first letter, by Unicode's name for it: "LATIN", "CYRILLIC", "CJK"..."""
    for letter in name:
        if letter.isalpha():
            return unicodedata.name(letter, "").split(" ", 1)[0]
    return ""


def other_names(name: str, alternates: Iterable[str], languages: frozenset[str], limit: int) -> list[str]:
    """The alternate names of a city that a reader might type.

    GeoNames lists every spelling in every alphabet, and machine transliterations without language. Kept are Latin names
    that look written by people, and names in a script of the country's own languages; one of several spellings that
    differ only in accents or punctuation.

    Args:
        name: the city's main name.
        alternates: GeoNames' list.
        languages: ISO 639 codes of the country's languages.
        limit: how many to keep at most.
    """
    seen = {_letters(name)}
    kept: list[str] = []
    for alternate in alternates:
        letters = _letters(alternate)
        if letters in seen or not 3 <= len(alternate) <= 40:
            continue
        if _LATIN_NAME.fullmatch(alternate):
            if _TRANSLITERATION.search(alternate):
                continue
        elif alternate.isascii() or not languages & _SCRIPTS.get(script_of(alternate), set()):
            continue
        seen.add(letters)
        kept.append(alternate)
    kept.sort(key=lambda alternate: (not alternate.isascii(), abs(len(alternate) - len(name))))
    return kept[:limit]


def _letters(name: str) -> str:
    return "".join(letter for letter in fold(name) if letter.isalnum())
