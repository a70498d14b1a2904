"""Chat models loaded by name, and asked once: with a limit on the wait and one kind of error."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from reasoning.lm.calls import ModelOptions, TokenUsage
from reasoning.lm.embedded import PACKAGED, CopyEverythingChatModel, EmbeddedChatModel
from reasoning.lm.errors import LLMError
from reasoning.lm.hosted import (
    SpacedRequests,
    address,
    as_llm_error,
    cost,
    display_name,
    is_hosted,
    load_hosted,
    runs_here,
    send,
    unknown_llm,
)
from reasoning.lm.local_weights import check_source
from reasoning.lm.replies import ANY_FORM, STOPPED, Reply, ReplyForm, count_tokens, is_cached
from reasoning.lm.response_cache import ResponseCache
from reasoning.lm.structured_output import writer
from skylark.models import check_names


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


AT_ONCE = 4
"""Requests under way at once to a provider, where nothing else is asked for."""


def ask_model(
    llm: BaseChatModel,
    messages: Sequence[BaseMessage],
    timeout: float,
    retries: int = 0,
    form: ReplyForm = ANY_FORM,
) -> Reply:
    """The model's reply, or an error within about `timeout` seconds.

    A hosted model is asked on a thread of its own and asked again after errors that may pass, see `send`. A model in
    this process stops its own work, so nothing is left running; its time starts when its weights are loaded.

    Raises:
        LLMTimeoutError: no answer in time.
        LLMError: the model or its provider failed; the message is the provider's, without keys.
    """
    if not (timeout > 0 and math.isfinite(timeout)):
        raise LLMError(f"The time limit of a language model must be a number of seconds above 0, not {timeout!r}")
    write = llm.invoke if form.schema is None else writer(llm, form.schema)
    if isinstance(llm, EmbeddedChatModel):
        try:
            return Reply(_watched(llm, messages, timeout, form))
        except Exception as error:
            # Not chained: one kind of error whatever is below.
            raise as_llm_error(llm, error, requests=1) from None
    message, requests = send(llm, lambda: write(list(messages)), timeout, retries)
    return Reply(message, requests - is_cached(message))


def usage_of(llm: BaseChatModel, messages: Sequence[BaseMessage], reply: Reply, options: ModelOptions) -> TokenUsage:
    """What the reply to `messages` took, at the user's prices or known ones; counted where the model counts none."""
    if is_cached(reply.message):
        return TokenUsage(requests=reply.requests, cached=1)
    stated = reply.message.usage_metadata
    # Some servers state zeros, and some nonsense; no prompt is empty.
    if stated is not None and (stated["input_tokens"] <= 0 or stated["output_tokens"] < 0):
        stated = None
    if stated is not None:
        read, written = stated["input_tokens"], stated["output_tokens"]
    else:
        read, written = count_tokens(llm, ["\n".join(message.text for message in messages), reply.text])
    price = cost(llm, options, read, written)
    return TokenUsage(reply.requests, 0, read, written, price, estimated=stated is None)


def at_once(llm: BaseChatModel, options: ModelOptions, asked: int | None = None) -> int:
    """How many requests to a model may be under way at once: as `asked`, else by the options, else by the model.

    A model in this process works on one at a time.
    """
    if isinstance(llm, EmbeddedChatModel):
        return 1
    return asked or options.max_concurrency or (AT_ONCE if is_hosted(llm) else 1)


def _watched(llm: EmbeddedChatModel, messages: Sequence[BaseMessage], timeout: float, form: ReplyForm) -> AIMessage:
    """The reply of a model in this process, stopped as soon as it is hopeless."""
    limits: dict[str, Any] = {"timeout": timeout, "max_new_tokens": form.longest, "choices": form.choices}
    if form.hopeless is None:
        return llm.invoke(list(messages), **limits)
    reply = AIMessageChunk(content="")
    # LangChain returns a generator and types it as an iterator; closing it ends the generation.
    pieces = cast(Generator[AIMessageChunk, None, None], llm.stream(list(messages), **limits))
    with closing(pieces) as stream:
        for chunk in stream:
            reply += chunk
            if form.hopeless(reply.text):
                return AIMessage(content=reply.text, response_metadata={"finish_reason": STOPPED})
    return AIMessage(content=reply.text, response_metadata=reply.response_metadata, usage_metadata=reply.usage_metadata)
