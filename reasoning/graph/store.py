"""The knowledge graph that every method reads: immutable, columnar, found by name, opened from a cache."""

from __future__ import annotations

import datetime
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kg_data
from kg_data.cache_location import CACHE_VARIABLE
from kg_data.columns import GraphColumns, LeftOut, LiteralColumn
from kg_data.loaders import LoadingOptions
from kg_data.supplied import supplied
from kg_data.values import Value
from reasoning.errors import AmbiguousEntityError, GraphError, UnknownEntityError, UnknownRelationError
from reasoning.graph import cache
from reasoning.graph.building import build
from reasoning.graph.exchange import (
    columns_from_networkx,
    columns_from_pandas,
    columns_from_table,
    columns_from_triples,
)
from reasoning.graph.index import Ids, TripleIndex
from reasoning.graph.names import MOST_NAMESAKES, Match, NameIndex, StringColumn, fold, nearest_texts
from reasoning.graph.origin import Origin

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

log = logging.getLogger(__name__)

STRETCH = 1 << 20
"""Triples that are taken from the index at a time where all are listed."""


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


class Fact(NamedTuple):
    """A triple by display names, as iteration over a graph gives it; `tail` is the value itself where it is one."""

    head: str
    relation: str
    tail: str | int | float | datetime.date


