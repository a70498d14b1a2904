"""The link predictor that answers use: a ComplEx, rules, or both, and how much each is trusted.

Both give an edge a strength, and strengths add up: its confidence is 1 - exp(-strength). A ComplEx's strength is its
belief, spread over all targets by a softmax, times the number of targets that the source is known to have (QTO's neural
adjacency, Bai et al. 2023, arXiv 2212.09567) or expected to have; that of rules is -log(1 - confidence). How much the
rules count beside it is chosen on triples held out of the training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.embeddings.complex_model import ComplEx
from reasoning.completion.embeddings.training_pairs import TrainingPairs
from reasoning.completion.link_ranking import Scorer, rank_among
from reasoning.completion.rules.rule_model import RulePredictor
from reasoning.completion.training_graph import TrainingGraph
from reasoning.execution.compiled import compiled
from reasoning.graph.index import Ids, TripleIndex

TRIED_RULES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Weights that are tried."""

ENOUGH = 1.005
"""Times the best mean rank that a smaller weight may have: many rules tell of the same edge, so what they add up to is
too sure, which no rank in a row shows but every product of rows does."""

TRIED = 1500
"""Most held-out targets that they are tried on."""

MOST_STRENGTH = -np.log1p(np.float32(-0.9999))
"""The most strength that rules may give: a confidence of 0.9999."""


@dataclass(frozen=True)
class Weights:
    """How the parts are put together.

    Attributes:
        rules: factor of the rules' strength.
    """

    rules: float = 1.0


@dataclass(frozen=True, eq=False)
class LinkPredictor:
    """Confidence in edges, whether a graph has them or not.

    Attributes:
        embeddings: None for rules alone.
        rules: None for embeddings alone.
        seen: bool, shape (entities,): which stand in a training triple; no edge leads to others or comes from them.
        trained_on: the graph that it was trained on; it is used on graphs that hold all of it.
        weights: how much each part counts.
        digest: identifies the predictor.
        folder: where it is kept; None where it is not.
    """

    embeddings: ComplEx | None
    rules: RulePredictor | None
    seen: NDArray[np.bool_]
    trained_on: TrainingGraph
    weights: Weights
    digest: str
    folder: Path | None = None

    def confidence(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        """The confidence of every edge that a directed relation (see `training_pairs`) could have from some sources.

        Args:
            relation: the directed relation.
            sources: shape (n,).
            degrees: how many targets each is known or expected to have, shape (n,).

        Returns:
            float32 from 0 to below 1, shape (n, entities).
        """
        return -np.expm1(-self.strength(relation, sources, degrees))

    def strength(self, relation: int, sources: Ids, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
        """-log(1 - confidence), of the arguments of `confidence`: a new float32 array, shape (n, entities)."""
        return self.put_together(self.parts(relation, sources), degrees, sources, self.weights)

    def parts(self, relation: int, sources: Ids) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """The scores of the ComplEx and the strength of the rules, each of shape (n, entities) or None."""
        scores = strength = None
        if self.embeddings is not None:
            scores = self.embeddings.scores(relation, sources)
            scores[:, self._unseen] = -np.inf
        if self.rules is not None:
            strength = self.rules.strength(relation, sources)
        return scores, strength

    def put_together(
        self,
        parts: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
        degrees: NDArray[np.float64],
        sources: Ids,
        weights: Weights,
    ) -> NDArray[np.float32]:
        """The strength for every edge.

        Args:
            parts: see `parts`.
            degrees: how many targets each source is known or expected to have, shape (n,).
            sources: shape (n,).
            weights: how much each part counts.

        Returns:
            A new float32 array, shape (n, entities); 0 from and to entities that were not seen.
        """
        scores, strength = parts
        total = np.zeros((len(sources), len(self.seen)), dtype=np.float32)
        if scores is not None:
            # Row by row: one fits the processor's cache, all of them don't.
            for row, own, degree in zip(total, scores, degrees.tolist(), strict=True):
                np.subtract(own, own.max(), out=row)
                np.exp(row, out=row)
                row *= np.float32(degree / row.sum())
        if strength is not None and weights.rules:
            add_rules(strength, np.float32(weights.rules), MOST_STRENGTH, total)
        total[:, self._unseen] = 0.0
        total[~self.seen[sources]] = 0.0
        return total

    @cached_property
    def _unseen(self) -> Ids:
        return np.flatnonzero(~self.seen).astype(np.int32)


@compiled
def add_rules(strength: NDArray[np.float32], weight: np.float32, most: np.float32, total: NDArray[np.float32]) -> None:
    """Add the weighed strength of the rules, of at most `most`, to `total`, which is of the same shape."""
    for i in range(strength.shape[0]):
        for j in range(strength.shape[1]):
            total[i, j] += weight * min(strength[i, j], most)


def seen_in(triples: Ids, entities: int) -> NDArray[np.bool_]:
    """Which entities stand in triples of shape (n, 3): bool, shape (entities,)."""
    seen = np.zeros(entities, dtype=bool)
    seen[triples[:, [0, 2]].ravel()] = True
    return seen


def fit_weights(predictor: LinkPredictor, held_out: TrainingPairs, known: TripleIndex, seed: int) -> Weights:
    """The least weight under which held-out targets rank nearly best, by the geometric mean of their ranks.

    True edges that nobody knows stand above the held-out ones, the more the denser a graph is; they lower a reciprocal
    rank far more at the top, where they leave it to a few targets to decide.

    Args:
        predictor: its own weights do not matter.
        held_out: pairs with the targets that were not trained on.
        known: every triple that is known, the held-out ones among them.
        seed: seeds the choice where there are more than `TRIED` targets; the last pair chosen counts whole.
    """
    if predictor.embeddings is None or predictor.rules is None or not len(held_out):
        return Weights()
    order = np.random.default_rng(seed).permutation(len(held_out))
    before = np.cumsum(held_out.counts[order]) - held_out.counts[order]
    held_out = held_out.pick(order[before < TRIED])
    tried = [Weights(rules) for rules in TRIED_RULES]
    logarithms = np.zeros(len(tried))
    for pair in range(len(held_out)):
        relation, source = int(held_out.relations[pair]), held_out.sources[pair : pair + 1]
        targets = held_out.targets[held_out.starts[pair] : held_out.starts[pair + 1]]
        filtered = known.side(bool(relation & 1)).row(relation >> 1, int(source[0]))
        parts = predictor.parts(relation, source)
        degrees = np.array([float(len(filtered))])
        for position, weights in enumerate(tried):
            strength = predictor.put_together(parts, degrees, source, weights)[0]
            logarithms[position] += np.log(rank_among(strength, targets, filtered)).sum()
    nearly = logarithms <= logarithms.min() + math.log(ENOUGH) * held_out.starts[-1]
    return tried[int(np.argmax(nearly))]


def scorer_of(predictor: LinkPredictor, known: TripleIndex) -> Scorer:
    """The predictor's confidences as scores for `rank_links`."""

    def scores(relation: int, sources: Ids) -> NDArray[np.float32]:
        side = known.side(bool(relation & 1))
        degrees = np.array([max(1.0, len(side.row(relation >> 1, source))) for source in sources.tolist()])
        # The strength: it has the same order, and does not run together near 1.
        return predictor.put_together(predictor.parts(relation, sources), degrees, sources, predictor.weights)

    return scores
