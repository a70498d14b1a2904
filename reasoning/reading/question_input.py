"""What a `Reasoner` takes as a question, so that it fits behind a prompt template or a model in a LangChain chain."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue

from reasoning.errors import QueryError
from reasoning.query.tree import Query

QuestionInput = Query | str | dict[str, Any] | PromptValue | BaseMessage
"""A query, its text, a question in English; `{"question": ...}`; what a prompt template or a chat model gives."""


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
            messages = given.to_messages()
            if len(messages) == 1:
                return messages[0].text
            raise QueryError(f"expected a prompt of one message, the question; found {len(messages)} messages")
        case {"question": Query() | str() as question} if len(given) == 1:
            return question
        case dict():
            keys = ", ".join(repr(str(key)) for key in list(given)[:5]) or "none"
            raise QueryError(f'expected a dictionary with the key "question" alone, a query or a text; found {keys}')
        case _:
            raise QueryError(f"expected a query or a text, found {type(given).__name__}")
