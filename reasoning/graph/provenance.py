"""Provenance of facts: the documents that say them, and the words in which they do."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray
from rpds import HashTrieMap

from kg_data.values import Value
from reasoning.errors import GraphError
from reasoning.graph.index import Ids
from reasoning.graph.names import StringColumn

FactKey = tuple[int, int, int]
"""Head, relation and tail of an edge; of a value its entity, -1 less the number of its column, and 0."""

LAST_LINE = (1 << 31) - 1
"""Lines and places are kept as int32."""


class Source(NamedTuple):
    """Where a fact was found.

    Attributes:
        document: the document, e.g. a file's name or an address.
        line: the line in it, from 1, where that is known.
        start, end: the characters of its text that say so, `text[start:end]`, where these are known.
    """

    document: str
    line: int | None = None
    start: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        return self.document if self.line is None else f"{self.document}, line {self.line}"

    def to_dict(self) -> dict[str, str | int]:
        """JSON-serialisable."""
        places = {"line": self.line, "start": self.start, "end": self.end}
        return {"document": self.document} | {name: at for name, at in places.items() if at is not None}


class Sourced(NamedTuple):
    """A triple with where it was found, wherever triples are given."""

    head: str
    relation: str
    tail: str | int | float | datetime.date | Value
    source: Source


Provenance = tuple[Source | None, ...]
"""Who says a fact; None stands for the graph itself."""


def value_key(entity: int, column: int) -> FactKey:
    """The value that an entity has in a column."""
    return entity, -1 - column, 0


class StoredSources:
    """Sources in arrays.

    Args:
        facts: int32, shape (n, 3): the keys, sorted; one with several sources repeats.
        documents: int32, shape (n,): a position in `names`, -1 for the graph itself.
        lines: int32, shape (n,); 0 where none is known.
        spans: int32, shape (n, 2): start and end in the document's text; -1 where they are not known.
        names: the documents.
    """

    def __init__(self, facts: Ids, documents: Ids, lines: Ids, spans: Ids, names: StringColumn) -> None:
        self.facts, self.documents, self.lines, self.spans, self.names = facts, documents, lines, spans, names

    @classmethod
    def of(cls, items: Iterable[tuple[FactKey, Provenance]]) -> StoredSources:
        """Put what is said of facts into arrays."""
        numbers: dict[str, int] = {}
        rows = [
            (
                *fact,
                -1 if source is None else numbers.setdefault(source.document, len(numbers)),
                0 if source is None or source.line is None else source.line,
                *((-1, -1) if source is None or source.start is None else (source.start, source.end)),
            )
            for fact, said in sorted(items, key=lambda item: item[0])
            for source in said
        ]
        table = np.array(rows, dtype=np.int32).reshape(-1, 7)
        facts, documents, lines, spans = (
            np.ascontiguousarray(part) for part in (table[:, :3], table[:, 3], table[:, 4], table[:, 5:])
        )
        return cls(facts, documents, lines, spans, StringColumn.from_strings(numbers))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> StoredSources:
        """What `arrays` gives; no sources where there are no such arrays."""
        if "source_facts" not in arrays:
            return NOBODY
        names = StringColumn(arrays["source_names_blob"], arrays["source_names_offsets"])
        documents = arrays["source_documents"]
        spans = arrays.get("source_spans")  # graphs stored before have none
        if spans is None:
            spans = np.full((len(documents), 2), -1, dtype=np.int32)
        return cls(arrays["source_facts"], documents, arrays["source_lines"], spans, names)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name; none where nothing has a source."""
        if not len(self.facts):
            return {}
        return {
            "source_facts": self.facts,
            "source_documents": self.documents,
            "source_lines": self.lines,
            "source_spans": self.spans,
            "source_names_blob": self.names.blob,
            "source_names_offsets": self.names.offsets,
        }

    def of_fact(self, fact: FactKey) -> Provenance:
        """Who says a fact, () where nobody is named."""
        if not len(self.facts):
            return ()
        low, high = np.searchsorted(self._heads, np.array([fact[0], fact[0] + 1], dtype=np.int32)).tolist()
        rows = np.flatnonzero((self.facts[low:high, 1:] == fact[1:]).all(axis=1)) + low
        return tuple(self._source(row) for row in rows.tolist())

    def items(self) -> Iterator[tuple[FactKey, Provenance]]:
        """Each fact with who says it."""
        found: dict[FactKey, list[Source | None]] = {}
        for row, fact in enumerate(map(tuple, self.facts.tolist())):
            found.setdefault(fact, []).append(self._source(row))
        return ((fact, tuple(said)) for fact, said in found.items())

    def said_by(self, document: str) -> list[FactKey]:
        """The facts that a document says."""
        if document not in self._numbers:
            return []
        rows = np.flatnonzero(self.documents == self._numbers[document])
        return list(dict.fromkeys(map(tuple, self.facts[rows].tolist())))

    def renumbered(self, numbers: Ids) -> StoredSources:
        """The same with other numbers of entities, which keep their order."""
        facts = self.facts.copy()
        facts[:, 0] = numbers[facts[:, 0]]
        edges = facts[:, 1] >= 0
        facts[edges, 2] = numbers[facts[edges, 2]]
        return StoredSources(facts, self.documents, self.lines, self.spans, self.names)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def _heads(self) -> Ids:
        return np.ascontiguousarray(self.facts[:, 0])

    def _source(self, row: int) -> Source | None:
        if self.documents[row] < 0:
            return None
        start, end = self.spans[row].tolist()
        span = (None, None) if start < 0 else (start, end)
        return Source(self.names[int(self.documents[row])], int(self.lines[row]) or None, *span)


