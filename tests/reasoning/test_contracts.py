"""The four methods, and models of every kind, held to their contracts."""

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


class TestModels(ModelContract):
    @pytest.fixture(params=["copy", "any", "openai:gpt-5-mini", pytest.param("embedded", marks=pytest.mark.slow)])
    def model(self, request: pytest.FixtureRequest, server: OpenAIServer) -> BaseChatModel:
        return faultless() if request.param == "any" else load_llm(request.param)
