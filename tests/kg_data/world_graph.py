"""The world graph as tests look at it: built once a run, asked by name."""

from __future__ import annotations

import pickle
from collections import defaultdict
from functools import cache

from filelock import FileLock

from kg_data import world
from kg_data.columns import GraphColumns
from kg_data.world.sources import key
from skylark.files import cache_dir


class World:
    """Triples and values by name.

    A name means, in this order, the label spelled so, the alias spelled so, the label and the alias that are the same
    but for case, accents and punctuation.
    """

    def __init__(self, columns: GraphColumns) -> None:
        self.columns = columns
        self.labels = columns.entity_labels
        self.type_of = {self.labels[index]: kind for index, kind in columns.types}
        self.tails: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.heads: dict[tuple[str, str], set[str]] = defaultdict(set)
        for head, relation, tail in columns.splits["graph"].tolist():
            name = columns.relation_ids[relation]
            self.tails[self.labels[head], name].add(self.labels[tail])
            self.heads[name, self.labels[tail]].add(self.labels[head])
        self.values = {
            column.relation: dict(
                zip((self.labels[i] for i in column.entities.tolist()), column.values.tolist(), strict=True)
            )
            for column in columns.literals
        }
        self._names: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(4)]
        for label in self.labels:
            self._names[0][label].add(label)
            self._names[2][key(label)].add(label)
        for index, alias in columns.aliases:
            self._names[1][alias].add(self.labels[index])
            self._names[3][key(alias)].add(self.labels[index])

    def called(self, name: str) -> set[str]:
        """Labels of the entities that a name means; empty where it means none."""
        for names, form in zip(self._names, (name, name, key(name), key(name)), strict=True):
            if form in names:
                return names[form]
        return set()

    def of_type(self, kind: str) -> list[str]:
        """Labels of all entities of a type."""
        return [label for label, given in self.type_of.items() if given == kind]


@cache
def the_world() -> World:
    """The graph, built once in a run of the tests, whatever number of processes it has."""
    place = cache_dir() / "world-of-the-tests.pickle"
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if not place.exists():
            place.write_bytes(pickle.dumps(world.build()))
        return World(pickle.loads(place.read_bytes()))
