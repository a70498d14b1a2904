"""Kinds of entities, and the schema: which relations lead from which kind to which."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import RDF_TYPE, TYPE_RELATIONS
from reasoning.errors import EndpointError, GraphError
from reasoning.graph import cache
from reasoning.graph.content import Relation
from reasoning.graph.index import Ids
from reasoning.graph.names import fold, label_words
from reasoning.graph.remote.index import Server
from reasoning.graph.remote.terms import id_batches, iri_text, values_text
from reasoning.graph.store import KnowledgeGraph

log = logging.getLogger(__name__)

COMMON = 0.1
"""Two ends with more than this part of the smaller one in common are of one kind of thing."""

MOST_ENDS = 4000
"""Ends that are compared with one another whatever they share; of more than these no more pairs may share a thing."""

MOST_PAIRS = MOST_ENDS**2

End = tuple[int, bool]
"""A relation's index, and whether it is the end that the relation leads to."""


def end_groups(kg: KnowledgeGraph) -> dict[End, int]:
    """Ends of one number are of one kind of thing, by what they have in common; {} where too many have something."""
    ends = [(relation, inverse) for relation in range(kg.relation_count) for inverse in (False, True)]
    there = [kg.index.ends(*end) for end in ends]
    ends = [end for end, entities in zip(ends, there, strict=True) if len(entities)]
    if not ends:
        return {}
    from scipy.sparse import csr_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    there = [entities for entities in there if len(entities)]
    sizes = np.array([len(entities) for entities in there])
    entities = np.concatenate(there)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    if len(ends) > MOST_ENDS and int((np.bincount(entities).astype(np.int64) ** 2).sum()) > MOST_PAIRS:
        return {}
    shape = (len(ends), int(entities.max()) + 1)
    members = csr_array((np.ones(len(entities), np.int32), entities, starts), shape=shape)
    common = (members @ members.T).tocoo()
    alike = common.data > COMMON * np.minimum(sizes[common.row], sizes[common.col])
    pairs = (np.ones(int(alike.sum()), np.int8), (common.row[alike], common.col[alike]))
    groups = connected_components(csr_array(pairs, shape=(len(ends), len(ends))), directed=False)[1]
    return {end: int(group) for end, group in zip(ends, groups, strict=True)}


MOST_KINDS = 1000
"""A graph with more types uses the relation for something else."""

LEAST_SHARE = 0.02
"""Part of an end's things that must be of a kind for it to be shown there."""

LEAST_OF_KIND = 0.3
"""The same, as a part of all things of that type."""

MOST_OF_A_KIND = 10_000
"""Entities of which it is looked up what all of them are."""


def kind_of_all(kg: KnowledgeGraph, entities: Ids) -> str | None:
    """The one type that each of some entities has; None where there is none or several, or they are too many to ask."""
    if kg.server is not None or not 0 < len(entities) <= MOST_OF_A_KIND:
        return None
    kinds = set.intersection(*(set(kg.types(entity)) for entity in entities.tolist()))
    return kinds.pop() if len(kinds) == 1 else None


