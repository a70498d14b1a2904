"""The relations of a graph, and what a name in a query means among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from reasoning.graph.names import fold


@dataclass(frozen=True)
class Relation:
    """A relation as a name in a query resolves to it.

    Attributes:
        kind: "edges" between entities, or "values" (a typed literal of each entity).
        index: position among the relations of its kind.
        inverse: whether the name meant the inverse (a folded `_reverse` twin).
    """

    kind: Literal["edges", "values"]
    index: int
    inverse: bool = False


@dataclass(frozen=True, eq=False)
class RelationTable:
    """Relations between entities, and those with values.

    Attributes:
        ids, labels: of the relations between entities, by index.
        value_ids, value_labels: of the relations with values, by index.
        aliases: further names to (index of a relation between entities, whether the name means its inverse).
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    value_ids: tuple[str, ...] = ()
    value_labels: tuple[str, ...] = ()
    aliases: dict[str, tuple[int, bool]] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """Labels of the relations between entities, then of those with values."""
        return [*self.labels, *self.value_labels]

    def label(self, relation: Relation) -> str:
        """The display name of a relation of either kind."""
        return (self.labels if relation.kind == "edges" else self.value_labels)[relation.index]

    def identifier(self, relation: Relation) -> str:
        """The id of a relation of either kind."""
        return (self.ids if relation.kind == "edges" else self.value_ids)[relation.index]

    def spelled(self, name: str) -> list[Relation]:
        """The relations that have exactly this id, else label, else further name."""
        return self._by_name.get(name, [])

    def named(self, name: str) -> list[Relation]:
        """The relations that a name means: as it is spelled, else without regard to case, accents and marks."""
        return self._by_name.get(name) or self._by_name.get("\0" + fold(name), [])

    def twin_id(self, relation: int) -> str | None:
        """The id that the source gives a relation's inverse twin, None where it stores none."""
        return self._twins.get(relation)

    @cached_property
    def _twins(self) -> dict[int, str]:
        return {index: name for name, (index, inverse) in reversed(self.aliases.items()) if inverse}

    @cached_property
    def _by_name(self) -> dict[str, list[Relation]]:
        table: dict[str, list[Relation]] = {}

        def offer(name: str, relation: Relation, taken: set[str]) -> None:
            if name not in taken and relation not in table.setdefault(name, []):
                table[name].append(relation)

        relations = [
            *(Relation("edges", i) for i in range(len(self.ids))),
            *(Relation("values", i) for i in range(len(self.value_ids))),
        ]
        named = list(zip((*self.ids, *self.value_ids), relations, strict=True))
        labelled = list(zip(self.names, relations, strict=True))
        aliases = [(name, Relation("edges", i, inverse)) for name, (i, inverse) in self.aliases.items()]
        # Ids win over labels, labels over aliases, exact forms over folded ones.
        for pairs in (named, labelled, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer(name, relation, taken)
        for pairs in (named, labelled, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer("\0" + fold(name), relation, taken)
        return table
