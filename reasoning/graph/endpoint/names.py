"""Finding an entity of a graph on a server by the name that a person types.

The names of a graph that is not too large are fetched once and kept here, and then all is as on any graph. Those of a
larger one are looked up there, as they may be spelled: SPARQL has no search that passes over case and accents, so what
these lookups miss only an engine's full-text search finds. Where things have no names at all, the ends of their IRIs
are names.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from urllib.parse import quote

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from kg_data.iris import SKOS_ALT_LABEL
from reasoning.errors import EndpointError
from reasoning.graph.endpoint.client import KEPT_SECONDS, MOST_KEPT, SparqlClient
from reasoning.graph.endpoint.entities import EndpointEntities
from reasoning.graph.endpoint.kept import Kept
from reasoning.graph.endpoint.search import search_pattern
from reasoning.graph.endpoint.survey import Survey
from reasoning.graph.endpoint.terms import batches, iri_text, string_text, values_text
from reasoning.graph.names import LONGEST, SHORTEST, Match, StoredKeys, fold

MOST_HITS = 200
"""Entities that one lookup or search gives."""
SCANNED = 2_000_000
"""Triples up to which all names are looked through where the engine has no full-text search."""
_WORD = re.compile(r"\w+")

log = logging.getLogger(__name__)


class LookedUpNames:
    """Names that stay on the server; see `reasoning.graph.names.Names`.

    Args:
        client: asks the server.
        survey: what the graph is like.
        entities: numbers what is met.
    """

    def __init__(self, client: SparqlClient, survey: Survey, entities: EndpointEntities) -> None:
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

    def told_apart(self, key: str) -> list[int]:
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
        return iri in self._relation_iris

    @property
    def _relation_iris(self) -> frozenset[str]:
        form = self._survey.form
        return frozenset(form.relation(one.id) for one in (*self._survey.relations, *self._survey.values))


def _spellings(text: str) -> list[str]:
    """How a name may be written that somebody typed, or that is left of one without case."""
    words = text.split(" ")
    forms = (text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:])
    small = " ".join(word if word in ("of", "the", "and", "in", "de", "la") else word.capitalize() for word in words)
    return list(dict.fromkeys((*forms, small)))
