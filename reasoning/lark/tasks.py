"""The questions and contexts of one step, ready to be sent: what was retrieved, with ids drawn anew for each prompt.

A step too big for one context is several tasks. A projection is parted by the edges that it follows, a set operation
by the entities of its sets; either way the step's answer is the union of the tasks' answers.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from reasoning.answer import Context
from reasoning.binding import BoundChain, BoundStep
from reasoning.exact import execute_step
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.options import LarkOptions
from reasoning.naming import AbstractNaming, Naming, NamingKind, ReadableNaming
from reasoning.prompts import projection_question, set_question, step_messages, transcript, triple_line, worked_example
from reasoning.query.chain import Operation
from reasoning.retrieval import Subgraph, packed, retrieve
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
        expected: what the context gives, read without fault, sorted; for the check beside the reply alone.
    """

    messages: list[BaseMessage]
    naming: Naming
    context: Context
    longest_reply: int
    expected: Ids


def step_tasks(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> list[Task]:
    """One step as tasks within the budget: one where it fits, at most `options.max_parts`.

    What is beyond the last of them is counted in that one's context.
    """
    if step.step.operation == "project":
        return _projection_tasks(kg, step, inputs[0], llm, options, rng)
    return _set_tasks(kg, step, inputs, llm, options, rng)


def _projection_tasks(
    kg: KnowledgeGraph, step: BoundStep, sources: Ids, llm: BaseChatModel, options: LarkOptions, rng: random.Random
) -> list[Task]:
    assert step.relation is not None
    cost = TokenCost(kg, llm, options)
    found = retrieve(kg, sources, step.relation, options.token_budget, cost, rng, options.max_parts)
    left_out = [0] * (len(found.parts) - 1) + [found.left_out]
    return [
        _projection_task(kg, step, sources, part, beyond, llm, options, rng)
        for part, beyond in zip(found.parts, left_out, strict=True)
    ]


def _projection_task(
    kg: KnowledgeGraph,
    step: BoundStep,
    sources: Ids,
    part: Subgraph,
    left_out: int,
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> Task:
    relation = step.relation
    assert relation is not None
    present = np.unique(part.triples[:, [0, 2]])
    # A source without any triple in the context adds nothing to the answer and would only lengthen the question.
    named = np.intersect1d(sources, present).tolist() or [int(sources[0])]
    naming = make_naming(
        kg, options.names, [*present.tolist(), *named], [relation.index, *part.triples[:, 1].tolist()], rng
    )
    lines = [named_triple(naming, triple) for triple in part.triples.tolist()]
    question = projection_question(
        [naming.entity(source) for source in named], naming.relation(relation.index), relation.inverse
    )
    readable = [readable_line(kg, triple) for triple in part.triples.tolist()]
    example = worked_example("project", relation.inverse, naming)
    expected = np.unique(part.triples[part.about, 0 if relation.inverse else 2])
    return make_task(
        llm, naming, question, lines, readable, part.relevant, part.distractors, left_out, expected, example
    )


def _set_tasks(
    kg: KnowledgeGraph,
    step: BoundStep,
    inputs: Sequence[Ids],
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> list[Task]:
    names = [chr(ord("A") + i) if i < 26 else f"S{i}" for i in range(len(inputs))]
    lead = sum(count_tokens(llm, [f"{name}: (empty)\n" for name in names]))
    room = options.token_budget - lead
    # Whichever entities are left out are to be any, so their order is drawn.
    entities, uses = np.unique(np.concatenate(inputs), return_counts=True)
    order = np.array(rng.sample(range(len(entities)), len(entities)), dtype=np.int64)
    entities, uses = entities[order], uses[order]
    prices = (uses * np.array(TokenCost(kg, llm, options).of_members(entities.tolist()), dtype=np.int64)).tolist()
    stretches = packed(prices, room, room)[: options.max_parts] or [[]]
    parts = [[np.intersect1d(members, entities[stretch]) for members in inputs] for stretch in stretches]
    shown = sum(len(members) for part in parts for members in part)
    left_out = [0] * (len(parts) - 1) + [sum(map(len, inputs)) - shown]
    return [
        _set_task(kg, step, names, part, beyond, llm, options, rng)
        for part, beyond in zip(parts, left_out, strict=True)
    ]


def _set_task(
    kg: KnowledgeGraph,
    step: BoundStep,
    names: Sequence[str],
    sets: Sequence[Ids],
    left_out: int,
    llm: BaseChatModel,
    options: LarkOptions,
    rng: random.Random,
) -> Task:
    shown = [rng.sample(members.tolist(), len(members)) for members in sets]
    naming = make_naming(kg, options.names, [entity for members in shown for entity in members], [], rng)
    lines = [
        f"{name}: {', '.join(naming.entity(entity) for entity in members) or '(empty)'}"
        for name, members in zip(names, shown, strict=True)
    ]
    readable = [
        f"{name}: {', '.join(kg.name(entity) for entity in members) or '(empty)'}"
        for name, members in zip(names, shown, strict=True)
    ]
    question = set_question(step.step.operation, names)
    example = worked_example(step.step.operation, False, naming)
    expected = execute_step(kg, step, sets).members
    relevant = sum(map(len, shown))
    return make_task(llm, naming, question, lines, readable, relevant, 0, left_out, expected, example)


def make_task(
    llm: BaseChatModel,
    naming: Naming,
    question: str,
    lines: Sequence[str],
    readable: Sequence[str],
    relevant: int,
    distractors: int,
    left_out: int,
    expected: Ids,
    example: Sequence[BaseMessage] = (),
) -> Task:
    """Messages and their description; `lines` is the context as sent, `readable` as a person is shown it."""
    messages = step_messages(question, lines, naming, example)
    prompt = transcript(messages)
    tokens, everything = count_tokens(llm, [prompt, naming.listing()])
    context = Context(tuple(readable), prompt, tokens, relevant, distractors, left_out)
    return Task(messages, naming, context, everything + END_OF_REPLY, expected)


def make_naming(
    kg: KnowledgeGraph, kind: NamingKind, entities: Sequence[int], relations: Sequence[int], rng: random.Random
) -> Naming:
    """A naming for everything that one prompt will hold."""
    return ReadableNaming(entities, kg) if kind == "readable" else AbstractNaming(entities, relations, rng)


def named_triple(naming: Naming, triple: Sequence[int]) -> str:
    """A triple as the context writes it."""
    head, relation, tail = triple
    return triple_line(naming.entity(head), naming.relation(relation), naming.entity(tail))


class TokenCost:
    """Tokens of triples and members before their ids are drawn: with the longest id that can occur, or by name.

    Args:
        kg: the graph.
        llm: its tokenizer counts.
        options: the kind of names, and the budget, which bounds how many ids a context can hold.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        self._llm = llm
        self._readable = ReadableNaming((), kg) if options.names == "readable" else None
        self._triple, self._member = _dearest(kg, llm, options.token_budget)

    def __call__(self, triples: Ids) -> list[int]:
        """Tokens of each triple, shape (n,)."""
        if self._readable is None:
            return [self._triple] * len(triples)
        return count_tokens(self._llm, [f"{named_triple(self._readable, triple)}\n" for triple in triples.tolist()])

    def of_members(self, entities: Sequence[int]) -> list[int]:
        """Tokens of each as a member in the list of a set."""
        if self._readable is None:
            return [self._member] * len(entities)
        return count_tokens(self._llm, [f", {self._readable.entity(entity)}" for entity in entities])


def _dearest(kg: KnowledgeGraph, llm: BaseChatModel, budget: int) -> tuple[int, int]:
    """Tokens of a triple and of a member with ids as long as they can be in a context of the budget."""
    digits = 0
    while True:
        digits += 1
        entity, relation = "e" + "8" * digits, "r" + "8" * min(digits, len(str(kg.relation_count)))
        triple, member = count_tokens(llm, [f"{triple_line(entity, relation, entity)}\n", f", {entity}"])
        # Two entities a triple, and a question that names some that no triple of the context has.
        most = max(3 * (budget // triple), budget // member, 3)
        if len(str(min(kg.entity_count, most))) <= digits:
            return triple, member


def readable_line(kg: KnowledgeGraph, triple: Sequence[int]) -> str:
    """A triple as a person is shown it."""
    head, relation, tail = triple
    return f"{kg.name(head)} | {kg.relation_label(relation)} | {kg.name(tail)}"


def rng_for(seed: int, chain: BoundChain, position: int) -> random.Random:
    """The source of everything drawn for one prompt: the same for the same seed, query and step."""
    digest = hashlib.sha256(f"{seed}|{chain.query}|{position}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
