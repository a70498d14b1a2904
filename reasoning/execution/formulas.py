"""Numbers and measures: what each member of a set has by a formula, computed for all members at once.

A formula is evaluated for n rows, one a member; a set in it is either the same for every row, or pairs (row, entity)
that are joined with the graph's edges as a whole. A number is n numbers, or one for all rows; NaN is no number: a
member without the value, a division by 0, an average of none.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reasoning.errors import QueryError
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import SAME
from reasoning.query.chain import GivenNumber, GivenSet
from reasoning.query.tree import (
    Aggregate,
    AggregateKind,
    Arithmetic,
    Compare,
    Complement,
    Constant,
    Count,
    Every,
    Intersect,
    It,
    NameStarts,
    Negative,
    Operator,
    Project,
    Query,
    Top,
    Union,
    Value,
)

Numbers = NDArray[np.float64]

PASSES: dict[Operator, Callable[[Numbers, Numbers | float], NDArray[np.bool_]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
PAIRS_AT_ONCE = 20_000_000
"""Most pairs of a row and an entity that are held where a set takes in the whole graph for each row."""


def raw(value: Value) -> float:
    """A value as columns store it: dates as days since 0001-01-01."""
    return float(value.toordinal() if isinstance(value, datetime.date) else value)


def chosen(values: Numbers, k: int, largest: bool, reckoned: bool = False) -> NDArray[np.bool_]:
    """Which of some values are among the `k` largest (or smallest), ties with the last of them taken in.

    Args:
        values: shape (n,).
        k: at least 1.
        largest: or the smallest.
        reckoned: whether they are computed, so that they tie within `SAME`, and not stored.
    """
    if len(values) <= k:
        return np.ones(len(values), dtype=bool)
    order = np.sort(values)
    last = order[-k] if largest else order[k - 1]
    margin = SAME * abs(last) if reckoned else 0.0
    return np.asarray(values >= last - margin if largest else values <= last + margin)


def starting_with(kg: KnowledgeGraph, prefix: str, members: Ids) -> NDArray[np.bool_]:
    """Which members' display names begin with `prefix`, in lower case, accents kept."""
    wanted = prefix.lower()
    return np.array([kg.entity_labels[entity].lower().startswith(wanted) for entity in members.tolist()], dtype=bool)


def reaching_all(kg: KnowledgeGraph, relation: int, inverse: bool, targets: Ids) -> Ids:
    """The entities that a relation leads from to all of `targets` (sorted, unique); nobody where there are none."""
    _, sources = kg.index.edges(targets, relation, not inverse)
    found, reached = np.unique(sources, return_counts=True)
    return np.asarray(found[reached == len(targets)], dtype=np.int32) if len(targets) else targets


def aggregated(kind: AggregateKind, values: Numbers) -> float:
    """One number of several; NaN of none."""
    if not len(values):
        return float("nan")
    if kind in ("minimum", "maximum"):
        return float(values.min() if kind == "minimum" else values.max())
    return float(values.sum() if kind == "sum" else values.mean())


@dataclass(frozen=True)
class Pairs:
    """A set for each row.

    Attributes:
        rows: int64, shape (m,).
        entities: int32, shape (m,); pairs are sorted by row, then entity, without duplicates.
    """

    rows: NDArray[np.int64]
    entities: Ids

    def kept(self, which: NDArray[np.bool_]) -> Pairs:
        """The pairs that a mask of shape (m,) keeps."""
        return Pairs(self.rows[which], self.entities[which])


@dataclass
class Facts:
    """What a formula read of the graph, where that is asked for.

    Attributes:
        edges: int32 of shape (m, 3) each, columns head, relation, tail.
        values: (index of the column, entity) to the stored value.
    """

    edges: list[Ids] = field(default_factory=list)
    values: dict[tuple[int, int], float] = field(default_factory=dict)


