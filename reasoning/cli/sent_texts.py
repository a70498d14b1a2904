"""What a dry run shows of a graph on a server: the SPARQL texts that method exact would run, which are not sent."""

from __future__ import annotations

from reasoning.execution.served import ServedSets
from reasoning.language.hosted.providers import runs_here
from reasoning.query.binding import bind
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner


def sends_texts(reasoner: Reasoner, question: Query | str) -> bool:
    """Whether a question is answered by texts that a server is sent, and is read without asking a hosted model."""
    if reasoner.kg.server is None or reasoner.asks_llm:
        return False
    return isinstance(question, Query) or reasoner.reader is None or runs_here(reasoner.reader)


def sent_texts(reasoner: Reasoner, question: Query | str) -> list[str]:
    """The texts that would be run for a question.

    Raises:
        QueryError, QuestionError: it could not be read.
        SkylarkError: a name in it does not say one thing in the graph, or the server fails.
    """
    assert reasoner.kg.server is not None
    logical, _ = reasoner.asked(question)
    return ServedSets(reasoner.kg, reasoner.kg.server, bind(logical, reasoner.kg)).texts()
