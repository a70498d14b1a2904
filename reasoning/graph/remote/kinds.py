"""The kinds of things of a graph on a server, and which of them stand at an end of a relation.

They are the graph's types where a relation says what things are; without one nothing is known of kinds. Ends are looked
at in a sample where they are large, and what was found is kept as long as the survey.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import RDF_TYPE
from reasoning.errors import EndpointError, GraphError
from reasoning.graph import cache
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.remote.index import Server
from reasoning.graph.remote.terms import id_batches, iri_text, values_text
from reasoning.graph.store import KnowledgeGraph

SAMPLE = 60_000
"""Entities of an end that are looked at."""
MOST_RELATIONS = 300
"""Relations whose ends are looked at, those with the most triples."""

log = logging.getLogger(__name__)


class EndpointKinds:
    """The kinds of one graph; see `reasoning.graph.kinds.GraphKinds`, which asks it.

    Args:
        kg: the graph.
        server: its server.
        type_relation: the name of the relation that says what things are, None where none does.
    """

    def __init__(self, kg: KnowledgeGraph, server: Server, type_relation: str | None) -> None:
        self.kg, self.type_relation, self._server = kg, type_relation, server

    def of(self, entities: Ids) -> dict[int, int]:
        """How many of some entities are of each kind that some are of, by place."""
        found: dict[int, int] = {}
        if self.type_relation is None:
            return found
        for some in id_batches(np.unique(entities)):
            given = values_text("?x", self._server.entities.iris(some))
            for place, count in self._counted(f"{given} {self._is_of('?x')}", self._places).items():
                found[place] = found.get(place, 0) + count
        return found

    def at_end(self, relation: Relation) -> tuple[int, dict[int, int]]:
        """How many entities the end has that a relation leads from, in a sample, and how many are of each kind."""
        ends = self._ends
        key = f"{relation.kind} {relation.index} {relation.inverse}"
        if key not in ends:
            return 0, {}
        size, counts = ends[key]
        return size, {int(place): count for place, count in counts}

    @cached_property
    def types(self) -> list[int]:
        """The entity that is each kind's type."""
        found: list[int] = self._server.entities.meet([iri for iri, _ in self._sizes]).tolist()
        return found

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Members of each kind."""
        return np.array([count for _, count in self._sizes], dtype=np.int64)

    @property
    def _sizes(self) -> list[tuple[str, int]]:
        return [] if self.type_relation is None else self._kept["sizes"]

    @property
    def _ends(self) -> dict[str, Any]:
        ends: dict[str, Any] = {} if self.type_relation is None else self._kept["ends"]
        return ends

    @cached_property
    def _kept(self) -> dict[str, Any]:
        """Sizes of kinds, and the kinds at ends, as they were found out with this survey."""
        survey = hashlib.sha256(f"kinds {self._server.taken} {self._server.digest}".encode()).hexdigest()
        folder = cache.graph_folder(self._server.client.address.file_name, survey)
        try:
            saved = cache.load(folder)
        except GraphError as error:
            cache.discard(folder, error)
            saved = None
        if saved is not None:
            return saved[1]
        found = self._found_out()
        try:
            cache.save(folder, {}, found)
        except OSError as error:
            log.warning("the kinds of %s could not be kept: %s", self._server.client.address, error)
        return found

    def _found_out(self) -> dict[str, Any]:
        log.warning("asking %s which kinds of things it has; it is kept for a day", self._server.client.address)
        members = f"{self._is_of('?x')} FILTER(!ISBLANK(?x))"  # of ISIRI Virtuoso holds for blank nodes too
        query = f"SELECT ?kind (COUNT(?x) AS ?n) WHERE {{ {members} }} GROUP BY ?kind"
        sizes = list(self._server.client.counts(query, "kind", "n").items())
        entities = self._server.entities
        numbers = dict(zip([iri for iri, _ in sizes], entities.meet([iri for iri, _ in sizes]).tolist(), strict=True))
        sizes.sort(key=lambda pair: (-pair[1], numbers[pair[0]]))
        places = {iri: place for place, (iri, _) in enumerate(sizes)}
        ends: dict[str, Any] = {}
        survey = self._server.survey
        relations = [
            (one.count, Relation("edges", at, inverse), survey.form.relation(one.id))
            for at, one in enumerate(survey.relations)
            for inverse in (False, True)
        ]
        relations += [
            (one.count, Relation("values", at), survey.form.relation(one.id)) for at, one in enumerate(survey.values)
        ]
        relations.sort(key=lambda item: -item[0])
        for _, relation, predicate in relations[: 2 * MOST_RELATIONS]:
            pair = f"?o {iri_text(predicate)} ?x" if relation.inverse else f"?x {iri_text(predicate)} ?o"
            some = f"{{ SELECT DISTINCT ?x WHERE {{ {pair} . FILTER(ISIRI(?x)) }} LIMIT {SAMPLE} }}"
            try:
                size = self._server.client.count(f"SELECT (COUNT(?x) AS ?n) WHERE {{ {some} }}", "n")
                counts = self._counted(f"{some} {self._is_of('?x')}", places)
            except EndpointError as error:
                if not error.too_much:
                    raise
                continue  # nothing is known of an end that takes too long to look at
            key = f"{relation.kind} {relation.index} {relation.inverse}"
            ends[key] = [size, sorted(counts.items())]
        return {"sizes": sizes, "ends": ends}

    def _counted(self, pattern: str, places: Mapping[str, int]) -> dict[int, int]:
        query = f"SELECT ?kind (COUNT(?x) AS ?n) WHERE {{ {pattern} }} GROUP BY ?kind"
        found = self._server.client.counts(query, "kind", "n")
        return {places[iri]: count for iri, count in found.items() if iri in places}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {iri: place for place, (iri, _) in enumerate(self._sizes)}

    def _is_of(self, variable: str) -> str:
        assert self.type_relation is not None
        relation = self.kg.relation(self.type_relation)
        predicate = iri_text(self._server.survey.form.relation(self.kg.relation_ids[relation.index]))
        ends = ("?kind", variable) if relation.inverse else (variable, "?kind")
        return f"{ends[0]} {predicate} {ends[1]} ."


def says_types(kg: KnowledgeGraph, server: Server, relation: Relation, most: int) -> bool:
    """Whether a relation on a server, by its name one that may, says what kind of thing most things are."""
    predicate = server.survey.form.relation(kg.relation_ids[relation.index])
    pair = f"{'?kind' if relation.inverse else '?x'} {iri_text(predicate)} {'?x' if relation.inverse else '?kind'}"
    try:
        rows = server.client.select(f"SELECT DISTINCT ?kind WHERE {{ {pair} }} LIMIT {most + 1}", "kind")
        if not 0 < len(rows) <= most:
            return False
        if predicate == RDF_TYPE:
            return True  # there it is said of classes too that they are classes
        chain = pair.replace("?x", "?y").replace("?kind", "?x")
        return not server.client.ask(f"ASK {{ {pair} . {chain} }}")
    except EndpointError as error:
        if not error.too_much:
            raise
        return predicate == RDF_TYPE
