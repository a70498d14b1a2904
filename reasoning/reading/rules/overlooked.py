"""What a reading leaves out of its question: a number, a comparison or a superlative that its query says nothing of.

The grammar finds a place for every word, but a word can be taken for less than it says: "two languages" for languages.
Such a reading is no answer to what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reasoning.query.tree import Compare, Entity, Project, Query, Top, Union
from reasoning.reading.linking import Linked

_OTHER = frozenset({"other", "rather", "else"})
"""What stands before a "than" that compares no values."""

_SUMS = frozenset({"together", "combined"})
"""Words that ask for a sum of values."""


def overlooked(linked: Linked, query: Query, notes: Sequence[str] = ()) -> list[str]:
    """The words of a question that its reading leaves out, [] where there are none.

    Args:
        linked: the question.
        query: what it was read as.
        notes: what was assumed, which may say that a number is right.
    """
    return [text for text in dict.fromkeys(_overlooked(linked, query)) if counted(text) not in notes]


def counted(number: str) -> str:
    """The note on a number of things that is just how many there are: "the seven emirates"."""
    return f"there are {number} of them"


def _overlooked(linked: Linked, query: Query) -> Iterator[str]:
    parts = list(_parts(query))
    words = [token.text.casefold() for token in linked.tokens]
    if isinstance(query, Project) and isinstance(query.source, Union) and _SUMS & set(words):
        yield next(word for word in words if word in _SUMS)
    if any(isinstance(part, Compare | Top) for part in parts):
        return
    named = {at for item in linked.of_kind("entity", "relation") for at in range(item.start, item.end)}
    for at, word in enumerate(words):
        if word == "than" and at and words[at - 1] not in _OTHER and at not in named:
            yield " ".join(words[max(0, at - 1) : at + 1])
    said = " ".join(part.name for part in parts if isinstance(part, Entity))
    for item in linked.of_kind("most", "ordinal"):
        if not named.intersection(range(item.start, item.end)):
            yield item.text
    for item in linked.of_kind("number"):
        written = re.sub(r"\D", "", item.text) or item.text
        if item.value != 1 and written not in said and not named.intersection(range(item.start, item.end)):
            yield item.text


def _parts(query: Query) -> Iterator[Query]:
    yield query
    for child in query.children:
        yield from _parts(child)
