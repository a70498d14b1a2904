"""General English: words that mean the same, derive from one another, or stand above and below one another.

A relation is named with one word and asked for with another: "directed by" and "director", "spouse" and "wife". The
words come from WordNet (see `tools/build_wordnet.py`), which knows nothing of any graph or question.
"""

from __future__ import annotations

import gzip
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rapidfuzz.distance import OSA

from reasoning.graph.names import fold

DATA = Path(__file__).parent / "data" / "wordnet.tsv.gz"

SENSE_COST = (0.0, 0.12, 0.22, 0.3)
"""What is added for the second, third ... sense of a word; later senses are not looked at."""

SYNONYM, DERIVED, NARROWER, BROADER = 0.15, 0.1, 0.2, 0.4
"""What one step of each kind costs; 0 is the word itself, 1 another word altogether."""


SPELLING = 0.03
"""What another spelling of the same word costs: "practise" and "practice"."""


@dataclass(frozen=True)
class _Synset:
    part: str
    words: tuple[tuple[str, int], ...]
    hypernyms: tuple[int, ...]
    below: tuple[int, ...]
    links: tuple[tuple[str, int, str], ...]


class WordNet:
    """The table in memory; lines are taken apart when a word asks for them."""

    def __init__(self, path: Path = DATA) -> None:
        words, synsets, belongs = gzip.decompress(path.read_bytes()).decode().split("\n\n")
        self._words, self._lines = words.split("\n"), synsets.split("\n")
        self._belongs: dict[str, tuple[str, ...]] = {}
        for line in belongs.split("\n"):
            adjective, _, nouns = line.partition("\t")
            self._belongs[fold(adjective)] = tuple(nouns.split("|"))
        self._same: dict[str, tuple[str, ...]] = {}
        for names in self._belongs.values():
            for name in names:
                self._same.setdefault(name, names)

    def known(self, word: str) -> bool:
        """Whether the word is in the table."""
        return bool(self._numbers(word))

    def _numbers(self, word: str) -> tuple[int, ...]:
        at = bisect_left(self._words, f"{word}\t")
        if at == len(self._words) or not self._words[at].startswith(f"{word}\t"):
            return ()
        return tuple(map(int, self._words[at].partition("\t")[2].split("|")))

    def nouns_of(self, adjective: str) -> tuple[str, ...]:
        """The names that an adjective belongs to: "French" to "France", "French Republic"."""
        return self._belongs.get(fold(adjective), ())

    def same_names(self, name: str) -> tuple[str, ...]:
        """Other names of what a proper noun names: "USSR" of "Soviet Union"."""
        return tuple(other for other in self._same.get(name, ()) if other != name)

    def senses(self, word: str, parts: str = "nva") -> list[tuple[int, float]]:
        """The synsets of a word with their cost, the commonest of each part of speech at 0."""
        found = []
        for number in self._numbers(word):
            synset = self._synset(number)
            place = next(rank for text, rank in synset.words if text == word)
            if synset.part in parts and place < len(SENSE_COST):
                found.append((number, SENSE_COST[place]))
        return found

    def related(self, word: str, parts: str = "nva", derived: str = "nva") -> dict[str, float]:
        """Words near to a word with their cost, the word itself at 0.

        Args:
            word: the word.
            parts: the parts of speech of its senses that are looked at.
            derived: those that the other words may have.
        """
        found = {word: 0.0}

        def offer(text: str, cost: float) -> None:
            if cost < found.get(text, 1.0):
                found[text] = cost

        for number, cost in self.senses(word, parts):
            for text, near, part in self._around(number, word):
                if part in derived:
                    offer(text, cost + near)
        return found

    def _around(self, number: int, word: str) -> Iterator[tuple[str, float, str]]:
        """Words near to a sense of a word, each with its cost and part of speech."""
        synset = self._synset(number)
        for text, cost, part in self._named(number, SYNONYM):
            yield text, SPELLING if _spelt_alike(text, word) else cost, part
        for text, target, linked in synset.links:
            own = 0.0 if text == word else SYNONYM
            yield linked, DERIVED + own, self._synset(target).part
            yield from self._named(target, DERIVED + SYNONYM + own)
            if linked.endswith(("er", "or")):  # who "writes" may be a playwright
                yield from self._narrower(target, DERIVED + own)
        yield from self._narrower(number, 0.0)
        for other in synset.hypernyms:
            yield from self._named(other, BROADER)
            for _, target, linked in self._synset(other).links:
                yield linked, BROADER + DERIVED, self._synset(target).part

    def _narrower(self, number: int, cost: float) -> Iterator[tuple[str, float, str]]:
        for other in self._synset(number).below:
            yield from self._named(other, cost + NARROWER)
            for _, target, linked in self._synset(other).links:
                yield linked, cost + NARROWER + DERIVED, self._synset(target).part
            for further in self._synset(other).below:
                yield from self._named(further, cost + NARROWER + 0.1)

    def _named(self, number: int, cost: float) -> Iterator[tuple[str, float, str]]:
        part = self._synset(number).part
        for text, far in self._names(number, cost):
            yield text, far, part

    def above(self, word: str, levels: int = 4) -> dict[str, float]:
        """Nouns that say what kind of thing a noun is, nearest first: "director" is a person."""
        found: dict[str, float] = {}
        level = self.senses(word, "n")
        for step in range(levels + 1):
            upper: list[tuple[int, float]] = []
            for number, cost in level:
                for text, near in self._names(number, cost + BROADER * (0.5 if step else 0.4)):
                    found[text] = min(near, found.get(text, near))
                upper += [(parent, cost + 0.1) for parent in self._synset(number).hypernyms]
            level = upper
        return found

    def likeness(self, one: str, other: str) -> float:
        """How much two nouns are the same kind of thing, 0 to 1 (Wu & Palmer 1994, arXiv cmp-lg/9406033, eq. 3.1)."""
        best = 0.0
        for first, far in self.senses(one, "n")[:2]:
            for second, further in self.senses(other, "n")[:2]:
                up, down = self._line(first), self._line(second)
                common = [number for number in up if number in down]
                if common:
                    depth = max(len(self._line(number)) for number in common)
                    found = 2 * depth / (len(up) + len(down)) - far - further
                    best = max(best, min(found, 1.0))
        return best

    def _line(self, number: int) -> list[int]:
        """A noun's first hypernyms up to the top, itself first."""
        line = [number]
        while (above := self._synset(line[-1]).hypernyms) and above[0] not in line:
            line.append(above[0])
        return line

    def _names(self, number: int, cost: float) -> Iterator[tuple[str, float]]:
        # A word that rarely has this sense is a worse name for it.
        for text, rank in self._synset(number).words:
            if rank < len(SENSE_COST):
                yield text, cost + SENSE_COST[rank]

    def _synset(self, number: int) -> _Synset:
        return _parsed(self._lines[number])


def _spelt_alike(one: str, other: str) -> bool:
    """Whether two names of one sense differ by a letter or two within: "organisation", "behaviour", "programme"."""
    if min(len(one), len(other)) < 6 or one[:3] != other[:3]:
        return False
    return one != other and bool(OSA.distance(one, other, score_cutoff=2) <= (2 if abs(len(one) - len(other)) else 1))


@cache
def _parsed(line: str) -> _Synset:
    part, words, parents, below, links = line.split("\t")
    pairs = [word.rpartition(":") for word in words.split("|")]
    found = []
    for link in links.split("|") if links else ():
        word, _, rest = link.partition(">")
        target, _, other = rest.partition(":")
        found.append((word, int(target), other))
    return _Synset(
        part,
        tuple((word, int(rank)) for word, _, rank in pairs),
        tuple(map(int, parents.split("|") if parents else ())),
        tuple(map(int, below.split("|") if below else ())),
        tuple(found),
    )


@cache
def wordnet() -> WordNet:
    """The table, read once."""
    return WordNet()
