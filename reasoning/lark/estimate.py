"""A dry run: how many requests, tokens and dollars a run would take, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel

from kg_data.errors import SkylarkError
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.errors import LLMError
from reasoning.language.hosted.prices import cost
from reasoning.language.hosted.providers import display_name, is_hosted
from reasoning.language.token_counting import CountsOwnTokens, count_tokens
from reasoning.language.usage import ExpectedUsage
from reasoning.lark.chain_run import rehearse
from reasoning.lark.marked_steps import MarkTask
from reasoning.lark.options import LarkOptions
from reasoning.lark.text_steps import TextTask
from reasoning.query.binding import bind
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query
from reasoning.reading import looks_formal, read_question
from reasoning.reading.hosted.messages import reading_messages
from reasoning.reading.model.linked_question import LinkedQuestion
from reasoning.reading.model.schema import schema_of
from reasoning.reading.question_input import QuestionInput, question_of

READING_REPLY = (25, 150)
"""Tokens of a reply that writes a question as queries: one short query, and three long ones."""


class Asked(Protocol):
    """What is to answer the questions: a `Reasoner`, whose attributes these are."""

    kg: KnowledgeGraph
    options: LarkOptions

    @property
    def asks_llm(self) -> bool:
        """Whether a language model answers steps."""

    @property
    def llm(self) -> BaseChatModel:
        """The chat model."""

    @property
    def reader(self) -> BaseChatModel | None:
        """The chat model that reads questions in English, None where the embedded model does."""


@dataclass(frozen=True, kw_only=True)
class Estimate(ExpectedUsage):
    """What a run would take: replies are at their briefest right and brief, at their longest all that they may be.

    Attributes:
        questions: how many there are.
        failing: of these, how many will fail before a model is asked for an answer: a query that is not well formed,
            a name that the graph does not have.
    """

    questions: int
    failing: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {"questions": self.questions, "failing": self.failing, **super().to_dict()}

    def __str__(self) -> str:
        """In words, for a terminal."""
        failing = f" ({self.failing:,} of them cannot be asked)" if self.failing else ""
        asked = f"{self.questions:,} question{'s' * (self.questions != 1)}{failing}"
        return f"Estimate, nothing was sent: {asked}\n{super().__str__()}"


def estimate_run(reasoner: Asked, questions: Iterable[QuestionInput]) -> Estimate:
    """What answering these would take of the reasoner's model, from the real prompts; nothing is sent.

    Raises:
        LLMError: there is no such model.
    """
    count = _Count(reasoner)
    for question in questions:
        count.add(question)
    return count.estimate()


class _Count:
    def __init__(self, reasoner: Asked) -> None:
        self._reasoner = reasoner
        self._questions = self._failing = self._requests = self._input = self._low = self._high = self._unread = 0

    def add(self, question: QuestionInput) -> None:
        """Count what one question would take."""
        self._questions += 1
        unread = self._unread
        try:
            query = self._read(question_of(question))
            if not self._reasoner.asks_llm:
                return
            chain = bind(query, self._reasoner.kg)
            for task in rehearse(self._reasoner.kg, chain, self._reasoner.llm, self._reasoner.options):
                self._add_task(task)
        except SkylarkError:
            self._failing += self._unread == unread

    def _read(self, question: Query | str) -> Query:
        if isinstance(question, Query):
            return question
        if looks_formal(question):
            return Query.parse(question)
        if (llm := self._reasoner.reader) is not None:
            reasoner = self._reasoner
            messages = reading_messages(LinkedQuestion.of(question, schema_of(reasoner.kg)).prompt)
            tokens = count_tokens(llm, ["\n".join(message.text for message in messages)])[0]
            for _ in range(reasoner.options.samples):
                self._add(tokens, *READING_REPLY)
        try:
            return read_question(question, self._reasoner.kg, None, self._reasoner.options)[0]
        except (QuestionError, LLMError):
            self._unread += llm is not None
            raise

    def _add_task(self, task: TextTask | MarkTask) -> None:
        if isinstance(task, MarkTask):
            # A mark for each candidate, whatever the answer.
            self._add(task.context.tokens, len(task.sheet.places), len(task.sheet.places))
            return
        brief = ", ".join(task.naming.entity(int(entity)) for entity in task.expected) or "none"
        low = count_tokens(self._reasoner.llm, [brief])[0]
        self._add(task.context.tokens, low, max(low, task.longest_reply))

    def _add(self, prompt: int, low: int, high: int) -> None:
        self._requests += 1
        self._input += prompt
        self._low += low
        self._high += high

    def estimate(self) -> Estimate:
        """The sums."""
        reasoner = self._reasoner
        bounds: tuple[float, float] | None = (0.0, 0.0)
        if self._requests:
            low, high = (
                cost(reasoner.llm, reasoner.options, self._input, output) for output in (self._low, self._high)
            )
            bounds = None if low is None or high is None else (low, high)
        return Estimate(
            questions=self._questions,
            failing=self._failing,
            requests=self._requests,
            input_tokens=self._input,
            output_tokens=(self._low, self._high),
            cost=bounds,
            assumptions=tuple(self._assumptions()),
        )

    def _assumptions(self) -> Iterable[str]:
        if not self._requests:
            yield "no language model is asked"
            return
        llm = self._reasoner.llm
        yield "every first reply is right and can be read: a mistake changes the later prompts, a retry adds requests"
        yield "nothing is answered from the cache and no request has to be sent again"
        if not isinstance(llm, CountsOwnTokens):
            yield f"three characters are a token, since the tokenizer of {display_name(llm)} is not on this machine"
        if is_hosted(llm):
            yield "the model writes no thoughts before its replies, which providers charge as tokens out"
        if self._unread:
            yield (
                f"{self._unread:,} questions that only the model can read take one request each; "
                f"answering them comes on top"
            )