def checked_source(source: object) -> Source:
    """What was given as the source of a triple.

    Raises:
        ValueError: it is none; the message says what was expected and found.
    """
    if not isinstance(source, Source) or not isinstance(source.document, str) or not source.document:
        raise ValueError(f"expected a Source with a document, found {source!r}")
    line = source.line
    if line is not None and (not isinstance(line, int) or isinstance(line, bool) or not 0 < line <= LAST_LINE):
        raise ValueError(f"expected a line from 1 or None, found {line!r}")
    start, end = source.start, source.end
    if start is None and end is None:
        return source
    if not (_is_place(start) and _is_place(end) and start < end):
        raise ValueError(f"expected start and end of a span of characters or None, found {start!r} and {end!r}")
    return source


def _is_place(given: object) -> TypeGuard[int]:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= LAST_LINE


def apart(triples: Any, said: dict[tuple[Any, ...], list[Source | None]]) -> Any:
    """Triples without their sources; who says each that has one goes into `said`. What is no triples stays so.

    Raises:
        GraphError: a source is none.
    """
    if not isinstance(triples, Iterable) or isinstance(triples, str | Mapping) or hasattr(triples, "columns"):
        return triples
    triples = triples if isinstance(triples, Sequence) else list(triples)
    ends = {_ends(triple) for triple in triples if isinstance(triple, Sourced)}

    def plain() -> Iterator[Any]:
        for number, triple in enumerate(triples, start=1):
            if not isinstance(triple, Sourced):
                yield triple
                # Whoever reads has checked it by now. Only what a document may say too is noted.
                if ends and _ends(triple) in ends:
                    said.setdefault(tuple(triple), []).append(None)
                continue
            try:
                source = checked_source(triple.source)
            except ValueError as error:
                raise GraphError(f"triple {number}: {error}") from None
            yield triple[:3]
            said.setdefault(tuple(triple[:3]), []).append(source)

    return plain()


def _ends(triple: Sequence[Any]) -> frozenset[str | None]:
    """What a triple shares with every other spelling of its fact: its names, whichever way the relation goes."""
    return frozenset(end if isinstance(end, str) else None for end in (triple[0], triple[2]))


NOBODY = StoredSources.of(())
"""No sources."""


class FactSources:
    """Who says each fact of a graph; immutable.

    Args:
        stored: the sources in arrays.
        changed: of facts whose sources are others now, who says them; () of one that nobody says any more, or that
            only the graph itself does.
    """

    def __init__(self, stored: StoredSources, changed: HashTrieMap[FactKey, Provenance]) -> None:
        self.stored, self.changed = stored, changed

    def __bool__(self) -> bool:
        return bool(len(self.stored.facts)) or len(self.changed) > 0

    @property
    def whole(self) -> StoredSources:
        """The same as arrays."""
        return StoredSources.of(self._items()) if len(self.changed) else self.stored

    def said(self, fact: FactKey) -> Provenance:
        """Who says a fact, the graph itself among them where documents do too; () where none is named."""
        said = self.changed.get(fact)
        return self.stored.of_fact(fact) if said is None else said

    def of(self, fact: FactKey) -> tuple[Source, ...]:
        """Where a fact was found, () where that is not known."""
        return tuple(source for source in self.said(fact) if source is not None) if self else ()

    def said_by(self, document: str) -> list[FactKey]:
        """The facts that a document says."""
        stored = [fact for fact in self.stored.said_by(document) if fact not in self.changed]
        changed = [
            fact
            for fact, said in self.changed.items()
            if any(source is not None and source.document == document for source in said)
        ]
        return sorted([*stored, *changed])

    def documents(self) -> dict[str, int]:
        """Each document with how many facts it says, by name."""
        found = Counter(
            document for _, said in self._items() for document in {source.document for source in said if source}
        )
        return dict(sorted(found.items()))

    def _items(self) -> Iterator[tuple[FactKey, Provenance]]:
        yield from (item for item in self.stored.items() if item[0] not in self.changed)
        yield from ((fact, said) for fact, said in self.changed.items() if said)


NO_SOURCES = FactSources(NOBODY, HashTrieMap())
"""Of a graph that names none."""
