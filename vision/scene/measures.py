"""Relations with values that are measured for the query that names them: distance to some objects, lying between some.

Such a relation is a name in the query's tree and text like any other, and holds the queries of its objects beside it:
`bottom(1, "distance to ~class(\\"dog\\")", ~class("ball"))`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reasoning import Query
from reasoning.query.tree import Compare, Intersect, Project, Top, Union

DISTANCE, BETWEEN = "distance to ", "between "
_TWO_SETS = re.compile(r'(?P<first>(?:[^"]|"(?:[^"\\]|\\.)*")*?) and (?P<second>.*)', re.DOTALL)
"""Two queries with "and" between them; an "and" within quotes is a part of a name."""


class MeasuredRelation(str):
    """The name of a relation whose values are measured for one query.

    Attributes:
        sets: the queries of the objects that are measured against: one for a distance, two for what lies between.
    """

    sets: tuple[Query, ...]

    def __new__(cls, name: str, *sets: Query) -> MeasuredRelation:
        """Make the name and keep its sets."""
        relation = super().__new__(cls, name)
        relation.sets = sets
        return relation


def distance_relation(members: Query) -> MeasuredRelation:
    """From each object its distance in pixels to the nearest of some others."""
    return MeasuredRelation(f"{DISTANCE}{_bracketed(members)}", members)


def between_relation(first: Query, second: Query | None = None) -> MeasuredRelation:
    """From each object 1 where it lies between two of the first set, or between one of each set, else 0."""
    sets = " and ".join(_bracketed(members) for members in (first, second) if members is not None)
    return MeasuredRelation(f"{BETWEEN}{sets}", first, first if second is None else second)


def measured_relation(name: str) -> MeasuredRelation | None:
    """A relation of a query's tree as a measured one, None where it is another; names that a user wrote are parsed.

    Raises:
        QueryError: the name begins as a measured relation's, and no query follows.
    """
    if isinstance(name, MeasuredRelation):
        return name
    if name.startswith(DISTANCE):
        return MeasuredRelation(name, Query.parse(name.removeprefix(DISTANCE)))
    if name.startswith(BETWEEN):
        text = name.removeprefix(BETWEEN)
        halves = two.groups() if (two := _TWO_SETS.fullmatch(text)) else (text, text)
        return MeasuredRelation(name, *map(Query.parse, halves))
    return None


def measured_relations(query: Query) -> Iterator[MeasuredRelation]:
    """The measured relations that a query names, in its order."""
    named = query.relation if isinstance(query, Compare | Project | Top) else None
    if named is not None and (relation := measured_relation(named)) is not None:
        yield relation
    for child in query.children:
        yield from measured_relations(child)


def _bracketed(members: Query) -> str:
    return f"({members})" if isinstance(members, Intersect | Union) else str(members)
