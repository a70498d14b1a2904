"""The content of a graph: entities, relations and values as arrays, and where each came from."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rpds import HashTrieMap

import kg_data
from kg_data.columns import GraphColumns, LeftOut, LiteralColumn, ValueKind
from kg_data.loaders import LoadingOptions
from kg_data.loaders.rdf import local_name
from kg_data.loaders.text import read_text
from reasoning.errors import GraphError
from reasoning.graph import cache
from reasoning.graph.index import EdgeIndex, Ids, TripleIndex
from reasoning.graph.names import NameIndex, Names, StoredKeys, StringColumn, byte_order, fold
from reasoning.graph.provenance import NO_SOURCES, FactKey, FactSources, Provenance, Source, StoredSources, value_key

if TYPE_CHECKING:
    from reasoning.graph.remote.names import EndpointEntities
    from reasoning.graph.updates.changes import Changes
    from reasoning.graph.updates.overlay import ChangedEntities


@dataclass(frozen=True)
class Origin:
    """Some splits of a graph as they were at one moment.

    Attributes:
        name: the built-in name, else the absolute path.
        splits: those that the graph holds, None for all.
        loading: what was said of how its file is read.
        folder: where the cache has it; its name holds a fingerprint of the content.
    """

    name: str
    splits: tuple[str, ...] | None
    loading: LoadingOptions
    folder: Path

    @classmethod
    def of(cls, name_or_path: str | Path, splits: Sequence[str] | None, loading: LoadingOptions) -> Origin:
        """That of a graph as it is now.

        Raises:
            UnknownGraphError: nothing has this name.
            DataError: the path has no known form.
        """
        source = kg_data.resolve(name_or_path)
        chosen = None if splits is None else sorted(splits)
        decided = None if loading.mapping is None else read_text(loading.mapping)
        content = hashlib.sha256(repr((source.fingerprint(), chosen, loading, decided)).encode()).hexdigest()
        name = source.name if source.path is None else str(source.path.resolve())
        folder = cache.graph_folder(source.name, content)
        return cls(name, None if splits is None else tuple(splits), loading, folder)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What loads it on the command line: `--kg` and what follows."""
        return ("--kg", self.name, *self.loading.flags())


class ComputedColumn(ABC):
    """The values of one relation, one an entity, that become arrays only when all are needed; see `LiteralColumn`.

    Attributes:
        relation, identifier: the relation's name, and its id in the source.
        kind: what the numbers stand for.
        unit: the unit in words, "" where the number is a plain count.
    """

    relation: str
    identifier: str
    kind: ValueKind
    unit: str

    @abstractmethod
    def __len__(self) -> int:
        """How many values there are."""

    @property
    @abstractmethod
    def whole(self) -> LiteralColumn:
        """The same column as arrays.

        Raises:
            GraphError: the values cannot all be fetched.
        """

    @abstractmethod
    def read(self, members: Ids) -> tuple[Ids, NDArray[np.float64]]:
        """Those of some entities (sorted, unique) that have a value, and the values."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return 0

    @property
    def entities(self) -> Ids:
        """The entities that have a value, sorted, as `whole` has them."""
        return self.whole.entities

    @property
    def values(self) -> NDArray[np.float64]:
        """Their values, as `whole` has them."""
        return self.whole.values

    def some(self, most: int) -> tuple[Ids, NDArray[np.float64]]:
        """Entities with their values where so many are enough: all where they are at hand, else at most so many."""
        return self.whole.some(most)


ValueColumn = LiteralColumn | ComputedColumn
"""The values of one relation, wherever they are kept."""


@dataclass(frozen=True, eq=False)
class StoredEntities:
    """Entities in arrays.

    Attributes:
        ids, labels: by entity.
        id_order: int32, shape (e,): the permutation that sorts the ids by bytes.
        label_is_shared: bool, shape (e,).
        present: int32, sorted.
        type_names: by number.
        type_pairs: int32, shape (n, 2), sorted by entity.
    """

    ids: StringColumn
    labels: StringColumn
    id_order: Ids
    label_is_shared: NDArray[np.bool_]
    present: Ids
    type_names: tuple[str, ...]
    type_pairs: Ids

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = (self.id_order, self.label_is_shared, self.present, self.type_pairs)
        return self.ids.nbytes + self.labels.nbytes + sum(array.nbytes for array in arrays)

    @property
    def whole(self) -> StoredEntities:
        """Itself."""
        return self

    def find(self, identifier: str) -> int | None:
        """The entity with exactly this id; None where there is none."""
        place = self.ids.first(identifier, self.id_order)
        return None if place is None else int(self.id_order[place])

    def shares_label(self, entity: int) -> bool:
        """Whether another entity has the same label."""
        return bool(self.label_is_shared[entity])

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where the source gives none."""
        typed = np.asarray(self.type_pairs[:, 0])  # `searchsorted` would copy this column for each search
        low, high = bisect_left(typed, entity), bisect_right(typed, entity)
        return [self.type_names[number] for number in self.type_pairs[low:high, 1]]


