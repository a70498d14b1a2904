"""The words of a dictionary of English, and the names that adjectives of places and peoples belong to.

Both come from WordNet (see `tools/build_wordnet.py`), which knows nothing of any graph or question.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from reasoning.graph.names import fold

DATA = Path(__file__).parent / "data" / "wordnet.tsv.gz"


class WordNet:
    """The table in memory."""

    def __init__(self, path: Path = DATA) -> None:
        words, belongs = gzip.decompress(path.read_bytes()).decode().split("\n\n")
        self._words = frozenset(words.split("\n"))
        self._belongs: dict[str, tuple[str, ...]] = {}
        for line in belongs.split("\n"):
            adjective, _, nouns = line.partition("\t")
            self._belongs[fold(adjective)] = tuple(nouns.split("|"))
        self._same: dict[str, tuple[str, ...]] = {}
        for names in self._belongs.values():
            for name in names:
                self._same.setdefault(name, names)

    def known(self, word: str) -> bool:
        """Whether a word, in lower case, is in the dictionary."""
        return word in self._words

    def nouns_of(self, adjective: str) -> tuple[str, ...]:
        """The names that an adjective belongs to: "French" to "France", "French Republic"."""
        return self._belongs.get(fold(adjective), ())

    def same_names(self, name: str) -> tuple[str, ...]:
        """Other names of what a proper noun names: "USSR" of "Soviet Union"; a description in small letters, such as
        "capital of France", has none."""
        same = () if name[:1].islower() else self._same.get(name, ())
        return tuple(other for other in same if other != name)


@cache
def wordnet() -> WordNet:
    """The table, read once."""
    return WordNet()
