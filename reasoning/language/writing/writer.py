"""A causal language model with an adapter that makes it write, and its tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.language.constraint import Spelling, read_spelling
from reasoning.language.errors import LLMError, need_packages
from reasoning.language.local_weights import find_weights, model_name, open_model
from reasoning.language.low_rank import lower_layers, merge_adapter, rows_fingerprint
from reasoning.language.writing.adapters import Writing

FINGERPRINT_ROWS = range(64, 192)
"""Rows of the head by which a base model is known."""


class WriterTokens:
    """Texts and pieces as token ids.

    Args:
        tokenizer: of the model.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[str, tuple[int, ...]] = {}
        self.end = int(tokenizer.eos_token_id)

    @cached_property
    def spelling(self) -> Spelling:
        """What the tokens spell, for constraints."""
        return read_spelling(self._tokenizer, [self.end])

    def text(self, text: str) -> NDArray[np.int64]:
        """A text, which no control token of the model can be written into."""
        ids = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return np.array(ids, dtype=np.int64)

    def piece(self, piece: str) -> tuple[int, ...]:
        """A piece of a reply; nearly all are one token."""
        if piece not in self._pieces:
            self._pieces[piece] = tuple(self._tokenizer(piece, add_special_tokens=False)["input_ids"])
        return self._pieces[piece]

    def reply(self, pieces: Iterable[str]) -> NDArray[np.int64]:
        """A whole reply with its end."""
        return np.array([token for piece in pieces for token in self.piece(piece)] + [self.end], dtype=np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """Tokens of a reply as text."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))


@dataclass
class Writer:
    """A model that writes.

    Attributes:
        decoder: the transformer without its head; while it is taught, with PEFT's layers.
        head: its output embedding.
        tokens: texts as its tokens.
        writing: what belongs to its adapter.
    """

    decoder: Any
    head: Any
    tokens: WriterTokens
    writing: Writing


def load_writer(folder: Path, job: str, source: str | None = None, dtype: str = "bfloat16") -> Writer:
    """A taught writer, its adapter merged into the weights.

    Raises:
        LLMError: the adapter or the weights are missing or damaged, or do not belong together.
    """
    need_packages("A model with an adapter", "torch", "transformers")
    writing = Writing.read(folder, job)
    model, tokenizer = open_model(find_weights(source), model_name(source), dtype=dtype)
    check_writing(writing, rows_fingerprint(model, FINGERPRINT_ROWS), folder)
    decoder = merge_adapter(lower_layers(model, writing.layers).requires_grad_(False), folder)
    return Writer(decoder, model.get_output_embeddings(), WriterTokens(tokenizer), writing)


def check_writing(writing: Writing, base: str, folder: Path) -> Writing:
    """The same, where it was taught on a base model with this fingerprint.

    Raises:
        LLMError: it was taught on another.
    """
    if writing.base != base:
        raise LLMError(
            f"The adapter {folder} was taught on another base model (fingerprint {writing.base}) than this one "
            f"({base}): take that model, or teach an adapter on this one"
        )
    return writing
