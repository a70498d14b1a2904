"""Method `lark`: the chain run step by step, or the whole query in one prompt, and its cost estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.errors import QueryError
from reasoning.execution.conclusion import (
    BoundQuestion,
    ChainEvent,
    Event,
    Finished,
    PartFinished,
    StepFinished,
    StepStarted,
    collecting,
    conclude,
)
from reasoning.execution.exact import exact_result, execute, execute_step, step_set
from reasoning.execution.step_result import StepPart, StepResult, StepSet, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.prompts import Naming, Prompt, projection_question, set_question
from reasoning.lark.steps import (
    ASKED,
    LarkOptions,
    MarkAsker,
    MarkTask,
    StepAsker,
    TextAsker,
    TextTask,
    TokenCost,
    ask,
    kept,
    marks_steps,
    named_triple,
    readable_line,
    rng_for,
    text_task,
)
from reasoning.lm.calls import ExpectedUsage
from reasoning.lm.errors import LLMError
from reasoning.lm.hosted import cost, display_name, is_hosted
from reasoning.lm.replies import CountsOwnTokens, count_tokens
from reasoning.parsing import looks_formal, read_question
from reasoning.parsing.hosted import reading_messages
from reasoning.parsing.linking import LinkedQuestion
from reasoning.parsing.options import QuestionInput, question_of
from reasoning.parsing.schema import schema_of
from reasoning.query.binding import BoundChain, BoundStep, bind
from reasoning.query.read_question import QuestionError
from reasoning.query.tree import Query
from reasoning.retrieval import retrieve
from skylark.errors import SkylarkError


def run_whole(asker: TextAsker, chain: BoundChain) -> Iterator[ChainEvent]:
    """Ask the query at once; one event pair, or a QueryError where it has an operation that no model can be asked
    for."""
    kg, task = asker.kg, whole_task(asker, chain)
    last = chain.steps[-1]
    question = f"What is {chain.query.verbalise(kg)}?"
    yield StepStarted(last, kg, (), (task.context,), 1, asked=question)
    part = ask(asker.llm, task, asker.options)
    result = StepResult(
        kg, last, (), part.members, "llm",
        error=part.error, agrees=part.agrees, parts=(part,), parts_total=1, asked=question,
    )  # fmt: skip
    yield StepFinished(result, 0.0)


def whole_task(asker: TextAsker, chain: BoundChain) -> TextTask:
    """The question and context of a whole query; a QueryError where it has an operation that no model can be asked
    for."""
    kg, options = asker.kg, asker.options
    for step in chain:
        if step.step.operation not in ASKED or step.gives_values:
            raise QueryError(f"whole-query prompting has no {step.step.operation} step; use prompting by step")
    rng = rng_for(options.seed, chain, -1)
    cost = TokenCost(kg, asker.llm, options, shared=True)
    projections = [step.relation for step in chain if step.step.operation == "project" and step.relation is not None]
    budget = options.token_budget // max(1, len(projections))
    reached: list[Ids] = []
    shown: dict[tuple[int, ...], None] = {}
    about: set[tuple[int, ...]] = set()
    anchors: list[int] = []
    for step in chain:
        inputs = [
            reached[ref] if ref is not None else np.array([anchor], dtype=np.int32)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        anchors += [anchor for anchor in step.anchors if anchor is not None]
        if (relation := step.relation) is None or step.step.operation != "project":
            reached.append(np.unique(np.concatenate(inputs)))
            continue
        (part,) = retrieve(kg, inputs[0], relation, budget, cost, rng).parts
        shown.update((tuple(triple), None) for triple in part.triples.tolist())
        left, right = kg.index.edges(inputs[0], relation.index, relation.inverse)
        heads, tails = (right, left) if relation.inverse else (left, right)
        about.update((head, relation.index, tail) for head, tail in zip(heads.tolist(), tails.tolist(), strict=True))
        reached.append(kg.index.project(inputs[0], relation.index, relation.inverse))
    triples = list(shown)
    rng.shuffle(triples)
    naming = asker.naming(
        [*anchors, *(entity for head, _, tail in triples for entity in (head, tail))],
        [*(relation.index for relation in projections), *(relation for _, relation, _ in triples)],
        rng,
    )
    prompt = Prompt(_question(chain, naming), [named_triple(kg, naming, triple) for triple in triples], naming)
    readable = [readable_line(kg, triple) for triple in triples]
    # One step's distractor may be what another step is about, so they are counted when all are together.
    relevant = len(about & shown.keys())
    expected = execute(kg, chain)[-1].members
    return text_task(asker.llm, prompt, expected, readable, relevant, len(triples) - relevant, len(about) - relevant)


def _question(chain: BoundChain, naming: Naming) -> str:
    """One sentence a step, and which of them is asked for."""
    names: list[str] = []
    sentences: list[str] = []
    for step in chain:
        inputs = [
            names[ref] if ref is not None else naming.entity(anchor if anchor is not None else -1)
            for ref, anchor in zip(step.inputs, step.anchors, strict=True)
        ]
        names.append(f"S{step.position + 1}")
        if step.step.operation == "project" and step.relation is not None:
            asked = projection_question(inputs, naming.relation(step.relation.index), step.relation.inverse)
        else:
            asked = set_question(step.step.operation, inputs)
        sentences.append(f"{names[-1]}: {asked}.")
    return f"{' '.join(sentences)} Find the members of {names[-1]}"


def run_chain(kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions) -> Iterator[ChainEvent]:
    """Run a chain: a step begins, its parts are done where it has several, it is done; ends after a failed step."""
    if options.prompting == "whole" and len(chain):
        yield from run_whole(TextAsker(kg, llm, options), chain)
        return
    asker = _asker(kg, llm, options)
    results: list[StepSet] = []
    seconds: list[float] = []
    asked = [_is_asked(step) for step in chain]
    for step in chain:
        inputs = tuple(inputs_of(step, results))
        rest = sum(asked[step.position + 1 :])
        if not asked[step.position] or _is_surely_empty(step, inputs):
            yield StepStarted(step, kg, inputs, (), len(chain))
            results.append(step_set(kg, step, results))
            result = exact_result(kg, step, results)
        else:
            tasks = asker.tasks(step, inputs, rng_for(options.seed, chain, step.position))
            yield StepStarted(step, kg, inputs, tuple(task.context for task in tasks), len(chain))
            parts: list[StepPart] = []
            for part, waited in asker.answers(tasks):
                parts.append(part)
                seconds.append(waited)
                if len(tasks) > 1:
                    left = 0 if part.error is not None else rest + len(tasks) - len(parts)
                    yield PartFinished(part, len(parts), len(tasks), left * float(np.mean(seconds)))
            result = _merged(kg, step, inputs, parts, len(tasks))
            results.append(StepSet(np.sort(result.members)))
        yield StepFinished(result, rest * float(np.mean(seconds)) if seconds and result.error is None else 0.0)
        if result.error is not None:
            return


def rehearse(
    kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions
) -> Iterator[TextTask | MarkTask]:
    """The tasks that `run_chain` asks of a model that makes no mistake, parts of a step included; nothing is sent.

    A model's mistakes change the inputs of later steps, and so their prompts.

    Raises:
        QueryError: whole-query prompting has no such step.
    """
    if options.prompting == "whole" and len(chain):
        yield whole_task(TextAsker(kg, llm, options), chain)
        return
    asker = _asker(kg, llm, options)
    results: list[StepSet] = []
    for step in chain:
        inputs = inputs_of(step, results)
        if _is_asked(step) and not _is_surely_empty(step, inputs):
            yield from asker.tasks(step, inputs, rng_for(options.seed, chain, step.position))
        results.append(step_set(kg, step, results))


def _asker(kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> StepAsker[Any]:
    return MarkAsker(kg, llm, options) if marks_steps(llm, options) else TextAsker(kg, llm, options)


def _is_asked(step: BoundStep) -> bool:
    return step.step.operation in ASKED and not step.gives_values


def _is_surely_empty(step: BoundStep, inputs: Sequence[Ids]) -> bool:
    """Whether a step's inputs leave its answer empty, so that asking for it would tell nothing."""
    empty = [not len(members) for members in inputs]
    if step.step.operation == "union":
        return all(empty)
    return any(empty) if step.step.operation == "intersect" else empty[0]


