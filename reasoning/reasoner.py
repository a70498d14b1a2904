"""The Python API: a graph, a language model and a method, asked with a query or a question."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from langchain_core.language_models import BaseChatModel

from kg_data.errors import SkylarkError
from reasoning.answer import Answer, StepResult
from reasoning.binding import BoundChain, bind
from reasoning.errors import QueryError
from reasoning.events import ChainEvent, Event, Finished, StepFinished, StepStarted
from reasoning.exact import StepSet, inputs_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions, run_chain
from reasoning.llms import load_llm
from reasoning.query.tree import Query, Value
from reasoning.questions import looks_formal, read_question

Method = Literal["exact", "lark"]
METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True)
class _Reading:
    query: Query
    notes: tuple[str, ...]


class Reasoner:
    """Answers logical queries and questions over one graph.

    Args:
        kg: the graph, or what `KnowledgeGraph.load` takes.
        llm: "embedded", "copy", "provider:model", or a LangChain chat model. Loaded when first needed.
        method: "exact" (set algebra over the graph) or "lark" (the LLM answers every step from a retrieved context).
        options: how the LLM chain is run: token budget, time limit, prompting, names, seed.

    Raises:
        SkylarkError: the method is unknown.
    """

    def __init__(
        self,
        kg: KnowledgeGraph | str | Path,
        llm: str | BaseChatModel = "embedded",
        method: str = "lark",
        options: LarkOptions | None = None,
    ) -> None:
        if method not in METHODS:
            near = difflib.get_close_matches(str(method), METHODS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SkylarkError(f"unknown method {method!r}; expected one of {', '.join(METHODS)}{hint}")
        self.kg = kg if isinstance(kg, KnowledgeGraph) else KnowledgeGraph.load(kg)
        self.method = method
        self.options = options or LarkOptions()
        self._llm_spec = llm
        self._llm: BaseChatModel | None = None

    @property
    def llm(self) -> BaseChatModel:
        """The chat model, loaded at first use.

        Raises:
            LLMError: it is unknown, or a package, key or weight file is missing.
        """
        if self._llm is None:
            self._llm = load_llm(self._llm_spec, max_new_tokens=self.options.max_new_tokens)
        return self._llm

    def read(self, question: Query | str) -> tuple[Query, tuple[str, ...]]:
        """The query that a question is read as, with notes on what was assumed.

        Raises:
            QueryError: a formal query is not well formed.
            QuestionError: a question in plain English could not be read.
        """
        reading = self._read(question)
        return reading.query, reading.notes

    def answer(self, question: Query | str) -> Answer:
        """Answer a query, its text, or a question in plain English.

        A step that the LLM fails is no exception: the answer then says so in `error` and has no entities.

        Raises:
            QueryError, QuestionError: it could not be read.
            UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in the graph.
        """
        for event in self.events(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a run always ends with its answer")

    def stream(self, question: Query | str) -> Generator[StepResult, None, Answer | None]:
        """The steps of the answer, each as soon as it is done; the generator returns the `Answer`."""
        answer: Answer | None = None
        for event in self.events(question):
            if isinstance(event, StepFinished):
                yield event.result
            elif isinstance(event, Finished):
                answer = event.answer
        return answer

    def events(self, question: Query | str) -> Iterator[Event]:
        """Everything that happens: a step begins (with its context), a step is done, the answer; for live display."""
        reading = self._read(question)
        chain = bind(reading.query, self.kg)
        notes = (*reading.notes, *chain.notes)
        steps: list[StepResult] = []
        source: Iterator[ChainEvent] = (
            self._exact(chain) if self.method == "exact" else run_chain(self.kg, chain, self.llm, self.options)
        )
        for event in source:
            if isinstance(event, StepFinished):
                steps.append(event.result)
            yield event
        yield Finished(self._conclude(chain, steps, notes))

    def batch(self, questions: Iterable[Query | str], return_exceptions: bool = False) -> list[Any]:
        """Answer several, in order.

        Args:
            questions: queries, their texts, or questions.
            return_exceptions: put an error in its place in the list instead of raising it.
        """
        answers: list[Any] = []
        for question in questions:
            try:
                answers.append(self.answer(question))
            except SkylarkError as error:
                if not return_exceptions:
                    raise
                answers.append(error)
        return answers

    async def aanswer(self, question: Query | str) -> Answer:
        """`answer` without blocking the event loop."""
        return await asyncio.to_thread(self.answer, question)

    def _read(self, question: Query | str) -> _Reading:
        if isinstance(question, Query):
            return _Reading(question, ())
        if not isinstance(question, str):
            raise QueryError(f"expected a query or a text, found {type(question).__name__}")
        if looks_formal(question):
            return _Reading(Query.parse(question), ())
        query, notes = read_question(question, self.kg, self._question_llm())
        return _Reading(query, notes)

    def _question_llm(self) -> BaseChatModel | None:
        # The built-in models cannot write a structured query; questions are then read by patterns.
        return None if self._llm_spec in ("embedded", "copy") else self.llm

    def _exact(self, chain: BoundChain) -> Iterator[ChainEvent]:
        results: list[StepSet] = []
        for step in chain:
            inputs = inputs_of(step, results)
            yield StepStarted(step, self.kg, tuple(inputs), (), len(chain))
            result = StepResult.exactly(self.kg, step, inputs)
            results.append(StepSet(result.members, value=result.value))
            yield StepFinished(result, 0.0)

    def _conclude(self, chain: BoundChain, steps: list[StepResult], notes: tuple[str, ...]) -> Answer:
        failed = next((step for step in steps if step.error is not None), None)
        value: Value | bool | None = None
        values: tuple[Value, ...] | None = None
        if chain.result is None:
            assert chain.anchor is not None
            ranked = np.array([chain.anchor], dtype=np.int32)
        elif failed is not None:
            ranked = np.zeros(0, dtype=np.int32)
        else:
            last = steps[-1]
            ranked, value, values = last.members, last.value, last.values
            if values is not None:
                descending = last.step.step.operation != "top" or last.step.step.largest
                order = sorted(range(len(ranked)), key=lambda i: values[i], reverse=descending)  # type: ignore[index]
                ranked = ranked[np.array(order, dtype=np.int64)]
                values = tuple(values[i] for i in order)
                if last.step.gives_values and len(values) == 1:
                    value = values[0]
        error = None
        if failed is not None:
            error = f"step {failed.step.position + 1} of {len(chain)} failed: {failed.error}"
        notes = (*notes, *(step.note for step in steps if step.note is not None))
        return Answer(
            self.kg,
            chain.query,
            self.method,
            ranked,
            (1.0,) * len(ranked),
            chain,
            tuple(steps),
            value,
            values,
            notes,
            error,
        )
