"""The reviewed words: what people call COCO's classes, kinds of things and their members, and what is no class.

Dictionaries of the language don't say that COCO's "couch" counts love seats, that a "telly" is a tv, or that "things
you can ride" are bicycles and horses; these files do. They are written by hand in `data/`, each with its own account of
its form; every phrase in them stands in the form that `phrases.normalise` gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from vision.classes.coco import COCO_CLASSES

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
        self.non_classes = frozenset(
            phrase for (line,) in _rows(folder / "non_classes.txt") for phrase in line.split("|")
        )
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
