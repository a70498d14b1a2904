"""Random queries over given names, and what they denote by Python sets over the triples.

The evaluator shares nothing with Skylark's executor, so that the two can be held against each other.
"""

import datetime
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from reasoning.query.tree import (
    AGGREGATES,
    OPERATORS,
    Aggregate,
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
    NameStarts,
    Negative,
    Project,
    Query,
    Sign,
    Top,
    Union,
)

Triple = tuple[str, str, str]
Value = int | float | datetime.date

ENTITIES = ("a", "b", "c", "d", "e", "f")
RELATIONS = ("r", "s")
NUMBER, DECIMAL, DATE = "size", "ratio", "born"
DATES = tuple(datetime.date(2000, 1, day) for day in (1, 2, 3))


@dataclass(frozen=True)
class Facts:
    """A small graph as plain Python: links, and values per relation and entity."""

    links: frozenset[Triple]
    values: dict[str, dict[str, Value]]

    @property
    def triples(self) -> list[tuple[str, str, Value | str]]:
        return [
            *sorted(self.links),
            *((head, relation, value) for relation, table in self.values.items() for head, value in table.items()),
        ]

    @property
    def universe(self) -> set[str]:
        linked = {part for head, _, tail in self.links for part in (head, tail)}
        return linked | {head for table in self.values.values() for head in table}

    def denote(self, query: Query, it: str = "") -> set[str]:
        """The set of a query that gives one; `it` is the member of the measure that it stands in."""
        if isinstance(query, Entity):
            return {query.name}
        if isinstance(query, It):
            return {it}
        if isinstance(query, Union):
            return set().union(*(self.denote(part, it) for part in query.parts))
        if isinstance(query, Intersect):
            return set.intersection(*(self.denote(part, it) for part in query.parts))
        if isinstance(query, Complement):
            return self.universe - self.denote(query.part, it)
        members = self.denote(query.children[0], it)
        if isinstance(query, Project | Every):
            pairs = {(h, t) if not query.inverse else (t, h) for h, r, t in self.links if r == query.relation}
            if isinstance(query, Project):
                return {end for start, end in pairs if start in members}
            return {start for start, _ in pairs if members and all((start, end) in pairs for end in members)}
        if isinstance(query, NameStarts):
            return {name for name in members if name.lower().startswith(query.prefix.lower())}
        assert isinstance(query, Compare | Top)
        table = self.measured(query.measure, members)
        if isinstance(query, Compare):
            bound = self.number(query.value, it) if isinstance(query.value, Query) else query.value
            if bound is None:
                return set()
            passes = PASSES[query.operator]
            return {name for name, value in table.items() if passes(_number(value), _number(bound))}
        if not table:
            return set()
        last = sorted(map(_number, table.values()), reverse=query.largest)[: query.k][-1]
        beyond = (lambda number: number >= last) if query.largest else (lambda number: number <= last)
        # What is reckoned ties though its last digits differ.
        near = 0.0 if isinstance(query.measure, str) else 1e-12
        numbers = {name: _number(value) for name, value in table.items()}
        return {name for name, one in numbers.items() if beyond(one) or math.isclose(one, last, rel_tol=near)}

    def measured(self, measure: str | Measure, members: set[str]) -> dict[str, Value]:
        """The number of each member that has one."""
        if isinstance(measure, str):
            return {name: value for name, value in self.values[measure].items() if name in members}
        numbers = {name: self.number(measure.number, name) for name in members}
        return {name: value for name, value in numbers.items() if value is not None}

    def number(self, query: Query, it: str = "") -> Value | None:
        """The number of a query that gives one; None where there is none."""
        if isinstance(query, Constant):
            return query.value
        if isinstance(query, Count):
            return len(self.denote(query.part, it))
        if isinstance(query, Project):
            (value,) = self.measured(query.relation, self.denote(query.source, it)).values() or (None,)
            return value
        if isinstance(query, Aggregate):
            values = list(self.measured(query.measure, self.denote(query.source, it)).values())
            if query.kind in ("minimum", "maximum"):
                return (min if query.kind == "minimum" else max)(values, key=_number, default=None)
            total = sum(map(_number, values))
            return None if not values else total / len(values) if query.kind == "average" else total
        if isinstance(query, Negative):
            part = self.number(query.part, it)
            return None if part is None else -_number(part)
        assert isinstance(query, Arithmetic)
        left, right = self.number(query.left, it), self.number(query.right, it)
        if left is None or right is None or (query.sign == "/" and not right):
            return None
        one, other = _number(left), _number(right)
        return {"+": one + other, "-": one - other, "*": one * other, "/": one / (other or 1)}[query.sign]


def holds(query: Query, kind: type[Query] | tuple[type[Query], ...]) -> bool:
    """Whether a query has a node of these kinds; measures in brackets are not looked into."""
    return isinstance(query, kind) or any(holds(child, kind) for child in query.children)


def _number(value: Value) -> float:
    return value.toordinal() if isinstance(value, datetime.date) else value


