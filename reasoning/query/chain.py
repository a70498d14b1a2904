"""Decomposition: a query tree as a chain of single operations (LARK, Choudhary & Reddy 2023, section 3.3).

Each step does one thing to anchors or to the sets of earlier steps, so that each can be answered alone with the
earlier answers put in. A negated branch of an intersection becomes a `difference` within the set reached so far; only
a complement that stands in no intersection stays a `complement` over the whole graph. A set that is asked for twice is
one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reasoning.query.tree import (
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Operator,
    Project,
    Query,
    Top,
    Union,
    Value,
)

Operation = Literal["project", "intersect", "union", "difference", "complement", "compare", "top", "count", "exists"]


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        operation: what is done. `project` over a relation with values gives the values.
        inputs: what it is done to: anchors, and positions of earlier steps. `difference` takes (from, what to drop).
        relation: of `project`, `compare` and `top`.
        inverse: of `project`.
        operator, value: of `compare`.
        k, largest: of `top`.
    """

    operation: Operation
    inputs: tuple[Entity | int, ...]
    relation: str | None = None
    inverse: bool = False
    operator: Operator | None = None
    value: Value | None = None
    k: int | None = None
    largest: bool = True


@dataclass(frozen=True)
class Chain:
    """Steps in the order in which they can be done; `result` is the last step's position, or an anchor alone."""

    query: Query
    steps: tuple[Step, ...]
    result: Entity | int

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


def decompose(query: Query) -> Chain:
    """The chain of a query."""
    positions: dict[Step, int] = {}

    def add(step: Step) -> int:
        return positions.setdefault(step, len(positions))

    def combine(operation: Operation, parts: Sequence[Query]) -> Entity | int:
        refs: dict[Entity | int, None] = {}
        for part in parts:
            refs[visit(part)] = None
        return next(iter(refs)) if len(refs) == 1 else add(Step(operation, tuple(refs)))

    def visit(node: Query) -> Entity | int:
        negated, node = without_negations(node)
        if negated:
            return add(Step("complement", (visit(node),)))
        if isinstance(node, Entity):
            return node
        if isinstance(node, Project):
            return add(Step("project", (visit(node.source),), relation=node.relation, inverse=node.inverse))
        if isinstance(node, Union):
            return combine("union", node.parts)
        if isinstance(node, Intersect):
            stripped = [without_negations(part) for part in node.parts]
            kept = [part for negated, part in stripped if not negated]
            dropped = [part for negated, part in stripped if negated]
            if not kept:
                # Outside all of them is the complement of their union.
                return add(Step("complement", (combine("union", dropped),)))
            reached = combine("intersect", kept)
            for part in dropped:
                reached = add(Step("difference", (reached, visit(part))))
            return reached
        if isinstance(node, Compare):
            return add(
                Step("compare", (visit(node.source),), relation=node.relation, operator=node.operator, value=node.value)
            )
        if isinstance(node, Top):
            return add(Step("top", (visit(node.source),), relation=node.relation, k=node.k, largest=node.largest))
        assert isinstance(node, Count | Exists)
        return add(Step("count" if isinstance(node, Count) else "exists", (visit(node.part),)))

    result = visit(query)
    return Chain(query, tuple(positions), result)


def without_negations(node: Query) -> tuple[bool, Query]:
    """Whether the complements around a query leave it negated, and the query within them."""
    negated = False
    while isinstance(node, Complement):
        negated, node = not negated, node.part
    return negated, node
