"""Method exact where the graph is on a server: the whole query is run there, as one SPARQL text.

What the last step gives comes so; the steps before it are asked for only when somebody looks at them, each by the text
of the query up to it, and only the first of their members come. Evidence too is asked for backwards, from the answers
that are shown: which members of a step's set lead to them, and never the set itself.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import ValueKind
from reasoning.errors import EndpointError
from reasoning.execution.step_result import StepResult, StepSet, inputs_of, numbers_of
from reasoning.graph.index import Ids
from reasoning.graph.remote.client import Term
from reasoning.graph.remote.index import Server
from reasoning.graph.remote.terms import id_batches
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain, BoundStep, as_value
from reasoning.query.chain import GivenNumber, GivenSet
from reasoning.query.records import with_parts
from reasoning.query.sparql import text_to_run, text_with_support
from reasoning.query.tree import (
    Aggregate,
    Compare,
    Complement,
    Count,
    Entity,
    Every,
    Exists,
    Intersect,
    Measure,
    Measured,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
    Value,
)

MOST_SHOWN = 1000
"""Members that come of a step that is not the last one; how many there are is counted there."""

log = logging.getLogger(__name__)


class RemoteStepResults(Sequence[StepSet]):
    """What the steps of a chain give, each asked for when it is looked at."""

    def __init__(self, kg: KnowledgeGraph, server: Server, chain: BoundChain) -> None:
        self.kg, self.server, self.chain = kg, server, chain
        self._sets: dict[int, StepSet] = {}
        self._queries: dict[int, Query] = {}

    def __len__(self) -> int:
        return len(self.chain)

    @overload
    def __getitem__(self, index: int) -> StepSet: ...
    @overload
    def __getitem__(self, index: slice) -> list[StepSet]: ...
    def __getitem__(self, index: int | slice) -> StepSet | list[StepSet]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        position = index % len(self)
        if position not in self._sets:
            self._sets[position] = self._asked(self.chain.steps[position])
        return self._sets[position]

    def query(self, position: int) -> Query:
        """The part of the query that ends with a step, every name in it an id."""
        if position not in self._queries:
            step = self.chain.steps[position]
            self._queries[position] = _query_of(step, [self._input(step, place) for place in range(len(step.inputs))])
        return self._queries[position]

    def texts(self) -> list[str]:
        """The SPARQL text that is run for the answer; [] where the query is an entity alone."""
        return [] if self.chain.result is None else [self._text(self.chain.steps[self.chain.result])]

    def among(self, position: int, entities: Ids) -> Ids:
        """Those of some entities (sorted) that a step gives, sorted."""
        found = [np.zeros(0, dtype=np.int32)]
        for some in id_batches(entities):
            iris = [self.server.entities.iri(entity) for entity in some.tolist()]
            found.append(self._members(text_to_run(self.query(position), self.kg, within=iris)))
        return np.unique(np.concatenate(found))

    def leading(self, step: BoundStep, targets: Ids, most: int) -> Ids:
        """Members of a projection's source that lead to some of its members, sorted, at most so many."""
        assert step.step.relation is not None
        ref, anchor = step.inputs[0], step.anchors[0]
        if ref is None:
            return np.array([anchor], dtype=np.int32)
        ends = Union(tuple([self._entity(entity) for entity in targets.tolist()])) if len(targets) > 1 else None
        back = Project(step.step.relation, ends or self._entity(int(targets[0])), not step.step.inverse)
        return self._members(text_to_run(Intersect((self.query(ref), back)), self.kg, most=most))

    def _input(self, step: BoundStep, place: int) -> Query:
        ref, anchor = step.inputs[place], step.anchors[place]
        if ref is not None:
            return self.query(ref)
        assert anchor is not None
        return self._entity(anchor)

    def _entity(self, entity: int) -> Entity:
        return Entity(self.kg.identifier(entity), by_id=True)

    def _asked(self, step: BoundStep) -> StepSet:
        numbers_of(step, self)  # an input that gives several values where one is needed is refused
        operation = step.step.operation
        if operation == "number":
            return StepSet(np.zeros(0, dtype=np.int32), value=self._number(step))
        if operation in ("count", "exists"):
            is_count = operation == "count"
            client, text = self.server.client, self._text(step)
            value = client.count(text, "count") if is_count else client.ask(text)
            members, total = self._counted_members(step)
            return StepSet(members, value=value, total=total)
        if operation == "aggregate":
            shown = self._rows(step, self._valued(step, self._input(step, 0)), MOST_SHOWN)
            return StepSet(shown.members, shown.values, self._number(step), shown.total)
        final = step.position == self.chain.result
        return self._rows(step, self._read(step), None if final else MOST_SHOWN)

    def _counted_members(self, step: BoundStep) -> tuple[Ids, int | None]:
        """The first of what a step counts, and how many there are where that is more; they are only shown."""
        ref = step.inputs[0]
        try:
            (members,) = inputs_of(step, self)
            return members, None if ref is None else self[ref].total
        except EndpointError as error:
            log.warning("%s; what is counted is not shown", error)
            return np.zeros(0, dtype=np.int32), None

    def _text(self, step: BoundStep) -> str:
        if step.gives_number or step.step.operation == "exists":
            return text_to_run(self.query(step.position), self.kg)
        return self._text_of_rows(step, self._read(step), self._most_rows + 1)

    @property
    def _most_rows(self) -> int:
        return self.server.client.limits.rows

    def _read(self, step: BoundStep) -> Query:
        """The query that gives a step's members, with their values where the step reads some."""
        query = self.query(step.position)
        return self._valued(step, query) if step.step.operation == "compare" else query

    def _valued(self, step: BoundStep, members: Query) -> Query:
        measure = _measure_of(step, [self._input(step, place) for place in range(len(step.inputs))])
        return Measured(measure, members) if isinstance(measure, Measure) else Project(measure, members)

    def _text_of_rows(self, step: BoundStep, query: Query, most: int) -> str:
        follows = step.step.operation == "project" and not step.gives_values and step.inputs[0] is not None
        # Members differ in how many of the set before lead to them.
        if step.position == self.chain.result and follows and isinstance(query, Project):
            named = {anchor for one in self.chain for anchor in one.anchors if anchor is not None}
            return text_with_support(query, self.kg, [self.server.entities.iri(at) for at in sorted(named)], most)
        return text_to_run(query, self.kg, most=most)

    def _rows(self, step: BoundStep, query: Query, most: int | None) -> StepSet:
        """The members that a query gives, all of them or the first, with their values where it reads some."""
        has_values = step.step.measures or step.gives_values
        second = "value" if has_values else "support"
        text = self._text_of_rows(step, query, (most or self._most_rows) + 1)
        rows = self.server.client.select(text, "entity", second)
        found = [(node.value, other) for node, other in rows if node is not None and node.kind == "iri"]
        numbers = [_number(other, step.kind if has_values else None) for _, other in found]
        kept = [at for at, number in enumerate(numbers) if not has_values or number is not None]
        entities = self.server.entities.meet([found[at][0] for at in kept])
        numbers_kept = np.array([np.nan if numbers[at] is None else numbers[at] for at in kept], dtype=np.float64)
        # Of several values of one entity the least is read.
        order = np.lexsort((numbers_kept, entities))
        members, first = np.unique(entities[order], return_index=True)
        values = numbers_kept[order][first]
        total = None
        if most is not None and len(rows) > most:
            members, values = members[:most], values[:most]
            total = member_count(self.kg, self.server, query)
        if has_values:
            return StepSet(members, values, total=total)
        reached = None if np.isnan(values).any() or not len(values) else values.astype(np.int64)
        return StepSet(members, total=total, reached=reached)

    def _members(self, text: str) -> Ids:
        rows = self.server.client.select(text, "entity")
        met = self.server.entities.meet([node.value for (node,) in rows if node is not None and node.kind == "iri"])
        return np.unique(met)

    def _number(self, step: BoundStep) -> float | None:
        """The one number that a step gives, as columns store it; None where there is none."""
        rows = self.server.client.select(text_to_run(self.query(step.position), self.kg), "value")
        return None if not rows else _number(rows[-1][0], step.kind)


