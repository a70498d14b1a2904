"""Whether a query that was written can be asked of the graph: bound, its kinds fit, or do with one step between."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kg_data.errors import SkylarkError
from reasoning.query.binding import bind
from reasoning.query.tree import (
    Compare,
    Complement,
    Entity,
    Every,
    Intersect,
    It,
    Measure,
    NameStarts,
    Operator,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.reading.model.prompt import RelationEntry
from reasoning.reading.model.schema import GraphSchema

Kinds = frozenset[int] | None
"""Places of the kinds that a set's members may be of; None where nothing is known."""

_FIRST, _LAST = (1, 1), (12, 31)


@dataclass(frozen=True)
class Checked:
    """A query that can be asked.

    Attributes:
        query: mended where that took one step.
        steps: relations that were put in to bridge kinds that did not fit.
    """

    query: Query
    steps: tuple[str, ...] = ()


def check(query: Query, schema: GraphSchema) -> Checked | None:
    """The query as it can be asked of the graph; None where it cannot."""
    try:
        dated = rebuilt(query, lambda node: _of_years(node, schema))
        bridged: list[str] = []
        mended = rebuilt(dated, lambda node: _bridged(node, schema, bridged))
        bind(mended, schema.kg)
    except (SkylarkError, _Misfit):
        return None
    return Checked(mended, tuple(bridged))


class _Misfit(Exception):
    """Kinds that do not fit and that no one step bridges."""


def rebuilt(query: Query, change: Callable[[Query], Query]) -> Query:
    """A query with every part changed, from the leaves up."""
    return change(_with_parts(query, lambda part: rebuilt(part, change)))


def _with_parts(node: Any, change: Callable[[Query], Query]) -> Any:
    """A query or measure with its parts changed."""

    def of(value: Any) -> Any:
        if isinstance(value, Query):
            return change(value)
        if isinstance(value, Measure):
            return _with_parts(value, change)
        return tuple(map(change, value)) if isinstance(value, tuple) else value

    return dataclasses.replace(
        node, **{field.name: of(getattr(node, field.name)) for field in dataclasses.fields(node)}
    )


def _of_years(node: Query, schema: GraphSchema) -> Query:
    """A comparison of dates with a year as one with the year's first or last day."""
    if not isinstance(node, Compare) or not isinstance(node.measure, str) or isinstance(node.value, bool):
        return node
    column = schema.kg.column(node.measure)
    if column is None or column.kind != "date" or not isinstance(node.value, int) or not 1 <= node.value <= 9999:
        return node
    first, last = (datetime.date(node.value, *day) for day in (_FIRST, _LAST))

    def compared(operator: Operator, value: datetime.date) -> Query:
        return dataclasses.replace(node, operator=operator, value=value)

    match node.operator:
        case ">" | "<=":
            return compared(node.operator, last)
        case ">=" | "<":
            return compared(node.operator, first)
        case "=":
            return Intersect((compared(">=", first), compared("<=", last)))
        case _:
            return Union((compared("<", first), compared(">", last)))


# Kinds --------------------------------------------------------------------------------------------------------


def kinds_of(query: Query, schema: GraphSchema) -> Kinds:
    """The kinds that a set's members may be of."""
    match query:
        case Entity():
            return frozenset(schema.kinds_of_entity(query.index(schema.kg))) or None
        case Project():
            if (kind := schema.kind_by_query(str(query))) is not None:
                return frozenset((kind,))
            entry = _entry(schema, query.relation)
            return None if entry is None else _end(entry, query.inverse)
        case Every():
            entry = _entry(schema, query.relation)
            return None if entry is None else _end(entry, not query.inverse)
        case Intersect():
            known = [kinds for part in query.parts if (kinds := kinds_of(part, schema)) is not None]
            return frozenset.intersection(*known) if known else None
        case Union():
            parts = [kinds_of(part, schema) for part in query.parts]
            return None if None in parts else frozenset().union(*(part for part in parts if part is not None))
        case Compare() | Top() | NameStarts():
            return kinds_of(query.source, schema)
        case Complement() | It():
            return None
    return None


def _bridged(node: Query, schema: GraphSchema, steps: list[str]) -> Query:
    """A projection that starts from things of a kind that its relation does not have, with a step between.

    Raises:
        _Misfit: no one step, or more than one, leads there.
    """
    if isinstance(node, Intersect):
        known = [kinds for part in node.parts if (kinds := kinds_of(part, schema)) is not None]
        if len(known) > 1 and not frozenset.intersection(*known):
            raise _Misfit
        return node
    if not isinstance(node, Project) or schema.kind_by_query(str(node)) is not None:
        return node
    entry, there = _entry(schema, node.relation), kinds_of(node.source, schema)
    if entry is None or not there:
        return node
    wanted = _end(entry, not node.inverse)
    if not wanted or wanted & there:
        return node
    between = [
        (other, inverse)
        for other in schema.relations
        if not other.has_values
        for inverse in (False, True)
        if (_end(other, not inverse) or frozenset()) & there and _end(other, inverse) == wanted
    ]
    forward = [(other, inverse) for other, inverse in between if not inverse]
    chosen = forward if len(forward) == 1 else between
    if len(chosen) != 1:
        raise _Misfit
    other, inverse = chosen[0]
    steps.append(other.words)
    name = Query.parse(f'{other.query}("x")')
    assert isinstance(name, Project)
    return dataclasses.replace(node, source=Project(name.relation, node.source, inverse))


def _entry(schema: GraphSchema, relation: str) -> RelationEntry | None:
    return schema.by_name.get(relation)


def _end(entry: RelationEntry, start: bool) -> Kinds:
    """The kinds at the end that a relation leads to, or at its start."""
    ends = entry.start if start else entry.end
    return None if isinstance(ends, str) or not ends else frozenset(ends)