PASSES: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """A graph in which every name of this module occurs, with cycles, self-loops and parallel relations."""
    triple = st.tuples(st.sampled_from(ENTITIES), st.sampled_from(RELATIONS), st.sampled_from(ENTITIES))
    links = draw(st.frozensets(triple, max_size=16))
    # One edge of each relation and one value of each entity make every name known.
    links |= {(ENTITIES[0], relation, ENTITIES[1]) for relation in RELATIONS}
    entity, decimals = st.sampled_from(ENTITIES), st.sampled_from((-0.5, 0.0, 0.25, 1.5))
    values: dict[str, dict[str, Value]] = {
        NUMBER: {name: draw(st.integers(-3, 3)) for name in ENTITIES},
        DECIMAL: draw(st.dictionaries(entity, decimals, min_size=1)),
        DATE: draw(st.dictionaries(entity, st.sampled_from(DATES), min_size=1)),
    }
    return Facts(links, values)


def sets(
    entities: Sequence[str] | st.SearchStrategy[str] = ENTITIES,
    relations: Sequence[str] | st.SearchStrategy[str] = RELATIONS,
    compared: st.SearchStrategy[tuple[str, Value]] | None = None,
    ranked: Sequence[str] | st.SearchStrategy[str] = (NUMBER, DECIMAL, DATE),
    by_id: bool = False,
    it: bool = False,
) -> st.SearchStrategy[Query]:
    """Queries that denote sets, without numbers of the graph; with `it` the member of a measure may stand in them."""
    names = _strategy(entities)
    links, rankings = _strategy(relations), _strategy(ranked)
    comparisons = comparison_values() if compared is None else compared
    anchors: st.SearchStrategy[Query] = st.builds(Entity, names, st.booleans() if by_id else st.just(False))
    operators = st.sampled_from(OPERATORS)
    if it:
        anchors = st.one_of(st.just(It()), anchors)

    def grow(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(
            st.builds(Project, links, inner, st.booleans()),
            st.builds(Intersect, several),
            st.builds(Union, several),
            st.builds(Complement, inner),
            st.builds(lambda pair, part, sign: Compare(pair[0], part, sign, pair[1]), comparisons, inner, operators),
            st.builds(Top, st.integers(1, 4), rankings, inner, st.booleans()),
        )

    return st.recursive(anchors, grow, max_leaves=8)


SIGNS: tuple[Sign, ...] = ("+", "-", "*", "/")


def numbers(it: bool = False) -> st.SearchStrategy[Query]:
    """Numbers of the graph of this module, reckoned with and aggregated; with `it` those of a member of a measure."""
    inner = sets(it=it)
    counted = st.builds(Every, st.sampled_from(RELATIONS), inner, st.booleans()) | inner
    of_one = st.builds(Entity, st.sampled_from(ENTITIES)) | (st.just(It()) if it else st.nothing())
    leaves: st.SearchStrategy[Query] = st.one_of(
        st.builds(Constant, st.integers(-2, 3)),
        st.builds(Count, counted),
        st.builds(Aggregate, st.sampled_from((NUMBER, DECIMAL)), inner, st.sampled_from(AGGREGATES)),
        st.builds(Project, st.just(NUMBER), of_one),
        st.builds(lambda first, last: Arithmetic("-", first, last), *[st.builds(Project, st.just(DATE), of_one)] * 2),
    )

    def grow(part: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
        negative = part.filter(lambda number: not isinstance(number, Constant)).map(Negative)
        return st.one_of(st.builds(Arithmetic, st.sampled_from(SIGNS), part, part), negative)

    return st.recursive(leaves, grow, max_leaves=3)


def measures() -> st.SearchStrategy[Measure]:
    """Numbers in brackets in which the member stands."""
    return numbers(it=True).filter(lambda number: number.holds_it).map(Measure)


def measured_sets() -> st.SearchStrategy[Query]:
    """Sets that are chosen by a measure in brackets, a number of the graph, all members of a set, or a name."""
    inner = sets()
    either = st.sampled_from((NUMBER, DECIMAL)) | measures()
    return st.one_of(
        st.builds(Compare, either, inner, st.sampled_from(OPERATORS), numbers() | st.integers(-3, 3)),
        st.builds(Top, st.integers(1, 3), measures(), inner, st.booleans()),
        st.builds(Every, st.sampled_from(RELATIONS), inner, st.booleans()),
        st.builds(NameStarts, st.sampled_from(("a", "B", "x")), inner),
    )


def queries(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    """Those sets, and what may stand only at the top."""
    return st.one_of(inner, inner.map(Count), inner.map(Exists))


def comparison_values() -> st.SearchStrategy[tuple[str, Value]]:
    """A relation of this module with a value of its kind."""
    return st.one_of(
        st.tuples(st.just(NUMBER), st.integers(-3, 3)),
        st.tuples(st.just(DECIMAL), st.sampled_from((-0.5, 0.0, 0.25, 1))),
        st.tuples(st.just(DATE), st.sampled_from(DATES)),
    )


def _strategy(names: Sequence[str] | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return names if isinstance(names, st.SearchStrategy) else st.sampled_from(names)
