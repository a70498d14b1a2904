"""The relations of a graph and their names, while they are being changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from kg_data.loaders.triples import TWIN_SUFFIXES
from reasoning.errors import UnknownRelationError
from reasoning.graph.changing.change import Wanted
from reasoning.graph.names import nearest_texts
from reasoning.graph.relations import Relation, RelationTable

NEAREST = 3
"""Relations named in an error where one is not there."""


class RelationDraft:
    """Relations that are being changed.

    Args:
        before: the relations so far.
        graph_name: the graph's, for errors.
        note: is given what may not have been meant, in a sentence.
    """

    def __init__(self, before: RelationTable, graph_name: str, note: Callable[[str], object]) -> None:
        self._table, self._graph_name, self._note = before, graph_name, note

    def known(self, name: str) -> Relation | None:
        """The relation with exactly this name, else the one whose twin it names; None where there is neither.

        Raises:
            UnknownRelationError: several relations have it as their label.
        """
        found = self._table.spelled(name)
        if len(found) > 1:
            raise UnknownRelationError(name, [self._table.identifier(at) for at in found], self._graph_name)
        return found[0] if found else self._twin(name)

    def there(self, name: str) -> Relation:
        """The relation that a name means, as `known`.

        Raises:
            UnknownRelationError: there is none, or several have the name.
        """
        relation = self.known(name)
        if relation is None:
            names = self._table.names
            raise UnknownRelationError(name, nearest_texts(name, names) or names[:NEAREST], self._graph_name)
        return relation

    def add(self, name: str, of_values: bool, wanted: Iterable[Wanted]) -> Relation:
        """A new relation of a name that none is known by.

        Args:
            name: its id and its label; where other facts have it without the suffix of a twin, the inverse of that one.
            of_values: whether it has values.
            wanted: the facts that come with it.
        """
        stem = None if of_values else self._stem(name, wanted)
        if stem is not None:
            relation = self.add(stem, of_values, wanted)
            return self._twin(name) or relation
        table = self._table
        if alike := table.named(name):
            self._note(f'"{name}" is a new relation beside "{table.label(alike[0])}", which is found by it too')
        if of_values:
            self._table = replace(table, value_ids=(*table.value_ids, name), value_labels=(*table.value_labels, name))
            return Relation("values", len(table.value_ids))
        self._table = replace(table, ids=(*table.ids, name), labels=(*table.labels, name))
        return Relation("edges", len(table.ids))

    def done(self) -> RelationTable:
        """The relations now."""
        return self._table

    def _twin(self, name: str) -> Relation | None:
        """The relation that a name with or without the suffix of a twin is the inverse of."""
        stems = [name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)]
        for other in (*stems, *(name + suffix for suffix in TWIN_SUFFIXES)):
            found = self._table.spelled(other)
            if len(found) == 1 and found[0].kind == "edges":
                relation = Relation("edges", found[0].index, not found[0].inverse)
                aliases = self._table.aliases | {name: (relation.index, relation.inverse)}
                self._table = replace(self._table, aliases=aliases)
                return relation
        return None

    def _stem(self, name: str, wanted: Iterable[Wanted]) -> str | None:
        """The name without the suffix of a twin, where there is no such relation and facts come under it."""
        stems = {name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)}
        stems = {stem for stem in stems if not self._table.spelled(stem)}
        edges = (fact.relation for fact in wanted if stems and isinstance(fact.tail, str))
        return next((relation for relation in edges if relation in stems), None)
