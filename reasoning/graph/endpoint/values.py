"""The values of one relation of a graph on a server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import LiteralColumn, ValueKind
from kg_data.loaders.rdf import literal_value
from reasoning.graph.endpoint.client import SparqlClient, Term
from reasoning.graph.endpoint.entities import EndpointEntities
from reasoning.graph.endpoint.survey import SurveyedRelation
from reasoning.graph.endpoint.terms import id_batches, iri_text, values_text
from reasoning.graph.index import Ids


class EndpointColumn:
    """The values of a relation; see `reasoning.graph.values.ValueColumn`.

    A column holds one value an entity. Where the graph has several the least is read, and what is no value of the
    column's kind is no value here.

    Args:
        client: asks the server.
        surveyed: the relation.
        predicate: its IRI.
        entities: numbers what is met.
    """

    def __init__(
        self, client: SparqlClient, surveyed: SurveyedRelation, predicate: str, entities: EndpointEntities
    ) -> None:
        assert surveyed.kind is not None
        self._client, self._surveyed, self._predicate, self._entities = client, surveyed, predicate, entities
        self.kind: ValueKind = surveyed.kind

    @property
    def relation(self) -> str:
        """The relation's name."""
        return self._surveyed.label

    @property
    def identifier(self) -> str:
        """The relation's id."""
        return self._surveyed.id

    @property
    def unit(self) -> str:
        """The unit in words, "" where none is said."""
        return self._surveyed.unit

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays: none."""
        return 0

    def __len__(self) -> int:
        return self._surveyed.count

    @property
    def entities(self) -> Ids:
        """The entities that have a value, as `whole` has them."""
        return self.whole.entities

    @property
    def values(self) -> NDArray[np.float64]:
        """Their values, as `whole` has them."""
        return self.whole.values

    @cached_property
    def whole(self) -> LiteralColumn:
        """The column as arrays, fetched at once.

        Raises:
            EndpointError: its values are more than the server is asked for.
        """
        entities, values = _columns(self._fetch(""))
        return LiteralColumn(self.relation, self.kind, entities, values, self.unit, self.identifier)

    def some(self, most: int) -> tuple[Ids, NDArray[np.float64]]:
        """At most so many entities with their values, sorted by entity."""
        return _columns(self._fetch("", most))

    def read(self, members: Ids) -> tuple[Ids, NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""
        found: dict[int, float] = {}
        for some in id_batches(members):
            found |= self._fetch(values_text("?entity", self._entities.iris(some)))
        return _columns(found)

    def number(self, term: Term) -> float | None:
        """What a literal stands for in this column; None where it is no value of its kind."""
        if term.kind != "literal":
            return None
        try:
            value = literal_value(term.datatype, term.value)
        except ValueError:
            return None
        if value is None or not (value.kind == self.kind or {value.kind, self.kind} <= {"integer", "decimal"}):
            return None
        return value.number

    def _fetch(self, given: str, most: int | None = None) -> Mapping[int, float]:
        query = (
            f"SELECT ?entity ?value WHERE {{ {given} ?entity {iri_text(self._predicate)} ?value . "
            f"FILTER(ISIRI(?entity)) }} LIMIT {most or self._client.limits.rows + 1}"
        )
        iris, numbers = [], []
        for node, term in self._client.select(query, "entity", "value"):
            if node is not None and term is not None and (number := self.number(term)) is not None:
                iris.append(node.value)
                numbers.append(number)
        found: dict[int, float] = {}
        for entity, number in zip(self._entities.meet(iris).tolist(), numbers, strict=True):
            found[entity] = min(number, found.get(entity, number))
        return found


def _columns(found: Mapping[int, float]) -> tuple[Ids, NDArray[np.float64]]:
    """Entities, sorted, and their values."""
    entities = sorted(found)
    values = np.array([found[entity] for entity in entities], dtype=np.float64)
    return np.array(entities, dtype=np.int32), values
