"""The 14 query structures that the field reports on (Ren et al. 2020; Ren & Leskovec 2020), and a name for any other.

p projects, i intersects, u unites, n negates; "2in" is an intersection of two of which one is negated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kg_data.supplied import supplies
from reasoning.errors import QueryError
from reasoning.query.records import from_record
from reasoning.query.tree import Complement, Entity, Intersect, NameStarts, Project, Query, Top, Union

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


def shape_of(query: Query) -> str:
    """The query's structure: its name among the 14, else its tree without names.

    In it `e` stands for an entity and `r` for a relation of either direction; branches have one order, whatever theirs
    is: `r(e) & r(r(r(e)))`, `r(top(r(e)))`.
    """
    return structure_of(query) or _written(query)


def is_shape(name: str) -> bool:
    """Whether a text is the name of a structure, as `shape_of` gives it."""
    return name in _TEMPLATES or _WRITTEN.fullmatch(name) is not None


def is_negated(name: str) -> bool:
    """Whether a structure of this name has a negation."""
    return name in NEGATED or "!" in name


def in_order(names: Iterable[str]) -> list[str]:
    """Names of structures in the order of tables: the 14 first, the others by the alphabet."""
    found = set(names)
    return [*(name for name in STRUCTURES if name in found), *sorted(found - set(STRUCTURES))]


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


def _written(query: Query) -> str:
    if isinstance(query, Entity):
        return "e"
    if isinstance(query, Intersect | Union):
        parts = sorted(map(_bracketed, query.parts), key=lambda part: (part.startswith("!"), part))
        return (" & " if isinstance(query, Intersect) else " | ").join(parts)
    if isinstance(query, Complement):
        return f"!{_bracketed(query.part)}"
    name = _WORDS.get(type(query), type(query).__name__.lower())
    if isinstance(query, Top) and not query.largest:
        name = "bottom"
    parts = [_written(child) for child in query.children]
    return f"{name}({', '.join(parts)})" if parts else name


def _bracketed(query: Query) -> str:
    text = _written(query)
    return f"({text})" if isinstance(query, Intersect | Union) else text


_WORDS: dict[type[Query], str] = {Project: "r", NameStarts: "name_starts"}
_WRITTEN = re.compile(r"[a-z_!&|, ()]*\be\b[a-z_!&|, ()]*")

_NAMES = {_shape(from_record(record)): name for name, record in _TEMPLATES.items()}
