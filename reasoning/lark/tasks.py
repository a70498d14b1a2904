"""The questions and contexts of one step, ready to be sent: what was retrieved, with ids drawn anew for each prompt.

A step too big for one context is several tasks. A projection is parted by the edges that it follows, a set operation
by the entities of its sets; either way the step's answer is the union of the tasks' answers.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from reasoning.execution.exact import execute_step
from reasoning.execution.step_result import Context
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.hosted.structured_output import keeps_schemas
from reasoning.language.token_counting import count_tokens
from reasoning.lark.entity_ids import AbstractNaming, Naming, NamingKind, ReadableNaming, id_digits
from reasoning.lark.options import LarkOptions
from reasoning.lark.parts import drawn_members, set_parts, with_left_out
from reasoning.lark.prompts import (
    projection_question,
    set_question,
    step_messages,
    transcript,
    triple_line,
    worked_example,
)
from reasoning.lark.structured_replies import StructuredNaming
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.chain import Operation
from reasoning.retrieval import Subgraph, packed, retrieve

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
    return [
        _projection_task(kg, step, sources, part, beyond, llm, options, rng)
        for part, beyond in with_left_out(found.parts, found.left_out)
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
    relations = [relation.index, *part.triples[:, 1].tolist()]
    structured = asks_for_json(llm, options)
    naming = make_naming(kg, options.names, [*present.tolist(), *named], relations, rng, structured)
    lines = [named_triple(kg, naming, triple) for triple in part.triples.tolist()]
    question = projection_question(
        [naming.entity(source) for source in named], naming.relation(relation.index), relation.inverse
    )
    readable = [readable_line(kg, triple) for triple in part.triples.tolist()]
    example = worked_example("project", relation.inverse, naming)
    expected = np.unique(part.triples[part.about, 0 if relation.inverse else 2])
    return make_task(
        llm,
        naming,
        question,
        lines,
        readable,
        part.relevant,
        part.distractors,
        left_out,
        expected,
        example,
        bool(kg.predicted),
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
    entities, uses = drawn_members(inputs, rng)
    cost = TokenCost(kg, llm, options)
    if int(uses @ np.array(cost.members_together(entities), dtype=np.int64)) <= room:
        stretches = [list(range(len(entities)))]
    else:
        prices = (uses * np.array(cost.members_at_most(entities), dtype=np.int64)).tolist()
        stretches = packed(prices, room, room)[: options.max_parts] or [[]]
    parts = set_parts(inputs, entities, stretches)
    return [_set_task(kg, step, names, part, beyond, llm, options, rng) for part, beyond in parts]


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
    named = [entity for members in shown for entity in members]
    naming = make_naming(kg, options.names, named, [], rng, asks_for_json(llm, options))
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
    marked: bool = False,
) -> Task:
    """Messages and their description; `lines` is the context as sent, `readable` as a person is shown it; `marked`
    says that some lines have their confidence behind them."""
    messages = step_messages(question, lines, naming, example, marked)
    prompt = transcript(messages)
    tokens, everything = count_tokens(llm, [prompt, naming.listing()])
    context = Context(tuple(readable), prompt, tokens, relevant, distractors, left_out)
    return Task(messages, naming, context, everything + END_OF_REPLY, expected)


def make_naming(
    kg: KnowledgeGraph,
    kind: NamingKind,
    entities: Sequence[int],
    relations: Sequence[int],
    rng: random.Random,
    structured: bool = False,
) -> Naming:
    """A naming for everything that one prompt will hold; with `structured`, its replies are JSON by a schema."""
    plain = ReadableNaming(entities, kg) if kind == "readable" else AbstractNaming(entities, relations, rng)
    return StructuredNaming(plain) if structured else plain


def asks_for_json(llm: BaseChatModel, options: LarkOptions) -> bool:
    """Whether replies are to be JSON by a schema."""
    return options.replies == "structured" or (options.replies == "auto" and keeps_schemas(llm))


def named_triple(kg: KnowledgeGraph, naming: Naming, triple: Sequence[int]) -> str:
    """A triple as the context writes it, its confidence behind one that was predicted."""
    head, relation, tail = triple
    line = triple_line(naming.entity(head), naming.relation(relation), naming.entity(tail))
    confidence = kg.confidence(*triple)
    return line if confidence == 1 else f"{line} {confidence:.2f}"


class TokenCost:
    """Tokens of triples and members before their ids are drawn, which all ids of as many digits share; or by name.

    Args:
        kg: the graph.
        llm: its tokenizer counts.
        options: the kind of names, and the budget, which bounds how many ids a context can hold.
        shared: whether what is asked about will share its context with more than it knows of.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions, shared: bool = False) -> None:
        self._kg, self._llm, self._shared = kg, llm, shared
        self._confidence = count_tokens(llm, [" 0.88"])[0] if kg.predicted else 0
        self._readable = ReadableNaming((), kg) if options.names == "readable" else None
        self._by_digits: dict[tuple[int, int], tuple[int, int]] = {}
        self._by_name: dict[tuple[int, ...], int] = {}
        self._most_digits = self._longest_ids(kg, options.token_budget)

    def together(self, triples: Ids) -> int:
        """Tokens of a context that holds these triples, shape (n, 3), and no others."""
        if self._readable is not None or self._shared:
            return sum(self.at_most(triples))
        entities, relations = len(np.unique(triples[:, [0, 2]])), len(np.unique(triples[:, 1]))
        each = self._with_ids(id_digits(entities), id_digits(relations))[0]
        return len(triples) * each + sum(self._of_confidence(triples))

    def at_most(self, triples: Ids) -> list[int]:
        """The most tokens of each triple in a context of the budget, shape (n,)."""
        if self._readable is None:
            each = self._with_ids(*self._most_digits)[0]
            return [each + confidence for confidence in self._of_confidence(triples)]
        readable = self._readable
        keys = [tuple(triple) for triple in triples.tolist()]
        return self._named(keys, lambda key: f"{named_triple(self._kg, readable, key)}\n")

    def _of_confidence(self, triples: Ids) -> list[int]:
        """Tokens of the number behind each triple: none where nothing was predicted."""
        if not self._confidence:
            return [0] * len(triples)
        return [self._confidence * (self._kg.confidence(*triple) < 1) for triple in triples.tolist()]

    def members_together(self, entities: Ids) -> list[int]:
        """Tokens of each as a member in the list of a set, where a context holds these entities and no others."""
        if self._readable is not None:
            return self.members_at_most(entities)
        return [self._with_ids(id_digits(len(entities)), 1)[1]] * len(entities)

    def members_at_most(self, entities: Ids) -> list[int]:
        """The most tokens of each as a member in the list of a set, in a context of the budget."""
        if self._readable is None:
            return [self._with_ids(*self._most_digits)[1]] * len(entities)
        readable = self._readable
        return self._named([(entity,) for entity in entities.tolist()], lambda key: f", {readable.entity(key[0])}")

    def _with_ids(self, entity_digits: int, relation_digits: int) -> tuple[int, int]:
        """Tokens of a triple and of a member with ids of so many digits."""
        digits = entity_digits, relation_digits
        if digits not in self._by_digits:
            entity, relation = "e" + "8" * entity_digits, "r" + "8" * relation_digits
            line, listed = f"{triple_line(entity, relation, entity)}\n", f", {entity}"
            triple, member = count_tokens(self._llm, [line, listed])
            self._by_digits[digits] = triple, member
        return self._by_digits[digits]

    def _named(self, keys: Sequence[tuple[int, ...]], write: Callable[[tuple[int, ...]], str]) -> list[int]:
        """Tokens of each key's text, all that are new counted by one call."""
        new = [key for key in dict.fromkeys(keys) if key not in self._by_name]
        self._by_name.update(zip(new, count_tokens(self._llm, [write(key) for key in new]), strict=True))
        return [self._by_name[key] for key in keys]

    def _longest_ids(self, kg: KnowledgeGraph, budget: int) -> tuple[int, int]:
        """Digits of entities and of relations in a context of the budget that holds as many as it can."""
        digits = 0
        while True:
            digits += 1
            triple, member = self._with_ids(digits, 1)
            # Two entities a triple, and a question that names some that no triple of the context has.
            entities = min(kg.entity_count, max(3 * (budget // triple), budget // member, 3))
            if id_digits(entities) <= digits:
                relations = min(kg.relation_count, budget // triple + 8)
                return digits, id_digits(relations if self._shared else min(relations, budget // triple // 2 + 8))


def readable_line(kg: KnowledgeGraph, triple: Sequence[int]) -> str:
    """A triple as a person is shown it."""
    head, relation, tail = triple
    line, confidence = f"{kg.name(head)} | {kg.relation_label(relation)} | {kg.name(tail)}", kg.confidence(*triple)
    return line if confidence == 1 else f"{line} (predicted, {confidence:.2f})"


def rng_for(seed: int, chain: BoundChain, position: int) -> random.Random:
    """The source of everything drawn for one prompt: the same for the same seed, query and step."""
    digest = hashlib.sha256(f"{seed}|{chain.query}|{position}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
