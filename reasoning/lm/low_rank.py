"""Adapters of low-rank matrices (LoRA, Hu et al. 2021, arXiv 2106.09685): made by PEFT, written, read, merged.

What an adapter makes a model do is said by a further file of its folder, which the packages above write and read.
Merging one is a product for each layer; PEFT would wrap each of them first, which takes longer than opening the model.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasoning.lm.errors import LLMError

if TYPE_CHECKING:
    from peft import LoraConfig

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"

PREFIX, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""What stands around a layer's name in the names of PEFT's matrices, A and B."""

CONFIG_KEPT = ("peft_type", "r", "lora_alpha", "lora_dropout", "bias", "target_modules")
"""What is kept of PEFT's configuration: the rest are its defaults, or describe the machine it was made on."""


def new_config(rank: int) -> LoraConfig:
    """An adapter of some rank on every linear layer."""
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")


def stored_config(folder: Path) -> LoraConfig:
    """The configuration in an adapter's folder; an LLMError where it is missing or damaged."""
    from peft import LoraConfig

    with _undamaged(folder):
        return LoraConfig(**_stored(folder))


def lower_layers(model: Any, layers: int) -> Any:
    """The model's transformer with its first layers alone; an LLMError where it keeps its layers in no single list."""
    from torch import nn

    decoder = model.base_model
    total = decoder.config.num_hidden_layers
    if not 1 <= layers <= total:
        raise LLMError(f"The model has {total} layers, so it cannot be cut to {layers}")
    for name, child in decoder.named_children():
        if isinstance(child, nn.ModuleList) and len(child) == total:
            setattr(decoder, name, child[:layers])
            decoder.config.num_hidden_layers = layers
            return decoder
    raise LLMError(f"{type(model).__name__} keeps its layers in no single list: teach another model")


def with_adapter(module: Any, config: LoraConfig, short: bool = False) -> Any:
    """A frozen transformer with PEFT's new matrices, in its own number format where `short`, else float32."""
    from peft import get_peft_model

    with warnings.catch_warnings():  # of transformers, which PEFT causes and users cannot act on
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        return get_peft_model(module, config, autocast_adapter_dtype=not short)


def save_adapter(adapter: Any, folder: Path) -> None:
    """PEFT's files with the weights in bfloat16, into an empty folder or a new one."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().to(torch.bfloat16).cpu().contiguous()
        for name, value in get_peft_model_state_dict(adapter).items()
    }
    save_file(weights, folder / WEIGHTS_FILE)
    config = adapter.peft_config["default"].to_dict()
    kept = {name: sorted(config[name]) if isinstance(config[name], set) else config[name] for name in CONFIG_KEPT}
    (folder / CONFIG_FILE).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def load_adapter(adapter: Any, folder: Path) -> None:
    """The weights in an adapter's folder into PEFT's layers; an LLMError where they are missing, damaged or another
    model's."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    with _fitting(folder):
        set_peft_model_state_dict(adapter, _matrices(folder, get_peft_model_state_dict(adapter)))


def merge_adapter(decoder: Any, folder: Path) -> Any:
    """A transformer with an adapter in its weights, which change: W + alpha / rank * B A (LoRA, equation 3), W of shape
    (out, in), B of (out, rank), A of (rank, in); an LLMError where the adapter is damaged or another model's.

    Args:
        decoder: the transformer, which is changed: W of shape (out, in), B of (out, rank), A of (rank, in).
        folder: of the adapter.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    with _undamaged(folder):
        settings = _stored(folder)
        scale = settings["lora_alpha"] / settings["r"]
        targets = tuple(f".{name}" for name in settings["target_modules"])
    layers = {
        f"{PREFIX}{name}": layer
        for name, layer in decoder.named_modules()
        if isinstance(layer, torch.nn.Linear | Conv1D) and f".{name}".endswith(targets)
    }
    with _fitting(folder), torch.no_grad():
        matrices = _matrices(folder, {name + end for name in layers for end in (DOWN, UP)})
        for name, layer in layers.items():
            product = scale * (matrices[name + UP].float() @ matrices[name + DOWN].float())
            # GPT-2's layers keep their weights the other way round.
            layer.weight += (product.T if isinstance(layer, Conv1D) else product).to(layer.weight.device)
    return decoder


def _stored(folder: Path) -> dict[str, Any]:
    stored = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    return {name: stored[name] for name in CONFIG_KEPT}


def _matrices(folder: Path, expected: Iterable[str]) -> dict[str, Any]:
    """The matrices in an adapter's folder, which must have these names."""
    from safetensors.torch import load_file

    matrices = load_file(folder / WEIGHTS_FILE)
    if unlike := matrices.keys() ^ set(expected):
        raise ValueError(f"{len(unlike)} matrices are on one side only, such as {min(unlike)}")
    return matrices


@contextmanager
def _undamaged(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise LLMError(f"The adapter {folder} is damaged ({type(error).__name__}: {error}): copy it again") from error


@contextmanager
def _fitting(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # safetensors, torch and PEFT raise their own
        raise LLMError(
            f"The adapter {folder} is damaged or does not fit the model ({type(error).__name__}: {error}): "
            f"take the model it was taught on, or teach another"
        ) from error


def rows_fingerprint(model: Any, rows: Sequence[int]) -> str:
    """Names a base model: a hex digest of its width and of some rows of its head, in bfloat16.

    A model has the same fingerprint whether it was opened in float32 or in bfloat16.
    """
    import torch

    weight = model.get_output_embeddings().weight[list(rows)]
    numbers = weight.detach().to("cpu", torch.bfloat16).view(torch.int16).numpy()
    return hashlib.sha256(repr(numbers.shape).encode() + numbers.tobytes()).hexdigest()[:16]
