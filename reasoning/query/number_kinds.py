"""What kind of number a formula gives, checked against a graph: integer, decimal, year or date.

Dates subtract to whole days, and the least and greatest of them are dates; everything else with dates is an error, as
is a date beside a number. So a mistake of kinds is found before anything runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from kg_data.columns import ValueKind
from kg_data.loaders.inference import spelled_kind
from reasoning.errors import QueryError, quoted_list
from reasoning.graph.relations import Relation
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.chain import GivenNumber
from reasoning.query.rebuilding import rebuilt
from reasoning.query.tree import (
    Aggregate,
    AggregateKind,
    Arithmetic,
    Compare,
    Constant,
    Count,
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
        why = next((note for note in kg.notes if note.startswith(f'"{kg.label(found)}" ')), "")
        raise QueryError(f'"{name}" leads to entities and cannot be compared; {why or cure_of(kg, found) or hint}')
    return found.index, kg.literals[found.index].kind


def cure_of(kg: KnowledgeGraph, relation: Relation) -> str:
    """What makes values of a relation's tails, where they are entities named as numbers or dates; else ""."""
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
    """The kind of the number that a formula gives.

    Args:
        kg: the graph.
        formula: a number of a step, or of a query.
        kinds: of the inputs of the step.

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
    """The unit of the number that a formula gives, "" where it has none or it is not known.

    Args:
        kg: the graph.
        formula: a number of a step, of which `kind_of` knows the kind.
        kinds, units: of the inputs of the step.
    """
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
    """Check the relations of a set within a formula."""
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
