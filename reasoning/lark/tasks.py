"""The question and context of one step, ready to be sent: what was retrieved, with ids drawn anew for each prompt."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from reasoning.answer import Context
from reasoning.binding import BoundChain, BoundStep
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.options import LarkOptions
from reasoning.naming import AbstractNaming, Naming, NamingKind, ReadableNaming
from reasoning.prompts import projection_question, set_question, step_messages, transcript, triple_line, worked_example
from reasoning.query.chain import Operation
from reasoning.retrieval import CHEAPEST_TRIPLE, retrieve
from reasoning.token_counting import count_tokens

ASKED: frozenset[Operation] = frozenset({"project", "intersect", "union", "difference"})
"""Operations that the model answers; the others are done exactly and marked."""

END_OF_REPLY = 8
"""Tokens that a reply may take beyond its entities: brackets, a full stop, the end mark."""


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
