"""Replies of chat models: the form that one may have, what its provider says of it, and token counts.

A text's tokens are counted by the model's own tokenizer where it is at hand, else estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from reasoning.lm.constraint import Choices

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


STOPPED = "stopped"
"""`finish_reason` of a reply that was hopeless and therefore stopped."""

CUT_OFF = ("length", "max_tokens")
"""What providers call a reply that ended at its length limit."""

CACHED = "skylark_cached"
"""Mark in the response metadata of a reply that came from Skylark's cache."""


@dataclass(frozen=True, kw_only=True)
class ReplyForm:
    """What a reply may be, as far as the model can be held to it.

    Attributes:
        longest: tokens after which a model in this process is stopped, so that one that rambles costs no more time than
            the longest sensible reply; hosted models keep their own limit, since some think first.
        hopeless: whether a reply that begins like this cannot become a sensible one; a model in this process is then
            stopped at once, and what it wrote so far is its reply.
        schema: the JSON schema that the provider is to hold the reply to.
        choices: the names that a model in this process is held to.
    """

    longest: int | None = None
    hopeless: Callable[[str], bool] | None = None
    schema: dict[str, Any] | None = None
    choices: Choices | None = None


ANY_FORM = ReplyForm()


@dataclass(frozen=True)
class Reply:
    """What a model replied, as LangChain gives it, and the requests sent for it, 0 where it came from a cache."""

    message: AIMessage
    requests: int = 1

    @property
    def text(self) -> str:
        """What it wrote; half a surrogate pair, which JSON can escape and no text can hold, is a question mark."""
        return self.message.text.encode(errors="replace").decode()

    @property
    def cut_off(self) -> bool:
        """Whether it ended at its length limit."""
        return is_cut_off(self.message)

    @property
    def stopped(self) -> bool:
        """Whether it was stopped because it was hopeless."""
        return self.message.response_metadata.get("finish_reason") == STOPPED


def is_cut_off(message: AIMessage) -> bool:
    """Whether a reply ended at its length limit."""
    about = message.response_metadata
    return any(str(about.get(key)).lower() in CUT_OFF for key in ("finish_reason", "done_reason", "stop_reason"))


def is_cached(message: AIMessage) -> bool:
    """Whether a reply came from a cache: Skylark's, or another that LangChain was given, which it prices at 0."""
    usage: Mapping[str, object] = message.usage_metadata or {}
    return bool(message.response_metadata.get(CACHED)) or usage.get("total_cost") == 0
