"""Questions in plain English, read as queries.

With a chat model that writes structured output the model reads them; without one, or where it writes nothing that fits
the graph, a grammar of English over the words that name entities and relations does. Either way the query is checked
against the graph, and a question that cannot be read says what was understood and what it may mean, and is never a
guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from reasoning.graph.store import KnowledgeGraph
from reasoning.language import TokenUsage
from reasoning.language.hosted.providers import display_name
from reasoning.language.hosted.structured_output import NoSchemaError
from reasoning.language.readers import RULES, adapter_folder
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading.formal import looks_formal
from reasoning.reading.hosted.structured import write_queries
from reasoning.reading.hosted.voting import decided
from reasoning.reading.model.loading import PACKAGED
from reasoning.reading.model.understanding import understood_by_model
from reasoning.reading.options import ReadingOptions
from reasoning.reading.rules.parsing import parse_question

__all__ = [
    "MAX_CHARACTERS",
    "ReadQuestion",
    "Reading",
    "ReadingOptions",
    "looks_formal",
    "read_question",
    "understand",
]

MAX_CHARACTERS = 1000
"""Longest question; any real one is shorter, and the work grows with the length."""


def understand(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel | None = None,
    options: ReadingOptions | None = None,
) -> ReadQuestion:
    """What a question was understood as.

    Args:
        question: plain English; at most 1,000 characters. [Brackets] or "quotes" mark an entity's name.
        kg: the graph that is asked.
        llm: a chat model that can write structured output, or None to read by the grammar or the embedded model.
        options: what the chat model is shown and how often it is asked, its time limit, retries and prices.

    Raises:
        LLMError: the chat model failed or did not reply in time.
    """
    if (length := len(question.strip())) > MAX_CHARACTERS:
        problem = f"the question has {length:,} characters; at most {MAX_CHARACTERS:,} are read: "
        return ReadQuestion(question, None, 0.0, 0.0, problem=f"{problem}ask it in a sentence")
    options = options or ReadingOptions()
    if llm is None:
        return _read_here(question, kg, options.reader)
    by_grammar = _read_here(question, kg, RULES)
    spent: list[TokenUsage] = []
    found = _by_model(question, kg, llm, options, spent.append, by_grammar)
    return replace(found, usage=TokenUsage.total(spent))


def _by_model(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel,
    options: ReadingOptions,
    spent: Callable[[TokenUsage], None],
    by_grammar: ReadQuestion,
) -> ReadQuestion:
    model = display_name(llm)
    try:
        written, given, notes = write_queries(question, kg, llm, options, spent, by_grammar)
    except NoSchemaError:
        return _noted(by_grammar, f"{model} cannot write queries, so the question was read by the grammar")
    except QuestionError as error:
        if str(error) == by_grammar.problem:
            return by_grammar
        if by_grammar.query is None:
            return replace(by_grammar, problem=f"{by_grammar.problem} (And {error})")
        return _noted(by_grammar, f"{error}, so the question was read by the grammar")
    return _noted(decided(question, kg, model, given, written, by_grammar), *notes)


def _read_here(question: str, kg: KnowledgeGraph, reader: str) -> ReadQuestion:
    """What the rules, or the embedded model, understand a question as."""
    try:
        if reader == RULES:
            return parse_question(question, kg)
        return understood_by_model(question, kg, adapter_folder(reader, PACKAGED))
    except QuestionError as error:
        return ReadQuestion(question, None, 0.0, 0.0, problem=str(error))


def _noted(found: ReadQuestion, *notes: str) -> ReadQuestion:
    return replace(found, assumed=(*notes, *found.assumed))


def read_question(
    question: str,
    kg: KnowledgeGraph,
    llm: BaseChatModel | None,
    options: ReadingOptions | None = None,
) -> tuple[Query, tuple[str, ...]]:
    """The query that a question asks, and in words what was assumed in reading it; arguments as for `understand`.

    Raises:
        QuestionError: the question cannot be read; the message says what of it was understood.
        LLMError: the chat model failed or did not reply in time.
    """
    found = understand(question, kg, llm, options)
    return found.understood(), found.assumed
