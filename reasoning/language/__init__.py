"""Language models as LangChain chat models: in this process, hosted ones, and the baseline that only copies.

Everything above this package sees a `BaseChatModel` and no provider.
"""

from __future__ import annotations

from reasoning.language.calling import ask_model
from reasoning.language.contexts import CONTEXT_END, CONTEXT_START
from reasoning.language.copying import CopyEverythingChatModel
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError, LLMTimeoutError, UnknownLLMError
from reasoning.language.loading import describe_llm, load_llm
from reasoning.language.options import ModelOptions
from reasoning.language.usage import TokenUsage

__all__ = [
    "CONTEXT_END",
    "CONTEXT_START",
    "CopyEverythingChatModel",
    "EmbeddedChatModel",
    "LLMError",
    "LLMTimeoutError",
    "ModelOptions",
    "TokenUsage",
    "UnknownLLMError",
    "ask_model",
    "describe_llm",
    "load_llm",
]
