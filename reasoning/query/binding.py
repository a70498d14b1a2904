"""A chain bound to a graph: every name resolved, every relation checked for what it can do.

It happens once, before any work and before anything is sent to an LLM, so that an unknown name is an error at the
start and not an empty set in the middle.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kg_data.columns import ValueKind
from reasoning.errors import QueryError
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.chain import Chain, Step, decompose
from reasoning.query.number_kinds import (
    aggregate_kind,
    check_comparable,
    cure_of,
    edge_relation,
    kind_of,
    on_day,
    places_of_numbers,
    unit_of,
    value_column,
)
from reasoning.query.tree import Entity, Query


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
    """The unit of what a step reads or gives."""
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
