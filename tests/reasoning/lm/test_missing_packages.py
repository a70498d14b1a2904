"""The ground floor costs no torch before a local model is loaded, and says which extra a missing package belongs to."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from reasoning.lark.prompts import OPERATION_WORDS
from reasoning.lm import EmbeddedChatModel, LLMError, load_llm
from reasoning.lm.hosted import load_hosted
from skylark import installation
from training.learners import prepare
from training.steps import StepOptions

FRESH = """
import sys, reasoning.lm, reasoning.lm.candidate_scoring, training.learners, training.loop
print({'torch', 'transformers', 'peft', 'safetensors', 'genai_prices'} & sys.modules.keys())
from vision.cli import main
try: main(['teach', 'boxes', '--help'])
except SystemExit: pass
print('torch' in sys.modules)

import threading
from pathlib import Path
from reasoning.lm.local_weights import open_model
failed, together = [], threading.Barrier(4)

def work():
    together.wait()
    try:
        open_model(Path(sys.argv[1]), "the model")
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""


@pytest.mark.slow
def test_a_fresh_process_imports_nothing_heavy_until_threads_load_models_at_once(models: dict[str, Path]) -> None:
    command = [sys.executable, "-c", FRESH, str(models["llama"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
    assert (done[0], done[-2], done[-1]) == ("set()", "False", "[]")


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An installed package, whose messages name extras and not requirement files."""
    monkeypatch.setattr(installation, "in_checkout", lambda: False)
    return monkeypatch


def lacking(wheel: pytest.MonkeyPatch, module: str) -> None:
    wheel.setattr(installation, "find_spec", lambda name: None if name == module else find_spec(name))


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_a_local_model_without_its_packages_names_the_extra(
    wheel: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    lacking(wheel, module)
    expected = rf"in this process needs the package {module}.*pip install 'skylark-reasoner\[llm\]'"
    with pytest.raises(LLMError, match=expected):
        load_llm("embedded")
    with pytest.raises(LLMError, match=expected):
        EmbeddedChatModel(source=str(tmp_path)).invoke("hello")


def test_teaching_and_hosted_models_without_their_packages_name_the_extra(wheel: pytest.MonkeyPatch) -> None:
    lacking(wheel, "peft")
    with pytest.raises(LLMError, match=r"Teaching a model needs the package peft.*skylark-reasoner\[train\]"):
        prepare(StepOptions(), OPERATION_WORDS)
    lacking(wheel, "langchain")
    with pytest.raises(LLMError, match=r"A hosted language model needs the package langchain.*reasoner\[hosted\]"):
        load_hosted("openai", "gpt-5-mini", "key")
