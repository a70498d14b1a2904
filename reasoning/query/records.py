"""Queries from and to the forms of the benchmarks.

A benchmark record nests lists: a branch `[entity, [r, r, ...]]` is a chain of projections, `-2` among the relations
complements the set reached so far, a trailing `[-1]` makes the siblings a union, other siblings intersect, and
`[branches, [r, ...]]` goes on from a set. BetaE (Ren & Leskovec 2020) writes the same with tuples. Ids come in as
texts: `[6404, [62]]` is `"62"(entity("6404"))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg_data.supplied import supplies
from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.tree import Complement, Entity, Intersect, Project, Query, Union

UNION, NEGATION = -1, -2
_UNION_MARKS, _NEGATION_MARKS = (-1, "u"), (-2, "n")


@supplies(Query.from_record)
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


@supplies(Query.to_record)
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


@supplies(Query.to_betae)
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
