"""What a graph is made of, and the same as arrays by name, which the cache and the store keep.

Each part is asked through the few methods of its protocol, so that it may lie in arrays, in arrays with changes laid
over them, or on a server; `whole` gives every part as arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from numpy.typing import NDArray
from rpds import HashTrieMap

from kg_data.columns import LeftOut, LiteralColumn
from reasoning.graph.edges import EdgeIndex
from reasoning.graph.entities import EntityTable, StoredEntities
from reasoning.graph.index import TripleIndex
from reasoning.graph.names import NameIndex, Names, StoredKeys, StringColumn
from reasoning.graph.origin import Origin
from reasoning.graph.relations import RelationTable
from reasoning.graph.sources import NO_SOURCES, FactKey, FactSources, Said, Source, StoredSources, value_key
from reasoning.graph.values import ValueColumn

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
    """

    name: str
    source: str = ""
    splits: tuple[str, ...] = WHOLE
    left_out: LeftOut | None = None
    notes: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)


class ContentAgain(Protocol):
    """Makes a changed content again of that of its base; pickled without the base."""

    def __call__(self, base: GraphContent, origin: Origin, /) -> GraphContent:
        """The changed content."""
        ...


class Overlay(Protocol):
    """What is laid over the arrays of another graph; see `reasoning.graph.changing`."""

    @property
    def origin(self) -> Origin | None:
        """Where that graph was loaded from, None where it was made of something else."""
        ...

    def detached(self) -> ContentAgain:
        """The changes without what they are laid over."""
        ...


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
    changes: Overlay | None = None

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

    def keyed(self, said: Mapping[tuple[Any, ...], Sequence[Source | None]]) -> Iterator[tuple[FactKey, Said]]:
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
                dict(details.get("definitions", {})),
            ),
            RelationTable(
                tuple(details["relation_ids"]),
                tuple(details["relation_labels"]),
                tuple(item["id"] for item in literals),
                tuple(item["relation"] for item in literals),
                {name: (index, bool(inverse)) for name, (index, inverse) in details["relation_aliases"].items()},
            ),
            TripleIndex({name[6:]: array for name, array in arrays.items() if name.startswith("index_")}),
            entities,
            NameIndex(StoredKeys(strings("keys"), arrays["key_entities"]), entities.labels, entities.ids),
            tuple(
                LiteralColumn(
                    item["relation"],
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
            "splits": list(about.splits),
            "relation_ids": list(relations.ids),
            "relation_labels": list(relations.labels),
            "relation_aliases": {name: list(target) for name, target in relations.aliases.items()},
            "type_names": list(entities.type_names),
            "literals": [{"id": c.identifier, "relation": c.relation, "kind": c.kind, "unit": c.unit} for c in columns],
        }
        return arrays, details
