"""ComplEx (Trouillon et al. 2016): an edge's score is Re(<h, r, conj(t)>) over complex embeddings.

Directed relations have embeddings of their own, see `training_pairs`, so every pair is one product with all entities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.graph.index import Ids


@dataclass
class ComplEx:
    """Embeddings as torch tensors, real parts before imaginary ones.

    Attributes:
        entities: float32, shape (entities, 2 * rank).
        relations: one row a directed relation, float32, shape (2 * relations, 2 * rank).
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
