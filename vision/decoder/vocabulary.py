"""The words that the decoder writes: classes, places, and the format that is asked for, as its queries.

VisionLLM (section 3.4) adds location tokens, `<p-512>` to `<p512>`, an offset from a token's place in 1/512 of the
image's width or height, and class tokens, `<c0>` to `<c511>`, which a prompt maps to the instruction's classes. Which
class token stands for which class is drawn anew for every prompt, so that none comes to mean anything.

The rows of class tokens are those of 512 words of the model's own vocabulary that are unlike each other: they differ
from the start, and no row has to be learned.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.lm.errors import LLMError
from reasoning.lm.mark_scheme import single_words, unlike
from vision.errors import DetectorError

BINS = 512
LOCATIONS = 2 * BINS + 1
"""Location tokens."""

MOST_CLASSES = 512

FORMAT = ("<cls>", "<x1>", "<y1>", "<x2>", "<y2>")
"""What is written for each image token: the output format as the decoder's queries."""

SIDE_WORDS = (" left", " top", " right", " bottom")
"""Words whose rows the queries of a box's sides begin with."""

HEADING = "Objects in the image:"


@dataclass(frozen=True)
class Prompt:
    """A class set as the model reads it.

    Attributes:
        classes: their names, in the order of the prompt.
        tokens: token ids, int64, shape (p,).
        rows: the token id of each class's class token, int64, shape (k,).
    """

    classes: tuple[str, ...]
    tokens: NDArray[np.int64]
    rows: NDArray[np.int64]


class DecoderTokens:
    """Texts and class tokens as the ids of one model.

    Args:
        class_tokens: token ids of `<c0>` to `<c511>`; see `new_class_tokens`.
    """

    def __init__(self, tokenizer: Any, class_tokens: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self.class_tokens = np.array(class_tokens, np.int64)
        self._names: dict[str, tuple[int, ...]] = {}

    def name(self, name: str) -> tuple[int, ...]:
        """A class's name, which no control token of the model can be written into."""
        if name not in self._names:
            text = f" {name}".encode(errors="replace").decode()  # half a pair of surrogates is no text
            ids = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            self._names[name] = tuple(ids)
        return self._names[name]

    def side_words(self) -> list[int]:
        """The token of each of `SIDE_WORDS`, its first where it takes several."""
        return [self._tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in SIDE_WORDS]

    def prompt(self, classes: Sequence[str], numbers: Sequence[int] | None = None, seed: int = 0) -> Prompt:
        """A class set with its class tokens.

        Args:
            classes: at least one, each once; written in this order.
            numbers: of each class's class token, 0 to 511; None for a permutation that is drawn from the names and the
                seed, without the words that stand in a name.
            seed: of the permutation.

        Raises:
            DetectorError: there are none, or more than 512.
        """
        if not 1 <= len(classes) <= MOST_CLASSES:
            raise DetectorError(f"{len(classes)} classes at once: expected 1 to {MOST_CLASSES}; ask in several goes")
        if numbers is None:
            said = {token for name in classes for token in self.name(name)}
            free = [number for number, token in enumerate(self.class_tokens.tolist()) if token not in said]
            numbers = permutation(classes, seed, free if len(free) >= len(classes) else range(MOST_CLASSES))
        rows = self.class_tokens[list(numbers)]
        ids: list[int] = list(self._tokenizer(HEADING, add_special_tokens=False)["input_ids"])
        for name, row in zip(classes, rows.tolist(), strict=True):
            ids += [*self.name(name), row]
        return Prompt(tuple(classes), np.array(ids, np.int64), rows)


def new_class_tokens(tokenizer: Any, embeddings: Any) -> tuple[int, ...]:
    """The words whose rows the class tokens take.

    Args:
        tokenizer: of the model.
        embeddings: its input embeddings, a tensor of shape (tokens, width).

    Raises:
        LLMError: the vocabulary has fewer than 512 words of one token that are unlike each other.
    """
    words = unlike(list(single_words(tokenizer)), embeddings)
    if len(words) < MOST_CLASSES:
        raise LLMError(f"The vocabulary has {len(words)} words of one token that are unlike each other; "
                       f"{MOST_CLASSES} are needed: take another model")  # fmt: skip
    return tuple(words[:MOST_CLASSES])


def fixed_numbers(classes: Sequence[str], vocabulary: Sequence[str]) -> list[int]:
    """Numbers of class tokens for a class set, those of a detector's classes the same in every prompt."""
    own = {name: number for number, name in enumerate(vocabulary)}
    free = iter(range(len(own), MOST_CLASSES))
    return [own[name] if name in own else next(free) for name in classes]


def permutation(classes: Sequence[str], seed: int = 0, numbers: Sequence[int] = range(MOST_CLASSES)) -> list[int]:
    """Numbers of class tokens for a class set, some of those given, the same for the same names and seed."""
    digest = hashlib.sha256("\n".join([str(seed), *classes]).encode(errors="replace")).digest()
    return random.Random(digest).sample(numbers, len(classes))
