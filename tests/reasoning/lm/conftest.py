"""What the tests of language models share: models of random weights, the embedded one, and a provider's server."""

from pathlib import Path

import pytest

from reasoning.lm import EmbeddedChatModel
from tests.reasoning.openai_server import server
from tests.reasoning.tiny_models import tiny_model
from tests.reasoning.word_models import word_model

__all__ = ["server"]

FAMILIES = ("llama", "qwen3", "gpt2", "gemma3")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of models whose tokens are bytes, by their families."""
    folder = tmp_path_factory.mktemp("models")
    return {family: tiny_model(folder / family, family) for family in FAMILIES}


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model whose tokens are words."""
    return word_model(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="session")
def embedded() -> EmbeddedChatModel:
    return EmbeddedChatModel(max_new_tokens=16)
