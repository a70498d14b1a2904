"""Random queries over given names, and what they denote by Python sets over the triples.

The evaluator shares nothing with Skylark's executor, so that the two can be held against each other.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from reasoning.query.tree import (
    OPERATORS,
    Compare,
    Complement,
    Count,
    Entity,
    Exists,
    Intersect,
    Project,
    Query,
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

    def denote(self, query: Query) -> set[str]:
        """The set of a query that gives one."""
        if isinstance(query, Entity):
            return {query.name}
        if isinstance(query, Union):
            return set().union(*(self.denote(part) for part in query.parts))
        if isinstance(query, Intersect):
            return set.intersection(*(self.denote(part) for part in query.parts))
        if isinstance(query, Complement):
            return self.universe - self.denote(query.part)
        (source,) = query.children
        members = self.denote(source)
        if isinstance(query, Project):
            pairs = {(h, t) if not query.inverse else (t, h) for h, r, t in self.links if r == query.relation}
            return {end for start, end in pairs if start in members}
        assert isinstance(query, Compare | Top)
        table = {name: value for name, value in self.values[query.relation].items() if name in members}
        if isinstance(query, Compare):
            return {name for name, value in table.items() if _passes(value, query.operator, query.value)}
        by_name = sorted(table)
        ranked = sorted(by_name, key=lambda name: _number(table[name]), reverse=query.largest)
        return set(ranked[: query.k])


def _number(value: Value) -> float:
    return value.toordinal() if isinstance(value, datetime.date) else value


def _passes(value: Value, operator: str, bound: Value) -> bool:
    left, right = _number(value), _number(bound)
    tests: dict[str, bool] = {
        ">": left > right,
        ">=": left >= right,
        "<": left < right,
        "<=": left <= right,
        "=": left == right,
        "!=": left != right,
    }
    return tests[operator]


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """A graph in which every name of this module occurs, with cycles, self-loops and parallel relations."""
    triple = st.tuples(st.sampled_from(ENTITIES), st.sampled_from(RELATIONS), st.sampled_from(ENTITIES))
    links = draw(st.frozensets(triple, max_size=16))
    # One edge of each relation and one value of each entity make every name known.
    links |= {(ENTITIES[0], relation, ENTITIES[1]) for relation in RELATIONS}
    number = st.integers(-3, 3)
    return Facts(
        links,
        {
            NUMBER: {entity: draw(number) for entity in ENTITIES},
            DECIMAL: draw(
                st.dictionaries(st.sampled_from(ENTITIES), st.sampled_from((-0.5, 0.0, 0.25, 1.5)), min_size=1)
            ),
            DATE: draw(st.dictionaries(st.sampled_from(ENTITIES), st.sampled_from(DATES), min_size=1)),
        },
    )


def sets(
    entities: Sequence[str] | st.SearchStrategy[str] = ENTITIES,
    relations: Sequence[str] | st.SearchStrategy[str] = RELATIONS,
    compared: st.SearchStrategy[tuple[str, Value]] | None = None,
    ranked: Sequence[str] | st.SearchStrategy[str] = (NUMBER, DECIMAL, DATE),
    by_id: bool = False,
) -> st.SearchStrategy[Query]:
    """Queries that denote sets, every kind of node among them."""
    names = _strategy(entities)
    links, rankings = _strategy(relations), _strategy(ranked)
    comparisons = comparison_values() if compared is None else compared
    anchors = st.builds(Entity, names, st.booleans() if by_id else st.just(False))

    def grow(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(
            st.builds(Project, links, inner, st.booleans()),
            st.builds(Intersect, several),
            st.builds(Union, several),
            st.builds(Complement, inner),
            st.builds(
                lambda pair, source, operator: Compare(pair[0], source, operator, pair[1]),
                comparisons,
                inner,
                st.sampled_from(OPERATORS),
            ),
            st.builds(Top, st.integers(1, 4), rankings, inner, st.booleans()),
        )

    return st.recursive(anchors, grow, max_leaves=8)


def queries(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    """Those sets, and what may stand only at the top."""
    tops: list[Callable[[Query], Query]] = [Count, Exists]
    return st.one_of(inner, *(inner.map(top) for top in tops))


def comparison_values() -> st.SearchStrategy[tuple[str, Value]]:
    """A relation of this module with a value of its kind."""
    return st.one_of(
        st.tuples(st.just(NUMBER), st.integers(-3, 3)),
        st.tuples(st.just(DECIMAL), st.sampled_from((-0.5, 0.0, 0.25, 1))),
        st.tuples(st.just(DATE), st.sampled_from(DATES)),
    )


def _strategy(names: Sequence[str] | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return names if isinstance(names, st.SearchStrategy) else st.sampled_from(names)
