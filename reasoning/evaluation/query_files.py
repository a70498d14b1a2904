"""Query files: records of the benchmarks, and queries as text, checked against the graph before anything is answered.

A broken record or an id that the graph lacks is found here, at once and with its file and line, and not hours into a
run. The split a file belongs to is the prefix of its name, as in `valid-2p.jsonl`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from kg_data.loaders.text import read_text
from reasoning.errors import EvaluationError, QueryError, UnknownRelationError
from reasoning.graph.index import Ids
from reasoning.graph.names import Strings
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.records import STRUCTURES, is_shape, shape_of
from reasoning.query.tree import Entity, Exists, Project, Query
from skylark.errors import DataError, SkylarkError
from skylark.files import nothing_at

Split = Literal["valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

Protocol = Literal["reading", "hard"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

GRAPH_SPLITS: dict[tuple[Protocol, Split], tuple[str, ...]] = {
    ("hard", "valid"): ("train",),
    ("reading", "valid"): ("train", "valid"),
    ("hard", "test"): ("train", "valid"),
    ("reading", "test"): ("train", "valid", "test"),
}
"""The splits in the graph that a method is given."""


@dataclass(frozen=True)
class QueryRecord:
    """One record.

    Attributes:
        identifier: "<file stem>:<0-based line>".
        kind: its structure, see `reasoning.query.records.shape_of`.
        query: the query, by ids.
        easy: answers on the smaller graph that are answers on the full one too, sorted, shape (m,).
        hard: answers that only the full graph has, sorted, shape (h,).
    """

    identifier: str
    kind: str
    query: Query
    easy: Ids
    hard: Ids

    @cached_property
    def gold(self) -> Ids:
        """All answers on the full graph, sorted, shape (m + h,)."""
        return np.sort(np.concatenate([self.easy, self.hard]))


def query_of(record: Mapping[str, Any]) -> Query:
    """The query of a record: in the query language where it is a text, else in the nested lists of the benchmarks.

    Raises:
        QueryError: it is neither.
    """
    text = record["query"]
    return Query.parse(text) if isinstance(text, str) else Query.from_record(dict(record))


class EntityTable:
    """The graph's ids as the files write them: looked up by the thousand, and written back as they came."""

    def __init__(self, kg: KnowledgeGraph, integers: bool = False) -> None:
        self._entities, self._is_served = kg.content.entities, kg.server is not None
        # A server's entities become more while they are met.
        self._texts: Strings = kg.entity_ids if self._is_served else list(kg.entity_ids)
        self._size = kg.universe_size or len(self._texts) if self._is_served else len(self._texts)
        self._index = {text: index for index, text in enumerate(self._texts)}
        self.integers = integers
        """Whether the files write ids as JSON integers; learnt from what was read."""

    def __len__(self) -> int:
        return self._size

    def __contains__(self, identifier: str) -> bool:
        return self._find(identifier) is not None

    def read(self, items: list[Any]) -> Ids:
        """The entities that JSON values mean, sorted, without repetition; a `KeyError` has a value that is no id."""
        if items and set(map(type, items)) == {int} and not self._is_served:
            self.integers = True
            try:
                entities = self._by_number[np.array(items, dtype=np.uint32)]
            except (IndexError, OverflowError):  # a number that is no id, or ids that are far apart
                entities = self._read_each(items)
            else:
                if entities.min() < 0:
                    entities = self._read_each(items)
        else:
            entities = self._read_each(items)
        entities.sort()
        return np.unique(entities) if np.any(entities[1:] == entities[:-1]) else entities

    def _read_each(self, items: list[Any]) -> Ids:
        entities = np.empty(len(items), dtype=np.int32)
        for place, item in enumerate(items):
            if isinstance(item, bool) or not isinstance(item, int | str):
                raise KeyError(item)
            self.integers |= isinstance(item, int)
            if (entity := self._find(str(item))) is None:
                raise KeyError(item)
            entities[place] = entity
        return entities

    def _find(self, identifier: str) -> int | None:
        entity = self._index.get(identifier)
        return self._entities.find(identifier) if entity is None and self._is_served else entity

    @cached_property
    def _by_number(self) -> Ids:
        # Entity indexes by the numbers that are their ids, -1 elsewhere; numbers far above all others are left out.
        table = np.full(4 * len(self._texts) + 1024, -1, dtype=np.int32)
        for text, index in self._index.items():
            if (number := _number(text)) is not None and number < len(table):
                table[number] = index
        return table

    def write(self, entities: Ids) -> list[int | str]:
        """The ids of entities, in order, integers where the files have integers."""
        if self._is_served:
            return self._as_written([self._texts[entity] for entity in entities.tolist()])
        return [self._written[entity] for entity in entities.tolist()]

    @cached_property
    def _written(self) -> list[int | str]:
        return self._as_written(self._texts)

    def _as_written(self, texts: Strings) -> list[int | str]:
        if not self.integers:
            return list(texts)
        return [text if (number := _number(text)) is None else number for text in texts]


def _number(text: str) -> int | None:
    """The number that is written like this, and in no other way."""
    # Longer ones are texts here: no data set counts so far, and Python converts them at length or not at all.
    return int(text) if len(text) <= 18 and text.isdecimal() and str(int(text)) == text else None


