"""Asking a chat model for one reply of a known form: by a schema that it is held to where it can be, else in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from kg_data.errors import UsageError
from reasoning.extraction.messages import objecting_message
from reasoning.extraction.options import ExtractionOptions
from reasoning.extraction.replies import ReplyKind, ReplyT, UnreadableReplyError, read_reply
from reasoning.language.calling import usage_of
from reasoning.language.copying import CopyEverythingChatModel
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.errors import LLMError
from reasoning.language.hosted.providers import display_name
from reasoning.language.hosted.response_cache import ResponseCache
from reasoning.language.hosted.retrying import as_llm_error, send
from reasoning.language.hosted.structured_output import NoSchemaError, writer
from reasoning.language.loading import load_llm
from reasoning.language.local_weights import weights_digest
from reasoning.language.replies import Reply, is_cached
from reasoning.language.usage import TokenUsage

MOST_LOCAL = 24
"""Triples of a reply of a model in this process, and below the characters of each text in it: small models repeat
themselves until they are stopped."""

LONGEST_LOCAL = 300

LONGEST_SHOWN = 4000
"""Characters of a reply that the model is shown again with what is wrong with it."""

REFUSED = (
    'the model "{name}" is too small to extract triples from a text that one could rely on. Take '
    "a chat model such as ollama:llama3.2 (on this machine, by Ollama), hf:Qwen/Qwen3-4B (in this process, best on a "
    "GPU), openai:gpt-5-mini or anthropic:claude-haiku-4-5"
)


def check_able(llm: BaseChatModel) -> None:
    """Say of a model that is not up to extracting that it is not.

    Raises:
        UsageError: it is the embedded model, or the copying one.
    """
    if isinstance(llm, CopyEverythingChatModel) or (isinstance(llm, EmbeddedChatModel) and llm.source is None):
        raise UsageError(REFUSED.format(name=display_name(llm)))


def open_model(llm: str | BaseChatModel, options: ExtractionOptions) -> BaseChatModel:
    """The chat model that extracts, with its replies kept where the options say so.

    Raises:
        UsageError: it is the embedded model, which is not up to it, or the copying one.
        LLMError: it cannot be had.
    """
    if llm in ("embedded", "copy"):
        raise UsageError(REFUSED.format(name=llm))
    if isinstance(llm, BaseChatModel) and options.cache and not (llm.is_lc_serializable() or llm._identifying_params):
        raise UsageError(
            f"the replies of {display_name(llm)} cannot be kept, since it states no parameters that tell it from other "
            "models: give options=ExtractionOptions(cache=False)"
        )
    model = load_llm(
        llm,
        max_new_tokens=options.max_new_tokens,
        device=options.device,
        dtype=options.dtype,
        requests_per_minute=options.requests_per_minute,
        cache=options.cache,
    )
    check_able(model)
    if isinstance(model, EmbeddedChatModel):
        added: dict[str, Any] = {"timeout": options.timeout}
        if options.cache and model.cache is None:
            added["cache"] = ResponseCache(scope=weights_digest(model.source))
        model = model.model_copy(update=added)
    return model


class Asker:
    """Asks a model for replies of one kind.

    Args:
        llm: the model.
        kind: what is asked for.
        options: time, retries, repairs, prices.
        spent: told what each reply took.
    """

    def __init__(
        self,
        llm: BaseChatModel,
        kind: ReplyKind,
        options: ExtractionOptions,
        spent: Callable[[TokenUsage], None],
    ) -> None:
        self._llm, self._kind, self._options, self._spent = llm, kind, options, spent
        self._write = self._writer()

    def ask(self, messages: Sequence[BaseMessage], model: type[ReplyT]) -> tuple[ReplyT, Reply]:
        """What the model replies, and the reply itself; one that cannot be read is asked for again.

        Raises:
            UnreadableReplyError: no reply could be read.
            LLMError: the model or its provider failed, or took too long.
        """
        asked = list(messages)
        for left in range(self._options.repairs, -1, -1):
            reply = self._reply(asked)
            self._spent(usage_of(self._llm, asked, reply, self._options))
            try:
                return read_reply(reply, model), reply
            except UnreadableReplyError as error:
                if not left:
                    raise
                asked = [*messages, AIMessage(reply.text[:LONGEST_SHOWN] or "(nothing)"), objecting_message(str(error))]
        raise AssertionError("the last try returns or raises")

    def _writer(self) -> Callable[[Sequence[BaseMessage]], AIMessage]:
        llm = self._llm
        if isinstance(llm, EmbeddedChatModel):
            schema = _bounded(self._kind.schema)
            return lambda messages: llm.invoke(list(messages), schema=schema)
        try:
            return writer(llm, self._kind.schema, method=None)
        except NoSchemaError:
            return lambda messages: llm.invoke(list(messages))

    def _reply(self, messages: Sequence[BaseMessage]) -> Reply:
        try:
            if isinstance(self._llm, EmbeddedChatModel):
                try:
                    message, requests = self._write(messages), 1
                except Exception as error:
                    # Not chained: one kind of error whatever is below.
                    raise as_llm_error(self._llm, error, requests=1) from None
            else:
                message, requests = self._sent(messages)
        except LLMError as error:
            self._spent(TokenUsage(requests=error.requests))
            raise
        return Reply(message, requests - is_cached(message))

    def _sent(self, messages: Sequence[BaseMessage]) -> tuple[AIMessage, int]:
        options = self._options
        try:
            return send(self._llm, lambda: self._write(messages), options.timeout, options.retries)
        except NoSchemaError:
            # Only its server knew that it cannot be held to a schema; from now on it is asked in words.
            self._write = self._llm.invoke
            return send(self._llm, lambda: self._write(list(messages)), options.timeout, options.retries)


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with bounds on how many rows a reply has and how long its texts are."""
    [(name, rows)] = schema["properties"].items()
    row = rows["items"]
    texts = {
        key: one if "enum" in one else {**one, "maxLength": LONGEST_LOCAL} for key, one in row["properties"].items()
    }
    bounded = {**rows, "maxItems": MOST_LOCAL, "items": {**row, "properties": texts}}
    return {**schema, "properties": {name: bounded}}
