"""Language models as LangChain chat models: in this process, hosted ones, and the baseline that only copies.

Everything above this package sees a `BaseChatModel` and no provider. A name is imported when it is first asked for:
LangChain takes a second, and the readers of instructions, which write by a model here, need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kg_data.late_names import late_names

if TYPE_CHECKING:
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

_MODULES = {
    "CONTEXT_END": "reasoning.language.contexts",
    "CONTEXT_START": "reasoning.language.contexts",
    "CopyEverythingChatModel": "reasoning.language.copying",
    "EmbeddedChatModel": "reasoning.language.embedded",
    "LLMError": "reasoning.language.errors",
    "LLMTimeoutError": "reasoning.language.errors",
    "ModelOptions": "reasoning.language.options",
    "TokenUsage": "reasoning.language.usage",
    "UnknownLLMError": "reasoning.language.errors",
    "ask_model": "reasoning.language.calling",
    "describe_llm": "reasoning.language.loading",
    "load_llm": "reasoning.language.loading",
}

__getattr__, __dir__ = late_names(globals(), _MODULES, "A language model")
