"""Existential first-order queries with one free variable, as a tree.

A query denotes a set of entities: an anchor entity, everything one relation away from a set, an intersection, a union,
a complement, the members of a set whose measure passes a comparison or stands highest, those that a relation leads to
all members of a set. A `Number` denotes a number and `Exists` a truth value; so does a `Project` over a relation with
values (`population(...)`), which only a graph can tell from one between entities. A measure gives each member of a set
a number: a relation with values, or a `Measure`, a number in which `It` stands for the member.

Trees are immutable, compare by value, and print in the grammar that `Query.parse` reads.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from reasoning.errors import QueryError
from reasoning.graph.names import quoted, relation_text
from reasoning.graph.store import KnowledgeGraph

Operator = Literal[">", ">=", "<", "<=", "=", "!="]
OPERATORS: tuple[Operator, ...] = (">", ">=", "<", "<=", "=", "!=")
Value = int | float | datetime.date

AggregateKind = Literal["sum", "average", "minimum", "maximum"]
AGGREGATES: tuple[AggregateKind, ...] = ("sum", "average", "minimum", "maximum")
Sign = Literal["+", "-", "*", "/"]

MAX_DEPTH = 200
"""Deepest tree: far beyond any question asked, and well within what recursive code can walk.

Code that walks a tree spends at most two stack frames a level: Python stops at 1,000, and a web server has used some.
"""

_LEAST = -sys.float_info.max


class Query:
    """A logical query: the base of every kind of node."""

    precedence: ClassVar[int] = 7
    gives_set: ClassVar[bool] = True

    @property
    def children(self) -> tuple[Query, ...]:
        """The sub-queries, in order."""
        return ()

    @staticmethod
    def parse(text: str) -> Query:
        """Read a query in the grammar, e.g. `capital(borders("Germany") & !~currency("Euro"))`.

        Raises:
            QueryError: the text is not a query; the message points at the column.
        """
        from reasoning.query.grammar import parse

        return parse(text)

    @staticmethod
    def from_record(record: dict[str, Any] | Sequence[Any]) -> Query:
        """Read a benchmark record (`{"query": ...}` or its nested list) or BetaE's nested tuples, ids as texts."""
        from reasoning.query.records import from_record

        return from_record(record)

    def to_record(self, kg: KnowledgeGraph | None = None) -> list[Any]:
        """The nested list of a benchmark record; names become the data set's ids where `kg` is given."""
        from reasoning.query.records import to_record

        return to_record(self, kg)

    def to_betae(self, kg: KnowledgeGraph | None = None) -> tuple[Any, ...]:
        """BetaE's nested tuples; names become the data set's ids where `kg` is given."""
        from reasoning.query.records import to_betae

        return to_betae(self, kg)

    def to_sparql(self, kg: KnowledgeGraph) -> str:
        """The query as SPARQL 1.1 text for the RDF that `kg.to_rdf` writes.

        It selects `?entity` (with `?value` where the query reads or ranks by values) or `?count`, or asks. Ids stand
        as IRIs, whatever their names hold.

        Raises:
            QueryError: the graph's relations do not allow the query.
            UnknownEntityError, AmbiguousEntityError, UnknownRelationError: a name does not say one thing in `kg`.
        """
        from reasoning.query.sparql import to_sparql

        return to_sparql(self, kg)

    @cached_property
    def structure(self) -> str | None:
        """Its name among the 14 structures ("1p" ... "pni"), None for any other shape."""
        from reasoning.query.records import structure_of

        return structure_of(self)

    def verbalise(self, kg: KnowledgeGraph | None = None) -> str:
        """The query as an English phrase; with `kg`, ids and relation ids read as their labels."""
        from reasoning.verbalization.queries import verbalise

        return verbalise(self, kg)

    @cached_property
    def depth(self) -> int:
        """Levels of the tree, 1 for an entity."""
        return 1 + max((child.depth for child in self.children), default=0)

    @cached_property
    def holds_it(self) -> bool:
        """Whether a member stands in it that no brackets around say the set of."""
        return any(child.holds_it for child in self.children)

    @property
    def is_everything(self) -> bool:
        """Whether it is written as all entities: those that are not both in a set and outside it."""
        return False

    def __str__(self) -> str:
        return self._text()

    def _text(self) -> str:
        raise NotImplementedError

    def _check(self, *parts: Query) -> None:
        for part in parts:
            if not isinstance(part, Query):
                raise QueryError(f"expected a query, found {part!r}")
            if not part.gives_set:
                rest = "; it can only stand at the top" if isinstance(part, Exists) else " of entities"
                raise QueryError(f"{part} gives a number or truth value, not a set{rest}")
            _check_depth(part)

    def _check_numbers(self, *parts: Query) -> None:
        for part in parts:
            _check_number(part)
            _check_depth(part)


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
        return f"entity({quoted(self.name)})" if self.by_id else quoted(self.name)


