"""Method `lark`: a language model answers every step of the chain, the earlier answers put in (Choudhary & Reddy 2023).

For each step a subgraph is retrieved, entities and relations are abstracted to ids drawn anew, and the model's reply
is read strictly: ids of the context or nothing. A reply that cannot be read is shown its error once; then the step has
failed, the chain stops and says so. Exact execution of the same step stands beside each reply as a check; it never
enters a prompt. What no context could hold (values, counts, a complement over the whole graph) is done exactly and
marked.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from kg_data.errors import SkylarkError
from reasoning.answer import Attempt, Context, StepResult
from reasoning.binding import BoundChain, BoundStep
from reasoning.errors import StepError
from reasoning.events import StepFinished, StepStarted
from reasoning.exact import StepSet, execute_step, inputs_of
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.llms import LLMError, invoke_with_timeout
from reasoning.llms.calling import STOPPED
from reasoning.naming import AbstractNaming, Naming, NamingKind, ReadableNaming
from reasoning.prompts import (
    projection_question,
    retry_messages,
    set_question,
    step_messages,
    transcript,
    triple_line,
    worked_example,
)
from reasoning.query.chain import Operation
from reasoning.retrieval import CHEAPEST_TRIPLE, retrieve
from reasoning.token_counting import count_tokens

ASKED: frozenset[Operation] = frozenset({"project", "intersect", "union", "difference"})
"""Operations that the model answers; the others are done exactly and marked."""

CUT_OFF = ("length", "max_tokens")
"""What providers call a reply that ended at its length limit."""

END_OF_REPLY = 8
"""Tokens that a reply may take beyond its entities: brackets, a full stop, the end mark."""


@dataclass(frozen=True)
class LarkOptions:
    """How a chain is run.

    Attributes:
        prompting: "step" asks each step; "whole" asks the whole query at once (the paper's ablation).
        names: "abstract" ids or "readable" names.
        token_budget: tokens that a context may take, by the model's own tokenizer where it has one here.
        max_new_tokens: most tokens of one reply of the embedded model.
        timeout: seconds for one reply.
        attempts: replies asked for before a step has failed: the first, and one that is shown its error.
        seed: of the ids, distractors and orders drawn; the same seed and query give the same prompts.
    """

    prompting: Literal["step", "whole"] = "step"
    names: NamingKind = "abstract"
    token_budget: int = 1280
    max_new_tokens: int = 512
    timeout: float = 120.0
    attempts: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("prompting", ("step", "whole")), ("names", ("abstract", "readable"))):
            if getattr(self, name) not in allowed:
                raise SkylarkError(f"{name} must be {' or '.join(allowed)}, not {getattr(self, name)!r}")
        if self.token_budget < 64:
            raise SkylarkError(f"token_budget must be at least 64, not {self.token_budget}")
        if self.attempts < 1 or self.timeout <= 0:
            raise SkylarkError("attempts must be at least 1 and timeout above 0 seconds")


@dataclass(frozen=True)
class Task:
    """A question over a context, ready to be sent.

    Attributes:
        messages: what is sent first.
        naming: reads the replies.
        context: what the messages hold, for display and checks.
        longest_reply: tokens of a reply that lists everything in the context: no sensible reply is longer.
    """

    messages: list[BaseMessage]
    naming: Naming
    context: Context
    longest_reply: int


def run_chain(
    kg: KnowledgeGraph, chain: BoundChain, llm: BaseChatModel, options: LarkOptions
) -> Iterator[StepStarted | StepFinished]:
    """Run a chain, one event pair a step; ends after a failed step."""
    if options.prompting == "whole" and len(chain):
        from reasoning.whole_query import run_whole

        yield from run_whole(kg, chain, llm, options)
        return
    results: list[StepSet] = []
    seconds: list[float] = []
    asked = [step.step.operation in ASKED and not step.gives_values for step in chain]
    for step in chain:
        inputs = tuple(inputs_of(step, results))
        if not asked[step.position] or _empty_whatever_is_said(step, inputs):
            yield StepStarted(step, kg, inputs, None, len(chain))
            result = StepResult.exactly(kg, step, inputs)
        else:
            task = step_task(kg, step, inputs, llm, options, rng_for(options.seed, chain, step.position))
            yield StepStarted(step, kg, inputs, task.context, len(chain))
            members, attempts, error = ask(llm, task, options)
            exact = execute_step(kg, step, inputs).members
            agrees = error is None and np.array_equal(np.sort(members), exact)
            result = StepResult(
                kg, step, inputs, members, "llm",
                error=error, agrees=agrees, context=task.context, attempts=attempts,
            )  # fmt: skip
            seconds.append(sum(attempt.seconds for attempt in attempts))
        results.append(StepSet(np.sort(result.members), value=result.value))
        rest = sum(asked[step.position + 1 :])
        yield StepFinished(result, rest * float(np.mean(seconds)) if seconds and result.error is None else 0.0)
        if result.error is not None:
            return


def _empty_whatever_is_said(step: BoundStep, inputs: Sequence[Ids]) -> bool:
    empty = [not len(part) for part in inputs]
    if step.step.operation == "union":
        return all(empty)
    return any(empty) if step.step.operation == "intersect" else empty[0]


def step_task(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> Task:
    """The question and context of one step."""
    if step.step.operation == "project":
        return _projection_task(kg, step, inputs[0], llm, options, rng)
    return _set_task(kg, step, inputs, llm, options, rng)


def _projection_task(
    kg: KnowledgeGraph, step: BoundStep, sources: Ids, llm: BaseChatModel, options: LarkOptions, rng: random.Random
) -> Task:
    relation = step.relation
    assert relation is not None
    per_triple = TripleCost(kg, llm, options)
    subgraph = retrieve(kg, sources, relation, options.token_budget, per_triple, rng)
    present = np.unique(subgraph.triples[:, [0, 2]])
    # A source without any triple in the context adds nothing to the answer and would only lengthen the question.
    named = [int(source) for source in sources if source in present] or [int(sources[0])]
    naming = make_naming(
        kg, options.names, [*present.tolist(), *named], [relation.index, *subgraph.triples[:, 1].tolist()], rng
    )
    lines = [named_triple(naming, triple) for triple in subgraph.triples.tolist()]
    question = projection_question(
        [naming.entity(source) for source in named], naming.relation(relation.index), relation.inverse
    )
    readable = [readable_line(kg, triple) for triple in subgraph.triples.tolist()]
    example = worked_example("project", relation.inverse, naming)
    return make_task(
        llm,
        naming,
        question,
        lines,
        readable,
        subgraph.relevant,
        subgraph.distractors,
        subgraph.left_out,
        example,
    )


def _set_task(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> Task:
    names = [chr(ord("A") + i) if i < 26 else f"S{i}" for i in range(len(inputs))]
    lead = sum(count_tokens(llm, [f"{name}: (empty)\n" for name in names]))
    shown = _members_that_fit(inputs, TripleCost(kg, llm, options).of_member, options.token_budget - lead, rng)
    left_out = sum(len(part) for part in inputs) - sum(len(part) for part in shown)
    naming = make_naming(kg, options.names, [entity for part in shown for entity in part], [], rng)
    lines = [
        f"{name}: {', '.join(naming.entity(entity) for entity in part) or '(empty)'}"
        for name, part in zip(names, shown, strict=True)
    ]
    readable = [
        f"{name}: {', '.join(kg.name(entity) for entity in part) or '(empty)'}"
        for name, part in zip(names, shown, strict=True)
    ]
    question = set_question(step.step.operation, names)
    example = worked_example(step.step.operation, False, naming)
    shown_members = sum(len(part) for part in shown)
    return make_task(llm, naming, question, lines, readable, shown_members, 0, left_out, example)


def _members_that_fit(
    sets: Sequence[Ids], cost: Callable[[int], int], budget: int, rng: random.Random
) -> list[list[int]]:
    """Members at random, one of each set in turn, as long as the budget lasts."""
    shown: list[list[int]] = [[] for _ in sets]
    for turn in zip_longest(*(rng.sample(members.tolist(), len(members)) for members in sets)):
        for part, member in zip(shown, turn, strict=True):
            if member is None:
                continue
            budget -= cost(member)
            if budget < 0:
                return shown
            part.append(member)
    return shown


def make_task(
    llm: BaseChatModel,
    naming: Naming,
    question: str,
    lines: Sequence[str],
    readable: Sequence[str],
    relevant: int,
    distractors: int,
    left_out: int,
    example: Sequence[BaseMessage] = (),
) -> Task:
    """Messages and their description; `lines` is the context as sent, `readable` as a person is shown it."""
    messages = step_messages(question, lines, naming, example)
    prompt = transcript(messages)
    tokens, everything = count_tokens(llm, [prompt, naming.listing()])
    context = Context(tuple(readable), prompt, tokens, relevant, distractors, left_out)
    return Task(messages, naming, context, everything + END_OF_REPLY)


def make_naming(
    kg: KnowledgeGraph, kind: NamingKind, entities: Sequence[int], relations: Sequence[int], rng: random.Random
) -> Naming:
    """A naming for everything that one prompt will hold."""
    return ReadableNaming(entities, kg) if kind == "readable" else AbstractNaming(entities, relations, rng)


def named_triple(naming: Naming, triple: Sequence[int]) -> str:
    """A triple as the context writes it."""
    head, relation, tail = triple
    return triple_line(naming.entity(head), naming.relation(relation), naming.entity(tail))


def ask(llm: BaseChatModel, task: Task, options: LarkOptions) -> tuple[Ids, tuple[Attempt, ...], str | None]:
    """Ask until a reply can be read: the members in the reply's order, every attempt, and why it failed if it did."""
    messages, attempts = task.messages, []
    for _ in range(options.attempts):
        began = time.perf_counter()
        reply, fatal = "", False
        try:
            message = invoke_with_timeout(
                llm,
                messages,
                options.timeout,
                min(task.longest_reply, options.max_new_tokens),
                task.naming.hopeless,
            )
            reply = message.text
            finish = message.response_metadata
            if any(str(finish.get(key)).lower() in CUT_OFF for key in ("finish_reason", "done_reason", "stop_reason")):
                raise StepError("the reply was cut off at its length limit")
            members = task.naming.read(reply)
            if finish.get("finish_reason") == STOPPED:
                raise StepError("the reply goes round in circles")
        except LLMError as failure:
            # The provider or the clock failed, not the reading of a reply: the same question again would not help.
            error, fatal = str(failure), True
        except StepError as failure:
            error = str(failure)
        else:
            attempts.append(Attempt(reply, None, time.perf_counter() - began))
            return np.array(members, dtype=np.int32), tuple(attempts), None
        attempts.append(Attempt(reply, error, time.perf_counter() - began, replied=not fatal))
        if fatal:
            break
        messages = retry_messages(task.messages, reply, error, task.naming)
    return np.zeros(0, dtype=np.int32), tuple(attempts), attempts[-1].error


class TripleCost:
    """Tokens of triples and members before their final ids are drawn: with the longest id that can occur, or by name.

    Args:
        kg: the graph.
        llm: its tokenizer counts.
        options: the kind of names, and the budget, which bounds how many ids a context can hold.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        self._llm = llm
        self._readable = ReadableNaming((), kg) if options.names == "readable" else None
        most = min(kg.entity_count, 2 * max(1, options.token_budget // CHEAPEST_TRIPLE))
        entity, relation = "e" + "8" * len(str(most)), "r" + "8" * len(str(kg.relation_count))
        self._triple, self._member = count_tokens(llm, [f"{triple_line(entity, relation, entity)}\n", f"{entity}, "])

    def __call__(self, triples: Ids) -> list[int]:
        """Tokens of each triple, shape (n,)."""
        if not len(triples):
            return []
        if self._readable is None:
            return [self._triple] * len(triples)
        return count_tokens(self._llm, [f"{named_triple(self._readable, triple)}\n" for triple in triples.tolist()])

    def of_member(self, entity: int) -> int:
        """Tokens of one member in the list of a set."""
        if self._readable is None:
            return self._member
        return count_tokens(self._llm, [f"{self._readable.entity(entity)}, "])[0]


def readable_line(kg: KnowledgeGraph, triple: Sequence[int]) -> str:
    """A triple as a person is shown it."""
    head, relation, tail = triple
    return f"{kg.name(head)} | {kg.relation_label(relation)} | {kg.name(tail)}"


def rng_for(seed: int, chain: BoundChain, position: int) -> random.Random:
    """The source of everything drawn for one prompt: the same for the same seed, query and step."""
    digest = hashlib.sha256(f"{seed}|{chain.query}|{position}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
