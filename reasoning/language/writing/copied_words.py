"""The words of a text that a reply may copy, as the pieces that it writes and as the grammar that holds it to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from reasoning.language.constraint import NEVER, in_turn

_WORD = re.compile(r"[^\W_](?:(?:(?!['’]s\b)[\w'’.\-&+])*\w)?|_\w+|[^\x00-\x7f\w\s“”‘’„«»–—…]")


@dataclass(frozen=True)
class Word:
    """A word of a text that may be copied: its text and place in characters."""

    text: str
    start: int
    end: int


def words_in(text: str) -> list[Word]:
    """All words of a text."""
    return [Word(match.group(), *match.span()) for match in _WORD.finditer(text)]


@dataclass(frozen=True)
class CopiedWords:
    """Words of a text, of which a reply copies stretches.

    Attributes:
        text: where they stand.
        words: those that may be copied.
    """

    text: str
    words: Sequence[Word]

    @cached_property
    def _folded(self) -> list[str]:
        return [word.text.lower() for word in self.words]

    def find(self, phrase: str) -> range | None:
        """The places among the words of a phrase that stands there, whatever its case, without a word left out."""
        wanted = [word.text.lower() for word in words_in(phrase)]
        for at in range(len(self.words) - len(wanted) + 1):
            if wanted and self._folded[at : at + len(wanted)] == wanted:
                places = range(at, at + len(wanted))
                if len(words_in(self.as_written(places))) == len(wanted):
                    return places
        return None

    def pieces(self, places: range) -> list[str]:
        """The pieces in which a reply copies a stretch."""
        return [f" {self.words[at].text}" for at in places]

    def as_written(self, places: range) -> str:
        """A stretch as it stands in the text, with what is between its words."""
        return self.text[self.words[places[0]].start : self.words[places[-1]].end]

    def span_rules(self, piece: Callable[[str], Sequence[int]]) -> list[str]:
        """Rules of a grammar: `span` is any stretch of the words, as a reply copies it.

        Args:
            piece: the tokens of a piece.
        """
        rules = [
            f"s{at}: {in_turn(piece(f' {word.text}'))}" + (f" s{at + 1}?" if at + 1 < len(self.words) else "")
            for at, word in enumerate(self.words)
        ]
        return [*rules, "span: " + (" | ".join(f"s{at}" for at in range(len(self.words))) or NEVER)]
