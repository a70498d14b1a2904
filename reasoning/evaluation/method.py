"""The method that an evaluation measures: made once before a run, then asked for its replies, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from kg_data.appended_lines import Line
from kg_data.errors import SkylarkError
from kg_data.loaders import LoadingOptions
from kg_data.loaders.options import USUAL
from reasoning.answer import Answer
from reasoning.completion.options import CompletionOptions
from reasoning.errors import EvaluationError
from reasoning.graph.changing.head import is_store
from reasoning.graph.endpoint.address import names_endpoint
from reasoning.graph.store import KnowledgeGraph
from reasoning.language import LLMError
from reasoning.language.calling import at_once
from reasoning.language.concurrent_map import concurrent_map
from reasoning.language.usage import NO_USAGE, TokenUsage
from reasoning.language.writing.beams import MOST_ROWS
from reasoning.lark import LarkOptions
from reasoning.lark.marked_steps import queries_at_once
from reasoning.methods import METHODS
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner

AT_SERVER = 4
"""Queries that a server is asked at once where no model limits them."""
SCORED = 100
"""Answers whose scores a line lists."""


@dataclass(frozen=True)
class MethodEvaluation:
    """The method that an evaluation measures, and the graph that it is measured on.

    Attributes:
        kg: what `KnowledgeGraph.load` takes, or a graph that is open.
        method, llm, options, completion: see `Reasoner`.
        limit: only the first this many queries or questions of each kind.
        loading: what the graph's file does not say of itself, see `KnowledgeGraph.load`.
    """

    kg: str | Path | KnowledgeGraph
    method: str = field(default="exact", kw_only=True)
    llm: str | BaseChatModel = field(default="embedded", kw_only=True)
    options: LarkOptions | None = field(default=None, kw_only=True)
    completion: CompletionOptions | None = field(default=None, kw_only=True)
    limit: int | None = field(default=None, kw_only=True)
    loading: LoadingOptions = field(default=USUAL, kw_only=True)

    def reasoner(self, splits: Sequence[str] | None = None) -> Reasoner:
        """The method over the graph, its language model loaded.

        Raises:
            EvaluationError: the limit is below 1.
            SkylarkError: the graph or the language model cannot be loaded.
        """
        if self.limit is not None and self.limit < 1:
            raise EvaluationError(f"the limit must be at least 1, not {self.limit}")
        return Reasoner(self._graph(splits), self.llm, self.method, self.options, self.completion)

    def _graph(self, splits: Sequence[str] | None) -> KnowledgeGraph:
        if isinstance(self.kg, KnowledgeGraph):
            return self.kg
        # A server and a store have the splits that somebody loaded there.
        as_it_is = names_endpoint(self.kg) or is_store(self.kg)
        return KnowledgeGraph.load(self.kg, None if as_it_is else splits, **asdict(self.loading))


@dataclass(frozen=True)
class MethodReply:
    """What a method made of one query.

    Attributes:
        answer: None where it raised an error.
        error: why there is no answer, or why it is incomplete; None where all is well.
        arrived: False where the language model could not be reached or did not finish in time: that is no measurement
            of it.
        usage: requests, tokens and cost where there is no answer that says them.
    """

    answer: Answer | None
    error: str | None
    arrived: bool
    usage: TokenUsage = NO_USAGE


def replies(reasoner: Reasoner, questions: Iterable[Query | str]) -> Iterator[MethodReply]:
    """The reply to each question, in order; as many are asked at once as its model takes requests at once."""
    model = reasoner.llm if reasoner.asks_llm else reasoner.reader
    questions = iter(questions)
    first = list(islice(questions, 1))
    # What the embedded model reads shares its passes; a query takes no reading.
    workers = MOST_ROWS if first and isinstance(first[0], str) else 1 if reasoner.kg.server is None else AT_SERVER
    if model is not None:
        most_at_once = queries_at_once if reasoner.asks_llm else at_once
        workers = most_at_once(model, reasoner.options)
    return concurrent_map(partial(ask, reasoner), chain(first, questions), workers)


def ask(reasoner: Reasoner, question: Query | str) -> MethodReply:
    """The method's reply; what it raises is part of it, so that one broken query doesn't end a run."""
    try:
        answer = reasoner.answer(question)
    except QuestionError as failure:
        return MethodReply(None, str(failure), True, NO_USAGE if failure.reading is None else failure.reading.usage)
    except SkylarkError as failure:
        return MethodReply(None, str(failure), not isinstance(failure, LLMError))
    failed = answer.steps[-1].parts[-1] if answer.error is not None and answer.steps else None
    silent = failed is not None and not any(attempt.replied for attempt in failed.attempts)
    return MethodReply(answer, answer.error, not silent)


def about(reply: MethodReply) -> Line:
    """What a line says of how its answer came about: `error`, `steps` and `usage`, where there is something to say, and
    of a method that is not certain the `scores` of the first answers."""
    line: Line = {} if reply.error is None else {"error": reply.error}
    if reply.answer is not None:
        method = METHODS[reply.answer.method]
        if method.goes_beyond_graph and reply.answer.value is None:
            line["scores"] = list(reply.answer.scores[:SCORED])
        if method.asks_model:
            line["steps"] = step_counts(reply.answer)
    usage = reply.usage if reply.answer is None else reply.answer.usage
    if usage.requests or usage.cached:
        line["usage"] = usage.to_dict()
    return line


def step_counts(answer: Answer) -> dict[str, int]:
    """How many steps the language model answered, how many of them right, and what did not fit its prompts."""
    by_model = [step for step in answer.steps if step.by == "llm"]
    return {
        "llm": len(by_model),
        "agreeing": sum(bool(step.agrees) for step in by_model),
        "symbolic": len(answer.steps) - len(by_model),
        "parts": sum(len(step.parts) for step in by_model),
        "left_out": sum(step.context.left_out for step in by_model if step.context is not None),
    }
