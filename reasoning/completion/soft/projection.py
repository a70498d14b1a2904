"""The compiled loops of projections: the best proof of each target, or all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.soft.fuzzy import Confidences
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids


@compiled
def raise_best(
    sources: Ids,
    confidence: Confidences,
    starts: NDArray[np.int64],
    targets: Ids,
    edges: NDArray[np.float32],
    best: Confidences,
    via: Ids,
) -> None:
    """Raise the best products so far, where those of these rows are better.

    Args:
        sources: int32, shape (s,).
        confidence: the confidence of each source, shape (s,).
        starts: int64, shape (s + 1,): source i's edges are `targets[starts[i]:starts[i + 1]]`.
        targets, edges: where each edge leads, and its confidence, shape (m,).
        best: the best product of every entity, raised in place.
        via: the source of the best product, set in place.
    """
    for row in range(len(sources)):
        for position in range(starts[row], starts[row + 1]):
            product = confidence[row] * edges[position]
            target = targets[position]
            if product > best[target]:
                best[target] = product
                via[target] = sources[row]


@compiled
def add_strength(
    confidence: Confidences,
    starts: NDArray[np.int64],
    targets: Ids,
    edges: NDArray[np.float32],
    most: float,
    strength: Confidences,
) -> None:
    """Add -log(1 - product) of every edge of these rows to its target's strength, see `raise_best`.

    Args:
        most: the largest product that counts, so that 1 minus it has a logarithm.
        strength: the strength of every entity, raised in place.
    """
    for row in range(len(confidence)):
        for position in range(starts[row], starts[row + 1]):
            strength[targets[position]] -= np.log1p(-min(confidence[row] * edges[position], most))
