"""Asking any chat model once, with a limit on the wait and one kind of error whatever the provider raises."""

from __future__ import annotations

import contextvars
import math
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from kg_data.errors import SkylarkError
from reasoning.llms.embedded import EmbeddedChatModel
from reasoning.llms.errors import LLMError, LLMTimeoutError
from reasoning.llms.providers import display_name
from reasoning.llms.redaction import redact

T = TypeVar("T")

STOPPED = "stopped"
"""`finish_reason` of a reply that was hopeless."""


def invoke_with_timeout(
    llm: BaseChatModel,
    messages: Sequence[BaseMessage],
    timeout: float,
    longest_reply: int | None = None,
    hopeless: Callable[[str], bool] | None = None,
) -> AIMessage:
    """The model's answer, or an error within about `timeout` seconds.

    A hosted model is asked on a thread of its own, see `within`. The embedded model stops its own work, so nothing is
    left running; its time starts when its weights are loaded.

    Args:
        llm: any LangChain chat model.
        messages: the conversation.
        timeout: seconds, above 0.
        longest_reply: tokens after which the embedded model is stopped, so that one that rambles costs no more time
            than the longest sensible reply; hosted models keep their own limit, since some think first.
        hopeless: whether a reply that begins like this cannot become a sensible one; the embedded model is then
            stopped at once, and what it wrote so far is its reply.

    Raises:
        LLMTimeoutError: no answer in time.
        LLMError: the model or its provider failed; the message is the provider's, without keys.
    """
    if not (timeout > 0 and math.isfinite(timeout)):
        raise LLMError(f"The time limit of a language model must be a number of seconds above 0, not {timeout!r}")
    if isinstance(llm, EmbeddedChatModel):
        return translated(llm, lambda: _watched(llm, messages, timeout, longest_reply, hopeless))

    return translated(llm, lambda: within(timeout, llm, lambda: llm.invoke(list(messages))))


def within(timeout: float, llm: BaseChatModel, call: Callable[[], T]) -> T:
    """What `call` gives or raises, if it comes in time.

    It runs on a daemon thread: Python cannot end a thread, and one that hangs in a provider must not keep the process
    from exiting.

    Raises:
        LLMTimeoutError: nothing came within `timeout` seconds.
    """
    outcome: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((True, call()))
        except BaseException as error:
            outcome.put((False, error))

    # LangChain finds the caller's tracing callbacks in the context, which a new thread doesn't inherit.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="skylark-llm", daemon=True).start()
    try:
        done, result = outcome.get(timeout=timeout)
    except queue.Empty:
        raise LLMTimeoutError(display_name(llm), timeout) from None
    if not done:
        raise result
    return cast(T, result)


def translated(llm: BaseChatModel, ask: Callable[[], T]) -> T:
    """The answer to `ask`, with every error that is not Skylark's own turned into an `LLMError`."""
    try:
        return ask()
    except SkylarkError:
        raise
    except Exception as error:
        # Not chained: the provider's own error, shown under ours, would print the key again.
        raise LLMError(f"{display_name(llm)} failed, {type(error).__name__}: {redact(str(error), llm)}") from None


def _watched(
    llm: EmbeddedChatModel,
    messages: Sequence[BaseMessage],
    timeout: float,
    longest_reply: int | None,
    hopeless: Callable[[str], bool] | None,
) -> AIMessage:
    """The embedded model's reply, stopped as soon as it is hopeless."""
    if hopeless is None:
        return llm.invoke(list(messages), timeout=timeout, max_new_tokens=longest_reply)
    reply = AIMessageChunk(content="")
    pieces = llm.stream(list(messages), timeout=timeout, max_new_tokens=longest_reply)
    # LangChain returns a generator and types it as an iterator; closing it ends the generation.
    with closing(cast(Generator[AIMessageChunk, None, None], pieces)) as stream:
        for chunk in stream:
            reply += chunk
            if hopeless(reply.text):
                return AIMessage(content=reply.text, response_metadata={"finish_reason": STOPPED})
    return AIMessage(content=reply.text, response_metadata=reply.response_metadata, usage_metadata=reply.usage_metadata)
