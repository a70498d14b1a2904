"""pykeen's ComplEx behind the interface by which this project's link predictors are ranked."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reasoning import KnowledgeGraph
from reasoning.completion.predictor import TrainingOptions
from reasoning.graph.index import Ids


@dataclass(frozen=True)
class Setting:
    """How pykeen's ComplEx is told to train; None leaves a thing as pykeen has it.

    Attributes:
        learning_rate: of Adagrad.
        nuclear: weight of the nuclear 3-norm, pykeen's `PowerSumRegularizer` with p = 3.
        scale: standard deviation of the first embeddings.
        epochs: passes over the triples.
    """

    learning_rate: float
    nuclear: float | None
    scale: float | None
    epochs: int = 0


class Pykeen:
    """A ComplEx of pykeen, trained by its own loop.

    Args:
        kg: the graph to train on.
        options: the rank, batch and seed of this project's side.
        setting: the rest.
    """

    def __init__(self, kg: KnowledgeGraph, options: TrainingOptions, setting: Setting) -> None:
        from pykeen.models import ComplEx
        from pykeen.training import LCWATrainingLoop
        from pykeen.triples import CoreTriplesFactory
        from pykeen.utils import set_random_seed

        set_random_seed(options.seed)
        self.batch = options.batch
        self.factory = CoreTriplesFactory.create(
            torch.from_numpy(kg.index.whole.triples().astype(np.int64)),
            num_entities=kg.entity_count,
            num_relations=kg.relation_count,
            create_inverse_triples=True,
        )
        chosen: dict[str, Any] = {}
        if setting.nuclear is not None:
            norm = {"p": 3.0, "weight": setting.nuclear, "normalize": False}
            chosen = {"regularizer": "PowerSumRegularizer", "regularizer_kwargs": norm}
        if setting.scale is not None:
            drawn = functools.partial(torch.nn.init.normal_, std=setting.scale)
            chosen |= {"entity_initializer": drawn, "relation_initializer": drawn}
        self.model = ComplEx(
            triples_factory=self.factory,
            embedding_dim=options.rank,
            loss="CrossEntropyLoss",
            random_seed=options.seed,
            **chosen,
        )
        optimizer = torch.optim.Adagrad(self.model.get_grad_params(), lr=setting.learning_rate)
        self.loop = LCWATrainingLoop(model=self.model, triples_factory=self.factory, optimizer=optimizer)
        self.trained = 0

    def train_until(self, epochs: int) -> None:
        """Go on until so many epochs are done."""
        self.loop.train(
            self.factory,
            num_epochs=epochs,
            batch_size=self.batch,
            continue_training=self.trained > 0,
            use_tqdm=False,
            use_tqdm_batch=False,
        )
        self.trained = epochs

    def scores(self, relation: int, sources: Ids) -> Any:
        """As `Scorer`: directed relations become pykeen's predictions of tails and of heads."""
        entities = torch.from_numpy(sources.astype(np.int64))
        relations = torch.full_like(entities, relation >> 1)
        with torch.inference_mode():
            if relation & 1:
                return self.model.predict_h(torch.stack((relations, entities), dim=1)).numpy()
            return self.model.predict_t(torch.stack((entities, relations), dim=1)).numpy()

    def own_mrr(self, triples: Ids, others: Ids) -> float:
        """Of some triples by pykeen's own evaluator, filtered by those trained on, themselves, and others."""
        from pykeen.evaluation import RankBasedEvaluator

        asked, filtered = (torch.from_numpy(part.astype(np.int64)) for part in (triples, others))
        found = RankBasedEvaluator().evaluate(
            self.model,
            asked,
            batch_size=256,
            use_tqdm=False,
            additional_filter_triples=[self.factory.mapped_triples, filtered],
        )
        return float(found.get_metric("both.realistic.inverse_harmonic_mean_rank"))