@dataclass(frozen=True)
class _Along(Query):
    """What a relation, or its inverse, and a set take part in."""

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

    @property
    def _directed(self) -> str:
        return f"{'~' if self.inverse else ''}{relation_text(self.relation)}"


@dataclass(frozen=True)
class Project(_Along):
    """Everything that `relation` leads to from the members of `source`; with `inverse`, everything that leads there."""

    def _text(self) -> str:
        return f"{self._directed}({self.source._text()})"


@dataclass(frozen=True)
class Every(_Along):
    """The entities that `relation` leads from to all members of `source`; of an empty source nobody.

    With `inverse` those that it leads to from all members.
    """

    def _text(self) -> str:
        return f"every({self._directed}, {self.source._text()})"


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

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out: `!("Ann" & !"Ann")`."""
        parts = self.part.parts if isinstance(self.part, Intersect) else ()
        return any(isinstance(part, Complement) and part.part in parts for part in parts)

    def _text(self) -> str:
        text = self.part._text()
        return f"!{text}" if self.part.precedence >= self.precedence else f"!({text})"


@dataclass(frozen=True)
class It(Query):
    """The member whose number a measure is."""

    @property
    def holds_it(self) -> bool:
        """It is one."""
        return True

    def _text(self) -> str:
        return "it"


@dataclass(frozen=True)
class NameStarts(Query):
    """The members of `source` whose display name begins with `prefix`, in lower case, accents kept."""

    prefix: str
    source: Query

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str) or not self.prefix:
            raise QueryError(f"name_starts needs the beginning of a name, found {self.prefix!r}")
        self._check(self.source)

    @property
    def children(self) -> tuple[Query, ...]:
        """The source."""
        return (self.source,)

    def _text(self) -> str:
        return f"name_starts({quoted(self.prefix)}, {self.source._text()})"


class Number(Query):
    """A query that denotes a number or a date."""

    gives_set: ClassVar[bool] = False


@dataclass(frozen=True)
class Constant(Number):
    """A number or a date that is written down."""

    value: Value

    def __post_init__(self) -> None:
        _check_value(self.value)

    def _text(self) -> str:
        dated = isinstance(self.value, datetime.date)
        return f"date({quoted(str(self.value))})" if dated else repr(self.value)


@dataclass(frozen=True)
class Today(Number):
    """The day of asking, in UTC."""

    def _text(self) -> str:
        return "today"


@dataclass(frozen=True)
class Arithmetic(Number):
    """Two numbers added, subtracted, multiplied or divided; dates can only be subtracted, which gives whole days."""

    sign: Sign
    left: Query
    right: Query

    def __post_init__(self) -> None:
        if self.sign not in ("+", "-", "*", "/"):
            raise QueryError(f"unknown sign {self.sign!r}; expected one of + - * /")
        self._check_numbers(self.left, self.right)

    @property
    def precedence(self) -> int:  # type: ignore[override]
        """Products bind tighter than sums."""
        return 4 if self.sign in "+-" else 5

    @property
    def children(self) -> tuple[Query, ...]:
        """The left number and the right one."""
        return (self.left, self.right)

    def _text(self) -> str:
        left, right = self.left._text(), self.right._text()
        left = left if self.left.precedence >= self.precedence else f"({left})"
        right = right if self.right.precedence > self.precedence else f"({right})"
        return f"{left} {self.sign} {right}"


@dataclass(frozen=True)
class Negative(_Single, Number):
    """A number of the graph with the other sign."""

    precedence: ClassVar[int] = 6

    def __post_init__(self) -> None:
        self._check_numbers(self.part)
        if isinstance(self.part, Constant):
            raise QueryError(f"the other sign of {self.part} is a number of its own, or none where it is a date")

    def _text(self) -> str:
        text = self.part._text()
        return f"-{text}" if self.part.precedence > self.precedence else f"-({text})"


@dataclass(frozen=True)
class Count(_Single, Number):
    """How many entities are in `part`."""

    def _text(self) -> str:
        return f"count({self.part._text()})"


@dataclass(frozen=True)
class Measure:
    """A number for each member of a set: `[count(borders(it))]`.

    Attributes:
        number: what it is, `It` standing for the member.
    """

    number: Query

    def __post_init__(self) -> None:
        _check_number(self.number)
        if not self.number.holds_it:
            raise QueryError(f"[{self.number}] is the same for every member; inside the brackets `it` is the member")

    def __str__(self) -> str:
        return f"[{self.number._text()}]"


@dataclass(frozen=True)
class _Measured(Query):
    """What a measure and a set take part in."""

    measure: str | Measure
    source: Query

    def __post_init__(self) -> None:
        if isinstance(self.measure, Measure):
            if self.source.holds_it:
                raise QueryError(f"brackets with `it` do not nest: {self.measure} stands inside others")
        else:
            _check_relation(self.measure)
        self._check(self.source)

    @property
    def relation(self) -> str | None:
        """The relation that is the measure; None where it is a number in brackets."""
        return self.measure if isinstance(self.measure, str) else None

    @property
    def children(self) -> tuple[Query, ...]:
        """The source."""
        return (self.source,)

    @property
    def _measured(self) -> str:
        return relation_text(self.measure) if isinstance(self.measure, str) else str(self.measure)


@dataclass(frozen=True)
class Aggregate(_Measured, Number):
    """The sum, average, minimum or maximum of a measure over `source`; there is none where no member has a value."""

    kind: AggregateKind = "sum"
    gives_set: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in AGGREGATES:
            raise QueryError(f"unknown aggregate {self.kind!r}; expected one of {', '.join(AGGREGATES)}")

    def _text(self) -> str:
        return f"{self.kind}({self._measured}, {self.source._text()})"


@dataclass(frozen=True)
class Measured(_Measured):
    """The number of each member of `source` by a measure in brackets: `[count(borders(it))](~continent("Europe"))`."""

    gives_set: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.measure, Measure):
            raise QueryError(f"expected a measure in brackets, found {self.measure!r}")

    def _text(self) -> str:
        return f"{self._measured}({self.source._text()})"


@dataclass(frozen=True)
class Compare(_Measured):
    """The members of `source` whose measure passes the comparison; those without a value never do.

    Attributes:
        operator: how they are compared.
        value: what with: a value, or a number that the graph gives.
    """

    operator: Operator
    value: Value | Query
    precedence: ClassVar[int] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.operator not in OPERATORS:
            raise QueryError(f"unknown comparison {self.operator!r}; expected one of {' '.join(OPERATORS)}")
        if isinstance(self.value, Constant):
            object.__setattr__(self, "value", self.value.value)
        if not isinstance(self.value, Query):
            _check_value(self.value)
            return
        _check_number(self.value)
        if self.value.holds_it:
            raise QueryError("`it` stands only inside brackets, so not right of a comparison; subtract inside them")

    @property
    def children(self) -> tuple[Query, ...]:
        """The source, and the number that is compared with where the graph gives it."""
        return (self.source, self.value) if isinstance(self.value, Query) else (self.source,)

    def _text(self) -> str:
        if isinstance(self.value, Query):
            value = self.value._text()
        else:
            value = quoted(str(self.value)) if isinstance(self.value, datetime.date) else repr(self.value)
        return f"{self._measured}({self.source._text()}) {self.operator} {value}"


@dataclass(frozen=True)
class Top(_Measured):
    """The `k` members of `source` with the largest (or smallest) measure, and all that tie with the last of them."""

    k: int
    largest: bool = True

    def __init__(self, k: int, measure: str | Measure, source: Query, largest: bool = True) -> None:
        for name, value in (("k", k), ("measure", measure), ("source", source), ("largest", largest)):
            object.__setattr__(self, name, value)
        super().__post_init__()
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise QueryError(f"{self.word} needs a whole number of at least 1, found {k!r}")

    @property
    def word(self) -> str:
        """`top` or `bottom`."""
        return "top" if self.largest else "bottom"

    def _text(self) -> str:
        return f"{self.word}({self.k}, {self._measured}, {self.source._text()})"


@dataclass(frozen=True)
class Exists(_Single):
    """Whether any entity is in `part`."""

    gives_set: ClassVar[bool] = False

    def _text(self) -> str:
        return f"exists({self.part._text()})"


def json_value(value: Value | bool | None) -> int | float | str | bool | None:
    """A value as JSON can hold it: dates as ISO texts."""
    return value.isoformat() if isinstance(value, datetime.date) else value


def _check_relation(name: str) -> None:
    if not isinstance(name, str) or not name:
        raise QueryError(f"a relation needs a non-empty name, found {name!r}")


def _check_depth(part: Query) -> None:
    if part.depth >= MAX_DEPTH:
        raise QueryError(f"the query is deeper than {MAX_DEPTH} levels")


def _check_number(part: object) -> None:
    """Refuse what no graph can make a number of; a projection may be over a relation with values."""
    if not isinstance(part, Number) and not (isinstance(part, Project) and not part.inverse):
        hint = "; a set is counted by count(...)" if isinstance(part, Query) and part.gives_set else ""
        raise QueryError(f"expected a number, found {part}{hint}")


def _check_value(value: object) -> None:
    if not isinstance(value, Value) or isinstance(value, bool | datetime.datetime):
        raise QueryError(f"a comparison needs a number or a date without a time, found {value!r}")
    if not isinstance(value, datetime.date) and not _LEAST <= value <= -_LEAST:
        raise QueryError("a comparison needs a number that fits 64-bit floating point")
