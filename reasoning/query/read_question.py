"""What a question was understood as: the one value that every way of reading questions gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import NO_USAGE, TokenUsage
from reasoning.query.tree import Query
from skylark.errors import UsageError


@dataclass(frozen=True)
class Reading:
    """A query that a question may mean.

    Attributes:
        query: the query.
        assumed: what it takes for granted, each in a short sentence.
        probability: that the question means it, 0 to 1.
    """

    query: Query
    assumed: tuple[str, ...] = ()
    probability: float = 0.0

    def words(self, kg: KnowledgeGraph) -> str:
        """The query in English."""
        return self.query.verbalise(kg)

    def to_dict(self, kg: KnowledgeGraph) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "query": str(self.query),
            "verbalised": self.words(kg),
            "confidence": round(self.probability, 3),
            "assumed": list(self.assumed),
        }


@dataclass(frozen=True)
class ReadQuestion:
    """A question with the query that it was understood as, or why there is none.

    Attributes:
        question: as asked.
        query: the query, None where the question was not understood or may as well mean another.
        confidence: the probability that the question means the query, 0 to 1; 0 where there is none.
        margin: how much more probable it is than the next query with another answer, 0 to 1.
        alternatives: further queries that the question may ask, the likeliest first. Where `query` is None they are
            what to choose from.
        assumed: what was assumed in reading it, each in a short sentence.
        unread: where nothing was understood, words that the graph has nothing for.
        usage: what the language model that read it took, in all its turns.
        referred: what of the last answer it refers to, in a short sentence; "" of a question by itself.
        problem: where `query` is None, what to say to the person who asks: what was and what was not understood.
    """

    question: str
    query: Query | None
    confidence: float = 1.0
    margin: float = 1.0
    alternatives: tuple[Reading, ...] = ()
    assumed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    problem: str = ""
    usage: TokenUsage = NO_USAGE
    referred: str = ""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What the question may mean, best first: the query, where one was understood, and the alternatives."""
        first = () if self.query is None else (Reading(self.query, self.assumed, self.confidence),)
        return (*first, *self.alternatives)

    def to_dict(self, kg: KnowledgeGraph) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "question": self.question,
            "query": None if self.query is None else str(self.query),
            "verbalised": None if self.query is None else self.query.verbalise(kg),
            "confidence": round(self.confidence, 3),
            "margin": round(self.margin, 3),
            "alternatives": [alternative.to_dict(kg) for alternative in self.alternatives],
            "assumed": list(self.assumed),
            "referred": self.referred or None,
            "unread": list(self.unread),
            "error": self.problem or None,
        }

    def understood(self) -> Query:
        """The query.

        Raises:
            QuestionError: there is none; the error holds this reading.
        """
        if self.query is None:
            raise QuestionError(self.problem, self)
        return self.query


class QuestionError(UsageError):
    """A question in plain language could not be read as a query.

    Args:
        message: what of it was not understood, and what was.
        reading: what was understood, with the queries that it may ask; None where reading did not get that far.
    """

    def __init__(self, message: str, reading: ReadQuestion | None = None) -> None:
        super().__init__(message)
        self.reading = reading
