"""Tiny models of all kinds, each made and opened once, and the tokens of the model that reads."""

import pytest

from reasoning.lm.generation import WriterTokens
from reasoning.lm.local_weights import find_weights
from tests.vision.tiny_vision_models import Shelf


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="session")
def tokens() -> WriterTokens:
    from transformers import AutoTokenizer

    return WriterTokens(AutoTokenizer.from_pretrained(find_weights(None)))
