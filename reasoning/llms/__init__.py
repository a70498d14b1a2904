"""Language models as LangChain chat models: one that is always there, hosted ones, and the baseline that only copies.

Everything above this package sees a `BaseChatModel` and no provider.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from reasoning.llms.calling import invoke_with_timeout
from reasoning.llms.copying import CONTEXT_END, CONTEXT_START, CopyEverythingChatModel
from reasoning.llms.embedded import EmbeddedChatModel
from reasoning.llms.errors import LLMError, LLMTimeoutError
from reasoning.llms.providers import display_name, load_hosted, unknown_name
from reasoning.llms.smollm2_weights import packaged_gguf

__all__ = [
    "CONTEXT_END",
    "CONTEXT_START",
    "CopyEverythingChatModel",
    "EmbeddedChatModel",
    "LLMError",
    "LLMTimeoutError",
    "describe_llm",
    "invoke_with_timeout",
    "load_llm",
]


def load_llm(spec: str | BaseChatModel, *, max_new_tokens: int = 96) -> BaseChatModel:
    """The chat model that `spec` names; always the most likely answer where the model allows it.

    Args:
        spec: "embedded" (SmolLM2-135M-Instruct in this process; its weights load at the first use and are shared),
            "copy" (the copy-everything baseline), "provider:model" (such as "openai:gpt-5-mini"), or a chat model,
            which comes back as it is.
        max_new_tokens: the most tokens of one answer of the embedded model; hosted models keep their own limit.

    Raises:
        LLMError: nothing is called that, or a package, a key or the weights are missing.
    """
    if isinstance(spec, BaseChatModel):
        return spec
    if not isinstance(spec, str):
        raise LLMError(f"A language model is named by a text or is a LangChain chat model, not {type(spec).__name__}")
    if max_new_tokens < 1:
        raise LLMError(f"max_new_tokens must be at least 1, not {max_new_tokens}")
    match spec.strip():
        case "embedded":
            packaged_gguf()  # a missing package is worth knowing before the first question
            return EmbeddedChatModel(max_new_tokens=max_new_tokens)
        case "copy":
            return CopyEverythingChatModel()
        case name:
            provider, _, model = name.partition(":")
            if not (provider.strip() and model.strip()):
                raise LLMError(unknown_name(name))
            return load_hosted(provider.strip().lower().replace("-", "_"), model.strip())


def describe_llm(model: BaseChatModel) -> dict[str, str]:
    """What a user should know before using a model: `name`, `licence`, `size` and `runs` (where it runs), as texts."""
    match model:
        case EmbeddedChatModel(source=None):
            licence, size = "Apache-2.0", "135 million parameters, 540 MB of memory"
            runs = "on this machine's processor; nothing leaves it"
        case EmbeddedChatModel():
            licence, size = "stated on the model's own card", "stated on the model's own card"
            runs = "on this machine's processor; nothing leaves it"
        case CopyEverythingChatModel():
            return {
                "name": "copy-everything baseline",
                "licence": "Apache-2.0",
                "size": "no parameters: it repeats the context",
                "runs": "on this machine; nothing leaves it",
            }
        case _:
            licence, size = "the provider's terms", "not known here"
            runs = (
                "on an Ollama server"
                if "ollama" in model._llm_type
                else f"at its provider ({model._llm_type}); prompts are sent there"
            )
    return {"name": display_name(model), "licence": licence, "size": size, "runs": runs}
