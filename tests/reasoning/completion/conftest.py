"""A made data set, its training graph, and a predictor fitted on it in a moment."""

from pathlib import Path

import pytest

from reasoning import KnowledgeGraph
from reasoning.completion.fitted import Fitted, fit
from reasoning.completion.predictor import TrainingOptions
from tests.reasoning.made_dataset import make_dataset

QUICK = TrainingOptions(rank=8, epochs=10, batch=32, check_every=5, held_out=0.1)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("made") / "made", 6)


@pytest.fixture(scope="session")
def kg(dataset: Path) -> KnowledgeGraph:
    return KnowledgeGraph.load(dataset, ("train",))


@pytest.fixture(scope="session")
def fitted(kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit(kg, QUICK, out=tmp_path_factory.mktemp("fitted") / "made")
