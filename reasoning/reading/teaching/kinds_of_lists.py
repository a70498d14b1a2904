"""Kinds that a written query spells out: "all acts" as those that play on one of the four stages.

Where a graph has no types, whoever writes a list says a kind through a relation and names that the question does not
have. A prompt shows the kind itself, and so the query is taught with it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Set
from functools import lru_cache, partial

from kg_data.errors import SkylarkError
from reasoning.execution.outcome import outcome, outcome_behind
from reasoning.query.rebuilding import parts_of, with_part, with_parts
from reasoning.query.tree import Compare, Complement, Entity, Project, Query, Union
from reasoning.reading.model.schema import GraphSchema

MANY = 5
"""Members of a kind that one thing's name is hardly said for by chance."""


def with_kinds(query: Query, named: Set[str], schema: GraphSchema) -> Query:
    """The query with kinds in the place of sets that it spells out, where it still gives the same.

    Args:
        query: with the names that the schema has.
        named: the entities that its question names, as texts of queries.
        schema: of the graph.
    """
    spelt = _each_type(query, schema)
    if not _strange(spelt, named, schema):
        return spelt
    try:
        wanted = outcome_behind(spelt, schema.kg)
    except SkylarkError:
        return spelt
    return _changed(spelt, lambda part: part, wanted, named, schema)


def _changed(
    part: Query, whole: Callable[[Query], Query], wanted: Hashable, named: Set[str], schema: GraphSchema
) -> Query:
    """A part with its sets replaced; `whole` puts one into its place in the query."""
    if not _strange(part, named, schema):
        return part
    for kind, size in _kinds(schema) if _spells_out(part, named, schema) else ():
        if (size >= MANY or _is_spread(part, schema)) and _gives(partial(whole, kind), wanted, schema):
            return kind
    for at in range(len(parts_of(part))):

        def around(new: Query, part: Query = part, at: int = at) -> Query:
            return whole(with_part(part, at, new))

        part = with_part(part, at, _changed(parts_of(part)[at], around, wanted, named, schema))
    return part


def _spells_out(query: Query, named: Set[str], schema: GraphSchema) -> bool:
    """Whether a query is a set that is said by nothing that the question names."""
    sets = isinstance(query, Project | Union | Complement | Compare)
    return sets and not set(entities_of(query, schema)) & named


def _is_spread(query: Query, schema: GraphSchema) -> bool:
    """Whether it is said by several things, or by all but some: else the one thing may be a name that was not found."""
    return len(set(entities_of(query, schema))) > 1 or any(isinstance(part, Complement) for part in _parts(query))


def _gives(made: Callable[[], Query], wanted: Hashable, schema: GraphSchema) -> bool:
    """Whether a query can be made and asked, and gives what is wanted."""
    try:
        return outcome_behind(made(), schema.kg) == wanted
    except SkylarkError:
        return False


@lru_cache(8)
def _kinds(schema: GraphSchema) -> tuple[tuple[Query, int], ...]:
    """The kinds as queries with the number of their members, those with the fewest first."""
    found = [Query.parse(kind.query) for kind in schema.kinds]
    sizes = {kind: len(outcome(kind, schema.kg)) for kind in found}  # type: ignore[arg-type]
    return tuple((kind, sizes[kind]) for kind in sorted(found, key=lambda kind: sizes[kind]))


def _each_type(query: Query, schema: GraphSchema) -> Query:
    """The query with things of several types as things of one type or of another, as kinds are shown."""
    changed: Query = with_parts(query, lambda part: _each_type(part, schema))
    match changed:
        case Project(relation, Union(types), True) if relation == schema.type_relation:
            return Union(tuple(Project(relation, one, True) for one in types))
    return changed


def _strange(query: Query, named: Set[str], schema: GraphSchema) -> bool:
    return any(name not in named for name in entities_of(query, schema))


def entities_of(query: Query, schema: GraphSchema) -> Iterator[str]:
    """The entities that a query names, as texts of queries; a kind as a prompt shows it names none."""
    if schema.kind_by_query(str(query)) is not None:
        return
    if isinstance(query, Entity):
        yield str(query)
    for part in parts_of(query):
        yield from entities_of(part, schema)


def _parts(query: Query) -> Iterator[Query]:
    """A query and all its parts."""
    yield query
    for part in parts_of(query):
        yield from _parts(part)
