"""Gathering a graph from rows that mix links between entities with typed values.

Every source that may hold both goes through here (files of triples, JSON lines, RDF, Python objects), so that what
cannot stand in one graph is refused by the same rules, each source saying in its own words where.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kg_data.columns import GraphColumns
from kg_data.errors import DataError
from kg_data.loaders.triples import Names, as_triples, fold_twins
from kg_data.values import WAY_OUT, Value, ValueConflict, ValueTable


class Facts:
    """Links and values gathered row by row, 12 bytes a link and 20 a value.

    Args:
        names: how entities and relations are told apart: `Names`, or `SpelledNames` where blanks around them mean
            nothing.

    Attributes:
        entities, relations: the names met so far.
    """

    def __init__(self, names: Callable[[], Names] = Names) -> None:
        self.entities, self.relations = names(), names()
        self._flat = array("i")
        self._first_links: list[int] = []
        self._values = ValueTable()

    def __len__(self) -> int:
        """Rows so far."""
        return len(self._flat) // 3 + len(self._values)

    def link(self, head: str, relation: str, tail: str, row: int) -> None:
        """Note that a relation leads from head to tail."""
        number = self.relations[relation]
        if number == len(self._first_links):
            self._first_links.append(row)
        entities = self.entities
        self._flat.extend((entities[head], number, entities[tail]))

    def value(self, head: str, relation: str, value: Value, row: int) -> None:
        """Note that a head has a value under a relation.

        Raises:
            ValueConflict: the relation has values of another kind.
        """
        self._values.add(relation, self.entities[head], value, row)

    def value_relations(self) -> list[str]:
        """The relations that have values, in the order in which they came."""
        return list(self._values.first_rows())

    def columns(
        self,
        name: str,
        source: str = "",
        entity_labels: Sequence[str] | None = None,
        relation_names: Sequence[str] | None = None,
        relation_labels: Sequence[str] | None = None,
        value_names: Mapping[str, str] | None = None,
        aliases: Sequence[tuple[int, str]] = (),
        types: Sequence[tuple[int, str]] = (),
        units: Mapping[str, str] | None = None,
    ) -> GraphColumns:
        """The graph, all of it the split "graph", with inverse twins folded.

        Args:
            name: name of the graph.
            source: where it comes from, one line.
            entity_labels, relation_labels: display names by index; the ids where they are not given.
            relation_names: names that inverse twins are told by and relations can be asked for by, unique; the ids
                where they are not given.
            value_names: display names of relations with values, where they differ from the ids.
            aliases, types: as in `GraphColumns`.
            units: units of relations with values.

        Raises:
            ValueConflict: an entity has two values under one relation, or a relation has entities and values as tails.
        """
        self._refuse_mixed_tails()
        ids = self.relations.ids
        folded = fold_twins(ids, relation_names or ids, relation_labels or ids, {"graph": as_triples(self._flat)})
        return GraphColumns(
            name=name,
            entity_ids=self.entities.ids,
            entity_labels=self.entities.ids if entity_labels is None else entity_labels,
            relation_ids=folded.ids,
            relation_labels=folded.labels,
            splits=folded.splits,
            relation_aliases=folded.aliases,
            aliases=aliases,
            types=types,
            literals=self._values.columns(entity_labels or self.entities.ids, value_names or {}, units or {}),
            source=source,
        )

    def _refuse_mixed_tails(self) -> None:
        for relation, first in self._values.first_rows().items():
            if relation in self.relations:
                link = self._first_links[self.relations[relation]]
                raise _mixed_tails(relation, link, first)


class CheckedFacts(Facts):
    """Facts that refuse a row at once where it does not fit those before it, so that it alone can be left out."""

    def __init__(self, names: Callable[[], Names] = Names) -> None:
        super().__init__(names)
        self._given: dict[tuple[str, str], tuple[int, Value]] = {}

    def link(self, head: str, relation: str, tail: str, row: int) -> None:
        """Note that a relation leads from head to tail.

        Raises:
            ValueConflict: the relation has values.
        """
        if (first := self._values.first_row(relation)) is not None:
            raise _mixed_tails(relation, row, first)
        super().link(head, relation, tail, row)

    def value(self, head: str, relation: str, value: Value, row: int) -> None:
        """Note that a head has a value under a relation.

        Raises:
            ValueConflict: the relation leads to entities or has values of another kind, or the head has another value.
        """
        if relation in self.relations:
            raise _mixed_tails(relation, self._first_links[self.relations[relation]], row)
        first, given = self._given.get((relation, head), (row, value))
        if given.number != value.number:
            raise ValueConflict(row, first, f'one value of "{relation}" for "{head}"', str(given), str(value))
        super().value(head, relation, value, row)
        self._given.setdefault((relation, head), (row, value))


def _mixed_tails(relation: str, link: int, value: int) -> ValueConflict:
    """The conflict of a row whose tail is an entity and one whose tail is a value; the later one is refused."""
    expected = f'entities or values as tails of "{relation}" and not both'
    if link < value:
        return ValueConflict(value, link, expected, "an entity", "a value")
    return ValueConflict(link, value, expected, "a value", "an entity")


def conflicting_rows(
    path: Path, conflict: ValueConflict, line_of: Callable[[int], int] = int, way_out: str = WAY_OUT
) -> DataError:
    """The error for two rows of a file that disagree; `line_of` tells a row's line where rows are no lines."""
    expected = f"{conflict.expected} (line {line_of(conflict.other)} has {conflict.other_has})"
    return DataError(path, expected, line=line_of(conflict.row), found=conflict.found, hint=way_out)
