"""What is a kind of what: the visible nouns of WordNet 3.1, so that "schnauzer" is a dog and "lion" is no cat.

A word list can't hold every breed, species and occupation; WordNet's hierarchy nearly does. `tools/build_nouns.py` says
where the file comes from and what a line is.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path

NOUNS = Path(__file__).parent / "data" / "nouns.tsv.gz"


class Nouns:
    """Nouns and their hierarchy.

    Args:
        path: a file that `tools/build_nouns.py` made.
    """

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
            level = [parent for node in level for parent in self._parents[node] if parent not in seen]
            level = list(dict.fromkeys(level))
            seen.update(level)


@cache
def visible_nouns() -> Nouns:
    """The nouns of the file that comes with the project, read once."""
    return Nouns()
