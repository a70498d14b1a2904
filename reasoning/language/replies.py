"""A reply of a language model, and what its provider says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.messages import AIMessage

STOPPED = "stopped"
"""`finish_reason` of a reply that was hopeless and therefore stopped."""

CUT_OFF = ("length", "max_tokens")
"""What providers call a reply that ended at its length limit."""

CACHED = "skylark_cached"
"""Mark in the response metadata of a reply that came from Skylark's cache."""


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
