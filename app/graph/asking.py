"""One question, read and answered exactly: what the page shows at once, before any language model has begun."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from app.graph.graphs import GraphShelf
from app.graph.likely.answer import AnswerWithLikely
from app.server.limits import ANSWER_SECONDS, TimeLimit
from kg_data.errors import SkylarkError
from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.answer import Answer
from reasoning.query.read_question import QuestionError
from reasoning.reading import MAX_CHARACTERS, ReadQuestion

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


def ask(
    kg: KnowledgeGraph, graph: str, text: str | None, llm: str | BaseChatModel, previous: Answer | None = None
) -> Asked:
    """Read a question or a formal query and answer it exactly.

    Args:
        kg: the graph.
        graph: its name on the shelf.
        text: what was typed.
        llm: the model or its specification; hosted models help with reading questions in English.
        previous: the answer that the question may refer to; one of another graph is left out.

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
    last = previous if previous is not None and previous.kg is kg else None
    return ANSWERS.run(lambda: _asked(kg, graph, text, llm, last))


def _asked(kg: KnowledgeGraph, graph: str, text: str, llm: str | BaseChatModel, previous: Answer | None) -> Asked:
    reasoner = Reasoner(kg, llm=llm, method="exact")
    began = time.perf_counter()
    query, understood = reasoner.asked(text, previous)
    read = time.perf_counter()
    answer = reasoner.answer(query)
    done = time.perf_counter()
    notes = (*(() if understood is None else understood.assumed), *answer.notes)
    return Asked(graph, text, query, understood, notes, answer, read - began, done - read)


def answer_shown(shelf: GraphShelf, wanted: object) -> tuple[Asked, Answer, dict[str, Any]]:
    """The answer that the page shows, found again for its scripts: exact, or followed by likely answers.

    Args:
        shelf: the graphs.
        wanted: `{"graph", "query"}`, and `"least"` where likely answers are shown too: a confidence, as a text.

    Returns:
        What was asked, the answer as it is shown, and `wanted`.

    Raises:
        SkylarkError: the graph, the query or its likely answers are no longer available.
        ValueError: `wanted` is something else.
    """
    if not isinstance(wanted, dict):
        raise ValueError("expected an object with graph and query")
    graph = str(wanted.get("graph"))
    asked = ask(shelf.get(graph), graph, str(wanted.get("query")), "embedded")
    if not wanted.get("least"):
        return asked, asked.answer, wanted
    least = float(wanted["least"])
    if not math.isfinite(least):
        raise ValueError("a confidence is from 0 to 1")
    kept = shelf.likely.kept(graph, asked.query)
    if kept is None:
        raise SkylarkError("the likely answers to this question are not kept any more: move the slider, or ask again")
    return asked, AnswerWithLikely.of(asked.answer, kept[0], least), wanted
