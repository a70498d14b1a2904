"""The options of training a link predictor, and of answering with one."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reasoning.completion.predictor import LinkPredictor
from reasoning.errors import CompletionError

DTYPES = ("auto", "float32", "bfloat16")
SMALL = 50_000
"""Graphs of fewer triples are trained with smaller batches and weights, see `suited_options`."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a ComplEx is trained; the defaults suit FB15k-237 on two cores, see `suited_options`.

    Attributes:
        rank: complex dimensions; an embedding has twice as many real numbers.
        epochs: most passes over the training triples, each in both directions.
        learning_rate: the learning rate of Adagrad.
        batch: (source, relation) pairs in an update; each is scored against every entity.
        nuclear: weight of the nuclear 3-norm (Lacroix et al. 2018, arXiv 1806.07297, equation 9).
        relation_weight: weight of predicting the relation (Chen et al. 2021, arXiv 2110.02834).
        scale: standard deviation of the first embeddings.
        held_out: share of the training triples that is not trained on, for early stopping and calibration.
        patience: checks without a better one before training stops.
        check_every: epochs between two checks.
        refit: train once more on all triples, for as many epochs as were best.
        dtype: of the products with all entities; "bfloat16" pays on a GPU, "float32" on a processor, "auto" chooses.
        device: auto, cpu, cuda, cuda:N or mps.
        seed: seeds everything that is drawn.
    """

    rank: int = 256
    epochs: int = 100
    learning_rate: float = 0.1
    batch: int = 256
    nuclear: float = 0.05
    relation_weight: float = 1.0
    scale: float = 1e-3
    held_out: float = 0.02
    patience: int = 3
    check_every: int = 3
    refit: bool = False
    dtype: str = "auto"
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rank", "epochs", "batch", "patience", "check_every"):
            if (value := getattr(self, name)) < 1:
                raise CompletionError(f"{name} must be at least 1, not {value}")
        for name in ("learning_rate", "scale"):
            if not 0 < (value := getattr(self, name)) < math.inf:
                raise CompletionError(f"{name} must be above 0 and finite, not {value}")
        for name in ("nuclear", "relation_weight"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise CompletionError(f"{name} must be at least 0 and finite, not {value}")
        if self.seed < 0:
            raise CompletionError(f"seed must be at least 0, not {self.seed}")
        if not 0 < self.held_out < 1:
            raise CompletionError(f"held_out is a share between 0 and 1, not {self.held_out}")
        if self.dtype not in DTYPES:
            raise CompletionError(f"dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self)


def suited_options(triples: int, **chosen: Any) -> TrainingOptions:
    """The options that suit a graph of so many triples; those that are chosen stay as they are.

    The defaults of `TrainingOptions` are for large graphs. A small one gives few updates in an epoch, so its batches
    are smaller. 2% of it say too little of when to stop and of how far rules are to be trusted, so more is held out,
    and afterwards it is trained on all the same. Checks cost nothing, so it is left longer without a better one.
    Chosen on the valid splits of UMLS, Nations and CoDEx-S.

    Raises:
        CompletionError: as `TrainingOptions`.
    """
    suited: dict[str, Any] = {}
    if triples < SMALL:
        batch = 2 ** round(math.log2(max(1, triples) / 256))
        suited = {
            "batch": max(16, batch),
            "nuclear": 0.01,
            "relation_weight": 0.1,
            "held_out": min(max(0.02, 300 / max(1, triples)), 0.1),
            "patience": 4,
            "check_every": 5,
            "refit": True,
        }
    return TrainingOptions(**{**suited, **chosen})


@dataclass(frozen=True, kw_only=True)
class CompletionOptions:
    """How queries are answered over known and predicted edges.

    Attributes:
        model: a link predictor, or the folder of a fitted one; None finds the one that is kept for the graph.
        least: answers below this confidence are left out; 1 leaves only what the graph says, 0 ranks everything.
        missing: share of the true edges that the graph is taken to lack. That it lacks an edge speaks against the edge:
            a predictor that is sure by c of any edge is sure by c * missing / (c * missing + 1 - c) of one not there.
        floor: predicted edges below this confidence are not there.
        negation: what a confidence is multiplied by before it is negated.
        most_bytes: memory for the rows of the neural adjacency.
    """

    model: str | Path | LinkPredictor | None = None
    least: float = 0.5
    missing: float = 0.1
    floor: float = 5e-4
    negation: float = 1.0
    most_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        for name in ("least", "floor", "missing"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise CompletionError(f"{name} must be from 0 to 1, not {value}")
        if not 0 < self.negation < math.inf:
            raise CompletionError(f"negation must be above 0 and finite, not {self.negation}")
        if self.most_bytes < 1:
            raise CompletionError(f"most_bytes must be at least 1, not {self.most_bytes}")

    def deciding(self) -> dict[str, Any]:
        """The options that decide the answers, by name; the predictor is known by its digest."""
        return {name: getattr(self, name) for name in ("least", "missing", "floor", "negation")}
