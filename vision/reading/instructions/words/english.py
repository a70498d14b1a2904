"""Which words of English are verbs, adverbs, adjectives or abstract nouns, so that none of them is looked for.

`tools/build_instruction_words.py` says where the words come from.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path

WORDS = Path(__file__).parent / "data" / "words.tsv.gz"

_OTHER_PARTS = frozenset(("adverb", "adjective", "abstract"))


@cache
def _words() -> dict[str, str]:
    with gzip.open(WORDS, "rt", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t") for line in lines)


def is_adverb(word: str) -> bool:
    """Whether a word, in lower case, is foremost an adverb."""
    return _words().get(word) == "adverb"


def is_adjective(word: str) -> bool:
    """Whether a word, in lower case, is foremost an adjective."""
    return _words().get(word) == "adjective"


def is_abstract(word: str) -> bool:
    """Whether a noun, in lower case and in the singular or a regular plural, has no sense that could be seen."""
    return "abstract" in (_words().get(word), _words().get(word.removesuffix("s")))


@cache
def verb_field(word: str) -> str | None:
    """The field of meaning of a verb in any of its regular forms ("communication", "motion"), or None for other words.

    The fields are the names of WordNet's lexicographer files.
    """
    for base in _bases(word):
        field = _words().get(base)
        if field is not None and field not in _OTHER_PARTS:
            return field
    return None


def _bases(word: str) -> Iterator[str]:
    """The infinitives that a form could be of, itself first (the rules of WordNet's Morphy)."""
    yield word
    for ending, replacements in (
        ("ies", ("y",)),
        ("es", ("e", "")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ed", ("e", "")),
        ("ing", ("e", "")),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            for replacement in replacements:
                yield stem + replacement
            if ending in ("ed", "ing") and len(stem) > 2 and stem[-1] == stem[-2]:
                yield stem[:-1]
