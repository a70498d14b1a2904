"""Questions in plain English, read as queries.

A language model writes the query over ids of the names that are linked and of the schema's part that may be needed: the
embedded one, which was taught to, or a chat model that writes structured output. Either way the query is checked
against the graph, and a question that cannot be read says what was understood and what it may mean, and is never a
guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from langchain_core.language_models import BaseChatModel

from reasoning.answer import Answer
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm import LLMError, TokenUsage
from reasoning.lm.calls import adapter_folder
from reasoning.lm.hosted import display_name
from reasoning.lm.structured_output import NoSchemaError
from reasoning.parsing.follow_ups import understood_after, understood_first
from reasoning.parsing.hosted import NoQueryWrittenError, sure_of, understood_by_hosted
from reasoning.parsing.last_answer import LastAnswer
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.options import ReadingOptions, looks_formal
from reasoning.parsing.reader import PACKAGED, chosen, reader_of
from reasoning.parsing.schema import GraphSchema, schema_of
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from reasoning.query.tree import Query

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
    previous: Answer | None = None,
) -> ReadQuestion:
    """What a question was understood as.

    Args:
        question: plain English; at most 1,000 characters. [Brackets] or "quotes" mark an entity's name.
        kg: the graph that is asked.
        llm: a chat model that can write structured output, or None to read by the embedded model.
        options: with which adapter it reads, and how often a chat model is asked, its time limit, retries and prices.
        previous: the answer before, which the question may refer to; None: it is the first.

    Raises:
        LLMError: the chat model failed or did not reply in time.
    """
    if (length := len(question.strip())) > MAX_CHARACTERS:
        problem = f"the question has {length:,} characters; at most {MAX_CHARACTERS:,} are read: "
        return ReadQuestion(question, None, 0.0, 0.0, problem=f"{problem}ask it in a sentence")
    options = options or ReadingOptions()
    if llm is None:
        return _read_here(question, kg, options, previous)
    spent: list[TokenUsage] = []
    try:
        found = _understood(
            question,
            schema_of(kg),
            lambda linked: understood_by_hosted(linked, llm, options, spent.append),
            sure_of(options),
            previous,
        )
    except QuestionError as error:
        found = _not_understood(question, error)
    except NoSchemaError:
        found = _read_instead(question, kg, options, previous, f"{display_name(llm)} cannot write queries")
    except NoQueryWrittenError as error:
        found = _read_instead(question, kg, options, previous, str(error))
    return replace(found, usage=TokenUsage.total(spent))


def _read_instead(
    question: str, kg: KnowledgeGraph, options: ReadingOptions, previous: Answer | None, why: str
) -> ReadQuestion:
    """What the embedded model understands, with a note why no chat model does."""
    try:
        found = _read_here(question, kg, options, previous)
    except LLMError as error:
        found = ReadQuestion(question, None, 0.0, 0.0, problem=f"the embedded model cannot read it either: {error}")
    if found.query is None:
        return replace(found, problem=f"{found.problem} (And {why})")
    return replace(found, assumed=(f"{why}, so the question was read by the embedded model", *found.assumed))


def _read_here(question: str, kg: KnowledgeGraph, options: ReadingOptions, previous: Answer | None) -> ReadQuestion:
    reader = reader_of(kg, adapter_folder(options.reader, PACKAGED))
    fitted = reader.confidence
    sure = fitted.sure if options.sure_from is None else options.sure_from

    def read(linked: LinkedQuestion) -> ReadQuestion:
        return chosen(linked, reader.readings(linked), sure=sure, possible=fitted.possible)

    try:
        return _understood(question, reader.schema, read, sure, previous)
    except QuestionError as error:
        return _not_understood(question, error)


def _understood(
    question: str,
    schema: GraphSchema,
    read: Callable[[LinkedQuestion], ReadQuestion],
    sure: float,
    previous: Answer | None,
) -> ReadQuestion:
    """What a question is read as, by itself or after an answer; a QuestionError where what it names or refers to is not
    there."""
    linked = LinkedQuestion.of(question, schema)
    if previous is None:
        return understood_first(linked, read)
    return understood_after(linked, LastAnswer.of(previous, schema), read, sure)


def _not_understood(question: str, error: QuestionError) -> ReadQuestion:
    return ReadQuestion(question, None, 0.0, 0.0, problem=str(error))


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
