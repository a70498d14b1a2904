"""Benchmark query structures and records, and queries rebuilt from their parts."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Complement, Entity, Intersect, Measure, NameStarts, Project, Query, Top, Union

UNION, NEGATION = -1, -2
_UNION_MARKS, _NEGATION_MARKS = (-1, "u"), (-2, "n")


def from_record(record: dict[str, Any] | Sequence[Any]) -> Query:
    """Read a record's nested list or BetaE's nested tuples; see `Query.from_record`.

    Raises:
        QueryError: the nesting is none of the forms above.
    """
    if isinstance(record, dict):
        if "query" not in record:
            raise QueryError(f'a record needs the key "query", found {list(record)}')
        record = record["query"]
    try:
        return _read(record)
    except RecursionError:
        raise QueryError("the record is nested too deeply") from None


def _read(node: Any) -> Query:
    if not _is_list(node) or len(node) < 2:
        raise QueryError(f"expected [entity, [relations]] or a list of branches, found {node!r}")
    *branches, last = node
    if not _is_list(branches[0]):
        if len(node) != 2 or not _is_list(last):
            raise QueryError(f"expected [entity, [relations]], found {node!r}")
        return _walk(Entity(_id(branches[0]), by_id=True), last)
    if not _is_list(last):
        raise QueryError(f"expected a list of branches or relations at the end, found {last!r} in {node!r}")
    if len(last) == 1 and last[0] in _UNION_MARKS:
        return Union(tuple(_read(branch) for branch in branches)) if len(branches) > 1 else _read(branches[0])
    if last and not any(_is_list(item) for item in last):
        if len(branches) != 1:
            raise QueryError(f"expected [branches, [relations]], found {node!r}")
        return _walk(_read(branches[0]), last)
    return Intersect(tuple(_read(branch) for branch in node))


def _walk(query: Query, relations: Sequence[Any]) -> Query:
    for relation in relations:
        query = Complement(query) if relation in _NEGATION_MARKS else Project(_id(relation), query)
    return query


def _is_list(node: Any) -> bool:
    return isinstance(node, list | tuple)


def _id(item: Any) -> str:
    if isinstance(item, bool) or not isinstance(item, int | str) or item in (*_UNION_MARKS, *_NEGATION_MARKS):
        raise QueryError(f"expected an id, found {item!r}")
    if isinstance(item, int) and item < 0:
        raise QueryError(
            f"expected an id of 0 or more, found {item}: {UNION} marks a union and {NEGATION} a complement, "
            "and the inverse of a relation has an id of its own"
        )
    return str(item)


def to_record(query: Query, kg: KnowledgeGraph | None = None) -> list[Any]:
    """The nested list of a query; see `Query.to_record`.

    Raises:
        QueryError: the query counts or compares, or needs `kg` to find an id.
    """
    relations: list[Any] = []
    while isinstance(query, Project | Complement):
        relations.append(NEGATION if isinstance(query, Complement) else _relation_id(query, kg))
        query = query.children[0]
    relations.reverse()
    if isinstance(query, Entity):
        return [_entity_id(query, kg), relations]
    if not isinstance(query, Intersect | Union):
        raise QueryError(f"{query} has no form in benchmark records; they hold no values")
    nested = [to_record(part, kg) for part in query.parts]
    if isinstance(query, Union):
        nested.append([UNION])
    return [nested, relations] if relations else nested


def to_betae(query: Query, kg: KnowledgeGraph | None = None) -> tuple[Any, ...]:
    """The nested tuples of a query; see `Query.to_betae`."""

    def freeze(node: Any) -> Any:
        return tuple(freeze(item) for item in node) if isinstance(node, list) else node

    frozen: tuple[Any, ...] = freeze(to_record(query, kg))
    return frozen


def _number(identifier: str) -> int | str:
    if identifier in (*_UNION_MARKS, *_NEGATION_MARKS):
        raise QueryError(f'the id "{identifier}" means a union or a negation in records, so it cannot be written there')
    # More digits than an index has are left a text: it reads back the same.
    short = len(identifier) <= 18 and identifier.isdecimal()
    return int(identifier) if short and str(int(identifier)) == identifier else identifier


def _entity_id(entity: Entity, kg: KnowledgeGraph | None) -> int | str:
    if kg is not None:
        return _number(kg.identifier(entity.index(kg)))
    if not entity.by_id:
        raise QueryError(f'the id of {entity} is not known without its graph; pass kg, or write entity("id")')
    return _number(entity.name)


def _relation_id(step: Project, kg: KnowledgeGraph | None) -> int | str:
    if kg is not None:
        relation = kg.relation(step.relation)
        if relation.kind == "values":
            raise QueryError(f"{step.relation} has values; benchmark records hold none")
        if relation.inverse == step.inverse:
            return _number(kg.relation_ids[relation.index])
        twin = kg.twin_id(relation.index)
        if twin is None:
            raise QueryError(f'the graph stores no inverse of "{kg.relation_label(relation.index)}" to name')
        return _number(twin)
    if step.inverse:
        raise QueryError(f"the id of the inverse of {step.relation} is not known without its graph; pass kg")
    return _number(step.relation)


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


def with_parts(node: Any, change: Callable[[Query], Query]) -> Any:
    """A query or measure with each of its parts changed."""

    def of(value: Any) -> Any:
        if isinstance(value, Query):
            return change(value)
        if isinstance(value, Measure):
            return with_parts(value, change)
        return tuple(map(change, value)) if isinstance(value, tuple) else value

    parts = {field.name: of(getattr(node, field.name)) for field in dataclasses.fields(node)}
    return dataclasses.replace(node, **parts)


def parts_of(query: Query) -> list[Query]:
    """The parts of a query, those in its measure too, in the order in which `with_parts` meets them."""
    found: list[Query] = []

    def kept(part: Query) -> Query:
        found.append(part)
        return part

    with_parts(query, kept)
    return found


def with_part(query: Query, place: int, part: Query) -> Query:
    """A query with one of its parts, by its place in `parts_of`, replaced."""
    places = itertools.count()
    changed: Query = with_parts(query, lambda child: part if next(places) == place else child)
    return changed


def rebuilt(query: Query, change: Callable[[Query], Query]) -> Query:
    """A query with every part changed, from the leaves up."""
    return change(with_parts(query, lambda part: rebuilt(part, change)))


def relations_of(query: Query) -> Iterator[str]:
    """The relations that a query follows or measures by, as it names them."""
    for name in (getattr(query, "relation", None), getattr(query, "measure", None)):
        if isinstance(name, str):
            yield name
    for part in parts_of(query):
        yield from relations_of(part)
