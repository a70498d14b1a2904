"""The Python API: a graph, a language model and a method, asked with a query or a question; a LangChain Runnable."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_config_list
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field, WithJsonSchema

from reasoning.answer import Answer
from reasoning.completion.predictor import CompletionOptions
from reasoning.errors import CompletionError, QueryError
from reasoning.execution.conclusion import BoundQuestion, Event, Finished, StepFinished
from reasoning.execution.step_result import StepResult
from reasoning.graph.profile import GraphProfile
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.lark.method import Estimate, estimate_run
from reasoning.lark.steps import queries_at_once
from reasoning.lm import load_llm
from reasoning.lm.calls import awaited, concurrent_map
from reasoning.lm.generation import MOST_ROWS
from reasoning.methods import Method, method_named
from reasoning.parsing import Reading, ReadQuestion, looks_formal, understand
from reasoning.parsing.options import QuestionInput, question_of
from reasoning.query.binding import bind
from reasoning.query.tree import Query
from skylark.errors import SkylarkError, UsageError

_USUAL_OPTIONS = LarkOptions()
_USUAL_COMPLETION = CompletionOptions()


class Reasoner(Runnable[QuestionInput, Answer]):
    """Answers logical queries and questions over one graph.

    It is a LangChain `Runnable`: `prompt | reasoner | (lambda answer: answer.entities)` is a chain, and `config` sets
    callbacks, tags, a run name and `max_concurrency`; the calls of the language model are the run's children.

    Args:
        kg: the graph, or what `KnowledgeGraph.load` takes.
        llm: "embedded", "copy", "hf:name-or-path", "provider:model", or a LangChain chat model.
        method: "exact" (set algebra over the graph), "lark" (the LLM answers every step from a retrieved context),
            "complete" (soft logic over known and predicted edges), or "hybrid" (the LLM's chain over both).
        options: how the LLM chain is run: token budget, time limit, prompting, names, seed.
        completion: the link predictor of methods complete and hybrid, and how it is used.

    Attributes:
        kg, options: as given, or the usual ones.
        method: the method's name.
        asks_llm: whether a language model answers steps.
        answering: the method over this graph.

    Raises:
        SkylarkError: the method is unknown.
        CompletionError: no link predictor is fitted on this graph, or the one given doesn't fit it; or the graph stays
            on a server.
        LLMError: a method that asks a model has none: its name is unknown, or a package, a key or the weights are
            missing. That is said before a graph is loaded; method exact asks for the model only where a question
            needs it.
    """

    def __init__(
        self,
        kg: KnowledgeGraph | str | Path,
        llm: str | BaseChatModel = "embedded",
        method: str = "lark",
        options: LarkOptions | None = None,
        completion: CompletionOptions | None = None,
    ) -> None:
        kind = method_named(method)
        self.method = kind.name
        self.asks_llm = kind.asks_model
        self.options = options or _USUAL_OPTIONS
        self._llm_spec = llm
        self._llm = self._load() if self.asks_llm else None
        self.kg = kg if isinstance(kg, KnowledgeGraph) else KnowledgeGraph.load(kg)
        if kind.goes_beyond_graph and self.kg.server is not None:
            raise CompletionError(
                f"method {kind.name} needs all triples of a graph, and {self.kg.graph_name} stays on its server: "
                "take method exact or lark there, or load a file of the graph"
            )
        self.answering: Method = kind(self.kg, lambda: self.llm, self.options, completion or _USUAL_COMPLETION)

    @property
    def OutputType(self) -> Any:
        """An `Answer`, for LangChain's schemas, which know it as an object: it holds a whole graph."""
        return Annotated[Answer, WithJsonSchema({"type": "object"})]

    @property
    def llm(self) -> BaseChatModel:
        """The chat model; a `LLMError` where it is unknown, or a package, key or weight file is missing."""
        if self._llm is None:
            self._llm = self._load()
        return self._llm

    def describe(self) -> GraphProfile:
        """What the graph holds, as it was understood; see `KnowledgeGraph.profile`."""
        return self.kg.profile()

    def read(self, question: QuestionInput, previous: Answer | None = None) -> list[Reading]:
        """What a question may mean, best first; nothing is answered. For `previous` and errors see `answer`.

        Several where it is not sure which is meant; none where nothing can be: `answer` then raises a `QuestionError`
        that says what was understood. A formal query is the one reading of itself.

        Raises:
            QueryError: a formal query is not well formed.
            LLMError: a language model was to read it and failed.
        """
        found = self._read(question_of(question), previous)
        return [Reading(found, probability=1.0)] if isinstance(found, Query) else list(found.readings)

    def asked(self, question: QuestionInput, previous: Answer | None = None) -> tuple[Query, ReadQuestion | None]:
        """The query that `answer` answers, with what a question in English was understood as; None for a query.

        Raises:
            QueryError, QuestionError: it could not be read.
            LLMError: a language model was to read it and failed.
        """
        found = self._read(question_of(question), previous)
        return (found, None) if isinstance(found, Query) else (found.understood(), found)

    def _read(self, question: Query | str, previous: Answer | None) -> Query | ReadQuestion:
        """A formal query, or what a question in English is understood as."""
        if not isinstance(previous, Answer | None):
            raise QueryError(f"expected the Answer before as previous, found {type(previous).__name__}")
        if isinstance(question, Query):
            return question
        if looks_formal(question):
            return Query.parse(question)
        return understand(question, self.kg, self.reader, self.options, previous)

    def answer(self, question: QuestionInput, previous: Answer | None = None) -> Answer:
        """Answer a query, its text, or a question in plain English.

        A step that the LLM fails is no exception: the answer then says so in `error` and has no entities.

        Args:
            question: the question.
            previous: the answer before, to which a question in English may refer: "and its population?", "only those
                in Europe", "the second one", "and Spain?". `Answer.referred` says what was referred to; a question
                that can be read by itself starts afresh.

        Raises:
            QueryError, QuestionError: it could not be read.
            UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in the graph.
            LLMError: a language model was to read the question and failed.
        """
        *_, last = self.events(question, previous)
        assert isinstance(last, Finished), "a run always ends with its answer"
        return last.answer

    async def aanswer(self, question: QuestionInput, previous: Answer | None = None) -> Answer:
        """`answer` without blocking the event loop."""
        return await awaited(lambda: self.answer(question, previous))

    def events(self, question: QuestionInput, previous: Answer | None = None) -> Iterator[Event]:
        """Everything that happens: a step begins (with its context), a step is done, the answer; for live display."""
        query, understood = self.asked(question, previous)
        chain = bind(query, self.kg)
        if understood is None:
            return self.answering.events(BoundQuestion(chain))
        return self.answering.events(BoundQuestion(chain, understood.assumed, understood.usage, understood))

    def estimate(self, questions: Iterable[QuestionInput]) -> Estimate:
        """What answering these would take in requests, tokens and money; a dry run, which sends nothing.

        Step inputs are taken from exact execution, so the prompts are the real ones of a model that makes no mistake.
        """
        return estimate_run(self, questions)

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for agents: a question goes in, the answer in words comes out, with `to_dict()` as its artifact.

        An error, such as a name that is not in the graph, is what the tool says then: an agent can ask again.

        Args:
            args_schema, arg_types: of LangChain's tools; without them the tool takes one text, `question`.
            name: "ask_graph" where None.
            description: what the agent reads; the graph's schema and what a question may be where None.

        Raises:
            UsageError: `args_schema` is no class, such as a name that was meant for `name`.
        """
        if args_schema is not None and not isinstance(args_schema, type):
            raise UsageError(
                f"expected a model of pydantic's as args_schema, found {args_schema!r}; "
                "a name goes in as name=..., a description as description=..."
            )
        if args_schema is not None or arg_types is not None:
            return super().as_tool(args_schema, name=name, description=description, arg_types=arg_types)
        return _question_tool(self, name, description)

    def invoke(self, input: QuestionInput, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """`answer` as a run of LangChain's, with its callbacks and tags; `previous` goes on to it."""
        return self._call_with_config(self.answer, input, config, **kwargs)

    async def ainvoke(self, input: QuestionInput, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
        """`invoke` without blocking the event loop."""
        return await awaited(lambda: self.invoke(input, config, **kwargs))

    def batch(
        self,
        inputs: Iterable[QuestionInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_concurrency: int | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer several, in order.

        Args:
            inputs: queries, their texts, or questions.
            config: LangChain's, one for all or one each.
            return_exceptions: put an error in its place in the list instead of raising it.
            max_concurrency: questions answered at once, also a key of `config`; by default as many as requests may be
                under way, see `LarkOptions`. A model in this process works on one at a time, but questions that it was
                taught to read share its passes.
        """
        questions = list(inputs)
        configs = get_config_list(config, len(questions))

        def one(item: tuple[QuestionInput, RunnableConfig]) -> Answer | Exception:
            try:
                return self.invoke(*item, **kwargs)
            except Exception as error:
                if not return_exceptions:
                    raise
                return error

        asked = max_concurrency or (configs[0].get("max_concurrency") if configs else None)
        reads = self._reads_here and not all(isinstance(question, Query) for question in questions)
        alone = MOST_ROWS if reads else 1
        workers = queries_at_once(self.llm, self.options, asked) if self.asks_llm else asked or alone
        return list(concurrent_map(one, zip(questions, configs, strict=True), min(workers, len(questions))))

    async def abatch(
        self,
        inputs: Iterable[QuestionInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        max_concurrency: int | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """`batch` without blocking the event loop."""
        return await awaited(
            lambda: self.batch(
                inputs, config, return_exceptions=return_exceptions, max_concurrency=max_concurrency, **kwargs
            )
        )

    def stream(  # type: ignore[override]  # LangChain streams parts of the output; here steps come before the answer
        self, input: QuestionInput, config: RunnableConfig | None = None, previous: Answer | None = None, **kwargs: Any
    ) -> Generator[StepResult, None, Answer | None]:
        """The steps of the answer, each as soon as it is done; the generator returns the `Answer`. Arguments as for
        `answer`."""
        answers: list[Answer] = []

        def steps(inputs: Iterator[QuestionInput]) -> Iterator[StepResult]:
            for event in self.events(next(inputs), previous):
                if isinstance(event, StepFinished):
                    yield event.result
                elif isinstance(event, Finished):
                    answers.append(event.answer)

        # LangChain's type says that what is streamed is what is answered.
        yield from self._transform_stream_with_config(iter([input]), cast(Any, steps), config, **kwargs)  # type: ignore[misc]
        return answers[0] if answers else None

    async def astream(  # type: ignore[override]
        self, input: QuestionInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[StepResult]:
        """`stream` without blocking the event loop; the answer, which no asynchronous generator can return, is left."""
        steps, end, gone = self.stream(input, config, **kwargs), object(), threading.Event()
        try:
            while (step := await awaited(lambda: next(steps, end), gone)) is not end:
                yield cast(StepResult, step)
        finally:
            gone.set()
            with suppress(ValueError):  # a step is under way on its thread; it is the last, since nobody asks for more
                steps.close()

    def transform(
        self, input: Iterator[QuestionInput], config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Answer]:
        """In the stream of a chain: the whole answer, once the whole question is there."""
        chunks = list(input)
        if chunks:
            yield self.invoke(_joined(chunks), config, **kwargs)

    async def atransform(
        self, input: AsyncIterator[QuestionInput], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Answer]:
        """`transform` without blocking the event loop."""
        chunks = [chunk async for chunk in input]
        if chunks:
            yield await self.ainvoke(_joined(chunks), config, **kwargs)

    def _load(self) -> BaseChatModel:
        options = self.options
        return load_llm(
            self._llm_spec,
            max_new_tokens=options.max_new_tokens,
            device=options.device,
            dtype=options.dtype,
            adapter=options.adapter,
            requests_per_minute=options.requests_per_minute,
            cache=options.cache,
        )

    @property
    def reader(self) -> BaseChatModel | None:
        """The chat model that reads questions in English; None where the embedded model does.

        Raises:
            LLMError: there is no such model.
        """
        return None if self._reads_here else self.llm

    @property
    def _reads_here(self) -> bool:
        """Whether questions in English are read without a chat model."""
        return isinstance(self._llm_spec, str) and self._llm_spec.strip().startswith(("embedded", "copy", "hf:"))


def _joined(chunks: list[QuestionInput]) -> QuestionInput:
    """What the parts of a stream are together: their sum, or the last where they do not add up."""
    whole: Any = chunks[0]
    for chunk in chunks[1:]:
        try:
            whole = whole + chunk
        except TypeError:
            whole = chunk
    return cast(QuestionInput, whole)


_TOOL = "ask_graph"

MOST_RELATIONS = 40
"""Relations that a tool's description lists."""

_DESCRIPTION = """Answers a question from the facts of a knowledge graph, and from nothing else.
{schema}
A question is plain English, or a query: relation("Name") is what a relation leads to, ~relation("Name") what leads \
there, & | ! are and, or, not, count(...), exists(...), relation(...) > 5, top(3, relation, ...); they nest."""


class _Question(BaseModel):
    question: str = Field(description='In plain English, or a query such as capital(borders("Germany"))')


def _question_tool(reasoner: Reasoner, name: str | None, description: str | None) -> BaseTool:
    """A tool whose message holds `str(answer)`, and as its artifact `answer.to_dict()`: agents keep their messages on
    disk, where an `Answer` with its graph has no place.

    An agent that misspells a name is told what was wrong and which names are near, as a person is, and can ask again.
    """

    def ask(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        try:
            answer = reasoner.invoke(question, config)
        except SkylarkError as error:
            raise ToolException(str(error)) from error
        return str(answer), answer.to_dict()

    async def ask_awaited(question: str, config: RunnableConfig) -> tuple[str, dict[str, Any]]:
        try:
            answer = await reasoner.ainvoke(question, config)
        except SkylarkError as error:
            raise ToolException(str(error)) from error
        return str(answer), answer.to_dict()

    return StructuredTool.from_function(
        func=ask,
        coroutine=ask_awaited,
        name=name or _TOOL,
        description=description or _DESCRIPTION.format(schema=reasoner.kg.schema(MOST_RELATIONS)),
        args_schema=_Question,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )
