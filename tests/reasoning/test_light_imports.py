"""What is loaded only once it is needed: a command that lists its options waits for no model."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "gradio", "cv2", "numba", "onnxruntime", "pandas", "networkx", "matplotlib")

STAGES = """
import sys

def loaded(*names):
    print(sorted({name.partition(".")[0] for name in sys.modules} & {*names}))

import reasoning
loaded(*HEAVY, "numpy", "langchain_core", "lark")

from reasoning import KnowledgeGraph, Query
kg = KnowledgeGraph.from_triples([("Paris", "capital_of", "France")])
query = Query.parse('capital_of("Paris")')
loaded(*HEAVY, "scipy", "langchain_core")

from reasoning import Reasoner
assert Reasoner(kg, method="exact").answer(query).to_dict()["sentence"]
loaded(*HEAVY, "scipy")

from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from reasoning.parsing import understand

class Model(FakeListChatModel):
    def with_structured_output(self, schema, **how):
        return self | RunnableLambda(str)

reply = '{"queries": [{"query": "A(a)", "probability": 0.9}]}'
assert str(understand("What is Paris the capital of?", kg, Model(responses=[reply])).query) == 'capital_of("Paris")'
loaded("torch", "transformers", "peft")
"""


@pytest.mark.slow
def test_what_importing_a_graph_an_answer_and_a_chat_model_do_not_need_is_not_loaded() -> None:
    command = [sys.executable, "-c", f"HEAVY = {HEAVY}\n{STAGES}"]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines() == ["[]"] * 4
