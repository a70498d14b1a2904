"""The four methods, and models of every kind, held to their contracts."""

from __future__ import annotations

import pytest
from langchain_core.language_models import BaseChatModel

from reasoning import KnowledgeGraph
from reasoning.completion.fitted import predict_by_rules
from reasoning.completion.predictor import CompletionOptions
from reasoning.lm import load_llm
from tests.reasoning.chat_models import faultless
from tests.reasoning.contracts import MethodContract, ModelContract
from tests.reasoning.openai_server import OpenAIServer


class TestExact(MethodContract):
    method = "exact"


class TestLark(MethodContract):
    method = "lark"


class ByRules(MethodContract):
    @pytest.fixture
    def completion(self, kg: KnowledgeGraph) -> CompletionOptions:
        return CompletionOptions(model=predict_by_rules(kg))


class TestComplete(ByRules):
    method = "complete"


class TestHybrid(ByRules):
    method = "hybrid"


class TestCopy(ModelContract):
    @pytest.fixture
    def model(self) -> BaseChatModel:
        return load_llm("copy")


class TestAnyChatModel(ModelContract):
    @pytest.fixture
    def model(self) -> BaseChatModel:
        return faultless()


class TestHosted(ModelContract):
    @pytest.fixture
    def model(self, server: OpenAIServer) -> BaseChatModel:
        return load_llm("openai:gpt-5-mini")


@pytest.mark.slow
class TestEmbedded(ModelContract):
    @pytest.fixture
    def model(self) -> BaseChatModel:
        return load_llm("embedded")