EntityTable: TypeAlias = "StoredEntities | ChangedEntities | EndpointEntities"
"""The entities of a graph, wherever they are kept."""


@dataclass(frozen=True)
class Relation:
    """A relation as a name in a query resolves to it.

    Attributes:
        kind: "edges" between entities, or "values" (a typed literal of each entity).
        index: position among the relations of its kind.
        inverse: whether the name meant the inverse (a folded `_reverse` twin).
    """

    kind: Literal["edges", "values"]
    index: int
    inverse: bool = False


@dataclass(frozen=True, eq=False)
class RelationTable:
    """Relations between entities, and those with values.

    Attributes:
        ids, labels: of the relations between entities, by index; labels may repeat.
        value_ids, value_labels: of the relations with values, by index.
        aliases: further names to (index of a relation between entities, whether the name means its inverse).
        value_aliases: further names to the index of a relation with values.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    value_ids: tuple[str, ...] = ()
    value_labels: tuple[str, ...] = ()
    aliases: dict[str, tuple[int, bool]] = field(default_factory=dict)
    value_aliases: dict[str, int] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """Display names of the relations between entities, then of those with values: labels, told apart if shared."""
        return _told_apart([*self.labels, *self.value_labels], [*self.ids, *self.value_ids])

    @property
    def value_names(self) -> list[str]:
        """Display names of the relations with values, by index."""
        return self.names[len(self.ids) :]

    def label(self, relation: Relation) -> str:
        """The display name of a relation of either kind."""
        return self.names[relation.index + (0 if relation.kind == "edges" else len(self.ids))]

    def identifier(self, relation: Relation) -> str:
        """The id of a relation of either kind."""
        return (self.ids if relation.kind == "edges" else self.value_ids)[relation.index]

    def spelled(self, name: str) -> list[Relation]:
        """The relations that have exactly this id, else label, else display name, else further name."""
        return self._by_name.get(name, [])

    def named(self, name: str) -> list[Relation]:
        """The relations that a name means: as it is spelled, else without regard to case, accents and marks."""
        return self._by_name.get(name) or self._by_name.get("\0" + fold(name), [])

    def twin_id(self, relation: int) -> str | None:
        """The id that the source gives a relation's inverse twin, None where it stores none."""
        return self._twins.get(relation)

    @cached_property
    def _twins(self) -> dict[int, str]:
        return {index: name for name, (index, inverse) in reversed(self.aliases.items()) if inverse}

    @cached_property
    def _by_name(self) -> dict[str, list[Relation]]:
        table: dict[str, list[Relation]] = {}

        def offer(name: str, relation: Relation, taken: set[str]) -> None:
            if name not in taken and relation not in table.setdefault(name, []):
                table[name].append(relation)

        relations = [
            *(Relation("edges", i) for i in range(len(self.ids))),
            *(Relation("values", i) for i in range(len(self.value_ids))),
        ]
        named = list(zip((*self.ids, *self.value_ids), relations, strict=True))
        labelled = list(zip((*self.labels, *self.value_labels), relations, strict=True))
        shown = list(zip(self.names, relations, strict=True))
        aliases = [(name, Relation("edges", i, inverse)) for name, (i, inverse) in self.aliases.items()]
        aliases += [(name, Relation("values", i)) for name, i in self.value_aliases.items()]
        # Ids win over labels, labels over aliases, exact forms over folded ones.
        for pairs in (named, labelled, shown, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer(name, relation, taken)
        for pairs in (named, labelled, shown, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer("\0" + fold(name), relation, taken)
        return table


def _told_apart(labels: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Labels by which relations are told apart: "description (vaem)" where one is another's too, or another's id.

    In the brackets is the end of the id, else of what stands before it, else all of it: whichever tells them apart.
    """
    uses, of_id, names = Counter(labels), {identifier: at for at, identifier in enumerate(ids)}, list(labels)
    taken = uses.keys() | of_id.keys()
    shared: dict[str, list[int]] = {}
    for at, label in enumerate(labels):
        if uses[label] > 1 or of_id.get(label, at) != at:
            shared.setdefault(label, []).append(at)
    for label, places in shared.items():
        # Of an IRI the end, such as "description", else the end of what stands before it, such as "vaem".
        for what in (local_name, lambda one: local_name(re.sub("[^#/:]+[#/:]*$", "", one)), str):
            found = [f"{label} ({what(ids[at])})" for at in places]
            if len(set(found)) == len(found) and taken.isdisjoint(found):
                break
        for at, name in zip(places, found, strict=True):
            names[at] = name
    return names


WHOLE = ("graph",)
"""The splits of a graph that is in one piece."""


@dataclass(frozen=True)
class Description:
    """What a graph is called, and where it comes from.

    Attributes:
        name: its short name.
        source: where the data comes from and under which licence, one line.
        splits: the splits whose triples it holds.
        left_out: broken lines of its file that were left out; None where there are none.
        notes: what else is to be known of how its file was read.
        definitions: type name to what counts as a thing of that type, a sentence.
        namers: type name to the label of the predicate or column that names its members.
        left_out_triples: triples or cells of the source that the graph leaves out, by the reason.
    """

    name: str
    source: str = ""
    splits: tuple[str, ...] = WHOLE
    left_out: LeftOut | None = None
    notes: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    namers: Mapping[str, str] = field(default_factory=dict)
    left_out_triples: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GraphContent:
    """The parts of a graph.

    Attributes:
        about: what it is called.
        relations: its relations and their names.
        index: its edges.
        entities: ids, labels and types.
        names: what finds an entity by its name.
        values: a column for each relation with values, in the order of `relations.value_ids`.
        sources: who says what, where that is known.
        changes: what is laid over the arrays of another graph; None where this one is no changed one.
    """

    about: Description
    relations: RelationTable
    index: EdgeIndex
    entities: EntityTable
    names: Names
    values: tuple[ValueColumn, ...]
    sources: FactSources = NO_SOURCES
    changes: Changes | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, memory-mapped ones counted in full."""
        columns = sum(column.nbytes for column in self.values)
        return self.index.nbytes + self.entities.nbytes + self.names.nbytes + columns

    @property
    def whole(self) -> GraphContent:
        """The same graph as arrays.

        Raises:
            GraphError: it cannot all be fetched.
        """
        entities = self.entities.whole
        return replace(
            self,
            index=self.index.whole,
            entities=entities,
            names=NameIndex(self.names.whole, entities.labels, entities.ids),
            values=tuple(column.whole for column in self.values),
            sources=FactSources(self.sources.whole, HashTrieMap()),
            changes=None,
        )

    def keyed(self, said: Mapping[tuple[Any, ...], Sequence[Source | None]]) -> Iterator[tuple[FactKey, Provenance]]:
        """The facts of triples of ids, each with who says it; those that only the graph itself says are left out."""
        found: dict[FactKey, dict[Source | None, None]] = {}  # a fact may be spelled in several ways
        for (head, name, tail), sources in said.items():
            relation, entity = self.relations.spelled(name)[0], self.entities.find(head)
            assert entity is not None
            if relation.kind == "values":
                key = value_key(entity, relation.index)
            else:
                other = self.entities.find(tail)
                assert other is not None
                ends = (other, entity) if relation.inverse else (entity, other)
                key = (ends[0], relation.index, ends[1])
            found.setdefault(key, {}).update(dict.fromkeys(sources))
        return ((key, tuple(sources)) for key, sources in found.items() if any(sources))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], details: Mapping[str, Any]) -> GraphContent:
        """The content that arrays by name and details describe, as `stored` gives them."""

        def strings(name: str) -> StringColumn:
            return StringColumn(arrays[f"{name}_blob"], arrays[f"{name}_offsets"])

        left_out, literals = details["left_out"], details["literals"]
        relations = RelationTable(
            tuple(details["relation_ids"]),
            tuple(details["relation_labels"]),
            tuple(item["id"] for item in literals),
            tuple(item["relation"] for item in literals),
            {name: (index, bool(inverse)) for name, (index, inverse) in details["relation_aliases"].items()},
            dict(details.get("value_aliases", {})),
        )
        entities = StoredEntities(
            strings("ids"),
            strings("labels"),
            arrays["id_order"],
            arrays["label_is_shared"],
            arrays["universe"],
            tuple(details["type_names"]),
            arrays["type_pairs"],
        )
        return cls(
            Description(
                details["name"],
                details["source"],
                tuple(details["splits"]),
                None if left_out is None else LeftOut(left_out["lines"], tuple(left_out["first"])),
                tuple(details.get("notes", ())),  # graphs stored before have none
                *(dict(details.get(name, {})) for name in ("definitions", "namers", "left_out_triples")),
            ),
            relations,
            TripleIndex({name[6:]: array for name, array in arrays.items() if name.startswith("index_")}),
            entities,
            NameIndex(StoredKeys(strings("keys"), arrays["key_entities"]), entities.labels, entities.ids),
            tuple(
                LiteralColumn(
                    relations.value_names[i],
                    item["kind"],
                    arrays[f"literal_entities_{i}"],
                    arrays[f"literal_values_{i}"],
                    item["unit"],
                    item["id"],
                )
                for i, item in enumerate(literals)
            ),
            FactSources(StoredSources.from_arrays(arrays), HashTrieMap()),
        )

    def stored(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Its arrays by name and what else `of` needs, which JSON can hold.

        Raises:
            GraphError: it cannot all be fetched.
        """
        entities, keys = self.entities.whole, self.names.whole
        columns = [column.whole for column in self.values]
        arrays: dict[str, NDArray[Any]] = {f"index_{name}": array for name, array in self.index.whole.arrays().items()}
        arrays |= {
            "universe": entities.present,
            "id_order": entities.id_order,
            "label_is_shared": entities.label_is_shared,
            "key_entities": keys.entities,
            "type_pairs": entities.type_pairs,
        }
        for name, strings in (("ids", entities.ids), ("labels", entities.labels), ("keys", keys.texts)):
            arrays |= {f"{name}_blob": strings.blob, f"{name}_offsets": strings.offsets}
        arrays |= self.sources.whole.arrays()
        for i, column in enumerate(columns):
            arrays |= {f"literal_entities_{i}": column.entities, f"literal_values_{i}": column.values}
        about, relations = self.about, self.relations
        details = {
            "name": about.name,
            "source": about.source,
            "left_out": None if about.left_out is None else asdict(about.left_out),
            "notes": list(about.notes),
            "definitions": dict(about.definitions),
            "namers": dict(about.namers),
            "left_out_triples": dict(about.left_out_triples),
            "splits": list(about.splits),
            "relation_ids": list(relations.ids),
            "relation_labels": list(relations.labels),
            "relation_aliases": {name: list(target) for name, target in relations.aliases.items()},
            "value_aliases": dict(relations.value_aliases),
            "type_names": list(entities.type_names),
            "literals": [
                {"id": c.identifier, "relation": label, "kind": c.kind, "unit": c.unit}
                for c, label in zip(columns, relations.value_labels, strict=True)
            ],
        }
        return arrays, details


def build(columns: GraphColumns, splits: Sequence[str] | None = None) -> GraphContent:
    """The content of the graph that columns hold; `splits` chooses which triples it holds.

    Raises:
        GraphError: a named split is not there, or there are neither triples nor values.
    """
    chosen = tuple(columns.splits) if splits is None else tuple(splits)
    for split in chosen:
        if split not in columns.splits:
            there = ", ".join(columns.splits)
            raise GraphError(f'the graph "{columns.name}" has no split "{split}"; it has: {there}')
    parts = [np.asarray(columns.splits[split], dtype=np.int32) for split in chosen]
    triples = np.concatenate(parts) if parts else np.zeros((0, 3), dtype=np.int32)
    if not len(triples) and not columns.literals:
        raise GraphError(f'the graph "{columns.name}" has no triples; at least one (head, relation, tail) is needed')
    index = TripleIndex.build(triples, len(columns.entity_ids), len(columns.relation_ids))
    present = np.zeros(len(columns.entity_ids), dtype=bool)
    for standing in (triples[:, 0], triples[:, 2], *(column.entities for column in columns.literals)):
        present[standing] = True
    uses = Counter(columns.entity_labels)
    type_names = list(dict.fromkeys(name for _, name in columns.types))
    type_number = {name: number for number, name in enumerate(type_names)}
    pairs = np.array([(e, type_number[name]) for e, name in columns.types], dtype=np.int32).reshape(-1, 2)
    entities = StoredEntities(
        StringColumn.from_strings(columns.entity_ids),
        StringColumn.from_strings(columns.entity_labels),
        byte_order(columns.entity_ids),
        np.array([uses[label] > 1 for label in columns.entity_labels], dtype=bool),
        np.flatnonzero(present).astype(np.int32),
        tuple(type_names),
        pairs[np.argsort(pairs[:, 0], kind="stable")],
    )
    relations = RelationTable(
        tuple(columns.relation_ids),
        tuple(columns.relation_labels),
        tuple(column.identifier for column in columns.literals),
        tuple(column.relation for column in columns.literals),
        dict(columns.relation_aliases),
        dict(columns.value_aliases),
    )
    keys = StoredKeys.collect(columns.entity_labels, columns.entity_ids, columns.aliases)
    return GraphContent(
        Description(
            columns.name,
            columns.source,
            chosen,
            columns.left_out,
            tuple(columns.notes),
            dict(columns.definitions),
            dict(columns.namers),
            dict(columns.left_out_triples),
        ),
        relations,
        index,
        entities,
        NameIndex(keys, entities.labels, entities.ids),
        tuple(
            replace(column, relation=name) for column, name in zip(columns.literals, relations.value_names, strict=True)
        ),
    )