def member_count(kg: KnowledgeGraph, server: Server, query: Query) -> int:
    """How many members a query gives, counted on the server."""
    return server.client.count(text_to_run(Count(query), kg), "count")


class RemoteStepInputs(Sequence[Ids]):
    """The input sets of a step, asked for when they are looked at."""

    def __init__(self, step: BoundStep, sets: RemoteStepResults) -> None:
        self._step, self._sets = step, sets

    def __len__(self) -> int:
        return len(self._step.inputs)

    @overload
    def __getitem__(self, index: int) -> Ids: ...
    @overload
    def __getitem__(self, index: slice) -> list[Ids]: ...
    def __getitem__(self, index: int | slice) -> Ids | list[Ids]:
        return self._all[index]

    @cached_property
    def _all(self) -> list[Ids]:
        return inputs_of(self._step, self._sets)


class RemoteStep(StepResult):
    """A step as it was done on the server; what it gives is asked for when it is looked at."""

    def __init__(self, kg: KnowledgeGraph, step: BoundStep, sets: RemoteStepResults) -> None:
        # The other fields are read from `sets`, so that nothing is asked for here.
        for name, value in (("kg", kg), ("step", step), ("inputs", RemoteStepInputs(step, sets)), ("sets", sets)):
            object.__setattr__(self, name, value)

    sets: RemoteStepResults

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled as a step that is done, with all that it gives: what asks a server cannot be."""
        given = {field.name: getattr(self, field.name) for field in fields(StepResult)}
        return StepResult, tuple({**given, "inputs": tuple(self.inputs)}.values())

    @property
    def _found(self) -> StepSet:
        return self.sets[self.step.position]

    @property
    def members(self) -> Ids:
        """The entities that it gave, or the first of them."""
        return self._found.members

    @cached_property
    def value(self) -> Value | bool | None:
        """The number, date or truth value that the step gives."""
        found = self._found.value
        if self.step.gives_number and found is not None:
            return as_value(self.step.kind, float(found))
        return found

    @cached_property
    def values(self) -> tuple[Value, ...] | None:
        """Each member's value where the step reads values."""
        values = self._found.values
        return None if values is None else tuple(as_value(self.step.kind, float(raw)) for raw in values)

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The number of each input where the step uses the number of one."""
        return tuple(numbers_of(self.step, self.sets))

    @property
    def total(self) -> int | None:
        """How many members there are where these are the first of them."""
        return self._found.total

    @property
    def reached(self) -> NDArray[np.int64] | None:
        """From how many of the set before a projection led to each member."""
        return self._found.reached


def inputs_behind(sets: RemoteStepResults, answers: Ids, most: int) -> list[list[Ids]]:
    """For each step as much of its inputs as some answers, sorted, rest on; `most` of each set are followed back."""
    chain = sets.chain
    nothing = np.zeros(0, dtype=np.int32)
    inputs: list[list[Ids]] = [[nothing] * len(step.inputs) for step in chain]
    needed: dict[int, Ids] = {} if chain.result is None else {chain.result: answers[:most]}
    for step in reversed(chain.steps):
        wanted = needed.get(step.position)
        if wanted is None:
            continue
        given = [_behind(sets, step, place, wanted, most)[:most] for place in range(len(step.inputs))]
        inputs[step.position] = given
        for ref, part in zip(step.inputs, given, strict=True):
            if ref is not None and len(part):
                needed[ref] = np.union1d(needed[ref], part) if ref in needed else part
            elif ref is not None and step.step.operation in ("number", "compare", "aggregate", "measure", "top"):
                needed.setdefault(ref, nothing)  # a number may rest on what has no members
    return inputs


def _behind(sets: RemoteStepResults, step: BoundStep, place: int, wanted: Ids, most: int) -> Ids:
    """As much of one input of a step as some of its members rest on."""
    operation, ref = step.step.operation, step.inputs[place]
    if ref is None:
        return inputs_of(step, sets)[place]
    if operation == "complement" or (operation == "difference" and place):
        return np.zeros(0, dtype=np.int32)
    if operation == "project" and not step.gives_values:
        return sets.leading(step, wanted, most) if len(wanted) else wanted
    if operation in ("every", "number") or place or operation == "aggregate":
        if place in step.number_places or place == 0 or operation not in ("intersect", "union"):
            return sets[ref].members
        return sets.among(ref, wanted)
    if step.step.measures or step.gives_values or operation in ("difference", "name_starts", "count", "exists"):
        return wanted
    return sets.among(ref, wanted)


def _query_of(step: BoundStep, inputs: Sequence[Query]) -> Query:
    """A step as a query, its inputs put in."""
    own, operation = step.step, step.step.operation
    if operation == "project":
        assert own.relation is not None
        return Project(own.relation, inputs[0], own.inverse)
    if operation == "every":
        assert own.relation is not None
        return Every(own.relation, inputs[0], own.inverse)
    if operation == "intersect":
        return Intersect(tuple(inputs))
    if operation == "union":
        return Union(tuple(inputs))
    if operation == "difference":
        return Intersect((inputs[0], Complement(inputs[1])))
    if operation == "complement":
        return Complement(inputs[0])
    if operation == "count":
        return Count(inputs[0])
    if operation == "exists":
        return Exists(inputs[0])
    if operation == "name_starts":
        assert own.prefix is not None
        return NameStarts(own.prefix, inputs[0])
    if operation == "number":
        assert own.formula is not None
        return _put_in(own.formula, inputs)
    measure = _measure_of(step, inputs)
    if operation == "compare":
        assert own.operator is not None
        value = own.value if own.value is not None else inputs[-1]
        return Compare(measure, inputs[0], own.operator, value)
    if operation == "top":
        assert own.k is not None
        return Top(own.k, measure, inputs[0], own.largest)
    if operation == "aggregate":
        assert own.kind is not None
        return Aggregate(measure, inputs[0], own.kind)
    return Measured(measure, inputs[0])


def _measure_of(step: BoundStep, inputs: Sequence[Query]) -> str | Measure:
    if step.step.relation is not None:
        return step.step.relation
    assert step.step.formula is not None
    return Measure(_put_in(step.step.formula, inputs))


def _put_in(formula: Query, inputs: Sequence[Query]) -> Query:
    if isinstance(formula, GivenSet | GivenNumber):
        return inputs[formula.place]
    put_in: Query = with_parts(formula, lambda part: _put_in(part, inputs))
    return put_in


def _number(term: Term | None, kind: ValueKind | None) -> float | None:
    """What a literal stands for, as columns store it; None where it stands for nothing."""
    if term is None or term.kind != "literal":
        return None
    try:
        if kind == "date":
            return float(datetime.date.fromisoformat(term.value.strip()[:10]).toordinal())
        number = float(term.value.strip())
    except ValueError:
        return None
    return number if np.isfinite(number) else None
