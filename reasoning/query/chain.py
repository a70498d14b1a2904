"""Decomposition: a query tree as a chain of single operations (LARK, Choudhary & Reddy 2023, section 3.3).

Each step does one thing to anchors or to the sets of earlier steps, so that each can be answered alone with the
earlier answers put in. A negated branch of an intersection becomes a `difference` within the set reached so far; only
a complement that stands in no intersection stays a `complement` over the whole graph. A set that is asked for twice is
one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reasoning.errors import QueryError
from reasoning.query.tree import (
    Aggregate,
    AggregateKind,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    It,
    Measure,
    Measured,
    NameStarts,
    Negative,
    Number,
    Operator,
    Project,
    Query,
    Today,
    Top,
    Union,
    Value,
)

Operation = Literal[
    "project", "intersect", "union", "difference", "complement", "compare", "top", "count", "exists",
    "every", "name_starts", "measure", "aggregate", "number",
]  # fmt: skip


@dataclass(frozen=True)
class GivenSet(Query):
    """The set that an input of a step gives, within the step's formula."""

    place: int

    def _text(self) -> str:
        return f"#{self.place + 1}"


@dataclass(frozen=True)
class GivenNumber(Number):
    """The number that an input of a step gives, within the step's formula."""

    place: int

    def _text(self) -> str:
        return f"#{self.place + 1}"


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        operation: what is done. `project` over a relation with values gives the values, `measure` the numbers of a
            formula, `number` one number of earlier ones.
        inputs: what it is done to: anchors, and positions of earlier steps. `difference` takes (from, what to drop);
            what measures takes first the set whose members are measured.
        relation: of `project` and `every`, and of what measures by a relation with values.
        inverse: of `project` and `every`.
        formula: of what measures by a number in brackets, and of `number`; in it stand `GivenSet` and `GivenNumber` for
            inputs.
        operator: of `compare`.
        value: of `compare`, what with; None where it is the number that the last input gives.
        k, largest: of `top`.
        kind: of `aggregate`.
        prefix: of `name_starts`.
    """

    operation: Operation
    inputs: tuple[Entity | int, ...]
    relation: str | None = None
    inverse: bool = False
    formula: Query | None = None
    operator: Operator | None = None
    value: Value | None = None
    k: int | None = None
    largest: bool = True
    kind: AggregateKind | None = None
    prefix: str | None = None

    @property
    def measures(self) -> bool:
        """Whether it reads a measure of each member of its first input."""
        return self.operation in ("compare", "top", "measure", "aggregate")


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
    decomposition = _Decomposition()
    result = decomposition.visit(query)
    return Chain(query, tuple(decomposition.positions), result)


class _Decomposition:
    """The steps so far, each with its position."""

    def __init__(self) -> None:
        self.positions: dict[Step, int] = {}

    def visit(self, node: Query) -> Entity | int:
        """Where the result of a query comes from: the position of the step that gives it, or an anchor."""
        negated, node = without_negations(node)
        if negated:
            return self._add(Step("complement", (self.visit(node),)))
        if isinstance(node, Entity):
            return node
        if isinstance(node, Project):
            return self._add(Step("project", (self.visit(node.source),), node.relation, node.inverse))
        if isinstance(node, Union):
            return self._combine("union", node.parts)
        if isinstance(node, Intersect):
            stripped = [without_negations(part) for part in node.parts]
            kept = [part for negated, part in stripped if not negated]
            dropped = [part for negated, part in stripped if negated]
            if not kept:
                # Outside all of them is the complement of their union.
                return self._add(Step("complement", (self._combine("union", dropped),)))
            reached = self._combine("intersect", kept)
            for part in dropped:
                reached = self._add(Step("difference", (reached, self.visit(part))))
            return reached
        if isinstance(node, Count | Exists):
            return self._add(Step("count" if isinstance(node, Count) else "exists", (self.visit(node.part),)))
        if isinstance(node, Every):
            return self._add(Step("every", (self.visit(node.source),), node.relation, node.inverse))
        if isinstance(node, NameStarts):
            return self._add(Step("name_starts", (self.visit(node.source),), prefix=node.prefix))
        if isinstance(node, Compare):
            inputs, formula = self._measured(node)
            value: Value | None = None
            if isinstance(node.value, Query):
                inputs = (*inputs, self.visit(node.value))
            else:
                value = node.value
            return self._add(Step("compare", inputs, node.relation, False, formula, node.operator, value))
        if isinstance(node, Top | Aggregate | Measured):
            inputs, formula = self._measured(node)
            if isinstance(node, Top):
                return self._add(Step("top", inputs, node.relation, formula=formula, k=node.k, largest=node.largest))
            if isinstance(node, Aggregate):
                return self._add(Step("aggregate", inputs, node.relation, formula=formula, kind=node.kind))
            return self._add(Step("measure", inputs, formula=formula))
        if isinstance(node, It):
            raise QueryError("`it` stands only inside the brackets of a measure, such as [count(borders(it))]")
        assert isinstance(node, Number)
        parts = _Formula(self)
        number = parts.number(node)
        return self._add(Step("number", tuple(parts.inputs), formula=number))

    def _add(self, step: Step) -> int:
        return self.positions.setdefault(step, len(self.positions))

    def _combine(self, operation: Operation, parts: Sequence[Query]) -> Entity | int:
        refs: dict[Entity | int, None] = {}
        for part in parts:
            refs[self.visit(part)] = None
        return next(iter(refs)) if len(refs) == 1 else self._add(Step(operation, tuple(refs)))

    def _measured(self, node: Compare | Top | Aggregate | Measured) -> tuple[tuple[Entity | int, ...], Query | None]:
        """The inputs of what measures the members of a set, and its formula where it is no relation."""
        source = self.visit(node.source)
        if not isinstance(node.measure, Measure):
            return (source,), None
        formula = _Formula(self, first=1)
        number = formula.number(node.measure.number)
        return (source, *formula.inputs), number


class _Formula:
    """Puts each part of a number that no member changes out as an input of its step, behind the `first` that it has."""

    def __init__(self, decomposition: _Decomposition, first: int = 0) -> None:
        self.inputs: dict[Entity | int, int] = {}
        self._decomposition, self._first = decomposition, first

    def number(self, node: Query) -> Query:
        """The number with inputs in place of what is the same for every member."""
        if isinstance(node, Arithmetic):
            return Arithmetic(node.sign, self.number(node.left), self.number(node.right))
        if isinstance(node, Negative):
            return Negative(self.number(node.part))
        if isinstance(node, Constant | Today):
            return node
        if not node.holds_it:
            return GivenNumber(self._place(node))
        if isinstance(node, Count):
            return Count(self._set(node.part))
        if isinstance(node, Aggregate):
            return Aggregate(node.measure, self._set(node.source), node.kind)
        assert isinstance(node, Project)
        return Project(node.relation, self._set(node.source))

    def _set(self, node: Query) -> Query:
        if isinstance(node, It):
            return node
        if not node.holds_it:
            return GivenSet(self._place(node))
        if isinstance(node, Intersect | Union):
            return type(node)(tuple([self._set(part) for part in node.parts]))
        if isinstance(node, Complement):
            return Complement(self._set(node.part))
        if isinstance(node, Compare):
            value = self.number(node.value) if isinstance(node.value, Query) else node.value
            return replace(node, source=self._set(node.source), value=value)
        if isinstance(node, Top):
            return Top(node.k, node.measure, self._set(node.source), node.largest)
        assert isinstance(node, Project | Every | NameStarts)
        return replace(node, source=self._set(node.source))

    def _place(self, node: Query) -> int:
        return self.inputs.setdefault(self._decomposition.visit(node), self._first + len(self.inputs))


def without_negations(node: Query) -> tuple[bool, Query]:
    """Whether the complements around a query leave it negated, and the query within them."""
    negated = False
    while isinstance(node, Complement):
        negated, node = not negated, node.part
    return negated, node
