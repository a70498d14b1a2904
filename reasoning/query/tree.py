"""Existential first-order queries with one free variable, as a tree.

A query denotes a set of entities: an anchor entity, everything one relation away from a set, an intersection, a union,
a complement, the members of a set whose value passes a comparison or stands highest. `Count` and `Exists` stand only
at the top and denote a number and a truth value; so does a `Project` over a relation with values (`population(...)`),
which only a graph can tell from one between entities.

Trees are immutable, compare by value, and print in the grammar that `Query.parse` reads.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from kg_data.supplied import supplied
from reasoning.errors import QueryError
from reasoning.graph.store import KnowledgeGraph

Operator = Literal[">", ">=", "<", "<=", "=", "!="]
OPERATORS: tuple[Operator, ...] = (">", ">=", "<", "<=", "=", "!=")
Value = int | float | datetime.date

RESERVED = frozenset({"entity", "count", "exists", "top", "bottom"})
MAX_DEPTH = 200
"""Deepest tree: far beyond any question asked, and well within what recursive code can walk.

Code that walks a tree spends at most two stack frames a level: Python stops at 1,000, and a web server has used some.
"""

_LEAST = -sys.float_info.max
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


class Query:
    """A logical query: the base of the nine kinds of node, from `Entity` to `Exists`."""

    precedence: ClassVar[int] = 4
    gives_set: ClassVar[bool] = True

    @property
    def children(self) -> tuple[Query, ...]:
        """The sub-queries, in order."""
        return ()

    @staticmethod
    @supplied
    def parse(text: str) -> Query:
        """Read a query in the grammar, e.g. `capital(borders("Germany") & !~currency("Euro"))`.

        Raises:
            QueryError: the text is not a query; the message points at the column.
        """
        raise NotImplementedError

    @staticmethod
    @supplied
    def from_record(record: dict[str, Any] | Sequence[Any]) -> Query:
        """Read a benchmark record (`{"query": ...}` or its nested list) or BetaE's nested tuples, ids as texts."""
        raise NotImplementedError

    @supplied
    def to_record(self, kg: KnowledgeGraph | None = None) -> list[Any]:
        """The nested list of a benchmark record; names become the data set's ids where `kg` is given."""
        raise NotImplementedError

    @supplied
    def to_betae(self, kg: KnowledgeGraph | None = None) -> tuple[Any, ...]:
        """BetaE's nested tuples; names become the data set's ids where `kg` is given."""
        raise NotImplementedError

    @supplied
    def to_sparql(self, kg: KnowledgeGraph) -> str:
        """The query as SPARQL 1.1 text for the RDF that `kg.to_rdf` writes.

        It selects `?entity` (with `?value` where the query reads or ranks by values) or `?count`, or asks. Ids stand
        as IRIs, whatever their names hold.

        Raises:
            QueryError: the graph's relations do not allow the query.
            UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in `kg`.
        """
        raise NotImplementedError

    @cached_property
    @supplied
    def structure(self) -> str | None:
        """Its name among the 14 structures ("1p" ... "pni"), None for any other shape."""
        raise NotImplementedError

    @supplied
    def verbalise(self, kg: KnowledgeGraph | None = None) -> str:
        """The query as an English phrase; with `kg`, ids and relation ids read as their labels."""
        raise NotImplementedError

    @cached_property
    def depth(self) -> int:
        """Levels of the tree, 1 for an entity."""
        return 1 + max((child.depth for child in self.children), default=0)

    def __str__(self) -> str:
        return self._text()

    def _text(self) -> str:
        raise NotImplementedError

    def _check(self, *parts: Query) -> None:
        for part in parts:
            if not isinstance(part, Query):
                raise QueryError(f"expected a query, found {part!r}")
            if not part.gives_set:
                raise QueryError(f"{part} gives a number or truth value, not a set; it can only stand at the top")
            if part.depth >= MAX_DEPTH:
                raise QueryError(f"the query is deeper than {MAX_DEPTH} levels")


@dataclass(frozen=True)
class Entity(Query):
    """An anchor: the entity with this name, or with this id where `by_id`."""

    name: str
    by_id: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise QueryError(f"an entity needs a non-empty name, found {self.name!r}")

    def index(self, kg: KnowledgeGraph) -> int:
        """Its index in a graph.

        Raises:
            UnknownEntityError, AmbiguousEntityError: its name does not say one entity.
        """
        return kg.entity_by_id(self.name) if self.by_id else kg.entity(self.name)

    def _text(self) -> str:
        return f"entity({_quote(self.name)})" if self.by_id else _quote(self.name)


