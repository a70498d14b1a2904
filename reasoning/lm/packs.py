"""Packs: several short prompts with their replies behind one shared beginning, in one pass.

A beginning that many prompts share (a schema) is read once. Behind it every segment sees the beginning and itself,
none sees another. In training that saves most of the tokens. The words of a prompt that a reply may copy stand here
too, as its tokens and as a grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.lm.constraint import NEVER, in_turn
from reasoning.lm.generation import Layout

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
    """Words of a text, of which a reply copies stretches."""

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
        """Rules of a grammar, by the tokens of a piece: `span` is any stretch of the words, as a reply copies it."""
        rules = [
            f"s{at}: {in_turn(piece(f' {word.text}'))}" + (f" s{at + 1}?" if at + 1 < len(self.words) else "")
            for at, word in enumerate(self.words)
        ]
        return [*rules, "span: " + (" | ".join(f"s{at}" for at in range(len(self.words))) or NEVER)]


@dataclass(frozen=True)
class Segment:
    """One prompt behind the shared beginning with the reply that is right, or several behind each other.

    Attributes:
        tokens: int64, shape (t,).
        replies: the places in `tokens` that the model is to say, rising, none the first; int64, shape (r,).
    """

    tokens: NDArray[np.int64]
    replies: NDArray[np.int64]

    @classmethod
    def of(cls, *turns: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Segment:
        """A segment of prompts, each with its reply."""
        places, start = [], 0
        for prompt, reply in turns:
            places.append(np.arange(start + len(prompt), start + len(prompt) + len(reply)))
            start += len(prompt) + len(reply)
        return cls(np.concatenate([part for turn in turns for part in turn]), np.concatenate(places))


@dataclass(frozen=True)
class Pack:
    """A shared beginning (token ids, int64, shape (b,), at least one) and one segment or more behind it."""

    beginning: NDArray[np.int64]
    segments: Sequence[Segment]

    def __len__(self) -> int:
        return len(self.beginning) + sum(len(segment.tokens) for segment in self.segments)

    @cached_property
    def tokens(self) -> NDArray[np.int64]:
        """All token ids in a row, shape (len(pack),)."""
        return np.concatenate([self.beginning, *(segment.tokens for segment in self.segments)])

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The position that each token has in its own prompt, shape (len(pack),)."""
        begun = len(self.beginning)
        behind = [np.arange(begun, begun + len(segment.tokens)) for segment in self.segments]
        return np.concatenate([np.arange(begun), *behind])

    @cached_property
    def predicting(self) -> NDArray[np.int64]:
        """Where in the row the model says what the next token of a reply is, shape (r,)."""
        places, start = [], len(self.beginning)
        for segment in self.segments:
            places.append(start + segment.replies - 1)
            start += len(segment.tokens)
        return np.concatenate(places)

    @cached_property
    def replies(self) -> NDArray[np.int64]:
        """The tokens that are right at these places, shape (r,)."""
        return np.concatenate([segment.tokens[segment.replies] for segment in self.segments])

    @property
    def lengths(self) -> list[int]:
        """Tokens that each segment's replies have."""
        return [len(segment.replies) for segment in self.segments]


def reply_logits(decoder: Any, head: Any, pack: Pack) -> Any:
    """What a decoder, opened with the attention of `packed_attention`, says by its head at every place where a reply's
    token is due; float32, shape (r, vocabulary)."""
    import torch

    device = head.weight.device
    layout = Layout.of(len(pack.beginning), [len(segment.tokens) for segment in pack.segments], device)

    def there(numbers: NDArray[np.int64]) -> Any:
        return torch.from_numpy(numbers).to(device)

    output = decoder(
        input_ids=there(pack.tokens)[None],
        # Whether anything is masked the layout says; a mask that is given keeps one from being made.
        attention_mask=torch.zeros(1, 1, 1, 1, device=device),
        position_ids=there(pack.positions)[None],
        use_cache=False,
        layout=layout,
    )
    return head(output.last_hidden_state[0, there(pack.predicting)]).float()