class KnowledgeGraph:
    """An immutable set of triples between entities, with typed literals beside it.

    Entities and relations are int32 indexes inside; names and ids come back through `name`, `identifier`,
    `relation_label`. Use `load`, `from_triples`, `from_networkx` or `from_columns` to make one.

    Attributes:
        left_out: broken lines of its file that were left out; None where there are none.
        notes: what else is to be known of how its file was read, such as a name that stands in two rows of a table.
        predicted: edges (head, relation, tail) that a link predictor added, with its confidence; see `with_edges`.
        origin: where it was loaded from, None where it was made of something else.
    """

    origin: Origin | None = None
    predicted: Mapping[tuple[int, int, int], float] = MappingProxyType({})

    def __init__(self, arrays: Mapping[str, NDArray[Any]], details: Mapping[str, Any]) -> None:
        self._arrays, self._details = dict(arrays), dict(details)
        self.graph_name: str = details["name"]
        self.source: str = details["source"]
        left_out = details["left_out"]
        self.left_out = None if left_out is None else LeftOut(left_out["lines"], tuple(left_out["first"]))
        self.notes: tuple[str, ...] = tuple(details.get("notes", ()))  # graphs stored before have none
        self.splits: tuple[str, ...] = tuple(details["splits"])
        self.relation_ids: tuple[str, ...] = tuple(details["relation_ids"])
        self.relation_labels: tuple[str, ...] = tuple(details["relation_labels"])
        self.type_names: tuple[str, ...] = tuple(details["type_names"])
        self.index = TripleIndex({name[6:]: array for name, array in arrays.items() if name.startswith("index_")})
        self.entity_ids = self._strings("ids")
        self.entity_labels = self._strings("labels")
        self.universe: Ids = arrays["universe"]
        self.names = NameIndex(
            self._strings("keys"), arrays["key_entities"], self.entity_labels.__getitem__, self.identifier
        )
        self.literals: tuple[LiteralColumn, ...] = tuple(
            LiteralColumn(
                relation=item["relation"],
                kind=item["kind"],
                entities=arrays[f"literal_entities_{i}"],
                values=arrays[f"literal_values_{i}"],
                unit=item["unit"],
                identifier=item["id"],
            )
            for i, item in enumerate(details["literals"])
        )

    # Making one -------------------------------------------------------------------------------------------------

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        splits: Sequence[str] | None = None,
        *,
        table: bool | None = None,
        cell_separator: str | None = None,
        infer_values: bool = False,
        skip_broken: bool = False,
    ) -> KnowledgeGraph:
        """Open a graph by its built-in name, data-set name, folder or file; built once, then memory-mapped.

        Args:
            name_or_path: "world", a data-set folder (or its name under `$SKYLARK_DATA/kg`), or a file (.tsv, .csv,
                .txt, .jsonl, .nt, .ttl).
            splits: which splits' triples the graph holds, e.g. ("train", "valid"); all of them by default. The entity
                and relation indexes are the same whichever splits are chosen.
            table: whether a .tsv, .csv or .txt file is a table: a header, then a row for each thing, the first column
                naming it and each other column being a relation; the relation `type` says the kind of each thing, by
                the headers. What looks like a table is refused unless this is said; False reads triples even so.
            cell_separator: what stands between the values of one cell of a table; by default a cell holds one.
            infer_values: whether relations of such a file have values where all their tails are spelled as numbers or
                dates, no thing has two of them, and they are no things of the file. A thing that has two in two rows
                of a table is refused.
            skip_broken: whether broken lines of such a file, or of JSON lines, are left out; a warning and `left_out`
                say which.

        Raises:
            UnknownGraphError: nothing has this name.
            DataError: a file does not have the form expected.
            UsageError: the source is not read with one of these options.
            GraphError: a named split is not there, or the graph has no triples.
        """
        loading = LoadingOptions(table, cell_separator, infer_values, skip_broken)
        origin = Origin.of(name_or_path, splits, loading)
        graph = cls._cached(origin)
        if graph is None:
            graph = cls.from_columns(kg_data.load(name_or_path, loading), splits)
            try:
                cache.save(origin.folder, graph._arrays, graph._details)
            except OSError as error:
                log.warning(
                    "the graph could not be cached in %s (%s) and is built anew next time; %s names another folder",
                    origin.folder, error, CACHE_VARIABLE,
                )  # fmt: skip
            graph.origin = origin
        for note in graph.loading_notes:
            log.warning("%s: %s", name_or_path, note)
        return graph

    @property
    def loading_notes(self) -> list[str]:
        """What is to be known of how its file was read, in sentences: the broken lines left out, and `notes`."""
        return [*([] if self.left_out is None else [str(self.left_out)]), *self.notes]

    @classmethod
    def _cached(cls, origin: Origin) -> KnowledgeGraph | None:
        """The graph of an origin as the cache has it; None where it hasn't."""
        try:
            saved = cache.load(origin.folder)
        except GraphError as error:
            cache.discard(origin.folder, error)
            saved = None
        if saved is None:
            return None
        graph = cls(*saved)
        graph.origin = origin
        return graph

    @classmethod
    def reopened(cls, origin: Origin) -> KnowledgeGraph:
        """The graph that was loaded from an origin, as a pickled graph is opened again.

        Raises:
            GraphError: the cache no longer has it, and what it was loaded from has changed since.
            UnknownGraphError: neither is there any more.
        """
        graph = cls._cached(origin)
        if graph is not None:
            return graph
        if Origin.of(origin.name, origin.splits, origin.loading).folder.name != origin.folder.name:
            raise GraphError(
                f'the graph "{origin.name}" has changed since it was pickled, and the cache no longer holds what it '
                "was: load it anew and ask again"
            )
        return cls.load(origin.name, origin.splits, **asdict(origin.loading))

    @classmethod
    def _of_content(
        cls, arrays: cache.Arrays, details: dict[str, Any], predicted: dict[tuple[int, int, int], float]
    ) -> KnowledgeGraph:
        graph = cls(arrays, details)
        graph.predicted = predicted
        return graph

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by where it was loaded from, else by its content."""
        if self.origin is not None:
            return KnowledgeGraph.reopened, (self.origin,)
        return KnowledgeGraph._of_content, (self._arrays, self._details, dict(self.predicted))

    @classmethod
    def from_columns(cls, columns: GraphColumns, splits: Sequence[str] | None = None) -> KnowledgeGraph:
        """Index the columns that a source hands over; `splits` chooses which of its triples the graph holds."""
        return cls(*build(columns, splits))

    @classmethod
    def from_triples(
        cls,
        triples: Iterable[tuple[str, str, str | int | float | datetime.date | Value]],
        name: str = "triples",
        types: Iterable[tuple[str, str]] = (),
        aliases: Iterable[tuple[str, str]] = (),
    ) -> KnowledgeGraph:
        """Make a graph of (head, relation, tail) names; a number, date or `kg_data.Value` as tail is a typed literal.

        `r` and `r_reverse` are one relation. `types` are (entity, type) and `aliases` (entity, other name) pairs.

        Raises:
            GraphError: there are no triples, or one is not three non-empty texts.
        """
        return cls.from_columns(columns_from_triples(triples, name, types, aliases))

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph | nx.Graph, name: str = "networkx") -> KnowledgeGraph:
        """Make a graph of a NetworkX graph whose edges carry the relation, as attribute `relation` or as the key.

        Node attributes: `id` and `label` where they are texts (else the node itself is both), `types`, and any number
        or date as a value. An undirected edge goes both ways; other attributes are left out.

        Raises:
            GraphError: an edge names no relation, two nodes have one id, or values do not fit together.
        """
        return cls.from_columns(columns_from_networkx(graph, name))

    def with_edges(
        self, triples: Ids, predicted: Mapping[tuple[int, int, int], float] = MappingProxyType({})
    ) -> KnowledgeGraph:
        """A graph of other edges between the same entities, with the same names, types and values.

        Args:
            triples: head, relation and tail of every edge by index, shape (n, 3).
            predicted: the confidence of those among them that a link predictor added.
        """
        index = TripleIndex.build(triples, self.entity_count, self.relation_count)
        arrays = {f"index_{name}": array for name, array in index.arrays().items()}
        graph = KnowledgeGraph(self._arrays | arrays, self._details)
        graph.predicted = dict(predicted)
        return graph

    @supplied
    def to_networkx(self) -> nx.MultiDiGraph:
        """A MultiDiGraph: nodes are display names (attributes `id`, `label`, `types`, values), edge keys relations."""
        raise NotImplementedError

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        head: str = "head",
        relation: str = "relation",
        tail: str = "tail",
        name: str = "pandas",
        *,
        table: bool = False,
    ) -> KnowledgeGraph:
        """Make a graph of a frame with one triple a row; a number or date as tail is a typed value.

        A column "type" says what each tail is ("entity", "integer", "decimal", "year", "date"), where its looks do not.

        Args:
            head, relation, tail: the columns of a triple.
            name: the graph's; of a table whose first column is called no more than "name" also what its things are.
            table: the frame has a row for each thing: its index where that has a name, else the column `head` or the
                first one names the thing, and each other one is a relation.

        Raises:
            GraphError: a column is missing, or a row is no triple.
        """
        if table:
            return cls.from_columns(columns_from_table(frame, name, None if head == "head" else head))
        return cls.from_columns(columns_from_pandas(frame, name, head, relation, tail))

    @supplied
    def to_pandas(self) -> pd.DataFrame:
        """A frame with a triple or value a row: head and tail by display name, relation, and the tail's type."""
        raise NotImplementedError

    @supplied
    def schema(self, most: int = 50) -> str:
        """What the graph holds, as text for people and for prompts: kinds of things, and relations between them.

        Args:
            most: relations and kinds that are listed, those with the most facts and members; how many more there are
                is said.

        Raises:
            SkylarkError: `most` is below 1.
        """
        raise NotImplementedError

    @supplied
    def to_rdf(self, path: str | Path) -> None:
        """Write the graph as N-Triples (.nt) or Turtle (.ttl), with labels, types and values; whole or not at all.

        `Query.to_sparql` gives the queries that fit the file.

        Raises:
            GraphError: the name ends otherwise, or the file cannot be written.
        """
        raise NotImplementedError

    # Sizes ------------------------------------------------------------------------------------------------------

    @property
    def entity_count(self) -> int:
        """Entities in the id table (with those that only other splits mention)."""
        return len(self.entity_ids)

    @property
    def relation_count(self) -> int:
        """Relations between entities; inverse twins are not counted."""
        return len(self.relation_ids)

    @property
    def value_count(self) -> int:
        """Values of its entities; `len` of the graph counts the triples between entities alone."""
        return sum(len(column.entities) for column in self.literals)

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays, memory-mapped ones counted in full."""
        return sum(array.nbytes for array in self._arrays.values())

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Fact]:
        """Every fact: the `len(kg)` triples between entities, then the values."""
        for start in range(0, len(self), STRETCH):
            for head, relation, tail in self.index.triples(slice(start, start + STRETCH)).tolist():
                yield Fact(self.name(head), self.relation_label(relation), self.name(tail))
        for column in self.literals:
            for entity, raw in zip(column.entities.tolist(), column.values.tolist(), strict=True):
                yield Fact(self.name(entity), column.relation, self.value(column, raw))

    def __contains__(self, fact: object) -> bool:
        """Whether (head, relation, tail) is one of its facts, as iteration gives them.

        Raises:
            TypeError: a name was given, which may mean an entity; see `entity`.
        """
        if isinstance(fact, str):
            raise TypeError(f'expected a fact (head, relation, tail); kg.entity("{fact}") finds what a name means')
        return any(fact == there for there in self)

    def __repr__(self) -> str:
        values = f"{self.value_count:,} values, " if self.literals else ""
        return (
            f"KnowledgeGraph({self.graph_name!r}: {len(self):,} triples, {values}"
            f"{len(self.universe):,} entities, {len(self.relation_names())} relations)"
        )

    # Entities ---------------------------------------------------------------------------------------------------

    def identifier(self, entity: int) -> str:
        """The entity's id in its source."""
        return self.entity_ids[entity]

    def name(self, entity: int) -> str:
        """The entity's display name: its label, with the id behind it where the label alone could be another's."""
        label = self.entity_labels[entity]
        # Nearly every label is told apart here, at a hundredth of the cost of looking it up.
        plain = not self._arrays["label_is_shared"][entity] and not label.endswith(")")
        return label if plain or not self._needs_id(label) else f"{label} ({self.identifier(entity)})"

    def _needs_id(self, label: str) -> bool:
        same = [e for e in self.names.with_key(fold(label)) if self.entity_labels[e] == label]
        return len(same) > 1 or self._displayed_as(label) is not None

    def _displayed_as(self, name: str) -> int | None:
        """The entity that is displayed as `name` with its id in it, None where there is none."""
        start = name.find(" (") if name.endswith(")") else -1
        while start >= 0:
            span = self.entity_ids.span(name[start + 2 : -1], self._arrays["id_order"])
            if span:
                entity = int(self._arrays["id_order"][span.start])
                if self.entity_labels[entity] == name[:start] and self._needs_id(name[:start]):
                    return entity
            start = name.find(" (", start + 1)
        return None

    def entity_by_id(self, identifier: str) -> int:
        """The entity with exactly this id.

        Raises:
            UnknownEntityError: no entity has it.
        """
        order = self._arrays["id_order"]
        span = self.entity_ids.span(identifier, order)
        if not span:
            raise UnknownEntityError(identifier, self.names.nearest(identifier), self.graph_name)
        return int(order[span.start])

    def match(self, name: str) -> Match:
        """Read a name as one entity, display names first, despite case, accents, aliases and small misspellings.

        Raises:
            UnknownEntityError: no name is near enough; the error holds the nearest.
            AmbiguousEntityError: several entities have the name.
        """
        displayed = self._displayed_as(name)
        match = self.names.match(name) if displayed is None else Match((displayed,))
        if match is None:
            raise UnknownEntityError(name, self.names.nearest(name), self.graph_name)
        if len(match.entities) > 1:
            ids = [self.identifier(entity) for entity in match.entities[:MOST_NAMESAKES]]
            raise AmbiguousEntityError(name, ids, len(match.entities))
        return match

    def entity(self, name: str) -> int:
        """The entity that a name means; see `match`."""
        return self.match(name).entities[0]

    def namesakes(self, name: str) -> list[int]:
        """Further entities that may be meant by a name, beside the one that `match` reads it as.

        They have it as another name, or with brackets behind ("Paris (Texas)"); where it is a part of that one's label,
        such as "Congo", they are of the same type and have it in theirs.

        Raises:
            UnknownEntityError, AmbiguousEntityError: as `match`.
        """
        match = self.match(name)
        entity, key = match.entities[0], fold(match.corrected_to or name)
        found = [*self.names.with_key(key), *self.names.told_apart(key)]
        label = fold(self.entity_labels[entity])
        if label != key and f" {key} " in f" {label} ":
            types = set(self.types(entity))
            found += [other for other in self.names.holding(key) if types & set(self.types(other))]
        return [other for other in dict.fromkeys(found) if other != entity]

    def types(self, entity: int) -> list[str]:
        """Names of the entity's types, [] where the source gives none."""
        pairs = self._arrays["type_pairs"]
        typed = np.asarray(pairs[:, 0])  # `searchsorted` would copy this column for each search
        low, high = bisect_left(typed, entity), bisect_right(typed, entity)
        return [self.type_names[number] for number in pairs[low:high, 1]]

    @property
    def type_pairs(self) -> Ids:
        """All (entity, type) pairs by index, shape (n, 2), sorted by entity."""
        return self._arrays["type_pairs"]

    # Relations --------------------------------------------------------------------------------------------------

    def relation(self, name: str) -> Relation:
        """The relation that a name means: its id, label, folded label, or that of its `_reverse` twin.

        Raises:
            UnknownRelationError: no relation has the name, or several have that label.
        """
        found = self._relations_by_name.get(name) or self._relations_by_name.get("\0" + fold(name))
        if found is None:
            there = self.relation_names()
            raise UnknownRelationError(name, nearest_texts(name, there) or there[:3], self.graph_name)
        if len(found) > 1:
            ids = [
                self.relation_ids[at.index] if at.kind == "edges" else self.literals[at.index].identifier
                for at in found
            ]
            raise UnknownRelationError(name, ids, self.graph_name)
        return found[0]

    def relation_label(self, relation: int) -> str:
        """The relation's display name."""
        return self.relation_labels[relation]

    def label(self, relation: Relation) -> str:
        """The display name of a relation of either kind."""
        return self.relation_names()[relation.index + (self.relation_count if relation.kind == "values" else 0)]

    def column(self, name: str) -> LiteralColumn | None:
        """The values of the relation that a name means; None where it leads to entities.

        Raises:
            UnknownRelationError: as `relation`.
        """
        relation = self.relation(name)
        return self.literals[relation.index] if relation.kind == "values" else None

    def relation_names(self) -> list[str]:
        """Labels of the relations between entities, then of those with values."""
        return [*self.relation_labels, *(column.relation for column in self.literals)]

    @cached_property
    def _relations_by_name(self) -> dict[str, list[Relation]]:
        table: dict[str, list[Relation]] = {}

        def offer(name: str, relation: Relation, taken: set[str]) -> None:
            if name not in taken and relation not in table.setdefault(name, []):
                table[name].append(relation)

        edges = [Relation("edges", i) for i in range(self.relation_count)]
        values = [Relation("values", i) for i in range(len(self.literals))]
        aliases = [(name, Relation("edges", i, inverse)) for name, (i, inverse) in self.relation_aliases.items()]
        named = [
            *zip(self.relation_ids, edges, strict=True),
            *zip((column.identifier for column in self.literals), values, strict=True),
        ]
        labelled = [
            *zip(self.relation_labels, edges, strict=True),
            *zip((column.relation for column in self.literals), values, strict=True),
        ]
        # Ids win over labels, labels over aliases, exact forms over folded ones.
        for pairs in (named, labelled, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer(name, relation, taken)
        for pairs in (named, labelled, aliases):
            taken = set(table)
            for name, relation in pairs:
                offer("\0" + fold(name), relation, taken)
        return table

    @property
    def relation_aliases(self) -> dict[str, tuple[int, bool]]:
        """Further names of relations to (relation index, whether the name means the inverse)."""
        return {name: (index, bool(inverse)) for name, (index, inverse) in self._details["relation_aliases"].items()}

    def twin_id(self, relation: int) -> str | None:
        """The id that the source gives the relation's inverse twin, None where it stores none."""
        for name, (index, inverse) in self.relation_aliases.items():
            if index == relation and inverse:
                return name
        return None

    def confidence(self, head: int, relation: int, tail: int) -> float:
        """Of one of its edges: 1 unless a link predictor added it."""
        return self.predicted.get((head, relation, tail), 1.0)

    # Values -----------------------------------------------------------------------------------------------------

    def value(self, column: LiteralColumn, raw: float) -> int | float | datetime.date:
        """A stored float64 as the value it stands for."""
        if column.kind == "date":
            return datetime.date.fromordinal(int(raw))
        return float(raw) if column.kind == "decimal" else int(raw)

    def _strings(self, name: str) -> StringColumn:
        return StringColumn(self._arrays[f"{name}_blob"], self._arrays[f"{name}_offsets"])
