"""ComplEx embeddings (Trouillon et al. 2016), and the pairs that they are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids, TripleIndex


@dataclass
class ComplEx:
    """Embeddings as torch tensors, float32, real parts before imaginary ones.

    Attributes:
        entities: shape (entities, 2 * rank).
        relations: one row a directed relation, shape (2 * relations, 2 * rank).
    """

    entities: Any
    relations: Any

    @classmethod
    def drawn(cls, entities: int, relations: int, rank: int, scale: float, seed: int, device: str) -> ComplEx:
        """New embeddings, normally distributed."""
        import torch

        random = torch.Generator().manual_seed(seed)
        return cls(
            *(
                (torch.randn(rows, 2 * rank, generator=random) * scale).to(device).requires_grad_()
                for rows in (entities, 2 * relations)
            )
        )

    @property
    def rank(self) -> int:
        """Complex dimensions."""
        return int(self.entities.shape[1]) // 2

    def scores(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """The score of every entity as the target: float32, shape (len(sources), entities)."""
        import torch

        with torch.inference_mode():
            source = self.entities[torch.from_numpy(np.asarray(sources, dtype=np.int64))]
            composed = compose(source, self.relations[relation].expand_as(source))
            return np.asarray((composed @ self.entities.T).numpy(force=True))


def compose(source: Any, relation: Any) -> Any:
    """The vectors whose products with the entities are the scores: source times relation, shape (n, 2 * rank)."""
    import torch

    a, b = source.chunk(2, dim=-1)
    c, d = relation.chunk(2, dim=-1)
    return torch.cat((a * c - b * d, a * d + b * c), dim=-1)


def compose_ends(source: Any, target: Any) -> Any:
    """The vectors whose products with the relations are the same scores: conj(source) times target."""
    import torch

    a, b = source.chunk(2, dim=-1)
    c, d = target.chunk(2, dim=-1)
    return torch.cat((a * c + b * d, a * d - b * c), dim=-1)


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