@dataclass(frozen=True)
class Project(Query):
    """Everything that `relation` leads to from the members of `source`; with `inverse`, everything that leads there."""

    relation: str
    source: Query
    inverse: bool = False

    def __post_init__(self) -> None:
        _check_relation(self.relation)
        self._check(self.source)

    @property
    def children(self) -> tuple[Query, ...]:
        """The source."""
        return (self.source,)

    def _text(self) -> str:
        return f"{'~' if self.inverse else ''}{relation_text(self.relation)}({self.source._text()})"


@dataclass(frozen=True)
class _Several(Query):
    parts: tuple[Query, ...]

    sign: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if len(self.parts) < 2:
            raise QueryError(f"{type(self).__name__} needs at least two parts")
        self._check(*self.parts)

    @property
    def children(self) -> tuple[Query, ...]:
        """The parts."""
        return self.parts

    def _text(self) -> str:
        texts = []
        for part in self.parts:
            text = part._text()
            texts.append(text if part.precedence > self.precedence else f"({text})")
        return f" {self.sign} ".join(texts)


@dataclass(frozen=True)
class Intersect(_Several):
    """The entities in every part."""

    precedence: ClassVar[int] = 2
    sign: ClassVar[str] = "&"


@dataclass(frozen=True)
class Union(_Several):
    """The entities in any part."""

    precedence: ClassVar[int] = 1
    sign: ClassVar[str] = "|"


@dataclass(frozen=True)
class _Single(Query):
    part: Query

    def __post_init__(self) -> None:
        self._check(self.part)

    @property
    def children(self) -> tuple[Query, ...]:
        """The part."""
        return (self.part,)


@dataclass(frozen=True)
class Complement(_Single):
    """The entities of the graph that are not in `part`."""

    precedence: ClassVar[int] = 3

    def _text(self) -> str:
        text = self.part._text()
        return f"!{text}" if self.part.precedence >= self.precedence else f"!({text})"


@dataclass(frozen=True)
class Compare(Query):
    """The members of `source` whose value under `relation` passes the comparison; those without a value never do."""

    relation: str
    source: Query
    operator: Operator
    value: Value
    precedence: ClassVar[int] = 3

    def __post_init__(self) -> None:
        _check_relation(self.relation)
        self._check(self.source)
        if self.operator not in OPERATORS:
            raise QueryError(f"unknown comparison {self.operator!r}; expected one of {' '.join(OPERATORS)}")
        if not isinstance(self.value, Value) or isinstance(self.value, bool | datetime.datetime):
            raise QueryError(f"a comparison needs a number or a date without a time, found {self.value!r}")
        if not isinstance(self.value, datetime.date) and not _LEAST <= self.value <= -_LEAST:
            raise QueryError("a comparison needs a number that fits 64-bit floating point")

    @property
    def children(self) -> tuple[Query, ...]:
        """The source."""
        return (self.source,)

    def _text(self) -> str:
        value = _quote(self.value.isoformat()) if isinstance(self.value, datetime.date) else repr(self.value)
        return f"{relation_text(self.relation)}({self.source._text()}) {self.operator} {value}"


@dataclass(frozen=True)
class Top(Query):
    """The `k` members of `source` with the largest (or smallest) value under `relation`, ties broken by name."""

    k: int
    relation: str
    source: Query
    largest: bool = True

    def __post_init__(self) -> None:
        _check_relation(self.relation)
        self._check(self.source)
        if not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 1:
            raise QueryError(f"{self.word} needs a whole number of at least 1, found {self.k!r}")

    @property
    def word(self) -> str:
        """`top` or `bottom`."""
        return "top" if self.largest else "bottom"

    @property
    def children(self) -> tuple[Query, ...]:
        """The source."""
        return (self.source,)

    def _text(self) -> str:
        return f"{self.word}({self.k}, {relation_text(self.relation)}, {self.source._text()})"


@dataclass(frozen=True)
class Count(_Single):
    """How many entities are in `part`."""

    gives_set: ClassVar[bool] = False

    def _text(self) -> str:
        return f"count({self.part._text()})"


@dataclass(frozen=True)
class Exists(_Single):
    """Whether any entity is in `part`."""

    gives_set: ClassVar[bool] = False

    def _text(self) -> str:
        return f"exists({self.part._text()})"


def json_value(value: Value | bool | None) -> int | float | str | bool | None:
    """A value as JSON can hold it: dates as ISO texts."""
    return value.isoformat() if isinstance(value, datetime.date) else value


def relation_text(name: str) -> str:
    """A relation's name as the grammar writes it: bare where it can be, else quoted."""
    return name if _IDENTIFIER.fullmatch(name) and name not in RESERVED else _quote(name)


def _quote(text: str) -> str:
    # Half a surrogate pair cannot be written to any stream, so it stays escaped.
    return json.dumps(text, ensure_ascii=not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text))


def _check_relation(name: str) -> None:
    if not isinstance(name, str) or not name:
        raise QueryError(f"a relation needs a non-empty name, found {name!r}")
