"""Rows of names gathered to columns of triples and values, with inverse twins folded away.

Every source that may mix links between entities with typed values goes through here, so that what cannot stand in one
graph is refused by the same rules. Query2Box and BetaE store every fact twice, `(h, r, t)` and `(t, r_reverse, h)`;
the engine walks both ways by itself, and kept as relations of their own the twins would double the graph. Only
whoever loads a file can know that its numbers are numbers (ids, telephone numbers and postcodes look the same), so
kinds of values are told by their spelling only where that was asked for.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.columns import GraphColumns, ValueKind
from kg_data.loaders.text import Row, empty_field
from kg_data.values import WAY_OUT, Value, ValueConflict, ValueTable, read_value
from skylark.errors import DataError

_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Without zeros in front, which numbers do not have and postcodes do."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

YEARS = range(1000, 3000)
YEAR_WORDS = frozenset(
    (
        "year", "born", "birth", "died", "death", "founded", "established", "built", "opened", "closed", "started",
        "ended", "since", "joined", "hired", "released", "published", "launched",
    )
)  # fmt: skip
"""A relation with one of these words in its name and whole numbers among `YEARS` has years."""


def spelled_kind(text: str) -> ValueKind | None:
    """The kind of value that a text spells: "integer", "decimal" or "date"; None where it is a name."""
    kind: ValueKind = "date"
    if found := _NUMBER.fullmatch(text):
        kind = "decimal" if found[2] else "integer"
    elif not _DATE.fullmatch(text):
        return None
    try:
        read_value(kind, text)
    except ValueError:
        return None
    return kind


def with_value_types(rows: Iterable[Row], notes: list[str], one_row_each: bool = False) -> Iterator[Row]:
    """Rows of head, relation and tail, with the type of the tail behind them where the relation has values.

    A relation has values where all its tails spell numbers, or all of them dates, no thing has two of them, and not
    all of them are things of the file themselves, as the ids of other rows are. Rows that have a type keep it, and so
    does every row of their relation.

    Args:
        rows: the rows.
        notes: is given a sentence for each relation that has no values for the sake of a few of its tails.
        one_row_each: each thing has one row, as in a table: where two rows give it two numbers these stay values, which
            whoever gathers them refuses, as one of the rows is a mistake.
    """
    kept = list(rows)
    things = {fields[0].strip() for _, fields in kept}
    tails: dict[str, list[_Tail]] = {}
    typed = set()
    for line, fields in kept:
        head, relation, tail, *kind = (field.strip() for field in fields)
        tails.setdefault(relation, []).append((line, head, tail))
        if kind:
            typed.add(relation)
    kinds = {of: _kind(of, found, things, notes, one_row_each) for of, found in tails.items() if of not in typed}
    for line, fields in kept:
        value_kind = kinds.get(fields[1].strip())
        yield line, fields if value_kind is None else [*fields, value_kind]


_Tail = tuple[int, str, str]
"""A tail of a relation: its line, whose it is, and how it is spelled."""


def _kind(
    relation: str, tails: Sequence[_Tail], things: set[str], notes: list[str], one_row_each: bool
) -> ValueKind | None:
    spelled = [spelled_kind(tail) for _, _, tail in tails]
    dates, numbers = spelled.count("date"), spelled.count("integer") + spelled.count("decimal")
    alike = {"date"} if dates > numbers else {"integer", "decimal"}
    if all(tail in things for (_, _, tail), kind in zip(tails, spelled, strict=True) if kind in alike):
        return None
    if (most := max(dates, numbers)) < len(tails):
        if 2 * most >= len(tails):
            line, _, odd = next(tail for tail, kind in zip(tails, spelled, strict=True) if kind not in alike)
            what = "dates (YYYY-MM-DD)" if dates > numbers else "numbers"
            notes.append(
                f'"{relation}" is read as names: {most:,} of {len(tails):,} are {what}, but line {line} has "{odd}"'
            )
        return None
    kind: ValueKind = "date" if dates else "decimal" if "decimal" in spelled else "integer"
    if kind == "integer" and YEAR_WORDS & set(re.findall("[a-z]+", relation.casefold())):
        kind = "year" if all(int(tail) in YEARS for _, _, tail in tails) else kind
    values: dict[str, tuple[int, float]] = {}
    for line, head, tail in tails:
        value = read_value(kind, tail).number
        first, other = values.setdefault(head, (line, value))
        if other != value and not (one_row_each and line != first):
            where = f"line {line}" if line == first else f"lines {first} and {line}"
            notes.append(f'"{relation}" is read as names: "{head}" has two values of it in {where}')
            return None
    return kind


TWIN_SUFFIX = "_reverse"
"""Of the twins that are written."""

TWIN_SUFFIXES = (TWIN_SUFFIX, "_inverse")
"""Of the twins that are recognised: Query2Box's and BetaE's, and WorldCup2014's (Zhang, Winn & Tomioka 2016)."""

