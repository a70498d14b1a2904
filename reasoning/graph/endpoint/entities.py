"""The entities of a graph on a server, numbered as they are met; their labels and types are looked up when shown.

A number is given once and stays, so that everything that counts on numbers works as on any graph. Labels come many at a
time: whoever asks for one will soon ask for those that were met with it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

import numpy as np

from kg_data.iris import RDF_TYPE, entity_id, entity_iri, type_name
from kg_data.loaders.rdf import language_rank, local_name
from reasoning.errors import EndpointError
from reasoning.graph.endpoint.client import SparqlClient
from reasoning.graph.endpoint.listing import MOST_LISTED, listed_rows
from reasoning.graph.endpoint.survey import Survey
from reasoning.graph.endpoint.terms import BATCH, iri_text, values_text
from reasoning.graph.entities import StoredEntities
from reasoning.graph.index import Ids

Found = TypeVar("Found")


class EndpointEntities:
    """The entities met so far; see `reasoning.graph.entities.EntityTable`.

    Args:
        client: asks the server.
        survey: what the graph is like.
        ids, labels: of all entities, where they are known beforehand, numbered in this order.
    """

    def __init__(
        self, client: SparqlClient, survey: Survey, ids: Iterable[str] = (), labels: Iterable[str] = ()
    ) -> None:
        self._client, self._survey = client, survey
        self._ids = list(ids)
        self._held = len(self._ids)
        self._places = {identifier: at for at, identifier in enumerate(self._ids)}
        self._own = survey.form.own
        self._lock = threading.Lock()
        known = dict(enumerate(labels))
        uses = Counter(known.values())
        self._labels = _Fetched(self._fetch_labels, self._ids, known)
        shared = {entity: uses[label] > 1 for entity, label in known.items()}
        self._shared = _Fetched(self._fetch_shared, self._ids, shared)
        self._types = _Fetched(self._fetch_types, self._ids)
        self._present: Ids | None = None

    @property
    def ids(self) -> Sequence[str]:
        """Id of each entity."""
        return self._ids

    @property
    def labels(self) -> EndpointLabels:
        """Label of each entity: one in English before one without a language before others, else the IRI's end."""
        return EndpointLabels(self._ids, self._labels)

    @property
    def type_names(self) -> tuple[str, ...]:
        """The types, the most frequent first."""
        return tuple(name for _, name, _ in self._survey.types)

    @property
    def type_pairs(self) -> Ids:
        """Refused: they stay on the server."""
        raise self._stays("the types of all entities")

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays: none."""
        return 0

    @property
    def whole(self) -> StoredEntities:
        """Refused: they stay on the server."""
        raise self._stays("all entities with their names")

    @property
    def present(self) -> Ids:
        """All entities of the graph, sorted by number.

        Raises:
            EndpointError: they are more than `MOST_LISTED`, or the server fails.
        """
        if self._present is None and self._held:
            self._present = np.arange(self._held, dtype=np.int32)
        if self._present is None:
            if (self._survey.entities or 0) > MOST_LISTED:
                raise self._stays(f"all {self._survey.entities:,} entities")
            self._present = np.sort(self.meet(self.listed()))
        return self._present

    def listed(self) -> list[str]:
        """The IRIs of all entities in a stable order: by their marks, else by the IRIs.

        Raises:
            EndpointError: they are more than `MOST_LISTED`, or the server fails.
        """
        form = self._survey.form
        lines = " ".join(form.everything("?entity", lambda word: f"?{word}", iri_text))
        shown = ("entity", "position") if form.marked else ("entity",)
        key = "position" if form.marked else "entity"
        found = listed_rows(self._client, shown, lines, key, self._survey.entities)
        if len(found) > MOST_LISTED:
            raise self._stays(f"more than {MOST_LISTED:,} entities")
        return [node.value for node, *_ in found if node is not None and node.kind == "iri"]

    def meet(self, iris: Sequence[str]) -> Ids:
        """The numbers of some IRIs, new ones where they were not met before; shape as `iris`."""
        with self._lock:
            return np.array([self._number(iri) for iri in iris], dtype=np.int32)

    def _number(self, iri: str) -> int:
        identifier = entity_id(iri)
        if identifier != iri and entity_iri(identifier) != iri:
            identifier = iri
        if identifier == iri and entity_iri(iri) != iri:
            self._own.add(iri)
        place = self._places.get(identifier)
        if place is None:
            place = self._places[identifier] = len(self._ids)
            self._ids.append(identifier)
        return place

    def iri(self, entity: int) -> str:
        """The IRI of an entity."""
        identifier = self._ids[entity]
        return identifier if identifier in self._own else entity_iri(identifier)

    def iris(self, entities: Ids) -> list[str]:
        """The IRIs of some entities, as SPARQL writes them."""
        return [iri_text(self.iri(entity)) for entity in entities.tolist()]

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id, which the server is asked for where it was not met; None for none."""
        if (place := self._places.get(identifier)) is not None:
            return place
        if self._held or not identifier or any(char <= " " for char in entity_iri(identifier)):
            return None
        iri = entity_iri(identifier)
        node = iri_text(iri)
        there = self._client.ask(f"ASK {{ {{ {node} ?p ?o }} UNION {{ ?s ?q {node} }} }}")
        return int(self.meet([iri])[0]) if there else None

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        return self._shared[entity]

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types."""
        return self._types[entity]

    # What the server says of some of them ---------------------------------------------------------------------------

    def _fetch_labels(self, entities: Sequence[int]) -> Mapping[int, str]:
        found = {entity: self._plain(entity) for entity in entities}
        form = self._survey.form
        if not form.labels:
            return found
        best: dict[int, tuple[int, int, str]] = {}
        given = values_text("?entity", self.iris(np.array(entities, dtype=np.int32)))
        branches = " UNION ".join(
            f"{{ ?entity {iri_text(iri)} ?label . BIND({place} AS ?by) }}" for place, iri in enumerate(form.labels)
        )
        query = f"SELECT ?entity ?label ?by WHERE {{ {given} {branches} }}"
        for node, label, by in self._client.select(query, "entity", "label", "by"):
            if node is None or label is None or by is None or not label.value.strip():
                continue
            rank = (language_rank(label.language), self._client.whole_number(by, query), label.value)
            entity = int(self.meet([node.value])[0])
            best[entity] = min(best.get(entity, rank), rank)
        return found | {entity: text for entity, (_, _, text) in best.items()}

    def _plain(self, entity: int) -> str:
        """What an entity without a label is called."""
        identifier = self._ids[entity]
        if identifier not in self._own and entity_iri(identifier) != identifier:
            return identifier
        return local_name(identifier).replace("_", " ")

    def _fetch_shared(self, entities: Sequence[int]) -> Mapping[int, bool]:
        found = dict.fromkeys(entities, False)
        for predicate in self._survey.form.labels[:1]:
            given = values_text("?entity", self.iris(np.array(entities, dtype=np.int32)))
            label = iri_text(predicate)
            others = f"?entity {label} ?label . ?other {label} ?label . FILTER(?other != ?entity)"
            rows = self._client.select(f"SELECT DISTINCT ?entity WHERE {{ {given} {others} }}", "entity")
            shared = self.meet([term.value for (term,) in rows if term is not None])
            found |= dict.fromkeys(shared.tolist(), True)
        return found

    def _fetch_types(self, entities: Sequence[int]) -> Mapping[int, list[str]]:
        found: dict[int, list[str]] = {entity: [] for entity in entities}
        names = {iri: name for iri, name, _ in self._survey.types}
        if not names:
            return found
        given = values_text("?entity", self.iris(np.array(entities, dtype=np.int32)))
        query = f"SELECT ?entity ?type WHERE {{ {given} ?entity {iri_text(RDF_TYPE)} ?type }}"
        for node, kind in self._client.select(query, "entity", "type"):
            if node is not None and kind is not None and kind.kind == "iri":
                entity = int(self.meet([node.value])[0])
                found.setdefault(entity, []).append(names.get(kind.value) or local_name(type_name(kind.value)))
        place = {name: at for at, (_, name, _) in enumerate(self._survey.types)}
        return {entity: sorted(kinds, key=lambda name: place.get(name, len(place))) for entity, kinds in found.items()}

    def _stays(self, what: str) -> EndpointError:
        return EndpointError(
            f"{what} would have to be fetched from {self._client.address}, and the graph stays on its server; "
            "method exact asks the server itself",
            too_much=True,
        )


class EndpointLabels:
    """Labels by entity, looked up when they are asked for; see `reasoning.graph.names.Labels`."""

    def __init__(self, ids: Sequence[str], labels: _Fetched[str]) -> None:
        self._ids, self._labels = ids, labels

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, index: int, /) -> str:
        if not 0 <= index < len(self._ids):
            raise IndexError(index)
        return self._labels[index]

    def holding(self, text: str, most: int) -> list[int]:
        """Those of the entities met whose labels are known, of the first `most` that have `text` in them."""
        known = ((entity, self._labels.known(entity)) for entity in range(len(self._ids)))
        return list(islice((entity for entity, label in known if label is not None and text in label), most))


class _Fetched(Generic[Found]):
    """Something of each entity that the server says, asked for many at a time and kept."""

    def __init__(
        self,
        fetch: Callable[[Sequence[int]], Mapping[int, Found]],
        ids: Sequence[str],
        known: dict[int, Found] | None = None,
    ) -> None:
        self._fetch, self._ids, self._known = fetch, ids, known or {}

    def known(self, entity: int) -> Found | None:
        """It, where it was fetched before."""
        return self._known.get(entity)

    def __getitem__(self, entity: int) -> Found:
        if entity not in self._known:
            last = min(len(self._ids), entity + 2 * BATCH)
            unknown = [at for at in range(entity, last) if at not in self._known][:BATCH]
            self._known.update(self._fetch(unknown))
        return self._known[entity]