def find_files(place: Path, split: str | None) -> tuple[list[Path], Split]:
    """The query files of a folder (or the one file), by name, and the split that they all belong to.

    With `split`, files of the other split are passed over, and files without a prefix are taken to be of it.

    Raises:
        EvaluationError: there are no files, the split is not known, or files of both splits and none was chosen.
    """
    if split is not None and split not in SPLITS:
        raise EvaluationError(f"unknown split {split!r}; expected {' or '.join(SPLITS)}")
    if place.is_file():
        files = [place]
    elif place.is_dir():
        files = sorted(place.glob("*.jsonl"))
        if not files:
            raise EvaluationError(f"{place} has no query files; expected names such as valid-2p.jsonl")
    else:
        raise EvaluationError(nothing_at("file or folder", place))
    prefixes = {path: next((name for name in SPLITS if path.name.startswith(f"{name}-")), None) for path in files}
    if split is None:
        nameless = [path.name for path, prefix in prefixes.items() if prefix is None]
        if nameless:
            raise EvaluationError(
                f"{nameless[0]} does not say which split it belongs to: a name such as valid-2p.jsonl does, "
                "or --split valid or --split test"
            )
        splits = {prefix for prefix in prefixes.values() if prefix is not None}
        if len(splits) > 1:
            raise EvaluationError(f"{place} has query files of both splits; choose one with --split valid or test")
        return files, splits.pop()
    chosen: Split = "valid" if split == "valid" else "test"
    kept = [path for path, prefix in prefixes.items() if prefix in (None, chosen)]
    if not kept:
        raise EvaluationError(f"{place} has no query files of the split {chosen}; its files are of the other one")
    return kept, chosen


def digest(files: Sequence[Path]) -> str:
    """A hex digest of the files' names and contents: whether two runs had the same queries."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def read_records(
    files: Sequence[Path], kg: KnowledgeGraph, table: EntityTable, limit: int | None, skip: int = 0
) -> list[QueryRecord]:
    """Read query files, at most `limit` records of each type, without its first `skip`.

    Raises:
        DataError: a line is no record, or has an id that the graph lacks; with file and line.
    """
    records: list[QueryRecord] = []
    taken: Counter[str] = Counter()
    for path in files:
        for number, text in enumerate(read_text(path).split("\n")):
            if not text.strip():
                continue
            line = _Line(path, number, kg, table)
            item = line.parse(text)
            taken[item["type"]] += 1
            if taken[item["type"]] > skip and (limit is None or taken[item["type"]] <= skip + limit):
                records.append(line.record(item))
    if not records:
        behind = f" behind the first {skip} of each type" if skip else ""
        raise DataError(files[0] if len(files) == 1 else files[0].parent, f"at least one query record{behind}")
    return records


@dataclass(frozen=True)
class _Line:
    path: Path
    number: int
    kg: KnowledgeGraph
    table: EntityTable

    def parse(self, text: str) -> dict[str, Any]:
        try:
            item: Any = json.loads(text)
        except (ValueError, RecursionError):
            raise self._broken("one JSON object a line", text) from None
        if not isinstance(item, dict) or not {"query", "easy", "hard"} <= item.keys():
            raise self._broken('a record with "query", "easy" and "hard"', text)
        if "type" not in item:
            return {**item, "type": shape_of(self._query(item))}
        if not (isinstance(item["type"], str) and is_shape(item["type"])):
            raise self._broken(f'a "type" among {", ".join(STRUCTURES)}, or none', item["type"])
        return item

    def record(self, item: dict[str, Any]) -> QueryRecord:
        query = self._query(item)
        structure = shape_of(query)
        # Of a degenerate query, such as a union of one branch, the benchmarks' files know better what it is one of.
        known = item["type"] in STRUCTURES and query.structure is None and not isinstance(item["query"], str)
        if not (known or structure == item["type"]) or isinstance(query, Entity):
            raise self._broken(f"a query of the type {item['type']}, not {structure}", item["query"])
        if isinstance(item["query"], str):
            self._check_text(query)
        else:
            self._check_names(query)
        easy, hard = self._answers(item, "easy"), self._answers(item, "hard")
        if len(both := np.intersect1d(easy, hard, assume_unique=True)):
            raise self._broken('"easy" and "hard" without a common answer', self.kg.identifier(int(both[0])))
        return QueryRecord(f"{self.path.stem}:{self.number}", item["type"], query, easy, hard)

    def _query(self, item: dict[str, Any]) -> Query:
        try:
            return query_of(item)
        except QueryError as error:
            raise self._broken(f"a query ({error})", item["query"]) from None

    def _check_text(self, query: Query) -> None:
        try:
            last = bind(query, self.kg).steps[-1]
        except SkylarkError as error:
            raise self._broken(f"a query of this graph ({error})", str(query)) from None
        if last.gives_number or last.gives_values or isinstance(query, Exists):
            raise self._broken("a query that gives entities, not a value", str(query))

    def _check_names(self, query: Query) -> None:
        if isinstance(query, Entity) and query.name not in self.table:
            raise self._broken(f'an entity of the graph "{self.kg.graph_name}"', query.name)
        if isinstance(query, Project):
            try:
                kind = self.kg.relation(query.relation).kind
            except UnknownRelationError:
                kind = None
            if kind in (None, "values"):
                raise self._broken(f'a relation between entities of the graph "{self.kg.graph_name}"', query.relation)
        for child in query.children:
            self._check_names(child)

    def _answers(self, item: dict[str, Any], key: str) -> Ids:
        if not isinstance(item[key], list):
            raise self._broken(f'a list of ids in "{key}"', item[key])
        try:
            return self.table.read(item[key])
        except KeyError as unknown:
            raise self._broken(f'entities of the graph "{self.kg.graph_name}" in "{key}"', unknown.args[0]) from None

    def _broken(self, expected: str, content: object) -> DataError:
        shown = content if isinstance(content, str) else json.dumps(content)
        return DataError(self.path, expected, line=self.number + 1, found=shown)
