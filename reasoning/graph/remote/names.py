"""Entities and names of a graph on an endpoint, fetched when first needed."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar
from urllib.parse import quote

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from kg_data.columns import RDF_TYPE, SKOS_ALT_LABEL, entity_id, entity_iri, type_name
from kg_data.loaders.rdf import language_rank, local_name
from reasoning.errors import EndpointError
from reasoning.graph.content import StoredEntities
from reasoning.graph.index import Ids
from reasoning.graph.names import LONGEST, SHORTEST, Match, StoredKeys, fold
from reasoning.graph.remote.client import KEPT_SECONDS, MOST_KEPT, Kept, SparqlClient
from reasoning.graph.remote.profile import EndpointProfile
from reasoning.graph.remote.terms import (
    BATCH,
    MOST_LISTED,
    batches,
    iri_text,
    listed_rows,
    search_pattern,
    string_text,
    values_text,
)

Found = TypeVar("Found")


class EndpointEntities:
    """The entities met so far.

    Args:
        client: asks the server.
        survey: what the graph is like.
        ids, labels: of all entities, where they are known beforehand, numbered in this order.

    Attributes:
        ids: of each entity met.
        labels: of each: one in English before one without a language before others, else the IRI's end.
    """

    def __init__(
        self, client: SparqlClient, survey: EndpointProfile, ids: Iterable[str] = (), labels: Iterable[str] = ()
    ) -> None:
        self._client, self._survey = client, survey
        self._ids = list(ids)
        self.ids: Sequence[str] = self._ids
        self._held = len(self._ids)
        self._places = {identifier: at for at, identifier in enumerate(self._ids)}
        self._own = survey.form.own
        self._lock = threading.Lock()
        known = dict(enumerate(labels))
        uses = Counter(known.values())
        self.labels = EndpointLabels(self._ids, _Fetched(self._fetch_labels, self._ids, known))
        shared = {entity: uses[label] > 1 for entity, label in known.items()}
        self._shared = _Fetched(self._fetch_shared, self._ids, shared)
        self._types = _Fetched(self._fetch_types, self._ids)
        self._present: Ids | None = None

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
    """Labels by entity, looked up when they are asked for."""

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


MOST_HITS = 200
"""Entities that one lookup or search gives."""
SCANNED = 2_000_000
"""Triples up to which all names are looked through where the engine has no full-text search."""
_WORD = re.compile(r"\w+")

log = logging.getLogger(__name__)


class LookedUpNames:
    """Names that stay on the server."""

    def __init__(self, client: SparqlClient, survey: EndpointProfile, entities: EndpointEntities) -> None:
        self._client, self._survey, self._entities = client, survey, entities
        self._called: Kept[str, list[int]] = Kept(KEPT_SECONDS, MOST_KEPT, lambda found: 1 + len(found))
        self._searches = bool(survey.search) or sum(one.count for one in survey.relations) <= SCANNED

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays: none."""
        return 0

    @property
    def whole(self) -> StoredKeys:
        """Refused: the names stay on the server."""
        raise self._stays()

    def with_key(self, key: str) -> list[int]:
        """Entities under a folded key, as far as a usual spelling of it is their name."""
        return self.called(key)

    def called(self, text: str) -> list[int]:
        """Entities with a name that is a text but for case, accents and marks, as far as lookups tell."""
        return self._looked_up([text])[text]

    def expect(self, texts: Sequence[str]) -> None:
        """Look up several texts by few queries, since they are about to be asked for."""
        self._looked_up(texts)

    def _looked_up(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """What `called` gives for each of some texts."""
        known = {text: kept for text in texts if (kept := self._called.get(text)) is not None}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        for some in batches(new, 40):
            found: dict[str, list[int]] = {fold(text): [] for text in some}
            for entity, name in self._spelled([form for text in some for form in _spellings(text)]):
                if entity not in found.setdefault(fold(name), []):
                    found[fold(name)].append(entity)
            for text in some:
                known[text] = sorted(found[fold(text)])
                self._called.keep(text, known[text])
        return known

    def beginning(self, key: str, most: int) -> list[int]:
        """The entity of each of the first `most` names found that begin with a folded key."""
        names = self._searched(key)
        return [entity for entity, name in names if fold(name).startswith(key)][:most]

    def with_disambiguator(self, key: str) -> list[int]:
        """Entities whose label is of a folded key with brackets behind."""
        names = self._searched(key)
        found = (entity for entity, name in names if name.endswith(")") and fold(name.rpartition(" (")[0]) == key)
        return list(dict.fromkeys(found))

    def holding(self, key: str) -> list[int]:
        """Entities whose label has a folded key in it as whole words."""
        names = self._searched(key)
        return list(dict.fromkeys(entity for entity, name in names if f" {key} " in f" {fold(name)} "))

    def longer_by(self, key: str, endings: Sequence[str]) -> list[int]:
        """Entities whose label is a folded key with one of some endings."""
        called = self._looked_up([key + ending for ending in endings])
        return list(dict.fromkeys(entity for ending in endings for entity in called[key + ending]))

    def spelling(self, text: str, most: int) -> list[int]:
        """The entities whose names have a text in them, as it is spelled, at most so many."""
        return [entity for entity, name in self._searched(text) if text in name][:most]

    def match(self, name: str) -> Match | None:
        """Read a name: exact label, exact id, folded name, close spelling, in this order; None where nothing fits."""
        fitting = self.called(name)
        labels = self._entities.labels
        if same := [entity for entity in fitting if labels[entity] == name]:
            return Match(tuple(same))
        if (entity := self._entities.find(name)) is not None:
            return Match((entity,))
        if fitting:
            labelled = [entity for entity in fitting if fold(labels[entity]) == fold(name)]
            return Match(tuple(labelled or fitting))
        found = self.respelled(name)
        return Match((found[0],), corrected_to=labels[found[0]]) if len(found) == 1 else None

    def respelled(self, name: str) -> list[int]:
        """Entities found whose names are a slip away, or two if long, as few as any."""
        key = fold(name)
        if len(name) > LONGEST or len(key) < SHORTEST:
            return []
        slips = 1 if len(key) < 2 * SHORTEST else 2
        near = [(OSA.distance(key, fold(other)), entity) for entity, other in self._searched(key)]
        best = min((distance for distance, _ in near), default=slips + 1)
        return sorted({entity for distance, entity in near if distance == best <= slips})

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Labels of the entities found whose names are most like `name`, best first."""
        names = {fold(other): entity for entity, other in reversed(self._searched(name))}
        hits = process.extract(fold(name)[:LONGEST], list(names), scorer=fuzz.ratio, limit=count, score_cutoff=50.0)
        return [self._entities.labels[names[key]] for key, _, _ in hits]

    def aliases(self) -> dict[int, list[str]]:
        """Refused: the names stay on the server."""
        raise self._stays()

    def _stays(self) -> EndpointError:
        return EndpointError(
            f"all names would have to be fetched from {self._client.address}, and the graph stays on its server",
            too_much=True,
        )

    def _spelled(self, texts: Sequence[str]) -> list[tuple[int, str]]:
        """(entity, name) of what is called exactly one of some texts, in any language that names here are in."""
        found: list[tuple[str, str]] = []
        if self._survey.labels:
            tags = dict.fromkeys(("", *self._survey.tags))
            literals = [string_text(text, tag) for text in texts for tag in tags]
            by = "|".join(map(iri_text, (*self._survey.labels, SKOS_ALT_LABEL)))
            rows = self._client.select(
                f"SELECT DISTINCT ?entity ?label WHERE {{ {values_text('?label', literals)} ?entity {by} ?label . "
                f"FILTER(ISIRI(?entity)) }} LIMIT {MOST_HITS * len(texts)}",
                "entity",
                "label",
            )
            found = [(node.value, label.value) for node, label in rows if node is not None and label is not None]
        found += self._ending(texts)
        entities = self._entities.meet([iri for iri, _ in found]).tolist()
        return [
            (entity, name) for entity, (iri, name) in zip(entities, found, strict=True) if not self._is_relation(iri)
        ]

    def _ending(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """(IRI, name) of what ends in a text behind one of the usual beginnings and has no name, if it is there."""
        own = {
            start + quote(text.replace(" ", blank), safe="%:!$&'()*+,;=@~"): text
            for start in self._survey.namespaces
            for text in texts
            for blank in ("_", "%20")
        }
        found: list[tuple[str, str]] = []
        for some in batches(list(own)):
            given = values_text("?entity", map(iri_text, some))
            there = "{ ?entity ?p ?o } UNION { ?o ?p ?entity }"
            rows = self._client.select(f"SELECT DISTINCT ?entity WHERE {{ {given} {there} }}", "entity")
            found += [(node.value, own[node.value]) for (node,) in rows if node is not None and node.value in own]
        return found

    def _searched(self, text: str) -> list[tuple[int, str]]:
        """(entity, name) of what has the words of a text in its name, some of them; [] where that takes too long."""
        words = _WORD.findall(text)[:6]
        if not words or not self._searches or not self._survey.labels:
            return []
        found: list[tuple[str, str]] = []
        for predicate in self._survey.labels:
            pattern = search_pattern(self._survey.search, predicate, "?entity", "?label", words, MOST_HITS)
            query = f"SELECT DISTINCT ?entity ?label WHERE {{ {pattern} }} LIMIT {MOST_HITS}"
            try:
                rows = self._client.select(query, "entity", "label")
            except EndpointError as error:
                if not error.too_much:
                    raise
                log.warning("%s; names are not searched any more, only looked up as they are spelled", error)
                self._searches = False
                return []
            found += [
                (node.value, label.value)
                for node, label in rows
                if node is not None and label is not None and node.kind == "iri"
            ]
        entities = self._entities.meet([iri for iri, _ in found]).tolist()
        return [
            (entity, name) for entity, (iri, name) in zip(entities, found, strict=True) if not self._is_relation(iri)
        ]

    def _is_relation(self, iri: str) -> bool:
        form = self._survey.form
        return any(iri == form.relation(one.id) for one in (*self._survey.relations, *self._survey.values))


def _spellings(text: str) -> list[str]:
    """How a name may be written that somebody typed, or that is left of one without case."""
    words = text.split(" ")
    forms = (text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:])
    small = " ".join(word if word in ("of", "the", "and", "in", "de", "la") else word.capitalize() for word in words)
    return list(dict.fromkeys((*forms, small)))
