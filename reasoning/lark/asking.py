"""How the steps of a chain are asked, whatever the form of the reply: what a step shows, and in how many parts.

A step too big for one context is several tasks. A projection is parted by the edges that it follows, a set operation
by the entities of its sets; either way the step's answer is the union of the tasks' answers.
"""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from reasoning.execution.step_result import Context, StepPart
from reasoning.graph.index import Ids
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark.options import LarkOptions
from reasoning.query.binding import BoundChain, BoundStep
from reasoning.query.chain import Operation
from reasoning.retrieval import Subgraph, TripleCost, retrieve
from reasoning.wording.value_text import confidence_words

ASKED: frozenset[Operation] = frozenset({"project", "intersect", "union", "difference"})
"""Operations that the model answers; the others are done exactly and marked."""


@dataclass(frozen=True)
class StepTask:
    """A step, or a part of one, ready to be asked.

    Attributes:
        context: what the model is shown, for display and checks.
        expected: what the context gives, read without fault, sorted; for the check beside the reply alone.
    """

    context: Context
    expected: Ids


TaskT = TypeVar("TaskT", bound=StepTask)


class StepAsker(ABC, Generic[TaskT]):
    """Asks a model for the steps of chains over one graph.

    Args:
        kg: the graph.
        llm: the model.
        options: how it is asked.
    """

    def __init__(self, kg: KnowledgeGraph, llm: BaseChatModel, options: LarkOptions) -> None:
        self.kg, self.llm, self.options = kg, llm, options
        self.budget = options.token_budget

    def tasks(self, step: BoundStep, inputs: Sequence[Ids], rng: random.Random) -> list[TaskT]:
        """One step as tasks within the budget: one where it fits, at most `options.max_parts`.

        What is beyond the last of them is counted in that one's context.
        """
        most = self.options.max_parts
        if step.step.operation == "project":
            assert step.relation is not None
            found = retrieve(self.kg, inputs[0], step.relation, self.budget, self.cost, rng, most)
            left_out = _with_the_last(found.left_out, len(found.parts))
            return [
                self.projection_task(inputs[0], step.relation, part, beyond, rng)
                for part, beyond in zip(found.parts, left_out, strict=True)
            ]
        # The members come in an order that is drawn, so that those left out may be any.
        entities, uses = np.unique(np.concatenate(inputs), return_counts=True)
        order = np.array(rng.sample(range(len(entities)), len(entities)), dtype=np.int64)
        entities, uses = entities[order], uses[order]
        stretches = self.stretches(entities, uses, len(inputs))[:most] or [[]]
        parts = [[np.intersect1d(members, entities[stretch]) for members in inputs] for stretch in stretches]
        shown = sum(len(members) for part in parts for members in part)
        left_out = _with_the_last(sum(map(len, inputs)) - shown, len(parts))
        return [self.set_task(step, part, beyond, rng) for part, beyond in zip(parts, left_out, strict=True)]

    @property
    @abstractmethod
    def cost(self) -> TripleCost:
        """Tokens of triples as a task shows them."""

    @abstractmethod
    def stretches(self, entities: Ids, uses: NDArray[np.int64], sets: int) -> list[list[int]]:
        """Positions of entities, parted so that each part fits the budget.

        Args:
            entities: the members of the input sets, shape (n,).
            uses: in how many of the sets each is, shape (n,).
            sets: how many sets there are.
        """

    @abstractmethod
    def projection_task(
        self, sources: Ids, relation: Relation, part: Subgraph, left_out: int, rng: random.Random
    ) -> TaskT:
        """One part of a projection; `left_out` triples that the step is about are in no part."""

    @abstractmethod
    def set_task(self, step: BoundStep, sets: Sequence[Ids], left_out: int, rng: random.Random) -> TaskT:
        """One part of a set operation over sets cut to the same entities; `left_out` members are in no part."""

    @abstractmethod
    def answers(self, tasks: Sequence[TaskT]) -> Iterator[tuple[StepPart, float]]:
        """What the model gives for each task, in order and none after one that failed, and the seconds waited for it.

        Whoever stops reading asks no further tasks.
        """


def readable_line(kg: KnowledgeGraph, triple: Sequence[int]) -> str:
    """A triple as a person is shown it."""
    head, relation, tail = triple
    line, confidence = f"{kg.name(head)} | {kg.relation_label(relation)} | {kg.name(tail)}", kg.confidence(*triple)
    return line if confidence == 1 else f"{line} (predicted, {confidence_words(confidence)})"


def set_names(count: int) -> list[str]:
    """What a context calls its sets: A, B, C, ..."""
    return [chr(ord("A") + number) if number < 26 else f"S{number}" for number in range(count)]


def set_line(name: str, members: Sequence[str]) -> str:
    """A set as a context writes it."""
    return f"{name}: {', '.join(members) or '(empty)'}"


def rng_for(seed: int, chain: BoundChain, position: int) -> random.Random:
    """The source of everything drawn for one prompt: the same for the same seed, query and step."""
    digest = hashlib.sha256(f"{seed}|{chain.query}|{position}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _with_the_last(left_out: int, parts: int) -> list[int]:
    """What each part says of a step's left-out items: the last part tells it."""
    return [0] * (parts - 1) + [left_out]
