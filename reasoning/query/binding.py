"""A query bound to a graph: every name resolved and every number typed before any work."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kg_data.columns import ValueKind
from kg_data.loaders.facts import spelled_kind
from reasoning.errors import QueryError, quoted_list
from reasoning.graph.content import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.chain import Chain, GivenNumber, Step, decompose
from reasoning.query.records import rebuilt
from reasoning.query.tree import (
    Aggregate,
    AggregateKind,
    Arithmetic,
    Compare,
    Constant,
    Count,
    Entity,
    Every,
    Measure,
    Negative,
    Project,
    Query,
    Today,
    Top,
    Value,
)

LOOKED_AT = 20
"""Tails of a relation that tell whether it leads to numbers by name."""

DAYS = "days"
"""The unit of a difference of dates."""

SAME = 1e-12
"""Up to this relative difference reckoned numbers tie: the last digits of a sum hang on the order of its parts, and no
two engines add up in the same."""


def places_of_numbers(formula: Query) -> Iterator[int]:
    """The inputs whose number a formula uses."""
    if isinstance(formula, GivenNumber):
        yield formula.place
    for child in formula.children:
        yield from places_of_numbers(child)


def on_day(formula: Query, today: datetime.date) -> Query:
    """A formula with the day of asking in place of `Today`, in comparisons inside it too."""
    # Sums, which may be deep, are walked with one call a level, and `rebuilt` takes several.
    if isinstance(formula, Today):
        return Constant(today)
    if isinstance(formula, Arithmetic):
        return Arithmetic(formula.sign, on_day(formula.left, today), on_day(formula.right, today))
    if isinstance(formula, Negative):
        return Negative(on_day(formula.part, today))
    return rebuilt(formula, lambda part: Constant(today) if isinstance(part, Today) else part)


def edge_relation(kg: KnowledgeGraph, name: str) -> Relation:
    """The relation between entities that a name says.

    Raises:
        UnknownRelationError: there is none.
        QueryError: it has values.
    """
    found = kg.relation(name)
    if found.kind == "values":
        raise QueryError(f'"{name}" gives values, not entities; compare it, e.g. {name}(...) > 0')
    return found


def value_column(kg: KnowledgeGraph, name: str) -> tuple[int, ValueKind]:
    """The position of the column that a name says, and the kind of its values.

    Raises:
        UnknownRelationError: there is none.
        QueryError: it leads to entities.
    """
    found = kg.relation(name)
    if found.kind != "values":
        there = [column.relation for column in kg.literals]
        hint = f"relations with values: {quoted_list(there, 'and')}" if there else "this graph has no values"
        raise QueryError(f'"{name}" leads to entities and cannot be compared; {cure_of(kg, found) or hint}')
    return found.index, kg.literals[found.index].kind


def cure_of(kg: KnowledgeGraph, relation: Relation) -> str:
    """Why a relation's tails are no values, as the graph's notes say; else what makes values of them, where they are
    entities named as numbers or dates; else ""."""
    if why := next((note for note in kg.notes if note.startswith(f'"{kg.label(relation)}" ')), ""):
        return why
    _, tails = kg.index.some(relation.index, relation.inverse, LOOKED_AT)
    shown = [kg.entity_labels[int(tail)] for tail in tails[:LOOKED_AT]]
    if not shown or not all(map(spelled_kind, shown)):
        return ""
    return (
        f"its tails are named as numbers or dates, such as {shown[0]}: values are made of them by infer_values=True "
        "(--infer-values) when a file of separated fields is loaded, or by their type in a fourth field"
    )


def check_comparable(name: str, kind: ValueKind, other: Value | ValueKind | None) -> None:
    """Check that what is read can be compared with a value, or with a number of a kind.

    Raises:
        QueryError: one is a date and the other is not.
    """
    value = other if not isinstance(other, str) else None
    other_kind = other if isinstance(other, str) else None if other is None else value_kind(other)
    if kind == "date" and other_kind != "date":
        raise QueryError(f'{name} holds dates; compare it with one such as "2001-12-31", not {value or "a number"}')
    if kind != "date" and other_kind == "date":
        instead = value.year if isinstance(value, datetime.date) else "a number"
        raise QueryError(f"{name} holds numbers; compare it with one such as {instead}, not a date")


def value_kind(value: Value) -> ValueKind:
    """The kind of a value that is written down."""
    if isinstance(value, datetime.date):
        return "date"
    return "integer" if isinstance(value, int) else "decimal"


def as_value(kind: ValueKind | None, raw: float) -> Value:
    """A number as columns store it as the value that it stands for; a whole number has no decimals."""
    if kind == "date":
        return datetime.date.fromordinal(int(raw))
    return raw if kind == "decimal" else int(raw)


def aggregate_kind(aggregate: AggregateKind, name: str, kind: ValueKind) -> ValueKind:
    """The kind of the one number that is made of values of a kind.

    Raises:
        QueryError: dates have no sum and no average.
    """
    if aggregate in ("minimum", "maximum"):
        return kind
    if kind == "date":
        raise QueryError(f"{name} holds dates, which have no {aggregate}; minimum and maximum give the first and last")
    return "decimal" if aggregate == "average" or kind == "decimal" else "integer"


def kind_of(kg: KnowledgeGraph, formula: Query, kinds: Sequence[ValueKind | None]) -> ValueKind:
    """The kind of the number that a formula gives, by the kinds of the inputs of its step.

    Raises:
        UnknownRelationError: a relation is not in the graph.
        QueryError: a relation is used for what it does not do, or dates and numbers are mixed.
    """
    if isinstance(formula, Constant):
        return value_kind(formula.value)
    if isinstance(formula, Today):
        return "date"
    if isinstance(formula, GivenNumber):
        return kinds[formula.place] or "integer"
    if isinstance(formula, Count):
        _check_set(kg, formula.part, kinds)
        return "integer"
    if isinstance(formula, Project):
        _check_set(kg, formula.source, kinds)
        return value_column(kg, formula.relation)[1]
    if isinstance(formula, Aggregate):
        _check_set(kg, formula.source, kinds)
        if isinstance(formula.measure, Measure):
            return aggregate_kind(formula.kind, str(formula.measure), kind_of(kg, formula.measure.number, kinds))
        return aggregate_kind(formula.kind, f'"{formula.measure}"', value_column(kg, formula.measure)[1])
    parts = [kind_of(kg, part, kinds) for part in formula.children]
    if "date" in parts:
        if isinstance(formula, Arithmetic) and formula.sign == "-" and parts == ["date", "date"]:
            return "integer"
        raise QueryError("a date cannot be reckoned with like a number; two dates can be subtracted, which gives days")
    divides = isinstance(formula, Arithmetic) and formula.sign == "/"
    return "decimal" if divides or "decimal" in parts else "integer"


def unit_of(kg: KnowledgeGraph, formula: Query, kinds: Sequence[ValueKind | None], units: Sequence[str]) -> str:
    """The unit of the number that a formula gives, by those of the inputs of its step; "" where it is not known."""
    if isinstance(formula, GivenNumber):
        return units[formula.place]
    if isinstance(formula, Negative):
        return unit_of(kg, formula.part, kinds, units)
    if isinstance(formula, Project):
        return kg.literals[value_column(kg, formula.relation)[0]].unit
    if isinstance(formula, Aggregate):
        if isinstance(formula.measure, Measure):
            return unit_of(kg, formula.measure.number, kinds, units)
        return kg.literals[value_column(kg, formula.measure)[0]].unit
    if not isinstance(formula, Arithmetic) or formula.sign not in ("+", "-"):
        return ""
    if formula.sign == "-" and kind_of(kg, formula.left, kinds) == "date":
        return DAYS
    left, right = (unit_of(kg, part, kinds, units) for part in formula.children)
    return left if left == right else ""


def _check_set(kg: KnowledgeGraph, node: Query, kinds: Sequence[ValueKind | None]) -> None:
    if isinstance(node, Project | Every):
        edge_relation(kg, node.relation)
    if isinstance(node, Compare | Top):
        measure = node.measure
        by_number = isinstance(measure, Measure)
        kind = kind_of(kg, measure.number, kinds) if isinstance(measure, Measure) else value_column(kg, measure)[1]
        if isinstance(node, Compare):
            other = kind_of(kg, node.value, kinds) if isinstance(node.value, Query) else node.value
            check_comparable(str(measure) if by_number else f'"{measure}"', kind, other)
        _check_set(kg, node.source, kinds)
        return
    for child in node.children:
        _check_set(kg, child, kinds)


@dataclass(frozen=True)
class BoundStep:
    """A step whose names are resolved.

    Attributes:
        position: its place in the chain.
        step: what is done.
        inputs: for each input an earlier step's position, or None where it is an anchor.
        anchors: for each input the anchor's entity index, or None where it is an earlier step.
        relation: the resolved relation, its `inverse` the direction in which this step follows it.
        kind: of the values that the step reads or of the number that it gives; None where it does neither.
        unit: of these; "" where they have none, or it is not known.
    """

    position: int
    step: Step
    inputs: tuple[int | None, ...]
    anchors: tuple[int | None, ...]
    relation: Relation | None
    kind: ValueKind | None = None
    unit: str = ""

    @property
    def gives_values(self) -> bool:
        """Whether the step gives a value of each member, and not the members as a set."""
        reads = self.step.operation == "project" and self.relation is not None and self.relation.kind == "values"
        return reads or self.step.operation == "measure"

    @property
    def gives_number(self) -> bool:
        """Whether the step gives one number."""
        return self.step.operation in ("count", "aggregate", "number")

    @cached_property
    def number_places(self) -> frozenset[int]:
        """The inputs of which the number is used, not the set."""
        places = set(() if self.step.formula is None else places_of_numbers(self.step.formula))
        if self.step.operation == "compare" and self.step.value is None:
            places.add(len(self.inputs) - 1)
        return frozenset(places)


@dataclass(frozen=True)
class BoundChain:
    """A chain with its names resolved.

    Attributes:
        query: the query that was decomposed.
        steps: in order.
        result: the last step's position, or None where the query is an anchor alone.
        anchor: that anchor's entity index, else None.
        notes: what was read for a name that did not fit exactly, in words.
    """

    query: Query
    steps: tuple[BoundStep, ...]
    result: int | None
    anchor: int | None
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[BoundStep]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def bind(query: Query, kg: KnowledgeGraph) -> BoundChain:
    """Decompose a query and resolve its names in a graph.

    Raises:
        UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in this graph.
        QueryError: a relation with values stands where entities are needed, or the other way round; numbers and dates
            are mixed.
    """
    chain: Chain = decompose(query)
    notes: dict[str, None] = {}

    def anchor(entity: Entity) -> int:
        if entity.by_id:
            return kg.entity_by_id(entity.name)
        match = kg.match(entity.name)
        if match.corrected_to is not None:
            notes[f'read "{entity.name}" as "{match.corrected_to}"'] = None
        return match.entities[0]

    today = datetime.datetime.now(datetime.UTC).date()
    steps: list[BoundStep] = []
    for position, step in enumerate(chain.steps):
        if step.formula is not None and (dated := on_day(step.formula, today)) != step.formula:
            step = replace(step, formula=dated)
            notes[f"today is {today.isoformat()} (UTC)"] = None
        relation = _relation(step, kg)
        inputs = tuple(ref if isinstance(ref, int) else None for ref in step.inputs)
        bound = BoundStep(position, step, inputs, (), relation)
        for place, ref in enumerate(inputs):
            before = None if ref is None else steps[ref]
            if place in bound.number_places:
                _check_gives_number(kg, before, step.inputs[place])
            elif before is not None and before.gives_values and step.operation not in ("count", "exists"):
                name = before.step.relation or f"[{before.step.formula}]"
                raise QueryError(
                    f'"{name}" gives values, not entities; '
                    f"it can stand at the top, or in a comparison such as {name}(...) > 0"
                )
        anchors = tuple(None if isinstance(ref, int) else anchor(ref) for ref in step.inputs)
        kinds = [None if ref is None else steps[ref].kind for ref in inputs]
        kind, units = _kind(kg, bound, kinds), ["" if ref is None else steps[ref].unit for ref in inputs]
        steps.append(replace(bound, anchors=anchors, kind=kind, unit=_unit(kg, bound, kinds, units)))
    result = chain.result
    return BoundChain(
        query,
        tuple(steps),
        result if isinstance(result, int) else None,
        None if isinstance(result, int) else anchor(result),
        tuple(notes),
    )


def _relation(step: Step, kg: KnowledgeGraph) -> Relation | None:
    if step.relation is None:
        return None
    found = edge_relation(kg, step.relation) if step.operation == "every" else kg.relation(step.relation)
    if step.measures:
        return Relation("values", value_column(kg, step.relation)[0])
    if found.kind == "values" and step.inverse:
        raise QueryError(
            f'"{step.relation}" has values, so it has no inverse; compare it, e.g. {step.relation}(...) > 0'
        )
    return Relation(found.kind, found.index, found.inverse != step.inverse)


def _check_gives_number(kg: KnowledgeGraph, step: BoundStep | None, given: Entity | int) -> None:
    if step is None:
        raise QueryError(f"{given} is an entity where a number is needed; read a value of it, or count(...) a set")
    if not step.gives_number and not step.gives_values:
        relation = step.relation
        cure = cure_of(kg, relation) if relation is not None and relation.kind == "edges" else ""
        raise QueryError(
            f'"{step.step.relation}" leads to entities where a number is needed; '
            f"{cure or 'count(...) says how many they are'}"
        )


def _unit(kg: KnowledgeGraph, bound: BoundStep, kinds: Sequence[ValueKind | None], units: Sequence[str]) -> str:
    if bound.relation is not None and bound.relation.kind == "values":
        return kg.literals[bound.relation.index].unit
    return "" if bound.step.formula is None else unit_of(kg, bound.step.formula, kinds, units)


def _kind(kg: KnowledgeGraph, bound: BoundStep, kinds: Sequence[ValueKind | None]) -> ValueKind | None:
    """The kind of what a step reads or gives, checked for what is done with it."""
    step = bound.step
    if bound.relation is not None and bound.relation.kind == "values":
        kind: ValueKind = kg.literals[bound.relation.index].kind
    elif step.formula is not None:
        kind = kind_of(kg, step.formula, kinds)
    else:
        return "integer" if step.operation == "count" else None
    name = f'"{step.relation}"' if step.relation is not None else f"[{step.formula}]"
    if step.operation == "compare":
        check_comparable(name, kind, step.value if step.value is not None else kinds[-1])
    if step.operation == "aggregate":
        assert step.kind is not None
        return aggregate_kind(step.kind, name, kind)
    return kind
