"""The server of hosted models, for every test that asks one."""

from tests.reasoning.openai_server import server

__all__ = ["server"]
