"""What every source of triples hands over: plain columns, no queries, no indexes.

Sources differ (labelled files, integer ids with inverse rows, packages of geography), the engine should not have to
know. Inverse twins are folded here: a source that stores `r` and `r_reverse` hands over `r` alone, with each
`(t, r_reverse, h)` turned into `(h, r, t)` and the twin's names kept in `relation_aliases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kg_data.errors import SkylarkError

ValueKind = Literal["integer", "decimal", "year", "date"]


@dataclass(frozen=True)
class LiteralColumn:
    """The values of one relation whose objects are numbers or dates.

    Attributes:
        relation: the relation's name, e.g. "population".
        kind: "integer", "decimal", "year", or "date" (days since 0001-01-01, `datetime.date.toordinal`).
        entities: indexes into `GraphColumns.entity_ids`, shape (n,), strictly increasing: one value an entity.
        values: float64, shape (n,).
        unit: the unit in words, "" where the number is a plain count.
        identifier: the relation's id in the source, e.g. an IRI; its name where it has no other.
    """

    relation: str
    kind: ValueKind
    entities: NDArray[np.int32]
    values: NDArray[np.float64]
    unit: str = ""
    identifier: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifier", self.identifier or self.relation)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.entities.nbytes + self.values.nbytes

    @property
    def whole(self) -> LiteralColumn:
        """Itself."""
        return self

    def __len__(self) -> int:
        return len(self.entities)

    def some(self, most: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Entities with their values, where not all are needed: all, since they are at hand."""
        return self.entities, self.values

    def read(self, members: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""
        at = np.searchsorted(self.entities, members)
        at[at == len(self)] = 0
        has = self.entities[at] == members if len(self) else np.zeros(len(members), dtype=bool)
        return members[has], np.asarray(self.values[at[has]])


@dataclass(frozen=True)
class LeftOut:
    """Broken lines of a file that were left out, as whoever loads it asked for.

    Attributes:
        lines: how many they are.
        first: the first of them, each with its line (from 1) and what is wrong: "line 3: expected ..., found ...".
    """

    lines: int
    first: tuple[str, ...]

    def __str__(self) -> str:
        more = "; and others" if self.lines > len(self.first) else ""
        count = "1 broken line was" if self.lines == 1 else f"{self.lines:,} broken lines were"
        return f"{count} left out: {'; '.join(self.first)}{more}"


@dataclass(frozen=True)
class GraphColumns:
    """A knowledge graph as columns.

    Attributes:
        name: short name of the graph, for display.
        entity_ids: unique ids, position = entity index.
        entity_labels: display name of each entity, the id where the source has none; may repeat.
        relation_ids: unique ids, position = relation index; no inverse twins.
        relation_labels: display name of each relation.
        splits: split name ("train", "valid", "test"; "graph" where there are no splits) to triples, int32 of shape
            (n, 3), columns head, relation, tail; no duplicates within a split.
        relation_aliases: further names of a relation to (relation index, is_inverse); holds the folded twins' ids and
            labels with is_inverse True.
        aliases: (entity index, other name) pairs.
        types: (entity index, type name) pairs.
        literals: columns of typed values.
        source: where the data comes from and under which licence, one line.
        left_out: broken lines that were left out; None where there are none.
        notes: what else whoever loads the graph should know of how its file was read, one sentence each.
        definitions: type name to a sentence that says what counts as a thing of that type, where the source says so.
    """

    name: str
    entity_ids: Sequence[str]
    entity_labels: Sequence[str]
    relation_ids: Sequence[str]
    relation_labels: Sequence[str]
    splits: Mapping[str, NDArray[np.int32]]
    relation_aliases: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    aliases: Sequence[tuple[int, str]] = ()
    types: Sequence[tuple[int, str]] = ()
    literals: Sequence[LiteralColumn] = ()
    source: str = ""
    left_out: LeftOut | None = None
    notes: Sequence[str] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.entity_ids) != len(self.entity_labels) or len(self.relation_ids) != len(self.relation_labels):
            raise SkylarkError(f"graph {self.name!r}: ids and labels must have the same length")
        for what, ids in (("entity", self.entity_ids), ("relation", self.relation_ids)):
            if len(set(ids)) != len(ids):
                raise SkylarkError(f"graph {self.name!r}: {what} ids must be unique")
        for split, triples in self.splits.items():
            if triples.dtype != np.int32 or triples.ndim != 2 or triples.shape[1] != 3:
                raise SkylarkError(
                    f"graph {self.name!r}, split {split!r}: expected int32 of shape (n, 3), "
                    f"found {triples.dtype} of shape {triples.shape}"
                )
            if len(triples) and (
                triples.min() < 0
                or max(triples[:, 0].max(), triples[:, 2].max()) >= len(self.entity_ids)
                or triples[:, 1].max() >= len(self.relation_ids)
            ):
                raise SkylarkError(f"graph {self.name!r}, split {split!r}: a triple points outside the id columns")
        for column in self.literals:
            if column.entities.shape != column.values.shape or (np.diff(column.entities) <= 0).any():
                raise SkylarkError(
                    f"graph {self.name!r}, values {column.relation!r}: expected one value an entity, in entity order"
                )
        beside = [entity for pairs in (self.aliases, self.types) for entity, _ in pairs]
        beside += [int(entity) for column in self.literals for entity in (*column.entities[:1], *column.entities[-1:])]
        if beside and not (min(beside) >= 0 and max(beside) < len(self.entity_ids)):
            raise SkylarkError(f"graph {self.name!r}: an alias, type or value points outside the id columns")
        if any(not 0 <= index < len(self.relation_ids) for index, _ in self.relation_aliases.values()):
            raise SkylarkError(f"graph {self.name!r}: a relation's alias points outside the id columns")
