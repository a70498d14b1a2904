"""The words, numbers, signs and marked names of a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|“(?P<curly>[^”]*)”|\[(?P<bracketed>(?:[^\[\]]|\[[^\[\]]*\])*|[^\]]*)\]'
    r"|(?P<possessive>(?<=[\]\"”])['’ʼ]s?(?!\w)|(?<=\ws)['’ʼ](?=\s+\w))"
    r"|(?P<number>(?:(?<!\S)[-−](?=\d))?(?:\d{1,3}(?: \d{3})+|\d[\d,]*)(?:\.\d+)?(?![\w/]))"
    r"|(?P<word>\+\d+|(?<!\S)\.\w{2,}|\w+(?:['’ʼ./&][^\W_]\w*)*(?:\+\+|#(?!\w)|\.)?|[²³])|(?P<symbol>[<>!]=|[<>=,;&]|(?<=\s)\+(?=\s))"
)
_POSSESSIVE = re.compile(r"(?<=\w)['’ʼ]s?$")
_OPENED = re.compile(r"(?<!\w)['’ʼ‘]\w")
_CONTRACTED = frozenset({"what's", "who's", "it's", "that's", "where's", "there's", "when's", "how's", "let's"})


@dataclass(frozen=True)
class Token:
    """One word, number, sign or marked name of a question, with its place in the text."""

    text: str
    start: int
    end: int
    kind: str


def tokens(question: str) -> Iterator[Token]:
    """The tokens of a question in order; a possessive 's is one of its own."""
    for match in _TOKEN.finditer(question):
        kind, text = match.lastgroup or "", match[match.lastgroup or 0]
        start, end = match.start(), match.end()
        if kind == "possessive":  # of a marked name, or of several: "the countries' capitals"
            if _OPENED.search(question[:start]):
                continue  # it closes a quotation
            yield Token("'s", start, end, "word")
            continue
        ending = (
            _POSSESSIVE.search(text)
            if kind == "word" and text.casefold().replace("’", "'") not in _CONTRACTED
            else None
        )
        if ending is not None:
            yield Token(text[: ending.start()], start, start + ending.start(), kind)
            yield Token("'s", start + ending.start(), end, kind)
        else:
            yield Token(text, start, end, kind)
