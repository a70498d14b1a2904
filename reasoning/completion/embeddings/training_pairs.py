"""Training triples by their (source, relation) pairs: what does this relation lead to from here?

A relation is walked both ways, so there are twice as many directed relations: number 2r walks relation r from heads to
tails, 2r + 1 from tails to heads (reciprocal relations, Lacroix et al. 2018). All targets of one (source, relation)
pair are kept together: the loss of training 1-vs-all over triples is the sum over pairs, and the scores of all
entities, which cost nearly all the time, are needed once a pair and not once a triple.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex


@dataclass(frozen=True)
class TrainingPairs:
    """q pairs of a source and a relation, with m targets in all.

    Attributes:
        sources: entities, int32, shape (q,).
        relations: directed relations, int32, shape (q,).
        starts: int64, shape (q + 1,): pair i's targets are `targets[starts[i]:starts[i + 1]]`.
        targets: entities, int32, shape (m,), sorted within a pair.
    """

    sources: Ids
    relations: Ids
    starts: NDArray[np.int64]
    targets: Ids

    @classmethod
    def of(cls, index: TripleIndex) -> TrainingPairs:
        """Both directions of every triple of a graph."""
        sources, relations, counts, targets = [], [], [], []
        for inverse in (False, True):
            side = index.side(inverse)
            rows = np.diff(side.row_bounds)
            sources.append(side.sources)
            relations.append(2 * np.repeat(np.arange(len(rows), dtype=np.int32), rows) + np.int32(inverse))
            counts.append(np.diff(side.starts))
            targets.append(side.targets)
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts), dtype=np.int64)])
        return cls(np.concatenate(sources), np.concatenate(relations), starts, np.concatenate(targets))

    def __len__(self) -> int:
        return len(self.sources)

    def pick(self, which: NDArray[np.int64]) -> TrainingPairs:
        """Some of them, in the given order."""
        low = self.starts[which]
        counts = self.starts[which + 1] - low
        starts = np.concatenate([[0], np.cumsum(counts)])
        positions = np.arange(int(starts[-1])) + np.repeat(low - starts[:-1], counts)
        return TrainingPairs(self.sources[which], self.relations[which], starts, self.targets[positions])

    def cut(self, most: int) -> TrainingPairs:
        """The same targets, with at most `most` of a pair together: the pair is repeated for the rest."""
        pieces = -(-self.counts // most)
        which = np.repeat(np.arange(len(self)), pieces)
        place = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        starts = np.append(self.starts[which] + place * most, self.starts[-1])
        return TrainingPairs(self.sources[which], self.relations[which], starts, self.targets)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many targets each has, shape (q,)."""
        return np.diff(self.starts)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The pair of each target, shape (m,)."""
        return np.repeat(np.arange(len(self)), self.counts)


def split_triples(index: TripleIndex, share: float, seed: int) -> tuple[Ids, Ids]:
    """Triples to train on and triples held out, each of shape (n, 3): head, relation, tail.

    A triple whose entity or relation stands in no other triple is not held out: nothing could be learned of it.
    """
    triples = index.triples()
    order = np.random.default_rng(seed).permutation(len(triples))
    entities = np.bincount(triples[:, [0, 2]].ravel())
    relations = np.bincount(triples[:, 1])
    held = np.zeros(len(triples), dtype=bool)
    left = round(share * len(triples))
    for position in order.tolist():
        if left == 0:
            break
        head, relation, tail = triples[position].tolist()
        if min(entities[head], entities[tail], relations[relation]) < 2 + (head == tail):
            continue
        held[position] = True
        left -= 1
        relations[relation] -= 1
        entities[head] -= 1
        entities[tail] -= 1
    return triples[~held], triples[held]
