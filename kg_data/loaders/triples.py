"""From rows of names to int32 columns, with inverse twins folded away.

Query2Box and BetaE store every fact twice, `(h, r, t)` and `(t, r_reverse, h)`, so that a projection never needs to
walk backwards. The engine walks both ways by itself; kept as relations of their own the twins would double the graph,
and `~r` and `r_reverse` would be two names that a method may answer differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg_data.errors import DataError
from kg_data.loaders.text import Row

TWIN_SUFFIX = "_reverse"

Triples = NDArray[np.int32]


def index_rows(path: Path, rows: Iterable[Row], entities: dict[str, int], relations: dict[str, int]) -> Triples:
    """Rows of head, relation, tail names as triples, shape (n, 3); names not met before get the next index.

    Args:
        path: the file the rows come from, for the error.
        rows: three fields each.
        entities: name to index, grown in place in order of appearance.
        relations: name to index, grown in place in order of appearance.

    Raises:
        DataError: there is no row.
    """
    flat: list[int] = []
    for _, (head, relation, tail) in rows:
        flat.append(entities.setdefault(head, len(entities)))
        flat.append(relations.setdefault(relation, len(relations)))
        flat.append(entities.setdefault(tail, len(entities)))
    if not flat:
        raise DataError(path, "at least one triple", found="an empty file")
    return np.array(flat, dtype=np.int32).reshape(-1, 3)


def drop_duplicates(triples: Triples) -> Triples:
    """The distinct triples, each at the place where it is first met, shape (m, 3) with m <= n."""
    if not len(triples):
        return triples
    # lexsort is stable, so within a run of equal triples the first one is the earliest; no packing into one
    # integer, which would overflow for large graphs.
    order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
    ordered = triples[order]
    first = np.ones(len(triples), dtype=bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return triples[np.sort(order[first])]


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
    """Fold every relation named `<other>_reverse` into that other relation, and drop duplicates within each split.

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
        while (shorter := name.removesuffix(TWIN_SUFFIX)) != name and shorter in position:
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


def _fold(triples: Triples, new_index: NDArray[np.int32], is_inverse: NDArray[np.bool_]) -> Triples:
    turned = is_inverse[triples[:, 1]]
    folded = triples.copy()
    folded[turned, 0], folded[turned, 2] = triples[turned, 2], triples[turned, 0]
    folded[:, 1] = new_index[triples[:, 1]]
    return drop_duplicates(folded)
