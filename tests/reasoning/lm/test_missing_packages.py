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


@pytest.mark.slow
def test_importing_the_ground_floor_imports_no_heavy_package() -> None:
    script = (
        "import sys, reasoning.lm, reasoning.lm.candidate_scoring, training.loop\n"
        "import training.learners\n"
        "print(*{'torch', 'transformers', 'peft', 'safetensors', 'genai_prices'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == []


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
    expected = rf"A language model in this process needs the package {module}.*pip install 'skylark-reasoner\[llm\]'"
    with pytest.raises(LLMError, match=expected):
        load_llm("embedded")
    with pytest.raises(LLMError, match=expected):
        EmbeddedChatModel(source=str(tmp_path)).invoke("hello")


def test_teaching_without_peft_names_the_extra(wheel: pytest.MonkeyPatch) -> None:
    lacking(wheel, "peft")
    with pytest.raises(LLMError, match=r"Teaching a model needs the package peft.*skylark-reasoner\[train\]"):
        prepare(StepOptions(), OPERATION_WORDS)


@pytest.mark.slow
def test_what_was_taught_is_used_without_peft() -> None:
    script = (
        "import sys; sys.modules['peft'] = None\n"
        "from reasoning.lm.candidate_scoring import PACKAGED_ADAPTER\n"
        "from reasoning.lm.candidate_scoring import load_student\n"
        "print(load_student(PACKAGED_ADAPTER).marks.layers)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) > 1


def test_a_hosted_model_without_its_packages_names_the_extra(wheel: pytest.MonkeyPatch) -> None:
    lacking(wheel, "langchain")
    with pytest.raises(LLMError, match=r"A hosted language model needs the package langchain.*reasoner\[hosted\]"):
        load_hosted("openai", "gpt-5-mini", "key")