class GraphKinds:
    """The kinds of one graph, each known by its place, the most frequent first.

    Attributes:
        type_relation: the relation that says what things are, None where none does.
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self.kg = kg
        self.type_relation = next((name for name in kg.relation_names() if self._tells_types(name)), None)
        self._served = None if kg.server is None else EndpointKinds(kg, kg.server, self.type_relation)

    def end(self, relation: int, inverse: bool) -> Ids:
        """The entities that a relation leads from (with `inverse`, to), sorted."""
        return self.kg.index.ends(relation, inverse)

    def of(self, entities: Ids) -> tuple[int, ...]:
        """Places of the kinds that enough of some entities have, or most of whose members are there; most first."""
        unique = np.unique(entities)
        return self._enough(len(unique), self._counts(unique) if self._served is None else self._served.of(unique))

    def at_end(self, relation: Relation) -> tuple[int, ...]:
        """The same of the entities that a relation leads from."""
        if self._served is not None:
            return self._enough(*self._served.at_end(relation))
        if relation.kind == "values":
            return self.of(self.kg.literals[relation.index].entities)
        return self.of(self.end(relation.index, relation.inverse))

    def _enough(self, size: int, of_kinds: Mapping[int, int]) -> tuple[int, ...]:
        counts = np.array(list(of_kinds.items()), dtype=np.int64).reshape(-1, 2)
        least = np.minimum(LEAST_SHARE * size, LEAST_OF_KIND * self.sizes[counts[:, 0]])
        chosen = counts[counts[:, 1] >= np.maximum(1.0, least)]
        return tuple(chosen[np.lexsort((chosen[:, 0], -chosen[:, 1])), 0].tolist())

    @cached_property
    def types(self) -> list[int]:
        """Where a relation says what things are, the entity that is each kind's type."""
        if self._served is not None:
            return self._served.types
        types, places = self._type_places
        found: list[int] = types[np.argsort(places)].tolist()
        return found

    @cached_property
    def groups(self) -> list[tuple[Ids, list[End]]]:
        """Where no relation says it, the kinds as their members, sorted, and the ends that they stand at."""
        if self.kg.server is not None:
            return []  # what ends have in common is found out only where the graph is at hand
        of_group: dict[int, list[End]] = {}
        for end, group in end_groups(self.kg).items():
            of_group.setdefault(group, []).append(end)
        found = [(np.unique(np.concatenate([self.end(*end) for end in ends])), ends) for ends in of_group.values()]
        return sorted(found, key=lambda pair: -len(pair[0]))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Members of each kind."""
        if self._served is not None:
            return self._served.sizes
        if self.type_relation is None:
            return np.array([len(members) for members, _ in self.groups], dtype=np.int64)
        relation = self.kg.relation(self.type_relation)
        types, counts = np.unique(self.kg.index.block(relation.index, relation.inverse)[1], return_counts=True)
        known, places = self._type_places
        sizes = np.empty(len(types), dtype=np.int64)
        sizes[places[np.searchsorted(known, types)]] = counts
        return sizes

    @cached_property
    def examples(self) -> list[str]:
        """Where no relation says it, each kind as the labels of the two members with the most edges."""
        return [
            ", ".join(self.kg.entity_labels[entity] for entity in self._known_best(members, 2))
            for members, _ in self.groups
        ]

    def _tells_types(self, name: str) -> bool:
        relation = self.kg.relation(name)
        if relation.kind == "values" or fold(label_words(name)) not in TYPE_RELATIONS:
            return False
        if self.kg.server is not None:
            return says_types(self.kg, self.kg.server, relation, MOST_KINDS)
        things, types = self.end(relation.index, relation.inverse), self.end(relation.index, not relation.inverse)
        flat = not len(np.intersect1d(things, types))  # in a hierarchy kinds are of kinds themselves
        return flat and 0 < len(types) <= MOST_KINDS and 2 * len(things) >= len(self.kg.universe) - len(types)

    @cached_property
    def _type_places(self) -> tuple[Ids, Ids]:
        """Entities that are types, sorted, and the place of each among the kinds."""
        assert self.type_relation is not None
        relation = self.kg.relation(self.type_relation)
        types, counts = np.unique(self.kg.index.block(relation.index, relation.inverse)[1], return_counts=True)
        places = np.empty(len(types), dtype=np.int32)
        places[np.argsort(-counts, kind="stable")] = np.arange(len(types))
        return types, places

    @cached_property
    def _memberships(self) -> tuple[Ids, Ids]:
        """Where no relation says it, the members of all kinds, sorted, and the place of the kind of each."""
        members = np.concatenate([members for members, _ in self.groups] or [np.array([], dtype=np.int32)])
        places = np.repeat(np.arange(len(self.groups), dtype=np.int32), self.sizes)
        order = np.argsort(members, kind="stable")
        return members[order], places[order]

    def _counts(self, entities: Ids) -> dict[int, int]:
        """How many of some entities, sorted, are of each kind that some are of, by place."""
        if self.type_relation is None:
            known, groups = self._memberships
            first, last = (np.searchsorted(known, entities, side) for side in ("left", "right"))
            at = np.arange(int((last - first).sum())) + np.repeat(last - np.cumsum(last - first), last - first)
            places, counts = np.unique(groups[at], return_counts=True)
            return dict(zip(places.tolist(), counts.tolist(), strict=True))
        relation = self.kg.relation(self.type_relation)
        types, counts = np.unique(
            self.kg.index.edges(entities, relation.index, relation.inverse)[1], return_counts=True
        )
        known, places = self._type_places
        return dict(zip(places[np.searchsorted(known, types)].tolist(), counts.tolist(), strict=True))

    def _known_best(self, members: Ids, count: int) -> list[int]:
        sample = members[:: max(1, len(members) // 50)].tolist()
        degrees = self.kg.index.degrees(np.array(sample, dtype=np.int32)).tolist()
        degree = dict(zip(sample, degrees, strict=True))
        return sorted(sample, key=lambda entity: -degree[entity])[:count]


SAMPLE = 60_000
"""Entities of an end that are looked at."""
MOST_RELATIONS = 300
"""Relations whose ends are looked at, those with the most triples."""


class EndpointKinds:
    """The kinds of one graph on a server, which `GraphKinds` asks; of large ends a sample is looked at."""

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
