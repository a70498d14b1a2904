"""The 14 query structures that the field reports on (Ren et al. 2020; Ren & Leskovec 2020).

p projects, i intersects, u unites, n negates; "2in" is an intersection of two of which one is negated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kg_data.supplied import supplies
from reasoning.errors import QueryError
from reasoning.query.records import from_record
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union

_TEMPLATES: dict[str, list[Any]] = {
    "1p": [0, [0]],
    "2p": [0, [0, 0]],
    "3p": [0, [0, 0, 0]],
    "2i": [[0, [0]], [0, [0]]],
    "3i": [[0, [0]], [0, [0]], [0, [0]]],
    "ip": [[[0, [0]], [0, [0]]], [0]],
    "pi": [[0, [0, 0]], [0, [0]]],
    "2u": [[0, [0]], [0, [0]], [-1]],
    "up": [[[0, [0]], [0, [0]], [-1]], [0]],
    "2in": [[0, [0]], [0, [0, -2]]],
    "3in": [[0, [0]], [0, [0]], [0, [0, -2]]],
    "inp": [[[0, [0]], [0, [0, -2]]], [0]],
    "pin": [[0, [0, 0]], [0, [0, -2]]],
    "pni": [[0, [0, 0, -2]], [0, [0]]],
}

STRUCTURES: tuple[str, ...] = tuple(_TEMPLATES)
NEGATED: frozenset[str] = frozenset({"2in", "3in", "inp", "pin", "pni"})


@supplies(Query.structure)
def structure_of(query: Query) -> str | None:
    """The name of the query's structure, whatever the order of its branches; None if it is none of the 14."""
    return _NAMES.get(_shape(query))


def instantiate(name: str, anchors: Sequence[Query], relations: Sequence[str]) -> Query:
    """Fill a structure with anchors and relations, both in the order of its record, `~r` for an inverse.

    Raises:
        QueryError: the name is none of the 14, or the counts do not fit.
    """
    shape = template(name)
    wanted = (_count(shape, Entity), _count(shape, Project))
    if (len(anchors), len(relations)) != wanted:
        raise QueryError(
            f"{name} takes {wanted[0]} anchors and {wanted[1]} relations, found {len(anchors)} and {len(relations)}"
        )
    return _fill(shape, iter(anchors), iter(relations))


def template(name: str) -> Query:
    """A structure with "0" for every anchor and relation.

    Raises:
        QueryError: the name is none of the 14.
    """
    if name not in _TEMPLATES:
        raise QueryError(f"unknown structure {name!r}; expected one of {', '.join(STRUCTURES)}")
    return from_record(_TEMPLATES[name])


def _count(query: Query, kind: type[Query]) -> int:
    return isinstance(query, kind) + sum(_count(child, kind) for child in query.children)


def _fill(query: Query, anchors: Iterator[Query], relations: Iterator[str]) -> Query:
    if isinstance(query, Entity):
        return next(anchors)
    parts = [_fill(child, anchors, relations) for child in query.children]
    if isinstance(query, Project):
        relation = next(relations)
        return Project(relation.removeprefix("~"), parts[0], inverse=relation.startswith("~"))
    if isinstance(query, Complement):
        return Complement(parts[0])
    return Union(tuple(parts)) if isinstance(query, Union) else Intersect(tuple(parts))


def _shape(query: Query) -> str:
    parts = [_shape(child) for child in query.children]
    if isinstance(query, Intersect | Union):
        parts.sort()
    return f"{type(query).__name__}({','.join(parts)})"


_NAMES = {_shape(from_record(record)): name for name, record in _TEMPLATES.items()}
