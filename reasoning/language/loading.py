"""From a model's name to the model, and what a user should know about it."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from kg_data.devices import check_names
from reasoning.language.copying import CopyEverythingChatModel
from reasoning.language.embedded import PACKAGED, EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.hosted.providers import address, display_name, load_hosted, runs_here, unknown_llm
from reasoning.language.hosted.rate_limit import SpacedRequests
from reasoning.language.hosted.response_cache import ResponseCache
from reasoning.language.local_weights import check_source


def load_llm(
    spec: str | BaseChatModel,
    *,
    max_new_tokens: int = 96,
    device: str = "auto",
    dtype: str = "auto",
    adapter: str = PACKAGED,
    requests_per_minute: float | None = None,
    cache: bool = False,
) -> BaseChatModel:
    """The chat model that `spec` names; always the most likely answer where the model allows it.

    Args:
        spec: "embedded" (SmolLM2-135M-Instruct in this process; its weights load at the first use and are shared),
            "copy" (the copy-everything baseline), "hf:name" (a causal language model with a chat template, by its name
            on the Hugging Face hub or by a folder's path, in this process), "provider:model" (such as
            "openai:gpt-5-mini"), or a chat model, which comes back as it is, or as a copy that is spaced and cached as
            asked.
        max_new_tokens: the most tokens of one answer of a model in this process; hosted models keep their own limit.
        device: where a model in this process runs: "auto", "cpu", "cuda", "cuda:N" or "mps".
        dtype: of its weights: "auto", "float32", "bfloat16" or "float16".
        adapter: of a model in this process, see `EmbeddedChatModel`.
        requests_per_minute: spaces the requests to a hosted model; None for no limit.
        cache: keep a hosted model's replies on disk and read them back, see `ResponseCache`.

    Raises:
        UnknownLLMError: nothing is called that.
        LLMError: a package, a key or the weights are missing.
    """
    if isinstance(spec, BaseChatModel):
        return _with_care(spec, requests_per_minute, cache)
    if not isinstance(spec, str):
        raise LLMError(f"A language model is named by a text or is a LangChain chat model, not {type(spec).__name__}")
    if max_new_tokens < 1:
        raise LLMError(f"max_new_tokens must be at least 1, not {max_new_tokens}")
    source: str | None = None
    match spec.strip():
        case "copy":
            return CopyEverythingChatModel()
        case "embedded":
            pass
        case name if name.startswith("hf:") and name.removeprefix("hf:").strip():
            source = name.removeprefix("hf:").strip()
        case name:
            provider, _, model = name.partition(":")
            if not (provider.strip() and model.strip()):
                raise unknown_llm(name)
            hosted = load_hosted(provider.strip().lower().replace("-", "_"), model.strip())
            return _with_care(hosted, requests_per_minute, cache)
    check_names(device, dtype, LLMError)
    check_source(source, device)  # what is missing is worth knowing before the first question
    return EmbeddedChatModel(source=source, max_new_tokens=max_new_tokens, device=device, dtype=dtype, adapter=adapter)


def _with_care(llm: BaseChatModel, requests_per_minute: float | None, cache: bool) -> BaseChatModel:
    """The model with spaced requests and a cache of replies where they are asked for, by LangChain's own mechanisms."""
    if runs_here(llm):
        return llm
    added: dict[str, Any] = {}
    if requests_per_minute is not None:
        added["rate_limiter"] = SpacedRequests(requests_per_minute)
    if cache and llm.cache is None:
        if not (llm.is_lc_serializable() or llm._identifying_params):
            raise LLMError(f"{display_name(llm)} cannot be cached: it states no parameters that tell it from others")
        added["cache"] = ResponseCache(scope=address(llm) or "")
    return llm.model_copy(update=added) if added else llm


def describe_llm(model: BaseChatModel) -> dict[str, str]:
    """What a user should know before using a model: `name`, `licence`, `size` and `runs` (where it runs), as texts."""
    name, runs = display_name(model), "on this machine; nothing leaves it"
    match model:
        case EmbeddedChatModel(source=None):
            licence, size = "Apache-2.0", "135 million parameters, 540 MB of memory"
        case EmbeddedChatModel():
            licence = size = "stated on the model's own card"
        case CopyEverythingChatModel():
            name = "copy-everything baseline"
            licence, size = "Apache-2.0", "no parameters: it repeats the context"
        case _:
            licence, size = "the provider's terms", "not known here"
            runs = (
                "on an Ollama server"
                if "ollama" in model._llm_type
                else f"at its provider ({model._llm_type}); prompts are sent there"
            )
    return {"name": name, "licence": licence, "size": size, "runs": runs}
