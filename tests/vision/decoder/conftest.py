"""What the tests of the decoder share: a tiny language model, the embedded detector's tokens, a decoder of both.

Torch is imported by the fixtures: how many threads it takes it reads when it is imported, and `tests/conftest.py` says
that after the files of this name have been read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.vision.decoder.tiny_decoders import decoder_model, options
from vision.decoder.image_tokens import NanoDetTokens
from vision.decoder.vocabulary import DecoderTokens, new_class_tokens

if TYPE_CHECKING:
    from training.boxes import BoxLearner
    from vision.decoder.network import Network


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return decoder_model(tmp_path_factory.mktemp("decoder_model"))


@pytest.fixture(scope="session")
def tokens(model: Path) -> DecoderTokens:
    from reasoning.lm.candidate_scoring import open_base

    opened, tokenizer = open_base(str(model))
    return DecoderTokens(tokenizer, new_class_tokens(tokenizer, opened.get_output_embeddings().weight))


@pytest.fixture(scope="session")
def nanodet() -> NanoDetTokens:
    return NanoDetTokens(1)


def random_learner(model: Path, nanodet: NanoDetTokens, std: float) -> BoxLearner:
    """One whose matrices are random, so that it finds anything."""
    import torch

    from training.boxes import prepare_boxes

    learner, _ = prepare_boxes(options(model), nanodet)
    for name, parameter in learner.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=std)
    return learner


@pytest.fixture(scope="session")
def adapter(model: Path, nanodet: NanoDetTokens, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decoders") / "random"
    random_learner(model, nanodet, 0.02).save(folder)
    return folder


@pytest.fixture(scope="session")
def network(model: Path, nanodet: NanoDetTokens) -> Network:
    """In float32, with matrices of an adapter that do something."""
    made: Network = random_learner(model, nanodet, 0.1).network.eval().requires_grad_(False)
    return made
