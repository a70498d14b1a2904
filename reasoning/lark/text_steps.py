"""Steps answered in words: what was retrieved as a prompt, with ids drawn anew, and the reply read strictly."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from reasoning.errors import StepError
from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Attempt, Context, StepPart
from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.calling import ask_model, at_once, usage_of
from reasoning.language.concurrent_map import concurrent_map
from reasoning.language.errors import LLMError
from reasoning.language.hosted.structured_output import keeps_schemas
from reasoning.language.replies import ReplyForm
from reasoning.language.token_counting import count_tokens
from reasoning.language.usage import TokenUsage
from reasoning.lark.asking import StepAsker, StepTask, readable_line, set_line, set_names
from reasoning.lark.entity_ids import AbstractNaming, Naming, NamingKind, ReadableNaming, StructuredNaming
from reasoning.lark.options import LarkOptions
from reasoning.lark.prompts import Prompt, projection_question, retry_messages, set_question, transcript, worked_example
from reasoning.lark.token_cost import TokenCost, named_triple
from reasoning.query.binding import BoundStep
from reasoning.retrieval import Subgraph, packed

END_OF_REPLY = 8
"""Tokens that a reply may take beyond its entities: brackets, a full stop, the end mark."""


@dataclass(frozen=True)
class TextTask(StepTask):
    """A question over a context, ready to be sent.

    Attributes:
        messages: what is sent first.
        naming: reads the replies.
        longest_reply: tokens of a reply that lists everything in the context: no sensible reply is longer.
    """

    messages: list[BaseMessage]
    naming: Naming
    longest_reply: int


class TextAsker(StepAsker[TextTask]):
    """Asks for steps in words; a hosted model is asked several tasks at once, see `at_once`."""

    @cached_property
    def cost(self) -> TokenCost:
        """Tokens of triples and members in a prompt."""
        return TokenCost(self.kg, self.llm, self.options)

    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """See `StepAsker.stretches`."""
        room = self.budget - sum(count_tokens(self.llm, [f"{set_line(name, [])}\n" for name in set_names(sets)]))
        if int(uses @ np.array(self.cost.members_together(entities), dtype=np.int64)) <= room:
            return [list(range(len(entities)))]
        prices = (uses * np.array(self.cost.members_at_most(entities), dtype=np.int64)).tolist()
        return packed(prices, room, room)

    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> TextTask:
        """See `StepAsker.projection_task`."""
        triples = part.triples.tolist()
        present = np.unique(part.triples[:, [0, 2]])
        # A source without any triple in the context adds nothing to the answer and would only lengthen the question.
        named = np.intersect1d(sources, present).tolist() or [int(sources[0])]
        naming = self.naming([*present.tolist(), *named], [relation.index, *part.triples[:, 1].tolist()], rng)
        asked = [naming.entity(source) for source in named]
        prompt = Prompt(
            projection_question(asked, naming.relation(relation.index), relation.inverse),
            [named_triple(self.kg, naming, triple) for triple in triples],
            naming,
            worked_example("project", relation.inverse, naming),
            confidences=bool(self.kg.predicted),
        )
        expected = np.unique(part.triples[part.about, 0 if relation.inverse else 2])
        readable = [readable_line(self.kg, triple) for triple in triples]
        return text_task(self.llm, prompt, expected, readable, part.relevant, part.distractors, left_out)

    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> TextTask:
        """See `StepAsker.set_task`."""
        names = set_names(len(sets))
        shown = [rng.sample(members.tolist(), len(members)) for members in sets]
        naming = self.naming([entity for members in shown for entity in members], [], rng)
        lines, readable = (
            [set_line(name, list(map(write, members))) for name, members in zip(names, shown, strict=True)]
            for write in (naming.entity, self.kg.name)
        )
        question, example = set_question(step.step.operation, names), worked_example(step.step.operation, False, naming)
        prompt = Prompt(question, lines, naming, example)
        expected = execute_step(self.kg, step, sets).members
        return text_task(self.llm, prompt, expected, readable, sum(map(len, shown)), 0, left_out)

    def naming(self, entities: Sequence[int], relations: Sequence[int], rng: random.Random) -> Naming:
        """A naming for everything that one prompt will hold; its replies are JSON where the model keeps to a schema."""
        replies = self.options.replies
        structured = replies == "structured" or (replies == "auto" and keeps_schemas(self.llm))
        plain = make_naming(self.kg, self.options.names, entities, relations, rng)
        return StructuredNaming(plain) if structured else plain

    def answers(self, tasks: Sequence[TextTask]) -> Iterator[tuple[StepPart, float]]:
        """See `StepAsker.answers`; where several are asked at once the wait for one is shorter than its reply took."""
        began = time.perf_counter()
        workers = min(len(tasks), at_once(self.llm, self.options))
        for part in concurrent_map(lambda task: ask(self.llm, task, self.options), tasks, workers):
            yield part, time.perf_counter() - began
            if part.error is not None:
                return
            began = time.perf_counter()


def make_naming(
    kg: KnowledgeGraph, kind: NamingKind, entities: Sequence[int], relations: Sequence[int], rng: random.Random
) -> AbstractNaming | ReadableNaming:
    """A naming for everything that one prompt will hold."""
    return ReadableNaming(entities, kg) if kind == "readable" else AbstractNaming(entities, relations, rng)


def text_task(
    llm: BaseChatModel,
    prompt: Prompt,
    expected: Ids,
    readable: Sequence[str],
    relevant: int,
    distractors: int = 0,
    left_out: int = 0,
) -> TextTask:
    """A prompt with its description; `readable` is its context as a person is shown it, the counts are `Context`'s."""
    messages = prompt.messages()
    text = transcript(messages)
    tokens, everything = count_tokens(llm, [text, prompt.naming.listing()])
    context = Context(tuple(readable), text, tokens, relevant, distractors, left_out)
    return TextTask(context, expected, messages, prompt.naming, everything + END_OF_REPLY)


def ask(llm: BaseChatModel, task: TextTask, options: LarkOptions) -> StepPart:
    """Ask until a reply can be read, or the repairs are used up."""
    naming, messages, attempts = task.naming, task.messages, []
    form = ReplyForm(
        longest=min(task.longest_reply, options.max_new_tokens),
        hopeless=naming.hopeless,
        schema=naming.schema,
        choices=naming.choices if options.constrained else None,
    )
    for _ in range(options.repairs + 1):
        began = time.perf_counter()
        text, usage, replied = "", TokenUsage(), False
        try:
            reply = ask_model(llm, messages, options.timeout, options.retries, form)
            text, replied = reply.text, True
            usage = usage_of(llm, messages, reply, options)
            if reply.cut_off:
                raise StepError("the reply was cut off at its length limit")
            members = np.array(naming.read(text), dtype=np.int32)
            if reply.stopped:
                raise StepError("the reply goes round in circles")
        except LLMError as failure:
            # The provider or the clock failed, not the reading of a reply: the same question again would not help.
            error, usage = str(failure), TokenUsage(requests=failure.requests)
        except StepError as failure:
            error = str(failure)
        else:
            attempts.append(Attempt(text, None, time.perf_counter() - began, True, usage))
            return StepPart(task.context, members, tuple(attempts), np.array_equal(np.sort(members), task.expected))
        attempts.append(Attempt(text, error, time.perf_counter() - began, replied, usage))
        if not replied:
            break
        messages = retry_messages(task.messages, text, error, naming)
    return StepPart(task.context, np.zeros(0, dtype=np.int32), tuple(attempts), False, error)
