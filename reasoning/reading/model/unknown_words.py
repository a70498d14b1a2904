"""The words of a question that a graph has nothing for: neither names nor words of its schema, nor common ones."""

from __future__ import annotations

import re
from functools import lru_cache

from reasoning.reading.english.common_words import COMMON
from reasoning.reading.english.number_words import NUMBER_WORDS
from reasoning.reading.english.word_forms import lemmas
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.schema import GraphSchema

_WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")


def unknown_words(question: LinkedQuestion) -> tuple[str, ...]:
    """The words, in their order, as they stand there."""
    named = [(name.start, name.start + len(name.text)) for name in question.names]
    known = _words_of(question.schema)
    return tuple(
        dict.fromkeys(
            match.group()
            for match in _WORD.finditer(question.prompt.question)
            if not any(start < match.end() and match.start() < end for start, end in named)
            and not _forms(match.group()) & known
        )
    )


@lru_cache(8)
def _words_of(schema: GraphSchema) -> frozenset[str]:
    labels = [entry.words for entry in schema.relations] + [kind.words for kind in schema.kinds if kind.named]
    words = {form for label in labels for match in _WORD.finditer(label) for form in _forms(match.group())}
    return frozenset(words | COMMON | set(NUMBER_WORDS))


def _forms(word: str) -> set[str]:
    bare = _POSSESSIVE.sub("", word).replace("’", "'")
    return {word.casefold().replace("’", "'"), bare.casefold(), *lemmas(bare)}
