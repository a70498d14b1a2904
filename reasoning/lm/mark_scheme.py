"""How a sheet is written for a model that marks: one token for each thing it speaks of, and nothing else.

A prompt in words spends most of its tokens on instructions and on ids of several tokens. A model that has been taught
needs none of that: a sheet is an operation's token, what it starts from, and the context. Things are existing
single-token words of the vocabulary, drawn anew for each sheet, so that none means anything and no row of the embedding
has to be learned; words whose embeddings are near each other are left out, so that no two are mistaken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reasoning.lm.errors import LLMError

MOST_WORDS = 1024
MOST_ALIKE = 0.25
"""Cosine of two words' embeddings, the mean of all words taken away, above which only the first is taken."""

_WORD = re.compile(r" [a-z]{3,}")


@dataclass(frozen=True)
class MarkScheme:
    """The tokens that sheets are written with, for one tokenizer.

    Attributes:
        operations: each operation's token.
        apart: stands between the parts of a sheet.
        keep, drop: what the model says behind a candidate.
        words: tokens that stand for things.
        names: how each of these tokens is written, for display.
    """

    operations: dict[str, int]
    apart: int
    keep: int
    drop: int
    words: tuple[int, ...]
    names: dict[int, str]

    @classmethod
    def of(cls, tokenizer: Any, embeddings: Any, operations: Mapping[str, str]) -> MarkScheme:
        """The scheme for a tokenizer and its model's input embeddings, shape (tokens, width), each operation a token
        with a space before it; an LLMError where the vocabulary has too few words that are single tokens."""
        tokens = {name: _single(tokenizer, text) for name, text in operations.items()}
        apart, keep, drop = (_single(tokenizer, text) for text in (" :", " yes", " no"))
        taken = {apart, keep, drop, *tokens.values()}
        words = unlike([token for token in single_words(tokenizer) if token not in taken], embeddings)
        if len(words) < MOST_WORDS // 4:
            raise LLMError(
                f"The vocabulary has {len(words)} words of one token that are unlike each other; "
                f"{MOST_WORDS // 4} are needed: teach another model"
            )
        names = {token: tokenizer.decode([token]).strip() for token in [*tokens.values(), apart, *words]}
        return cls(tokens, apart, keep, drop, tuple(words), names)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> MarkScheme:
        """The scheme that `to_dict` gave."""
        names = {int(token): text for token, text in stored["names"].items()}
        return cls(**{**stored, "words": tuple(stored["words"]), "names": names})

    @property
    def tokens(self) -> list[int]:
        """Every token that a sheet or its marks may hold."""
        return [self.apart, self.keep, self.drop, *self.operations.values(), *self.words]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)

    def text(self, tokens: Iterable[int]) -> str:
        """A sheet as a person can read it."""
        return " ".join(self.names[int(token)] for token in tokens)


def _single(tokenizer: Any, text: str) -> int:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise LLMError(f'The vocabulary has no single token for "{text.strip()}": teach another model')
    return int(ids[0])


def single_words(tokenizer: Any) -> Iterator[int]:
    """Tokens that are a lower-case word with a space before it, the most frequent first."""
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token])
        if _WORD.fullmatch(text) and tokenizer(text, add_special_tokens=False)["input_ids"] == [token]:
            yield token


def unlike(candidates: list[int], embeddings: Any) -> list[int]:
    """The first tokens of which no two are alike, at most `MOST_WORDS`."""
    import torch

    vectors = embeddings.detach().float().cpu()[candidates]
    # What all words share says nothing of how alike two of them are.
    vectors = torch.nn.functional.normalize(vectors - vectors.mean(dim=0), dim=-1)
    nearest = torch.full((len(candidates),), -1.0)
    chosen: list[int] = []
    for position, token in enumerate(candidates):
        if float(nearest[position]) < MOST_ALIKE:
            chosen.append(token)
            if len(chosen) == MOST_WORDS:
                break
            nearest = torch.maximum(nearest, vectors @ vectors[position])
    return chosen
