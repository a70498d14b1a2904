"""Replies that the provider holds to a JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableSequence

from reasoning.lm.errors import LLMError
from reasoning.lm.hosted import address, display_name, is_hosted, redact, runs_here, status_of
from reasoning.lm.replies import CUT_OFF

REFUSALS = (400, 404, 405, 415, 422, 501)
"""What servers answer to a request that asks for more than they can do."""

ASKED_FOR = re.compile(
    r"response_format|json[_ ]?schema|structured[_ ]output|tool_choice|\btools?\b|function call", re.I
)
"""What a request by a schema holds, as servers that know nothing of it name it."""


def keeps_schemas(llm: BaseChatModel) -> bool:
    """Whether a model is known to keep to a schema: its profile says so, and it is asked at its own provider.

    A server that only speaks a provider's protocol may know nothing of schemas, whatever the model is called.
    """
    profile: Any = getattr(llm, "profile", None) or {}
    return is_hosted(llm) and bool(profile.get("structured_output")) and _at_its_provider(llm)


class NoSchemaError(LLMError):
    """A language model cannot be held to a JSON schema."""


def writer(
    llm: BaseChatModel, schema: dict[str, Any], method: str | None = "json_schema"
) -> Callable[[Sequence[BaseMessage]], AIMessage]:
    """Asks the model for a reply by the schema; the message's text is the JSON, or what the model wrote instead.

    Args:
        llm: the model.
        schema: with a title and a description.
        method: LangChain's name for how the provider is told, None for the way that it takes for this provider.

    Raises:
        NoSchemaError: the model cannot be held to a schema; where only its server knows, the reply is this error.
    """
    how: dict[str, Any] = {} if method is None else {"method": method}
    refused = f"{display_name(llm)} cannot be held to a JSON schema"
    try:
        # LangChain's own way to get the message as well, `include_raw`, asks on a thread of a pool, for which Python
        # waits at its exit, however long the provider takes: of the model and its reader the first is asked alone.
        structured = None if runs_here(llm) else llm.with_structured_output(schema, **how)
    except (NotImplementedError, ValueError, TypeError):  # LangChain's default, and who knows no such method
        structured = None
    if not isinstance(structured, RunnableSequence):
        raise NoSchemaError(f"{refused}: take replies as text, or another model")
    model = structured.first

    def write(messages: Sequence[BaseMessage]) -> AIMessage:
        try:
            raw: AIMessage = model.invoke(list(messages))
        except Exception as error:
            if type(error).__name__ == "LengthFinishReasonError":  # openai's, for a reply that ended at its limit
                return AIMessage("", response_metadata={"finish_reason": CUT_OFF[0]})
            if refuses_schema(error):
                raise NoSchemaError(f"{refused}: {redact(str(error), llm)}") from None
            raise
        if raw.text or not raw.tool_calls:
            return raw
        # Some providers are held to a schema by the call of a tool.
        return raw.model_copy(update={"content": json.dumps(raw.tool_calls[0]["args"])})

    return write


def refuses_schema(error: BaseException) -> bool:
    """Whether a server refused a request because it asks for a reply by a schema."""
    return status_of(error) in REFUSALS and ASKED_FOR.search(str(error)) is not None


def _at_its_provider(llm: BaseChatModel) -> bool:
    where = address(llm)
    if where is None:
        return True
    from genai_prices.data_snapshot import get_snapshot

    try:
        get_snapshot().find_provider(None, None, where)
    except LookupError:
        return False
    return True
