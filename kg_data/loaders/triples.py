"""From rows of names to int32 columns, with inverse twins folded away.

Query2Box and BetaE store every fact twice, `(h, r, t)` and `(t, r_reverse, h)`, so that a projection never needs to
walk backwards. The engine walks both ways by itself; kept as relations of their own the twins would double the graph,
and `~r` and `r_reverse` would be two names that a method may answer differently.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.errors import DataError
from kg_data.loaders.text import Row, empty_field

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
