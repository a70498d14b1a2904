"""The provider's server that the tests of structured replies ask."""

from tests.reasoning.openai_server import server

__all__ = ["server"]
