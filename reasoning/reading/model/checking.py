"""Whether a query that was written can be asked of the graph: bound, its kinds fit, or do with one step between."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass

from reasoning.errors import QueryError, quoted_list
from reasoning.query.binding import bind
from reasoning.query.rebuilding import parts_of, rebuilt
from reasoning.query.tree import (
    Aggregate,
    Arithmetic,
    Compare,
    Every,
    Intersect,
    It,
    Measure,
    Measured,
    Operator,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.reading.model.kinds import Kinds
from reasoning.reading.model.schema import GraphSchema

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


def check(query: Query, schema: GraphSchema) -> Checked:
    """The query as it can be asked of the graph.

    Raises:
        SkylarkError: it cannot, and why: it only repeats what is named, compares something with itself, kinds do not
            fit, or a name is none.
    """
    if _compares_with_itself(query):
        raise QueryError("the query compares something with itself: two things are to be compared")
    if not _follows_relation(query):
        raise QueryError("the query follows no relation: what is asked for is to be written, and not its answer")
    dated = rebuilt(query, lambda node: _of_years(node, schema))
    bridged: list[str] = []
    mended = rebuilt(dated, lambda node: _bridged(node, schema, bridged))
    bind(mended, schema.kg)
    return Checked(mended, tuple(bridged))


def _follows_relation(query: Query) -> bool:
    if isinstance(query, Project | Every):
        return True
    if isinstance(query, Aggregate | Compare | Measured | Top):
        measure = query.measure
        if not isinstance(measure, Measure) or _follows_relation(measure.number):
            return True
    return any(map(_follows_relation, query.children))


def _compares_with_itself(query: Query) -> bool:
    if isinstance(query, Arithmetic) and query.sign in ("-", "/") and query.left == query.right:
        return True
    if isinstance(query, Compare):
        measure, source = query.measure, query.source
        if isinstance(measure, Measure):
            own = rebuilt(measure.number, lambda part: source if isinstance(part, It) else part)
        else:
            own = Project(measure, source)
        if query.value == own:
            return True
    return any(map(_compares_with_itself, parts_of(query)))


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


def _bridged(node: Query, schema: GraphSchema, steps: list[str]) -> Query:
    """A projection or an aggregate over things of a kind that its relation does not have, with a step between.

    Raises:
        QueryError: no one step, or more than one, leads there; or sets of different kinds are to have common members.
    """
    kinds = schema.kinds_of_sets
    if isinstance(node, Intersect):
        known = [found for part in node.parts if (found := kinds.of(part))]
        if len(known) > 1 and not frozenset.intersection(*known):
            sets = quoted_list([_words(found, schema) for found in known], "and")
            raise QueryError(f"nothing is at once {sets}")
        return node
    if isinstance(node, Project) and kinds.whole(node) is None:
        wanted = kinds.end(node, leads_to=node.inverse)
    elif isinstance(node, Aggregate | Measured) and isinstance(node.measure, str) and node.measure in schema.by_name:
        wanted = frozenset(schema.by_name[node.measure].start)  # the salaries of an office are those of its people
    else:
        return node
    there = kinds.of(node.source)
    if not there or not wanted or wanted & there:
        return node
    steps_there = [
        (entry, step)
        for name, entry in schema.by_name.items()
        for inverse in (False, True)
        if kinds.end(step := Project(name, node.source, inverse), leads_to=inverse) & there
        and kinds.end(step, leads_to=not inverse) == wanted
    ]
    forward = [found for found in steps_there if not found[1].inverse]
    chosen = forward if len(forward) == 1 else steps_there
    if len(chosen) != 1:
        asked = node.relation if isinstance(node, Project) else node.measure
        raise QueryError(f'"{asked}" is of {_words(wanted, schema)}, and asked of {_words(there, schema)}')
    entry, step = chosen[0]
    steps.append(entry.words)
    return dataclasses.replace(node, source=step)


def _words(kinds: Kinds, schema: GraphSchema) -> str:
    return " or ".join(schema.kinds[kind].words for kind in sorted(kinds))
