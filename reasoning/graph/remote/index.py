"""Edges and values of a graph on an endpoint, fetched by the step that needs them."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import DESCRIBING, RDF_TYPE, LiteralColumn
from kg_data.loaders.rdf import literal_value
from reasoning.errors import EndpointError
from reasoning.graph.content import ComputedColumn
from reasoning.graph.index import EdgeIndex, Ids, TripleIndex
from reasoning.graph.remote.client import SparqlClient, Term
from reasoning.graph.remote.names import EndpointEntities
from reasoning.graph.remote.profile import EndpointProfile, ProfiledRelation
from reasoning.graph.remote.terms import id_batches, iri_text, values_text


class EndpointColumn(ComputedColumn):
    """The values of a relation of a graph on a server.

    A column holds one value an entity. Where the graph has several the least is read, and what is no value of the
    column's kind is no value here.
    """

    def __init__(
        self, client: SparqlClient, surveyed: ProfiledRelation, predicate: str, entities: EndpointEntities
    ) -> None:
        assert surveyed.kind is not None
        self._client, self._predicate, self._entities, self._count = client, predicate, entities, surveyed.count
        self.relation, self.identifier = surveyed.label, surveyed.id
        self.kind, self.unit = surveyed.kind, surveyed.unit

    def __len__(self) -> int:
        return self._count

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


MOST_AROUND = 2000
"""Edges of one entity, of each direction, that are looked at."""
BOUND = 1 << 29
"""Every position is below it: so many edges no one meets."""

Triple = tuple[int, int, int]


class EndpointIndex(EdgeIndex):
    """The edges of a graph on a server; what is met is numbered by `entities`."""

    def __init__(self, client: SparqlClient, survey: EndpointProfile, entities: EndpointEntities) -> None:
        self._client, self._survey, self._entities = client, survey, entities
        self._predicates = [survey.form.relation(relation.id) for relation in survey.relations]
        self._relations = {iri: at for at, iri in enumerate(self._predicates)}
        self._met: list[Triple] = []
        self._positions: dict[Triple, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(relation.count for relation in self._survey.relations)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays: none."""
        return 0

    @property
    def bound(self) -> int:
        """Every position is below it."""
        return BOUND

    @property
    def whole(self) -> TripleIndex:
        """Refused: the edges stay on the server."""
        raise EndpointError(
            f"all triples would have to be fetched from {self._client.address}, and the graph stays on its server: "
            "load a file of it to mine rules, fit predictors or sample queries",
            too_much=True,
        )

    def counts(self) -> NDArray[np.int64]:
        """How many edges each relation has, in what was counted, shape (r,)."""
        return np.array([relation.count for relation in self._survey.relations], dtype=np.int64)

    def ends(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted.

        Raises:
            EndpointError: they are more than the server is asked for.
        """
        where = self._edge(relation, inverse)
        query = f"SELECT DISTINCT ?source WHERE {{ {where} }}{self._limit}"
        rows = self._client.select(query, "source")
        return np.unique(self._entities.meet([term.value for (term,) in rows if term is not None]))

    def block(self, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """All edges of a relation as (sources, targets), sorted by source, then target.

        Raises:
            EndpointError: they are more than the server is asked for.
        """
        return self._pairs(f"SELECT ?source ?target WHERE {{ {self._edge(relation, inverse)} }}{self._limit}")

    def some(self, relation: int, inverse: bool, most: int) -> tuple[Ids, Ids]:
        """At most so many edges of a relation, as `block` gives all."""
        return self._pairs(f"SELECT ?source ?target WHERE {{ {self._edge(relation, inverse)} }} LIMIT {most}")

    def edges(self, sources: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` that leave `sources` (sorted, unique): (sources, targets), each of shape (m,)."""
        where = self._edge(relation, inverse)
        return self._together([
            self._pairs(f"SELECT ?source ?target WHERE {{ {self._given('?source', some)} {where} }}{self._limit}")
            for some in id_batches(sources)
        ])  # fmt: skip

    def between(self, sources: Ids, targets: Ids, relation: int, inverse: bool) -> tuple[Ids, Ids]:
        """The edges of `relation` from `sources` to `targets`, both sorted and unique."""
        where = self._edge(relation, inverse)
        return self._together([
            self._pairs(
                f"SELECT ?source ?target WHERE {{ {self._given('?source', some)} {self._given('?target', others)} "
                f"{where} }}{self._limit}"
            )
            for some in id_batches(sources)
            for others in id_batches(targets)
        ])  # fmt: skip

    def project(self, sources: Ids, relation: int, inverse: bool) -> Ids:
        """Everything one step of `relation` from `sources` (sorted, unique); sorted, unique, shape (m,)."""
        where = self._edge(relation, inverse)
        found = [np.zeros(0, dtype=np.int32)]
        for some in id_batches(sources):
            given = self._given("?source", some)
            rows = self._client.select(f"SELECT DISTINCT ?target WHERE {{ {given} {where} }}{self._limit}", "target")
            found.append(self._entities.meet([term.value for (term,) in rows if term is not None]))
        return np.unique(np.concatenate(found))

    def degrees(self, entities: Ids) -> NDArray[np.int64]:
        """How many edges leave or enter each of some entities, shape as `entities`."""
        found: dict[int, int] = {}
        for some in id_batches(np.unique(entities)):
            given = self._given("?entity", some)
            sides = f"{{ ?entity ?p ?other }} UNION {{ ?other ?p ?entity }} {self._among_relations}"
            query = f"SELECT ?entity (COUNT(*) AS ?n) WHERE {{ {given} {sides} }} GROUP BY ?entity"
            for node, count in self._client.select(query, "entity", "n"):
                if node is not None and count is not None:
                    found[int(self._entities.meet([node.value])[0])] = self._client.whole_number(count, query)
        return np.array([found.get(entity, 0) for entity in entities.tolist()], dtype=np.int64)

    def around(self, entity: int, incoming: bool) -> Ids:
        """Positions of edges that leave (or enter) one entity, at most `MOST_AROUND`."""
        (node,) = self._entities.iris(np.array([entity], dtype=np.int32))
        line = f"?other ?p {node}" if incoming else f"{node} ?p ?other"
        # In an order, so that the same ones come every time and of every engine.
        some = f"ORDER BY ?p ?other LIMIT {MOST_AROUND}"
        query = f"SELECT ?p ?other WHERE {{ {line} {self._among_relations} }} {some}"
        found = [
            (self._relations[predicate.value], other.value)
            for predicate, other in self._client.select(query, "p", "other")
            if predicate is not None and other is not None and predicate.value in self._relations
        ]
        others = self._entities.meet([iri for _, iri in found]).tolist()
        triples = sorted(
            {
                (other, relation, entity) if incoming else (entity, relation, other)
                for (relation, _), other in zip(found, others, strict=True)
            },
            key=lambda triple: (triple[1], triple[0], triple[2]),
        )
        with self._lock:
            return np.array([self._position(triple) for triple in triples], dtype=np.int32)

    def triples(self, positions: Ids) -> Ids:
        """Triples at `positions`, shape (m, 3), columns head, relation, tail."""
        return np.array([self._met[at] for at in positions.tolist()], dtype=np.int32).reshape(-1, 3)

    def drawn(self, count: int, rng: random.Random) -> Ids:
        """Triples drawn from the first edges of relations, these by how many they have: a fair draw would take all."""
        counts = self.counts().tolist()
        drawn: list[Triple] = []
        while len(drawn) < count and sum(counts):
            (relation,) = rng.choices(range(len(counts)), counts)
            heads, tails = self.some(relation, False, MOST_AROUND)
            if not len(heads):
                counts[relation] = (
                    0  # all that it leads from or to are blank nodes, which are counted and are no entities
                )
                continue
            at = rng.randrange(len(heads))
            drawn.append((int(heads[at]), relation, int(tails[at])))
        return np.array(drawn, dtype=np.int32).reshape(-1, 3)

    def _position(self, triple: Triple) -> int:
        place = self._positions.get(triple)
        if place is None:
            place = self._positions[triple] = len(self._met)
            self._met.append(triple)
        return place

    def _edge(self, relation: int, inverse: bool) -> str:
        start, end = ("?target", "?source") if inverse else ("?source", "?target")
        return f"{start} {iri_text(self._predicates[relation])} {end} . FILTER(ISIRI(?source) && ISIRI(?target))"

    def _given(self, variable: str, entities: Ids) -> str:
        return values_text(variable, self._entities.iris(entities))

    @property
    def _limit(self) -> str:
        return f" LIMIT {self._client.limits.rows + 1}"

    @property
    def _among_relations(self) -> str:
        """A filter that leaves the predicates that are no relations out, and objects that are no entities."""
        marked = self._survey.marked
        none = ", ".join(map(iri_text, (*DESCRIBING, *self._survey.labels, *([RDF_TYPE] if marked else []))))
        return f"FILTER(?p NOT IN ({none}) && ISIRI(?other))"

    def _pairs(self, query: str) -> tuple[Ids, Ids]:
        rows = [
            (source.value, target.value)
            for source, target in self._client.select(query, "source", "target")
            if source is not None and target is not None
        ]
        met = self._entities.meet([iri for row in rows for iri in row]).reshape(-1, 2)
        return _sorted(met)

    @staticmethod
    def _together(parts: Sequence[tuple[Ids, Ids]]) -> tuple[Ids, Ids]:
        if len(parts) == 1:
            return parts[0]
        none = np.zeros((0, 2), dtype=np.int32)
        return _sorted(np.concatenate([none, *(np.column_stack(part) for part in parts)]))


def _sorted(pairs: Ids) -> tuple[Ids, Ids]:
    """Pairs (n, 2) as two columns, sorted, without duplicates."""
    unique = np.unique(pairs, axis=0) if len(pairs) else pairs
    return np.ascontiguousarray(unique[:, 0]), np.ascontiguousarray(unique[:, 1])


@dataclass(frozen=True, eq=False)
class Server:
    """What asks the server of one graph.

    Attributes:
        client: asks it.
        survey: what the graph is like.
        entities: numbers what is met.
        index: its edges.
        taken: when the survey was taken, in seconds since 1970.
    """

    client: SparqlClient
    survey: EndpointProfile
    entities: EndpointEntities
    index: EndpointIndex
    taken: float

    @property
    def digest(self) -> str:
        """A hex digest of the address and of what the graph is like: whether two runs asked the same."""
        return hashlib.sha256(repr((self.client.address.url, self.survey)).encode()).hexdigest()
