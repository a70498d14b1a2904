"""How many tokens a text takes, for budgets: by the model's own tokenizer where it is at hand, else an estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel

CHARACTERS_PER_TOKEN = 3.0
"""Of hosted models, whose tokenizers are not here: English takes about 4, ids and names less; low is the safe side."""


@runtime_checkable
class CountsOwnTokens(Protocol):
    """A chat model whose tokenizer is at hand.

    LangChain's `get_num_tokens` says nothing of that: every model has it, and by default it fetches GPT-2's tokenizer
    from a hub.
    """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The model's own tokens of each text, without control tokens; many texts in one call."""


def count_tokens(llm: BaseChatModel, texts: Sequence[str]) -> list[int]:
    """Tokens of each text: the model's own where it counts them, else estimated by the characters."""
    if isinstance(llm, CountsOwnTokens):
        return llm.count_tokens(texts)
    return estimate_tokens(texts)


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text, by its characters."""
    return [math.ceil(len(text) / CHARACTERS_PER_TOKEN) for text in texts]
