"""The words that people use for classes: COCO's names, reviewed words, emoji and WordNet's nouns.

COCO's names, order, category ids and supercategories are those of the 2017 `instances` files (Lin et al. 2014, arXiv
1405.0312): a class index is not a category id, since the ids run from 1 to 90 with ten left out. That "couch" counts
love seats, or "things you can ride" bicycles and horses, no dictionary says: reviewed files in `data/` do. The
visible nouns of WordNet 3.1 (`tools/build_nouns.py`) say that a schnauzer is a dog. Without Unicode's names of emoji
"find" and a picture of a dog would be "find" alone, and everything would be looked for.
"""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

_CATEGORIES: dict[str, dict[int, str]] = {
    "person": {1: "person"},
    "vehicle": {2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck", 9: "boat"},
    "outdoor": {10: "traffic light", 11: "fire hydrant", 13: "stop sign", 14: "parking meter", 15: "bench"},
    "animal": {
        16: "bird", 17: "cat", 18: "dog", 19: "horse", 20: "sheep", 21: "cow", 22: "elephant", 23: "bear",
        24: "zebra", 25: "giraffe",
    },
    "accessory": {27: "backpack", 28: "umbrella", 31: "handbag", 32: "tie", 33: "suitcase"},
    "sports": {
        34: "frisbee", 35: "skis", 36: "snowboard", 37: "sports ball", 38: "kite", 39: "baseball bat",
        40: "baseball glove", 41: "skateboard", 42: "surfboard", 43: "tennis racket",
    },
    "kitchen": {44: "bottle", 46: "wine glass", 47: "cup", 48: "fork", 49: "knife", 50: "spoon", 51: "bowl"},
    "food": {
        52: "banana", 53: "apple", 54: "sandwich", 55: "orange", 56: "broccoli", 57: "carrot", 58: "hot dog",
        59: "pizza", 60: "donut", 61: "cake",
    },
    "furniture": {62: "chair", 63: "couch", 64: "potted plant", 65: "bed", 67: "dining table", 70: "toilet"},
    "electronic": {72: "tv", 73: "laptop", 74: "mouse", 75: "remote", 76: "keyboard", 77: "cell phone"},
    "appliance": {78: "microwave", 79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator"},
    "indoor": {
        84: "book", 85: "clock", 86: "vase", 87: "scissors", 88: "teddy bear", 89: "hair drier", 90: "toothbrush",
    },
}  # fmt: skip
"""Supercategory to its classes by their ids; the ids ascend through all of them."""

COCO_CLASSES: tuple[str, ...] = tuple(name for classes in _CATEGORIES.values() for name in classes.values())
"""The 80 names in the order of their category ids, which is the order of a detector's outputs."""

COCO_CATEGORY_IDS: dict[str, int] = {
    name: category_id for classes in _CATEGORIES.values() for category_id, name in classes.items()
}
"""Class name to COCO category id, 1 to 90."""

COCO_SUPERCATEGORIES: dict[str, str] = {
    name: supercategory for supercategory, classes in _CATEGORIES.items() for name in classes.values()
}
"""Class name to one of COCO's twelve supercategories."""


_MOODS = frozenset({
    "smiling", "grinning", "hand", "hands", "heart", "hearts", "thumbs", "sparkles", "fire", "party", "popper",
    "laughing", "tears", "winking", "kiss", "kissing", "face", "pray", "folded", "collision", "hundred", "check",
    "cross", "eyes", "finger", "fist", "sign", "symbol", "arrow", "arrows", "star", "exclamation", "question",
})  # fmt: skip
"""Words in the names of pictures that show how somebody feels or points, and nothing to be found."""
_NAMES = {
    "automobile": "car", "delivery truck": "truck", "articulated lorry": "truck", "fire engine": "fire truck",
    "slice of pizza": "pizza", "octagonal sign": "stop sign", "red apple": "apple", "green apple": "apple",
    "black scissors": "scissors", "black telephone": "telephone", "bow and arrow": "bow and arrow",
}  # fmt: skip
"""Where the name in Unicode says a colour, or is not the word that people use."""
_ANIMAL_FACES = 0x1F42D, 0x1F43C
"""Mouse to panda: the faces of animals."""


def emoji_name(character: str) -> str:
    """What a picture shows, in lower case; empty where it shows no thing."""
    name = unicodedata.name(character, "").lower()
    first, last = _ANIMAL_FACES
    if first <= ord(character) <= last or name.endswith(("lion face", "fox face", "unicorn face", "zebra face")):
        return name.removesuffix(" face")
    if name in _NAMES:
        return _NAMES[name]
    if not name or unicodedata.category(character) != "So" or not _MOODS.isdisjoint(name.split()):
        return ""
    return name


DATA = Path(__file__).parent / "data"

GroupKind = Literal["name", "of", "can", "do"]


@dataclass(frozen=True)
class Entry:
    """What the lexicon says of a phrase: COCO's classes, none where it is known to be no class; and whether a kind."""

    classes: tuple[str, ...]
    is_group: bool = False


class Lexicon:
    """The words of the three files.

    Attributes:
        synonyms: phrase to the COCO classes that it means.
        names: class to the phrases that mean the class itself rather than a part of it ("automobile" for "car").
        groups: for each kind of wording, wording to members; `name` holds the nouns.
        non_classes: phrases that no COCO class counts.
        words: every single word that stands in a phrase.
    """

    def __init__(self, folder: Path = DATA) -> None:
        self.names: dict[str, tuple[str, ...]] = {}
        self.synonyms: dict[str, tuple[str, ...]] = {}
        for classes, phrases in _rows(folder / "synonyms.tsv"):
            members = _in_order(classes.removeprefix("=").split("|"))
            if classes.startswith("="):
                self.names[members[0]] = tuple(phrases.split("|"))
            self.synonyms.update((phrase, members) for phrase in phrases.split("|"))
        self.groups: dict[GroupKind, dict[str, tuple[str, ...]]] = {kind: {} for kind in get_args(GroupKind)}
        rows = list(_rows(folder / "groups.tsv"))
        for kind, wordings, members_field in rows:
            members = _in_order(self._members(members_field, rows))
            for wording in wordings.split("|"):
                self.groups[kind][wording] = members  # type: ignore[index]
        lines = (line for (line,) in _rows(folder / "non_classes.txt"))
        self.non_classes = frozenset(phrase for line in lines for phrase in line.split("|"))
        self._entries = {phrase: Entry(()) for phrase in self.non_classes}
        self._entries |= {phrase: Entry(members) for phrase, members in self.synonyms.items()}
        self._entries |= {phrase: Entry(members, True) for phrase, members in self.groups["name"].items()}
        self._entries |= {name: Entry((name,)) for name in COCO_CLASSES}
        self.words = frozenset(word for phrase in self._entries for word in phrase.split())

    def __contains__(self, phrase: str) -> bool:
        return phrase in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def entry(self, phrase: str) -> Entry | None:
        """What is said of a phrase in its normal form, or None where nothing is."""
        return self._entries.get(phrase)

    def _members(self, field: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
        for member in field.split("|"):
            if member.startswith("@"):
                group = member[1:]
                line = next(row for row in rows if row[0] == "name" and row[1].split("|")[0] == group)
                yield from self._members(line[2], rows)
            else:
                yield member


def _rows(path: Path) -> Iterator[tuple[str, ...]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield tuple(line.split("\t"))


def _in_order(classes: Iterator[str] | list[str]) -> tuple[str, ...]:
    chosen = set(classes)
    unknown = chosen - set(COCO_CLASSES)
    if unknown:
        raise ValueError(f"no classes of COCO: {', '.join(sorted(unknown))}")
    return tuple(name for name in COCO_CLASSES if name in chosen)


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the project, read once."""
    return Lexicon()


NOUNS = DATA / "nouns.tsv.gz"


class Nouns:
    """Nouns and their hierarchy, of a file that `tools/build_nouns.py` made."""

    def __init__(self, path: Path = NOUNS) -> None:
        self._parents: list[tuple[int, ...]] = []
        self._words: list[tuple[str, ...]] = []
        ranked: dict[str, list[tuple[int, int]]] = {}
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for synset, line in enumerate(lines):
                parents, _, words = line.rstrip("\n").partition("\t")
                self._parents.append(tuple(map(int, parents.split(","))) if parents else ())
                names = []
                for entry in words.split("|") if words else ():
                    word, _, rank = entry.rpartition(":")
                    names.append(word)
                    ranked.setdefault(word, []).append((int(rank), synset))
                self._words.append(tuple(names))
        self._senses = {word: dict(sorted(senses)) for word, senses in ranked.items()}

    def __contains__(self, word: str) -> bool:
        return word in self._senses

    def senses(self, word: str) -> tuple[int, ...]:
        """The synsets of a word in the singular, commonest first; none where it is not a visible thing."""
        return tuple(self._senses.get(word, {}).values())

    def is_first_visible(self, word: str) -> bool:
        """Whether a word's commonest sense is one that can be seen; "grade" is foremost no cow."""
        return 0 in self._senses.get(word, {})

    def sense(self, word: str, rank: int) -> int:
        """The synset of a word's sense of that rank among all its senses in WordNet, from 0.

        Raises:
            KeyError: the word has no visible sense of that rank.
        """
        return self._senses[word][rank]

    def words(self, synset: int) -> tuple[str, ...]:
        """The words of a synset."""
        return self._words[synset]

    @property
    def count(self) -> int:
        """How many synsets there are; they are numbered from 0."""
        return len(self._words)

    def parents(self, synset: int) -> tuple[int, ...]:
        """What a synset is directly a kind of."""
        return self._parents[synset]

    def depth(self, synset: int) -> int:
        """Steps from the top of the hierarchy, on the shortest way."""
        parents = self._parents[synset]
        return 1 + min(map(self.depth, parents)) if parents else 0

    def ancestors(self, synset: int) -> Iterator[int]:
        """The synset itself, then what it is a kind of, nearest first."""
        seen = {synset}
        level = [synset]
        while level:
            yield from level
            above = (parent for node in level for parent in self._parents[node] if parent not in seen)
            level = list(dict.fromkeys(above))
            seen.update(level)


@cache
def visible_nouns() -> Nouns:
    """The nouns of the file that comes with the project, read once."""
    return Nouns()
