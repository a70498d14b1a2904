"""Link prediction as the field measures it: the filtered rank of each held-out triple's target, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.embeddings.training_pairs import TrainingPairs
from reasoning.graph.index import Ids, TripleIndex

Scorer = Callable[[int, Ids], NDArray[np.float32]]
"""The scores of every entity as target, shape (sources, entities), for a directed relation and its sources."""

BLOCK = 256
"""Pairs scored at once."""


@dataclass(frozen=True)
class LinkRanking:
    """Means over all ranked targets.

    Attributes:
        count: how many.
        mrr: mean reciprocal rank; ties take the expected rank.
        hits: share with a rank of at most 1, 3 and 10.
    """

    count: int
    mrr: float
    hits: dict[int, float]

    def to_dict(self) -> dict[str, object]:
        """JSON-serialisable."""
        return asdict(self)


def rank_links(scorer: Scorer, pairs: TrainingPairs, known: TripleIndex) -> LinkRanking:
    """Rank each pair's targets among all entities, other targets that `known` holds filtered out."""
    ranks = np.concatenate([np.zeros(0), *link_ranks(scorer, pairs, known)])
    if not len(ranks):
        return LinkRanking(0, 0.0, dict.fromkeys((1, 3, 10), 0.0))
    return LinkRanking(len(ranks), float(np.mean(1 / ranks)), {k: float(np.mean(ranks <= k)) for k in (1, 3, 10)})


def link_ranks(scorer: Scorer, pairs: TrainingPairs, known: TripleIndex) -> Iterator[NDArray[np.float64]]:
    """The ranks of each pair's targets, from 1; pairs in the order of their relations."""
    order = np.argsort(pairs.relations, kind="stable")
    for relation in np.unique(pairs.relations).tolist():
        of_it = order[pairs.relations[order] == relation]
        for start in range(0, len(of_it), BLOCK):
            part = of_it[start : start + BLOCK]
            scores = scorer(relation, pairs.sources[part])
            for row, pair in enumerate(part.tolist()):
                targets = pairs.targets[pairs.starts[pair] : pairs.starts[pair + 1]]
                filtered = known.side(bool(relation & 1)).row(relation >> 1, pairs.sources[pair])
                yield rank_among(scores[row], targets, filtered)


def rank_among(scores: NDArray[np.float32], targets: Ids, filtered: Ids) -> NDArray[np.float64]:
    """Each target's rank from 1, the other targets and `filtered` left out; ties take the expected rank."""
    own = scores[targets]
    rest = np.delete(scores, np.union1d(filtered, targets))
    above = (~(rest[None, :] <= own[:, None])).sum(axis=1)  # behind all where it is no number
    level = (rest[None, :] == own[:, None]).sum(axis=1)
    return np.asarray(1 + above + level / 2)
