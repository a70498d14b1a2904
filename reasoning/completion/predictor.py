"""The link predictor that answers use: a ComplEx, rules, or both, and how much each is trusted.

Together their scores are `complex_weight * ComplEx + rules_weight * log(rules + EPSILON)`; a softmax over the entities
seen in training spreads the belief. The two weights are fitted on triples held out of the training: they calibrate the
belief and say what each part adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reasoning.completion.complex_model import ComplEx
from reasoning.completion.questions import Questions
from reasoning.graph.index import Ids, TripleIndex

if TYPE_CHECKING:
    from reasoning.completion.rules import RulePredictor

EPSILON = 1e-4
"""Of a rule score of 0, so that it has a logarithm."""

FITTED = 1_000
"""Most held-out targets that the weights are fitted on."""


@dataclass(frozen=True)
class Weights:
    """How much the parts' scores count; an absent part's weight is not used."""

    complex_weight: float = 1.0
    rules_weight: float = 1.0


@dataclass(frozen=True)
class LinkPredictor:
    """Belief in edges that a graph lacks.

    Attributes:
        embeddings: None for rules alone.
        rules: None for embeddings alone.
        seen: bool, shape (entities,): which stand in a training triple; no belief goes to others or comes from them.
        weights: of the parts.
        digest: which predictor it is.
        folder: where it is kept; None where it is not.
    """

    embeddings: ComplEx | None
    rules: RulePredictor | None
    seen: NDArray[np.bool_]
    weights: Weights
    digest: str
    folder: Path | None = None

    def scores(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """Of every entity as target of a directed relation, shape (sources, entities); -inf for those never seen."""
        parts = self.parts(relation, sources)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        total[:, ~self.seen] = -np.inf
        return total

    def parts(self, relation: int, sources: Ids) -> list[NDArray[np.float32]]:
        """The weighted scores of each part."""
        parts: list[NDArray[np.float32]] = []
        if self.embeddings is not None:
            parts.append(np.float32(self.weights.complex_weight) * self.embeddings.scores(relation, sources))
        if self.rules is not None:
            scores = self.rules.scores(relation, sources)
            parts.append(np.float32(self.weights.rules_weight) * np.log(scores + np.float32(EPSILON)))
        return parts

    def spread(self, relation: int, sources: Ids) -> NDArray[np.float32]:
        """A softmax of the scores, shape (sources, entities); rows of 0 for sources never seen."""
        belief = self.scores(relation, sources)
        belief -= belief.max(axis=1, keepdims=True)
        np.exp(belief, out=belief)
        belief /= belief.sum(axis=1, keepdims=True)
        belief[~self.seen[sources]] = 0.0
        return belief


def fit_weights(predictor: LinkPredictor, held_out: Questions, known: TripleIndex, seed: int) -> Weights:
    """The weights under which held-out targets are likeliest, each against the entities not known to be targets.

    Args:
        predictor: with weights of 1.
        held_out: questions with the targets that were not trained on.
        known: every triple that is known, the held-out ones among them.
        seed: of the choice where there are more than `FITTED` targets.
    """
    import torch

    order = np.random.default_rng(seed).permutation(len(held_out))
    held_out = held_out.pick(order[np.cumsum(held_out.counts[order]) <= FITTED])
    if not len(held_out):
        return predictor.weights
    tables: list[Any] = []
    own: list[Any] = []
    for question in range(len(held_out)):
        relation, source = int(held_out.relations[question]), held_out.sources[question : question + 1]
        targets = held_out.targets[held_out.starts[question] : held_out.starts[question + 1]]
        filtered = known.side(bool(relation & 1)).row(relation >> 1, int(source[0]))
        others = np.setdiff1d(np.flatnonzero(predictor.seen), filtered)
        scores = np.stack([part[0] for part in predictor.parts(relation, source)], axis=-1)
        tables.append(torch.from_numpy(scores[others]))
        own.append(torch.from_numpy(scores[targets]))
    logs = torch.zeros(tables[0].shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([logs], max_iter=30, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        weights = logs.exp()
        loss = sum(
            (torch.logaddexp(mine @ weights, torch.logsumexp(table @ weights, 0)) - mine @ weights).sum()
            for table, mine in zip(tables, own, strict=True)
        )
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    found = logs.detach().exp().tolist()
    if predictor.embeddings is None:
        return Weights(rules_weight=found[0])
    return Weights(*found) if predictor.rules is not None else Weights(complex_weight=found[0])
