"""What is loaded only once it is needed: a command that lists its options waits for no model."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "gradio", "cv2", "numba", "onnxruntime", "pandas", "networkx", "matplotlib")

IMPORTING = "import reasoning"
LOADING = """
from reasoning import KnowledgeGraph, Query
kg = KnowledgeGraph.from_triples([("Paris", "capital_of", "France")])
query = Query.parse('capital_of("Paris")')
"""
ANSWERING = f"""
{LOADING}
from reasoning import Reasoner
assert Reasoner(kg, method="exact").answer(query).to_dict()["sentence"]
"""
READING = f"""
{LOADING}
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from reasoning.parsing import understand

class Model(FakeListChatModel):
    def with_structured_output(self, schema, **how):
        return self | RunnableLambda(str)

reply = '{{"queries": [{{"query": "A(a)", "probability": 0.9}}]}}'
assert str(understand("What is Paris the capital of?", kg, Model(responses=[reply])).query) == 'capital_of("Paris")'
"""


def loaded(code: str) -> set[str]:
    """The packages that are loaded after running some code in a process of its own."""
    report = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    output = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, check=True).stdout
    return set(json.loads(output))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "unneeded"),
    [
        (IMPORTING, (*HEAVY, "numpy", "langchain_core", "lark")),
        (LOADING, (*HEAVY, "scipy", "langchain_core")),
        (ANSWERING, (*HEAVY, "scipy")),
        (READING, ("torch", "transformers", "peft")),
    ],
    ids=["importing the package", "loading a graph and a query", "answering exactly", "reading by a chat model"],
)
def test_what_is_not_needed_is_not_loaded(code: str, unneeded: tuple[str, ...]) -> None:
    assert loaded(code).isdisjoint(unneeded)