def _merged(
    kg: KnowledgeGraph, step: BoundStep, inputs: tuple[Ids, ...], parts: Sequence[StepPart], total: int
) -> StepResult:
    """The step as its parts give it; where one failed, the step has."""
    error = parts[-1].error
    answers = np.concatenate([np.zeros(0, np.int32), *(part.members for part in parts if error is None)])
    members, scores = np.array(list(dict.fromkeys(answers.tolist())), dtype=np.int32), None
    if error is None and all(part.scores is not None for part in parts):
        # Of an entity that several parts give, the surest mark counts.
        members, scores = kept(answers, np.concatenate([part.scores for part in parts]))
    agrees = error is None and np.array_equal(np.sort(members), execute_step(kg, step, inputs).members)
    if error is not None and total > 1:
        error = f"part {len(parts)} of {total}: {error}"
    return StepResult(
        kg, step, inputs, members, "llm",
        error=error, agrees=agrees, parts=tuple(parts), parts_total=total, scores=scores,
    )  # fmt: skip


class Lark:
    """A language model answers every step of the chain from a retrieved context."""

    name: ClassVar[str] = "lark"
    asks_model: ClassVar[bool] = True
    goes_beyond_graph: ClassVar[bool] = False

    def __init__(
        self, kg: KnowledgeGraph, llm: Callable[[], BaseChatModel], options: LarkOptions, *_unused: object
    ) -> None:
        self._kg, self._llm, self._options = kg, llm, options

    def deciding(self) -> dict[str, Any]:
        """Nothing decides its answers but the graph, the model and the options."""
        return {}

    def events(self, question: BoundQuestion) -> Iterator[Event]:
        """The chain's events, then the answer."""
        steps: list[StepResult] = []
        yield from collecting(steps, run_chain(self._kg, question.chain, self._llm(), self._options))
        yield Finished(conclude(self._kg, self.name, question, steps))


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
    """What answering these would take of the reasoner's model (an LLMError without one), from the real prompts, nothing
    sent."""
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
