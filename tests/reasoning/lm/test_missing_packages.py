"""The ground floor costs no torch before a local model is loaded, and says which extra a missing package belongs to."""

import subprocess
import sys
from functools import partial
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


def test_a_model_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # An installed package, whose messages name extras and not requirement files.
    monkeypatch.setattr(installation, "in_checkout", lambda: False)
    local, teaching = "in this process needs the package", "Teaching a model needs the package"
    hosted = "A hosted language model needs the package"
    for module, extra, said, call in (
        ("torch", "llm", local, lambda: load_llm("embedded")),
        ("torch", "llm", local, lambda: EmbeddedChatModel(source=str(tmp_path)).invoke("hello")),
        ("transformers", "llm", local, lambda: load_llm("embedded")),
        ("transformers", "llm", local, lambda: EmbeddedChatModel(source=str(tmp_path)).invoke("hello")),
        ("peft", "train", teaching, lambda: prepare(StepOptions(), OPERATION_WORDS)),
        ("langchain", "hosted", hosted, lambda: load_hosted("openai", "gpt-5-mini", "key")),
    ):
        lacking = partial(lambda missing, name: None if name == missing else find_spec(name), module)
        monkeypatch.setattr(installation, "find_spec", lacking)
        with pytest.raises(LLMError, match=rf"{said} {module}.*pip install 'skylark-reasoner\[{extra}\]'"):
            call()
