"""The kinds of things that a graph holds, and which of them stand at an end of a relation.

Kinds are the graph's types where one of its relations says what things are. Elsewhere they are what the ends of
relations have in common: two ends that share things are of one kind, which is shown by the names of two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.endpoint.kinds import EndpointKinds, says_types
from reasoning.graph.ends import End, end_groups
from reasoning.graph.index import Ids
from reasoning.graph.names import fold
from reasoning.graph.relations import Relation
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph

TYPE_RELATIONS = frozenset(
    {"type", "rdf type", "instance of", "instanceof", "is a", "isa", "kind", "category", "class"}
)
"""Folded labels of relations that say what kind of thing something is."""

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

    Args:
        kg: the graph.

    Attributes:
        kg: as given.
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
        """The members with the most edges."""
        sample = members[:: max(1, len(members) // 50)].tolist()
        degrees = self.kg.index.degrees(np.array(sample, dtype=np.int32)).tolist()
        degree = dict(zip(sample, degrees, strict=True))
        return sorted(sample, key=lambda entity: -degree[entity])[:count]
