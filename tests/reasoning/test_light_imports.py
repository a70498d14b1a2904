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
    ],
    ids=["importing the package", "loading a graph and a query", "answering exactly"],
)
def test_what_is_not_needed_is_not_loaded(code: str, unneeded: tuple[str, ...]) -> None:
    assert loaded(code).isdisjoint(unneeded)
