"""What a `Reasoner` takes as a question, so that it fits behind a prompt template or a model in a LangChain chain."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from reasoning.errors import QueryError
from reasoning.query.tree import Query

QuestionInput = Query | str | dict[str, Any] | PromptValue | BaseMessage | list[Any]
"""A query, its text, a question in English; `{"question": ...}` or `{"input": ...}`; what a prompt template or a chat
model gives; messages, or `{"messages": [...]}`, of which the last is a person's and asks."""


def question_of(given: QuestionInput) -> Query | str:
    """The query or text that was asked.

    Raises:
        QueryError: it is none of the forms of `QuestionInput`, or empty.
    """
    asked = _unwrapped(given)
    if isinstance(asked, str) and not asked.strip():
        raise QueryError("expected a query or a question, found an empty text")
    return asked


def _unwrapped(given: QuestionInput) -> Query | str:
    match given:
        case Query() | str():
            return given
        case BaseMessage():
            return given.text
        case PromptValue():
            return _last_question(given.to_messages())
        case list():
            return _last_question(_messages(given))
        case {"question": Query() | str() as question} | {"input": Query() | str() as question} if len(given) == 1:
            return question
        case {"messages": list() as messages}:
            return _last_question(_messages(messages))
        case dict():
            keys = ", ".join(repr(str(key)) for key in list(given)[:5]) or "none"
            raise QueryError(
                'expected a dictionary with the key "question" or "input" alone, a query or a text, or with a list of '
                f'"messages"; found {keys}'
            )
        case _:
            raise QueryError(f"expected a query or a text, found {type(given).__name__}")


def _messages(given: list[Any]) -> list[BaseMessage]:
    """Messages in any of LangChain's forms: (role, text), a dictionary with "role" and "content", a message."""
    try:
        return convert_to_messages(given)
    except (NotImplementedError, ValueError, TypeError, KeyError) as error:
        raise QueryError(f"expected messages, or (role, text) pairs; {error}") from error


def _last_question(messages: list[BaseMessage]) -> str:
    """What the last message asks, which must be a person's."""
    if not messages:
        raise QueryError("expected a message that asks, found none")
    last = messages[-1]
    if not isinstance(last, HumanMessage):
        raise QueryError(f'expected messages of which the last asks, a person\'s; found one of type "{last.type}"')
    return last.text
