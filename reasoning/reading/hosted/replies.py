"""What a chat model replies to a question: queries over the prompt's ids, each with how likely it is to be meant."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, ValidationError

from reasoning.errors import quoted_list
from reasoning.language.replies import Reply
from reasoning.query.read_question import QuestionError

MOST_QUERIES = 3
"""Queries of a reply that are looked at."""

LONGEST_QUERY = 4000
"""Characters of a query; what is longer was not meant."""

_FENCED = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)


class QueryReply(BaseModel):
    """A query that the question may mean."""

    query: str = Field(description="Over the ids of the message, e.g. B(a) & !A(b)")
    probability: float = Field(description="How likely it is, from 0 to 1, that the question means this query")


class QuestionReply(BaseModel):
    """A question about a knowledge graph as queries over ids."""

    queries: list[QueryReply] = Field(
        default_factory=list, description="The likeliest first, three at most; empty if there is none"
    )
    unanswerable: str = Field(
        default="", description="Why the relations cannot say what is asked, in a sentence; else empty"
    )


FIELDS = quoted_list(list(QuestionReply.model_fields), "and")


def read_reply(reply: Reply) -> QuestionReply:
    """A reply with its likeliest queries first, their probabilities at most 1 together.

    Raises:
        QuestionError: it is no such reply, and why.
    """
    if reply.cut_off:
        raise QuestionError("the reply was cut off at its length limit")
    fenced = _FENCED.fullmatch(reply.text)
    try:
        said = QuestionReply.model_validate_json(fenced[1] if fenced else reply.text)
    except ValidationError:
        raise QuestionError(f"the reply is not a JSON object with the fields {FIELDS}") from None
    if not said.queries and not said.unanswerable.strip():
        raise QuestionError("there is no query, and nothing says why the question is unanswerable")
    if not all(0 <= one.probability <= 1 for one in said.queries):
        raise QuestionError("a probability is not from 0 to 1")
    if longest := max((len(one.query) for one in said.queries if len(one.query) > LONGEST_QUERY), default=0):
        raise QuestionError(f"a query has {longest:,} characters; at most {LONGEST_QUERY:,} are read")
    queries = sorted(said.queries, key=lambda one: -one.probability)[:MOST_QUERIES]
    total = max(1.0, sum(one.probability for one in queries))
    scaled = [QueryReply(query=one.query.strip(), probability=one.probability / total) for one in queries]
    return QuestionReply(queries=scaled, unanswerable=said.unanswerable)
