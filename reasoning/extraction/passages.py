"""Passages: the parts of a document that one request each shows, which end where a sentence does if it fits.

The library semantic-text-splitter finds them by Unicode's sentence boundaries (UAX #29), in whatever language; it is
written in Rust and takes 7 ms for a million characters, where rule-based splitters in Python take seconds and know a
score of languages. Two things are done for it: a line that is only wrapped is joined to the next, since an end of line
is a boundary to it, and it is given blocks of a bounded size, since text without any boundary takes it quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasoning.extraction.documents import Document
from reasoning.language.errors import need_packages
from reasoning.language.token_counting import CHARACTERS_PER_TOKEN

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter

BLOCK = 1 << 15
"""Characters that are divided at once."""

LEAST_WRAPPED = 50
"""Characters of a line that may go on in the next; a shorter one is a heading or a list's."""

_WRAPPED = re.compile(rf"(?<=[^\n]{{{LEAST_WRAPPED}}})(?<![.!?:;…。！？])(?<!\n)\n(?=[^\n])")


_HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair, which no library of another language takes."""


@dataclass(frozen=True)
class Passage:
    """A part of a document.

    Attributes:
        document: the document's name.
        start: where it begins in the document's text, in characters.
        line: the line in which it begins, from 1.
        text: exactly as in the document.
    """

    document: str
    start: int
    line: int
    text: str

    def line_at(self, place: int) -> int:
        """The document's line of a place in the passage."""
        return self.line + self.text.count("\n", 0, place)


def passages(document: Document, chunk_tokens: int) -> Iterator[Passage]:
    """A document's passages, in order; between them is nothing but blanks.

    Args:
        document: the document.
        chunk_tokens: see `ExtractionOptions`.

    Raises:
        LLMError: the package that divides texts is not installed.
    """
    need_packages("Dividing a text into passages", "semantic_text_splitter")
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter(int(chunk_tokens * CHARACTERS_PER_TOKEN))
    text, line, counted = document.text, 1, 0
    for start, block in _blocks(text):
        for at, length in _parts(splitter, block):
            begin = start + at
            line += text.count("\n", counted, begin)
            counted = begin
            yield Passage(document.name, begin, line, text[begin : begin + length])


def _parts(splitter: TextSplitter, block: str) -> Iterator[tuple[int, int]]:
    joined = _HALF.sub("?", _WRAPPED.sub(" ", block))  # as long as before, so places stay
    for at, part in splitter.chunk_indices(joined):
        yield at, len(part)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces, parted at an empty line, else an end of line, else a blank."""
    start = 0
    while start < len(text):
        end = min(start + BLOCK, len(text))
        if end < len(text):
            middle = start + BLOCK // 2
            for boundary in ("\n\n", "\n", ". ", " "):
                if (at := text.rfind(boundary, middle, end)) >= 0:
                    end = at + len(boundary)
                    break
        if not (block := text[start:end]).isspace():
            yield start, block
        start = end
