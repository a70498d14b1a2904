"""Questions in plain English, read as queries.

With a chat model that writes structured output the model reads them; without one, a grammar of English over the words
that name entities and relations does. Either way the query is checked against the graph, and a question that cannot be
read says what was understood and what it may mean, and is never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from reasoning.errors import QuestionError
from reasoning.graph.store import KnowledgeGraph
from reasoning.llms import ModelOptions, TokenUsage
from reasoning.query.tree import Query
from reasoning.questions.formal import looks_formal
from reasoning.questions.parsing import parse_question
from reasoning.questions.reading import Alternative, ReadQuestion
from reasoning.questions.structured import read_by_model

__all__ = ["MAX_CHARACTERS", "Alternative", "ReadQuestion", "looks_formal", "read_question", "understand"]

MAX_CHARACTERS = 1000
"""Longest question; any real one is shorter, and the work grows with the length."""


def understand(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel | None = None,
    options: ModelOptions | None = None,
    spent: Callable[[TokenUsage], None] = lambda usage: None,
) -> ReadQuestion:
    """What a question was understood as.

    Args:
        question: plain English; at most 1,000 characters. [Brackets] or "quotes" mark an entity's name.
        kg: the graph that is asked.
        llm: a chat model that can write structured output, or None to read by the grammar.
        options: the chat model's time limit, retries and prices.
        spent: told what each of its replies took.

    Raises:
        LLMError: the chat model failed or did not reply in time.
    """
    try:
        if len(question) > MAX_CHARACTERS:
            raise QuestionError(
                f"the question has {len(question):,} characters; at most {MAX_CHARACTERS:,} are read: "
                "ask it in a sentence"
            )
        notes: tuple[str, ...] = ()
        if llm is not None:
            try:
                query, assumed = read_by_model(question, kg, llm, options or ModelOptions(), spent)
                return ReadQuestion(question, query, assumed=assumed)
            except NotImplementedError:
                notes = ("the language model cannot write queries, so the question was read by the grammar",)
        found = parse_question(question, kg)
        return replace(found, assumed=(*notes, *found.assumed))
    except QuestionError as error:
        return ReadQuestion(question, None, 0.0, 0.0, problem=str(error))


def read_question(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel | None,
    options: ModelOptions | None = None,
    spent: Callable[[TokenUsage], None] = lambda usage: None,
) -> tuple[Query, tuple[str, ...]]:
    """The query that a question asks, and in words what was assumed in reading it; arguments as for `understand`.

    Raises:
        QuestionError: the question cannot be read; the message says what of it was understood.
        LLMError: the chat model failed or did not reply in time.
    """
    found = understand(question, kg, llm, options, spent)
    return found.understood(), found.assumed