Triples = NDArray[np.int32]


class Names(dict[str, int]):
    """Indexes of names in order of first appearance: looking up a name that is not there gives it the next index.

    Attributes:
        ids: the names, position = index.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def __missing__(self, name: str) -> int:
        index = self[name] = len(self.ids)
        self.ids.append(name)
        return index


class SpelledNames(Names):
    """Names as they stand in a line of text: blanks around them mean nothing, and one of blanks alone is none."""

    def __missing__(self, spelled: str) -> int:
        # A name is stripped when it is first met in this spelling, which spares doing so in every row.
        name = spelled.strip()
        if not name:
            raise ValueError("an empty name")
        index = self[spelled] = self[name] if name != spelled else super().__missing__(name)
        return index


def index_rows(
    path: Path, rows: Iterable[Row], entities: Mapping[str, int], relations: Mapping[str, int], expected: str
) -> Triples:
    """Rows of head, relation, tail names as triples, shape (n, 3); 12 bytes a row.

    Args:
        path: the file the rows come from, for the error.
        rows: three fields each.
        entities: name to index, usually `SpelledNames`.
        relations: name to index.
        expected: what a row should be, in words, for the error.

    Raises:
        DataError: a row has an empty name, or there is no row.
    """
    flat = array("i")
    for number, (head, relation, tail) in rows:
        try:
            flat.extend((entities[head], relations[relation], entities[tail]))
        except ValueError:
            raise empty_field(path, number, [head, relation, tail], expected) from None
    if not flat:
        raise DataError(path, "at least one triple", found="an empty file")
    return as_triples(flat)


def as_triples(flat: array[int]) -> Triples:
    """Head, relation, tail in turn as an array of shape (n, 3), without a copy."""
    return np.frombuffer(flat, dtype=np.int32).reshape(-1, 3)


def drop_duplicates(triples: Triples) -> Triples:
    """The distinct triples, each at the place where it is first met, shape (m, 3) with m <= n."""
    if not _has_duplicates(triples):
        return triples
    # lexsort is stable, so within a run of equal triples the first one is the earliest.
    order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
    first = np.zeros(len(triples), dtype=bool)
    first[order[0]] = True
    for start in range(1, len(order), _STRETCH):  # by stretches, so that no sorted copy of all triples is made
        here, before = order[start : start + _STRETCH], order[start - 1 : start - 1 + _STRETCH]
        first[here] = (triples[here] != triples[before[: len(here)]]).any(axis=1)
    return triples[first]


_STRETCH = 1 << 20


def _has_duplicates(triples: Triples) -> bool:
    if len(triples) < 2:
        return False
    heads, relations, tails = (int(column.max()) + 1 for column in triples.T)
    if heads * relations * tails >= 1 << 63:
        return True  # not told by one number a triple; the caller looks closely
    keys = triples[:, 0].astype(np.int64)
    keys *= relations
    keys += triples[:, 1]
    keys *= tails
    keys += triples[:, 2]
    keys.sort()
    return bool((keys[1:] == keys[:-1]).any())


@dataclass(frozen=True)
class Folded:
    """Relations and splits without inverse twins.

    Attributes:
        ids: ids of the relations that stay, in their old order.
        labels: their labels.
        splits: the splits over the new relation indexes, duplicates dropped.
        aliases: further relation names to (new index, is_inverse).
    """

    ids: list[str]
    labels: list[str]
    splits: dict[str, Triples]
    aliases: dict[str, tuple[int, bool]]


def fold_twins(
    ids: Sequence[str], names: Sequence[str], labels: Sequence[str], splits: Mapping[str, Triples]
) -> Folded:
    """Fold relations named `<other>_reverse` or `<other>_inverse` into that other relation, without duplicates.

    `(h, r_reverse, t)` becomes `(t, r, h)`. A name with the suffix but without its base relation stays a relation of
    its own. The names `r_reverse_reverse` and so on fold too, forward and inverse in turn.

    Args:
        ids: the ids of the source's relations, unique; position = relation index in `splits`.
        names: the names that twins are recognised by, unique.
        labels: display names.
        splits: triples per split.
    """
    position = {name: index for index, name in enumerate(names)}
    base, inverse = list(range(len(ids))), [False] * len(ids)
    for index, name in enumerate(names):
        while (shorter := _without_suffix(name)) != name and shorter in position:
            name, base[index], inverse[index] = shorter, position[shorter], not inverse[index]

    kept = [index for index in range(len(ids)) if base[index] == index]
    place = {old: new for new, old in enumerate(kept)}
    new_index = np.array([place[old] for old in base], dtype=np.int32)
    is_inverse = np.array(inverse, dtype=bool)

    taken = {name for old in kept for name in (ids[old], labels[old])}
    aliases: dict[str, tuple[int, bool]] = {}
    for index in range(len(ids)):
        # A kept relation whose label is not its name can still be asked for by that name.
        for name in (names[index],) if index in place else (ids[index], names[index], labels[index]):
            if name not in taken:
                aliases.setdefault(name, (int(new_index[index]), inverse[index]))
    return Folded(
        ids=[ids[old] for old in kept],
        labels=[labels[old] for old in kept],
        splits={split: _fold(triples, new_index, is_inverse) for split, triples in splits.items()},
        aliases=aliases,
    )


def _without_suffix(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in TWIN_SUFFIXES if name.endswith(suffix)), name)


def _fold(triples: Triples, new_index: NDArray[np.int32], is_inverse: NDArray[np.bool_]) -> Triples:
    if not is_inverse.any():  # no twin, so no index changes either
        return drop_duplicates(triples)
    turned = is_inverse[triples[:, 1]]
    folded = triples.copy()
    folded[turned, 0], folded[turned, 2] = triples[turned, 2], triples[turned, 0]
    folded[:, 1] = new_index[triples[:, 1]]
    return drop_duplicates(folded)


class Facts:
    """Links and values gathered row by row, 12 bytes a link and 20 a value.

    Args:
        names: how entities and relations are told apart: `Names`, or `SpelledNames` where blanks around them mean
            nothing.
        one_each: an entity that has two values under one relation is refused, as where a row stands for a thing.

    Attributes:
        entities, relations: the names met so far.
    """

    def __init__(self, names: Callable[[], Names] = Names, one_each: bool = False) -> None:
        self.entities, self.relations, self.one_each = names(), names(), one_each
        self._flat = array("i")
        self._first_links: list[int] = []
        self._values = ValueTable()

    def __len__(self) -> int:
        """Rows so far."""
        return len(self._flat) // 3 + len(self._values)

    def link(self, head: str, relation: str, tail: str, row: int) -> None:
        """Note that a relation leads from head to tail."""
        number = self.relations[relation]
        if number == len(self._first_links):
            self._first_links.append(row)
        entities = self.entities
        self._flat.extend((entities[head], number, entities[tail]))

    def value(self, head: str, relation: str, value: Value, row: int) -> None:
        """Note that a head has a value under a relation.

        Raises:
            ValueConflict: the relation has values of another kind.
        """
        self._values.add(relation, self.entities[head], value, row)

    def value_relations(self) -> list[str]:
        """The relations that have values, in the order in which they came."""
        return list(self._values.first_rows)

    def name_several(self, entity_name: Callable[[str], str] = str, name: Callable[[str], str] = str) -> list[str]:
        """Make links of all values of a relation under which an entity has several, so that none is lost.

        Args:
            entity_name, name: display names of the ids of entities and relations.

        Returns:
            A note for each such relation.

        Raises:
            ValueConflict: a relation has entities and values as tails.
        """
        self._refuse_mixed_tails()
        notes = []
        for relation, (entity, first, second) in ({} if self.one_each else self._values.several()).items():
            said = f'"{entity_name(self.entities.ids[entity])}" has two values of it, {first} and {second}'
            notes.append(f'"{name(relation)}" is read as names: {said}')
            for head, value, row in self._values.take_out(relation):
                self.link(self.entities.ids[head], relation, str(value), row)
        return notes

    def columns(
        self,
        name: str,
        source: str = "",
        entity_labels: Sequence[str] | None = None,
        relation_names: Sequence[str] | None = None,
        relation_labels: Sequence[str] | None = None,
        value_names: Mapping[str, str] | None = None,
        aliases: Sequence[tuple[int, str]] = (),
        types: Sequence[tuple[int, str]] = (),
        units: Mapping[str, str] | None = None,
    ) -> GraphColumns:
        """The graph, all of it the split "graph", with inverse twins folded.

        Args:
            name: name of the graph.
            source: where it comes from, one line.
            entity_labels, relation_labels: display names by index; the ids where they are not given.
            relation_names: names that inverse twins are told by and relations can be asked for by, unique; the ids
                where they are not given.
            value_names: display names of relations with values, where they differ from the ids.
            aliases, types: as in `GraphColumns`.
            units: units of relations with values.

        Raises:
            ValueConflict: an entity has two values under one relation, or a relation has entities and values as tails.
        """
        self._refuse_mixed_tails()
        ids = self.relations.ids
        folded = fold_twins(ids, relation_names or ids, relation_labels or ids, {"graph": as_triples(self._flat)})
        return GraphColumns(
            name=name,
            entity_ids=self.entities.ids,
            entity_labels=self.entities.ids if entity_labels is None else entity_labels,
            relation_ids=folded.ids,
            relation_labels=folded.labels,
            splits=folded.splits,
            relation_aliases=folded.aliases,
            aliases=aliases,
            types=types,
            literals=self._values.columns(entity_labels or self.entities.ids, value_names or {}, units or {}),
            source=source,
        )

    def _refuse_mixed_tails(self) -> None:
        for relation, first in self._values.first_rows.items():
            if relation in self.relations:
                link = self._first_links[self.relations[relation]]
                raise _mixed_tails(relation, link, first)


class CheckedFacts(Facts):
    """Facts that refuse a row at once where it does not fit those before it, so that it alone can be left out."""

    def __init__(self, names: Callable[[], Names] = Names, one_each: bool = False) -> None:
        super().__init__(names, one_each)
        self._given: dict[tuple[str, str], tuple[int, Value]] = {}

    def link(self, head: str, relation: str, tail: str, row: int) -> None:
        """As `Facts.link`; a relation that has values is a `ValueConflict`.

        Raises:
            ValueConflict: the relation has values.
        """
        if (first := self._values.first_rows.get(relation)) is not None:
            raise _mixed_tails(relation, row, first)
        super().link(head, relation, tail, row)

    def value(self, head: str, relation: str, value: Value, row: int) -> None:
        """As `Facts.value`; so is a relation that leads to entities, and with `one_each` another value of the head.

        Raises:
            ValueConflict: the relation leads to entities or has values of another kind, or with `one_each` the head has
                another value.
        """
        if relation in self.relations:
            raise _mixed_tails(relation, self._first_links[self.relations[relation]], row)
        first, given = self._given.get((relation, head), (row, value))
        if self.one_each and given.number != value.number:
            raise ValueConflict(row, first, f'one value of "{relation}" for "{head}"', str(given), str(value))
        super().value(head, relation, value, row)
        self._given.setdefault((relation, head), (row, value))


def _mixed_tails(relation: str, link: int, value: int) -> ValueConflict:
    """The conflict of a row whose tail is an entity and one whose tail is a value; the later one is refused."""
    expected = f'entities or values as tails of "{relation}" and not both'
    if link < value:
        return ValueConflict(value, link, expected, "an entity", "a value")
    return ValueConflict(link, value, expected, "a value", "an entity")


def conflicting_rows(
    path: Path, conflict: ValueConflict, line_of: Callable[[int], int] = int, way_out: str = WAY_OUT
) -> DataError:
    """The error for two rows of a file that disagree; `line_of` tells a row's line where rows are no lines."""
    expected = f"{conflict.expected} (line {line_of(conflict.other)} has {conflict.other_has})"
    return DataError(path, expected, line=line_of(conflict.row), found=conflict.found, hint=way_out)