def measured(
    kg: KnowledgeGraph,
    formula: Query,
    members: Ids,
    sets: Sequence[Ids],
    numbers: Sequence[float],
    facts: Facts | None = None,
) -> Numbers:
    """The number of each member by a formula.

    Args:
        kg: the graph.
        formula: its numbers and sets, `It` the member, `GivenSet` and `GivenNumber` what inputs of the step give.
        members: int32, shape (n,).
        sets: the members of each input.
        numbers: the number of each input, NaN where it gives none.
        facts: takes down what was read.

    Returns:
        float64, shape (n,); NaN where a member has no number.

    Raises:
        QueryError: a member has several values where one is needed.
    """
    most = max(1, PAIRS_AT_ONCE // max(1, len(kg.universe))) if _takes_in_everything(formula) else len(members)
    parts = [
        _Rows(kg, members[start : start + most], sets, numbers, facts).number(formula)
        for start in range(0, len(members), max(1, most))
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def one_number(
    kg: KnowledgeGraph, formula: Query, sets: Sequence[Ids], numbers: Sequence[float], facts: Facts | None = None
) -> float:
    """The number of a formula without `It`; NaN where it has none. Arguments and errors as of `measured`."""
    return float(_Rows(kg, np.zeros(1, dtype=np.int32), sets, numbers, facts).number(formula)[0])


def divides_by_zero(
    kg: KnowledgeGraph, formula: Query, members: Ids, sets: Sequence[Ids], numbers: Sequence[float]
) -> bool:
    """Whether a formula gives no number because it divides by 0, of every member. Arguments as of `measured`."""
    divisors = [node.right for node in _terms(formula) if isinstance(node, Arithmetic) and node.sign == "/"]
    divided = any(bool((measured(kg, divisor, members, sets, numbers) == 0).any()) for divisor in divisors)
    return divided and bool(np.isnan(measured(kg, formula, members, sets, numbers)).all())


def _terms(formula: Query) -> Iterator[Query]:
    """A number and those that it is reckoned from."""
    yield formula
    if isinstance(formula, Arithmetic | Negative):
        for part in formula.children:
            yield from _terms(part)


def _takes_in_everything(node: Query) -> bool:
    return (isinstance(node, Complement | Union) and node.holds_it) or any(map(_takes_in_everything, node.children))


class _Rows:
    """Evaluates a formula for rows; see `measured`."""

    def __init__(
        self,
        kg: KnowledgeGraph,
        members: Ids,
        sets: Sequence[Ids],
        numbers: Sequence[float],
        facts: Facts | None,
    ) -> None:
        self._kg, self._members, self._sets, self._numbers, self._facts = kg, members, sets, numbers, facts

    def number(self, node: Query) -> Numbers:
        """The number of each row, shape (n,)."""
        count = len(self._members)
        if isinstance(node, Constant):
            return np.full(count, raw(node.value))
        if isinstance(node, GivenNumber):
            return np.full(count, self._numbers[node.place])
        if isinstance(node, Negative):
            return -self.number(node.part)
        if isinstance(node, Arithmetic):
            return _computed(node.sign, self.number(node.left), self.number(node.right))
        if isinstance(node, Count):
            return np.bincount(self._pairs(node.part).rows, minlength=count).astype(np.float64)
        assert isinstance(node, Aggregate | Project)
        pairs, values = self._valued(node)
        rows, counts = pairs.rows, np.bincount(pairs.rows, minlength=count)
        if isinstance(node, Project):
            if (counts > 1).any():
                name = self._kg.name(int(self._members[np.argmax(counts > 1)]))
                raise QueryError(
                    f'{node.relation}(...) gives {counts.max()} values for "{name}", and one number is needed; '
                    f"take sum({node.relation}, ...), average, minimum or maximum of them"
                )
            found = np.full(count, np.nan)
            found[rows] = values
            return found
        return self._aggregated(node.kind, rows, values, counts)

    def _aggregated(
        self, kind: AggregateKind, rows: NDArray[np.int64], values: Numbers, counts: NDArray[np.int64]
    ) -> Numbers:
        if kind in ("sum", "average"):
            found = np.bincount(rows, values, minlength=len(counts)).astype(np.float64)
            if kind == "average":
                found /= np.maximum(counts, 1)
        else:
            found = np.full(len(counts), np.inf if kind == "minimum" else -np.inf)
            (np.minimum if kind == "minimum" else np.maximum).at(found, rows, values)
        return np.where(counts > 0, found, np.nan)

    def _valued(self, node: Aggregate | Project | Compare | Top) -> tuple[Pairs, Numbers]:
        """The pairs of the source whose entity has a value under the node's relation, and the values."""
        assert node.relation is not None
        index = self._kg.relation(node.relation).index
        column, pairs = self._kg.literals[index], self._pairs(node.source)
        entities, inverse = np.unique(pairs.entities, return_inverse=True)
        having, values = column.read(entities)
        at = np.searchsorted(having, entities)
        at[at == len(having)] = 0
        has = having[at] == entities if len(having) else np.zeros(len(entities), dtype=bool)
        which = has[inverse]
        if self._facts is not None:
            self._facts.values.update(
                ((index, entity), value) for entity, value in zip(having.tolist(), values.tolist(), strict=True)
            )
        return pairs.kept(which), values[at[inverse[which]]] if len(having) else np.zeros(0)

    def _set(self, node: Query) -> Ids | Pairs:
        """A set, the same for every row where it does not hang on the member."""
        if isinstance(node, GivenSet):
            return self._sets[node.place]
        if isinstance(node, It):
            return Pairs(np.arange(len(self._members)), self._members)
        if isinstance(node, Project):
            return self._projected(node)
        if isinstance(node, Intersect):
            return self._intersected(node.parts)
        if isinstance(node, Union):
            parts = [self._pairs(part) for part in node.parts]
            rows, entities = np.concatenate([p.rows for p in parts]), np.concatenate([p.entities for p in parts])
            return self._unique(rows, entities)
        if isinstance(node, Complement):
            return self._without(self._everywhere(self._kg.universe), node.part)
        if isinstance(node, Every):
            return self._reaching_all(node)
        pairs = self._pairs(node.children[0])
        if isinstance(node, NameStarts):
            entities, inverse = np.unique(pairs.entities, return_inverse=True)
            return pairs.kept(starting_with(self._kg, node.prefix, entities)[inverse])
        assert isinstance(node, Compare | Top)
        pairs, values = self._valued(node)
        if isinstance(node, Compare):
            with_what = raw(node.value) if not isinstance(node.value, Query) else float(self.number(node.value)[0])
            return pairs.kept(PASSES[node.operator](values, with_what))
        return pairs.kept(self._highest(pairs, values, node.k, node.largest))

    def _highest(self, pairs: Pairs, values: Numbers, k: int, largest: bool) -> NDArray[np.bool_]:
        which = np.zeros(len(values), dtype=bool)
        bounds = np.append(np.flatnonzero(np.diff(pairs.rows, prepend=-1)), len(values))
        for start, end in pairwise(bounds.tolist()):
            which[start:end] = chosen(values[start:end], k, largest)
        return which

    def _pairs(self, node: Query) -> Pairs:
        found = self._set(node)
        return found if isinstance(found, Pairs) else self._everywhere(found)

    def _everywhere(self, entities: Ids) -> Pairs:
        count = len(self._members)
        return Pairs(np.repeat(np.arange(count), len(entities)), np.tile(entities, count))

    def _unique(self, rows: NDArray[np.int64], entities: Ids) -> Pairs:
        size = self._kg.entity_count
        keys = np.unique(rows.astype(np.int64) * size + entities)
        return Pairs(keys // size, (keys % size).astype(np.int32))

    def _joined(self, pairs: Pairs, relation: int, inverse: bool) -> tuple[NDArray[np.int64], Ids, Ids]:
        """For each edge that a pair's entity has: the row, the entity, and the other end."""
        entities = np.unique(pairs.entities)
        left, right = self._kg.index.edges(entities, relation, inverse)
        low, high = np.searchsorted(left, pairs.entities, "left"), np.searchsorted(left, pairs.entities, "right")
        counts = high - low
        ends = np.cumsum(counts)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(low - (ends - counts), counts)
        if self._facts is not None:
            heads, tails = (right, left) if inverse else (left, right)
            self._facts.edges.append(np.column_stack((heads, np.full(len(heads), relation), tails)).astype(np.int32))
        return np.repeat(pairs.rows, counts), np.repeat(pairs.entities, counts), right[places]

    def _projected(self, node: Project) -> Pairs:
        relation = self._kg.relation(node.relation)
        rows, _, reached = self._joined(self._pairs(node.source), relation.index, relation.inverse != node.inverse)
        return self._unique(rows, reached)

    def _reaching_all(self, node: Every) -> Pairs:
        relation, pairs = self._kg.relation(node.relation), self._pairs(node.source)
        rows, targets, sources = self._joined(pairs, relation.index, relation.inverse == node.inverse)
        size = self._kg.entity_count
        keys = np.unique(np.column_stack((rows.astype(np.int64) * size + sources, targets)), axis=0)[:, 0]
        found, reached = np.unique(keys, return_counts=True)
        wanted = np.bincount(pairs.rows, minlength=len(self._members))
        found = found[reached == wanted[found // size]]
        return Pairs(found // size, (found % size).astype(np.int32))

    def _intersected(self, parts: Sequence[Query]) -> Ids | Pairs:
        kept = [self._set(part) for part in parts if not isinstance(part, Complement)]
        kept.sort(key=lambda part: not isinstance(part, Pairs))  # what hangs on the member is the smaller one
        first = kept.pop(0) if kept else self._kg.universe
        pairs = first if isinstance(first, Pairs) else self._everywhere(first)
        for other in kept:
            pairs = pairs.kept(self._among(pairs, other))
        for part in parts:
            if isinstance(part, Complement):
                pairs = self._without(pairs, part.part)
        return pairs

    def _without(self, pairs: Pairs, dropped: Query) -> Pairs:
        return pairs.kept(~self._among(pairs, self._set(dropped)))

    def _among(self, pairs: Pairs, other: Ids | Pairs) -> NDArray[np.bool_]:
        if not isinstance(other, Pairs):
            return np.isin(pairs.entities, other)
        size = self._kg.entity_count
        return np.isin(pairs.rows * size + pairs.entities, other.rows * size + other.entities)


def _computed(sign: str, left: Numbers, right: Numbers) -> Numbers:
    with np.errstate(all="ignore"):
        if sign == "+":
            found = left + right
        elif sign == "-":
            found = left - right
        elif sign == "*":
            found = left * right
        else:
            found = np.where(right == 0, np.nan, left / right)
    return np.where(np.isfinite(found), found, np.nan)
