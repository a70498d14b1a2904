"""Questions in plain English, read as queries."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from reasoning.errors import QuestionError
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Query
from reasoning.questions.formal import looks_formal

__all__ = ["looks_formal", "read_question"]


def read_question(question: str, kg: KnowledgeGraph, llm: BaseChatModel | None) -> tuple[Query, tuple[str, ...]]:
    """The query that a question asks, and in words what was assumed in reading it.

    Args:
        question: plain English; at most 1,000 characters.
        kg: the graph that is asked.
        llm: a chat model that can write structured output, or None to read by patterns.

    Raises:
        QuestionError: the question cannot be read.
    """
    raise QuestionError(
        f'cannot read questions about "{kg.graph_name}" yet; ask in the grammar, e.g. borders("France")'
    )
