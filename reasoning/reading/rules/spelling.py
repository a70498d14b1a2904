"""Slips of the pen in the words around the names: "wich contries", "neigbours", "offical langauges".

Only a word that English does not have, that is no name and that stands a slip away from one word that questions of the
graph are made of is read as that word, and this is said.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from reasoning.graph.names import fold
from reasoning.reading.english.vocabulary import (
    ANYTHING,
    FILLER,
    KEYWORDS,
    LIGHT,
    PHRASES,
    PREPOSITIONS,
    PRONOUNS,
    TYPE_SYNONYMS,
    UNSAYABLE,
)
from reasoning.reading.english.word_forms import lemmas
from reasoning.reading.lexicon import Lexicon

SHORTEST = 4
"""Letters in the shortest word that is corrected."""

LONG = 7
"""Letters from which a word may be two slips away."""

CHAT = {"wot": "what", "wat": "what", "wut": "what", "wich": "which", "whitch": "which", "ppl": "people"}
"""What is typed for a word on purpose, or always."""

_FUNCTION_WORDS = frozenset(
    """amid among amongst although because beside besides despite hers himself herself inside myself ought ourselves
    themselves though throughout toward towards unless until upon versus via whereas whereby wherein whether whom
    within without yourself yours ours theirs""".split()  # noqa: SIM905
)
"""Words that a dictionary of nouns, verbs, adjectives and adverbs does not have."""

_KNOWN = FILLER | KEYWORDS.keys() | LIGHT | PREPOSITIONS | PRONOUNS | UNSAYABLE | ANYTHING | _FUNCTION_WORDS

_WORD = re.compile(r"\"[^\"]*\"|“[^”]*”|\[[^\]]*\]|(?P<word>[^\W\d_]+)(?![\w'’])")


def respelled(question: str, lexicon: Lexicon) -> tuple[str, tuple[str, ...]]:
    """The question with slips in its common words mended, and what was read as what."""
    notes: list[str] = []

    def mended(match: re.Match[str]) -> str:
        word = match["word"]
        chat = CHAT.get(word.casefold()) if word is not None else None
        if chat is not None and (match[0].islower() or match.start() == 0):  # "WOT" is the code of an airport
            notes.append(f'read "{word}" as "{chat}"')
            return chat
        if word is None or len(word) < SHORTEST or not word.islower() or lemmas(word):
            return match[0]
        if word in _KNOWN or lexicon.kg.names.with_key(fold(word)):
            return match[0]
        meant = _meant(word, lexicon, match.start() == 0)
        if meant is None:
            return match[0]
        notes.append(f'read "{word}" as "{meant}"')
        return meant

    return _WORD.sub(mended, question), tuple(notes)


def _meant(word: str, lexicon: Lexicon, first: bool) -> str | None:
    known = _common() | lexicon.own_words()
    if word in known:
        return None
    slips = 2 if len(word) >= LONG else 1
    hits = process.extract(word, sorted(known), scorer=OSA.distance, score_cutoff=slips, limit=3)
    nearest = [text for text, distance, _ in hits if distance == hits[0][1]]
    # "contry" is as near to "country" as to "contra": the first letter tells.
    nearest = [text for text in nearest if text[0] == word[0]]
    if len(nearest) > 1 and first:
        nearest = [text for text in nearest if text in ("which", "what", "where", "name", "list", "show")]
    return nearest[0] if len(nearest) == 1 else None


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    words = {word for phrase in (*FILLER, *KEYWORDS) for word in phrase.split()}
    words |= {word for phrase in PHRASES for variant in phrase.words.split("|") for word in variant.split()}
    words |= set(TYPE_SYNONYMS)
    plain = {word for word in words if len(word) >= SHORTEST and word.isalpha()}
    return frozenset(plain | {_plural(word) for word in plain if lemmas(word)})


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeo" else word + "s"
