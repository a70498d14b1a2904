"""What the tests of parsing share: the country graph, and a chat model's server."""

import pytest

from reasoning import KnowledgeGraph
from tests.reasoning.openai_server import server

__all__ = ["server", "world"]


@pytest.fixture(scope="session")
def world() -> KnowledgeGraph:
    return KnowledgeGraph.load("world")
