"""A reply of a language model: the form that it may have, and what its provider says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from reasoning.language.list_grammar import Choices

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
    """What a model replied.

    Attributes:
        message: the reply as LangChain gives it.
        requests: requests that were sent for it, 0 where it came from a cache.
    """

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
