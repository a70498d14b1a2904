"""Asking any chat model once, with a limit on the wait and one kind of error whatever the provider raises."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.hosted.prices import cost
from reasoning.language.hosted.providers import is_hosted
from reasoning.language.hosted.retrying import as_llm_error, send
from reasoning.language.hosted.structured_output import writer
from reasoning.language.options import ModelOptions
from reasoning.language.replies import ANY_FORM, STOPPED, Reply, ReplyForm, is_cached
from reasoning.language.token_counting import count_tokens
from reasoning.language.usage import TokenUsage

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

    Args:
        llm: any LangChain chat model.
        messages: the conversation.
        timeout: seconds, above 0.
        retries: requests sent again after errors that may pass.
        form: what the reply may be.

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
