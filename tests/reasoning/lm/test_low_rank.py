import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import reasoning.lm
from reasoning.lm import LLMError
from reasoning.lm.local_weights import open_model
from reasoning.lm.low_rank import (
    CONFIG_FILE,
    load_adapter,
    lower_layers,
    merge_adapter,
    new_config,
    save_adapter,
    stored_config,
    with_adapter,
)


def transformer(model: Path, dtype: str = "float32") -> Any:
    return lower_layers(open_model(model, "tiny", dtype=dtype)[0], 2).requires_grad_(False)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def model(request: pytest.FixtureRequest, models: dict[str, Path]) -> Path:
    """The layers of GPT-2 keep their weights the other way round."""
    return models[request.param]


@pytest.fixture(scope="module")
def adapter(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose matrices are random."""
    taught = with_adapter(transformer(model), new_config(4))
    for parameter in taught.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("adapters") / "random"
    save_adapter(taught, folder)
    return folder


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_is_merged_as_peft_does(model: Path, adapter: Path, dtype: str) -> None:
    before = transformer(model, dtype).state_dict()
    by_peft = with_adapter(transformer(model, dtype), stored_config(adapter))
    load_adapter(by_peft, adapter)
    expected = by_peft.merge_and_unload().state_dict()
    merged = merge_adapter(transformer(model, dtype), adapter).state_dict()
    assert merged.keys() == expected.keys() == before.keys()
    assert all(torch.equal(merged[name], weight) for name, weight in expected.items())
    changed = {name for name in before if not torch.equal(merged[name], before[name])}
    assert changed == {f"{name}.weight" for name in json.loads((adapter / CONFIG_FILE).read_text())["target_modules"]}


def test_settings_that_are_none_are_refused(model: Path, adapter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(adapter, tmp_path / "other")
    settings = json.loads((folder / CONFIG_FILE).read_text())
    for changed in ({"r": 0}, {"r": "many"}, {"target_modules": None}):
        (folder / CONFIG_FILE).write_text(json.dumps(settings | changed))
        with pytest.raises(LLMError, match="other is damaged"):
            merge_adapter(transformer(model), folder)


# The card beside each adapter says what one has to know of it, and is the card of these weights.
ADAPTERS = sorted(path.parent for path in Path(reasoning.lm.__file__).parent.glob("adapters/*/adapter_config.json"))
ROWS = ("What it does", "Base model", "Data", "How it was made", "Measured", "Limits", "Licence", "Weights")


@pytest.mark.parametrize("folder", ADAPTERS, ids=lambda folder: folder.name)
def test_a_card_says_what_one_has_to_know_of_the_weights_beside_it(folder: Path) -> None:
    assert {path.name for path in ADAPTERS} >= {"queries", "steps", "tasks", "videos", "boxes"}
    table = (folder / "README.md").read_text(encoding="utf-8").partition("\n|---|---|\n")[2].partition("\n\n")[0]
    said = {name.strip(): text.strip() for _, name, text, _ in (line.split("|") for line in table.splitlines())}
    assert list(said) == list(ROWS)
    assert all(said.values()) and "benchmarks/results/" in said["Measured"]
    told = set(re.findall(r"[0-9a-f]{64}", said["Weights"]))
    assert told == {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.safetensors")}
