"""Of which kinds the members of a query's set may be, by the kinds at the ends of its relations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reasoning.query.tree import (
    Compare,
    Entity,
    Every,
    Intersect,
    It,
    NameStarts,
    Project,
    Query,
    Top,
    Union,
)
from reasoning.reading.model.prompt import RelationEntry

Kinds = frozenset[int]
"""Places of kinds in a schema; empty where nothing is known."""

UNKNOWN: Kinds = frozenset()


@dataclass(frozen=True)
class KindsOfSets:
    """Tells kinds.

    Attributes:
        relations: by the name that queries have for them.
        named: the kinds of an entity that a query names.
        whole: the kind whose members a projection gives all of (`~type("city")`); None where it gives no kind.
        backwards: whether a relation is followed backwards from a set of some kinds; `inverse` as it is marked.
    """

    relations: Mapping[str, RelationEntry]
    named: Callable[[Entity], Kinds]
    whole: Callable[[Project], int | None] = lambda _: None
    backwards: Callable[[Project | Every, Kinds], bool] = lambda node, _: node.inverse

    def of(self, query: Query, it: Kinds = UNKNOWN) -> Kinds:
        """The kinds of a set; `it` are those of the member that a measure is about."""
        match query:
            case Entity():
                return self.named(query)
            case It():
                return it
            case Project() | Every():
                if isinstance(query, Project) and (kind := self.whole(query)) is not None:
                    return frozenset((kind,))
                back = self.backwards(query, self.of(query.source, it))
                return self.end(query, leads_to=back != isinstance(query, Project))
            case Intersect():
                known = [kinds for part in query.parts if (kinds := self.of(part, it))]
                return frozenset.intersection(*known) if known else UNKNOWN
            case Union():
                parts = [self.of(part, it) for part in query.parts]
                return frozenset().union(*parts) if all(parts) else UNKNOWN
            case Compare() | Top() | NameStarts():
                return self.of(query.source, it)
        return UNKNOWN

    def end(self, node: Project | Every, leads_to: bool) -> Kinds:
        """The kinds of what a relation leads to, or of what it leads from."""
        entry = self.relations.get(node.relation)
        if entry is None:
            return UNKNOWN
        kinds = entry.end if leads_to else entry.start
        return UNKNOWN if isinstance(kinds, str) else frozenset(kinds)
