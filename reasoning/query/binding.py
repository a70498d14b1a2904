"""A chain bound to a graph: every name resolved, every relation checked for what it can do.

It happens once, before any work and before anything is sent to an LLM, so that an unknown name is an error at the
start and not an empty set in the middle.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from kg_data.columns import LiteralColumn
from reasoning.errors import QueryError, quoted_list
from reasoning.graph.store import KnowledgeGraph, Relation
from reasoning.query.chain import Chain, Step, decompose
from reasoning.query.tree import Entity, Query, Value


@dataclass(frozen=True)
class BoundStep:
    """A step whose names are resolved.

    Attributes:
        position: its place in the chain.
        step: what is done.
        inputs: for each input an earlier step's position, or None where it is an anchor.
        anchors: for each input the anchor's entity index, or None where it is an earlier step.
        relation: the resolved relation, its `inverse` the direction in which this step follows it.
    """

    position: int
    step: Step
    inputs: tuple[int | None, ...]
    anchors: tuple[int | None, ...]
    relation: Relation | None

    @property
    def gives_values(self) -> bool:
        """Whether the step reads the values of its inputs."""
        return self.step.operation == "project" and self.relation is not None and self.relation.kind == "values"


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
        QueryError: a relation with values stands where entities are needed, or the other way round.
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

    steps: list[BoundStep] = []
    for position, step in enumerate(chain.steps):
        relation = _relation(step, kg)
        inputs = tuple(ref if isinstance(ref, int) else None for ref in step.inputs)
        for ref in inputs:
            if ref is not None and steps[ref].gives_values and step.operation not in ("count", "exists"):
                raise QueryError(
                    f'"{steps[ref].step.relation}" gives values, not entities; '
                    f"it can stand at the top, or in a comparison such as {steps[ref].step.relation}(...) > 0"
                )
        anchors = tuple(None if isinstance(ref, int) else anchor(ref) for ref in step.inputs)
        steps.append(BoundStep(position, step, inputs, anchors, relation))
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
    found = kg.relation(step.relation)
    if step.operation in ("compare", "top"):
        if found.kind != "values":
            there = [column.relation for column in kg.literals]
            hint = f"relations with values: {quoted_list(there, 'and')}" if there else "this graph has no values"
            raise QueryError(f'"{step.relation}" leads to entities and cannot be compared; {hint}')
        if step.value is not None:
            _check_kind(kg.literals[found.index], step.value)
    elif found.kind == "values" and step.inverse:
        raise QueryError(
            f'"{step.relation}" has values, so it has no inverse; compare it, e.g. {step.relation}(...) > 0'
        )
    return Relation(found.kind, found.index, found.inverse != step.inverse)


def _check_kind(column: LiteralColumn, value: Value) -> None:
    if column.kind == "date" and not isinstance(value, datetime.date):
        raise QueryError(f'"{column.relation}" holds dates; compare it with one such as "2001-12-31", not {value}')
    if column.kind != "date" and isinstance(value, datetime.date):
        raise QueryError(f'"{column.relation}" holds numbers; compare it with one such as {value.year}, not a date')
