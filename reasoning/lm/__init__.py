"""Language models as LangChain chat models: in this process, hosted ones, and the baseline that only copies.

Everything above this package sees a `BaseChatModel` and no provider. A name is imported when it is first asked for:
LangChain takes a second, and the readers of instructions, which write by a model here, need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skylark.installation import late_names

if TYPE_CHECKING:
    from reasoning.lm.calls import CONTEXT_END, CONTEXT_START, ModelOptions, TokenUsage
    from reasoning.lm.embedded import CopyEverythingChatModel, EmbeddedChatModel
    from reasoning.lm.errors import LLMError, LLMTimeoutError, UnknownLLMError
    from reasoning.lm.loading import ask_model, describe_llm, load_llm

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

_MODULES = {
    "CONTEXT_END": "reasoning.lm.calls",
    "CONTEXT_START": "reasoning.lm.calls",
    "CopyEverythingChatModel": "reasoning.lm.embedded",
    "EmbeddedChatModel": "reasoning.lm.embedded",
    "LLMError": "reasoning.lm.errors",
    "LLMTimeoutError": "reasoning.lm.errors",
    "ModelOptions": "reasoning.lm.calls",
    "TokenUsage": "reasoning.lm.calls",
    "UnknownLLMError": "reasoning.lm.errors",
    "ask_model": "reasoning.lm.loading",
    "describe_llm": "reasoning.lm.loading",
    "load_llm": "reasoning.lm.loading",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "A language model")
