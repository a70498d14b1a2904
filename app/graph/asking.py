"""One question, read and answered exactly: what the page shows at once, before any language model has begun."""

from __future__ import annotations

import time
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from app.server.limits import ANSWER_SECONDS, TimeLimit
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import Answer
from reasoning.query.read_question import QuestionError
from reasoning.reading import MAX_CHARACTERS, ReadQuestion, looks_formal

ANSWERS_AT_ONCE = 4
ANSWERS = TimeLimit(ANSWERS_AT_ONCE, ANSWER_SECONDS, "the answer")
"""Exact answers of all visitors: none holds the machine for long."""


@dataclass(frozen=True)
class Asked:
    """A question that was read and answered by exact execution.

    Attributes:
        graph: the graph's name on the shelf.
        text: what was typed.
        query: how it was read.
        understood: what a question in English was understood as, with what else it may mean; None for a formal query.
        notes: what was assumed in reading it.
        answer: the exact answer.
        read_seconds: time that the reading took.
        exact_seconds: time that the exact execution took.
    """

    graph: str
    text: str
    query: Query
    understood: ReadQuestion | None
    notes: tuple[str, ...]
    answer: Answer
    read_seconds: float
    exact_seconds: float


def ask(kg: KnowledgeGraph, graph: str, text: str | None, llm: str | BaseChatModel) -> Asked:
    """Read a question or a formal query and answer it exactly.

    Args:
        kg: the graph.
        graph: its name on the shelf.
        text: what was typed.
        llm: the model or its specification; hosted models help with reading questions in English.

    Raises:
        SkylarkError: it cannot be read, or a name in it is not in the graph. A `QuestionError` holds what a question
            in English was understood as.
        TookTooLongError: the answer takes longer than one visitor may keep the machine.
    """
    if not isinstance(text, str | None):  # the API takes any JSON
        raise QuestionError(f"expected a question as a text, found {type(text).__name__}")
    text = (text or "").strip()
    if not text:
        raise QuestionError("there is no question yet: type one, or pick an example")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    return ANSWERS.run(lambda: _asked(kg, graph, text, llm))


def _asked(kg: KnowledgeGraph, graph: str, text: str, llm: str | BaseChatModel) -> Asked:
    reasoner = Reasoner(kg, llm=llm, method="exact")
    began = time.perf_counter()
    understood = None if looks_formal(text) else reasoner.understand(text)
    query = Query.parse(text) if understood is None else understood.understood()
    read = time.perf_counter()
    answer = reasoner.answer(query)
    done = time.perf_counter()
    notes = (*(() if understood is None else understood.assumed), *answer.notes)
    return Asked(graph, text, query, understood, notes, answer, read - began, done - read)
