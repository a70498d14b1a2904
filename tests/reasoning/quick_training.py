"""A ComplEx trained in a moment on a small drawn graph."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from reasoning import KnowledgeGraph
from reasoning.completion.embeddings import ComplEx
from reasoning.completion.options import TrainingOptions
from reasoning.completion.training import train

QUICK = TrainingOptions(rank=8, epochs=6, batch=16, check_every=2, patience=9, held_out=0.1)


def graph(seed: int = 0, entities: int = 20, relations: int = 3, triples: int = 120) -> KnowledgeGraph:
    rng = random.Random(seed)
    names = [f"e{number:02}" for number in range(entities)]
    return KnowledgeGraph.from_triples(
        [(rng.choice(names), f"r{rng.randrange(relations)}", rng.choice(names)) for _ in range(triples)]
        + [(name, "r0", names[0]) for name in names]
    )


def trained(kg: KnowledgeGraph, run: Path, options: TrainingOptions = QUICK, **more: Any) -> ComplEx:
    return train(kg, options, run, **more)
