"""Finding and loading the weights of a model that runs in this process, without any network.

Every chat model object of one source shares one copy of the weights (540 MB for SmolLM2-135M): objects are cheap and
differ only in their settings.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from reasoning.cache_location import cache_dir
from reasoning.llms.errors import LLMError
from reasoning.llms.greedy_decoding import LocalModel
from reasoning.llms.smollm2_weights import converted_weights, packaged_gguf, quiet_transformers

_loaded: dict[str | None, LocalModel] = {}
_loading = threading.Lock()


def find_weights(source: str | None) -> Path:
    """The folder to load from, converted into the cache first where the weights come as GGUF.

    Args:
        source: a folder in the Hugging Face layout or a .gguf file; else the name of a model that the Hugging Face
            hub's cache on this machine holds; None for the packaged SmolLM2-135M-Instruct.

    Raises:
        LLMError: nothing is there; the message says what to install or download.
    """
    if source is None:
        return converted_weights(packaged_gguf(), cache_dir() / "llms")
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.is_file() and path.suffix == ".gguf":
        return converted_weights(path, cache_dir() / "llms")
    return _hub_cache(source)


def load_local_model(source: str | None) -> LocalModel:
    """The model of `source`, loaded at most once in this process; threads that ask meanwhile wait.

    Weights are read as float32. bfloat16 reads prompts 1.7 times as fast on processors with native support for it, but
    generates several times slower on those without, and its roundings change answers.

    Raises:
        LLMError: the weights are missing or unreadable.
    """
    with _loading:
        if source not in _loaded:
            _loaded[source] = _load(find_weights(source), source)
        return _loaded[source]


def _hub_cache(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except Exception as error:  # the hub's own errors, and its refusal of a malformed name
        raise LLMError(
            f"No folder, .gguf file or cached hub model is called {name!r}: give a path, "
            f"or fetch the model once with `hf download {name}`"
        ) from error


def _load(folder: Path, source: str | None) -> LocalModel:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = "SmolLM2-135M-Instruct" if source is None else Path(source).name
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            # Only safetensors: the other format is a pickle, which runs code when it is read.
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
            )
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and its parsers' own errors
        raise LLMError(
            f"{folder} does not hold a language model with its tokenizer and safetensors weights "
            f"({type(error).__name__}: {error})"
        ) from error
    if tokenizer.chat_template is None:
        raise LLMError(f"{name} has no chat template: use a model that was tuned to follow instructions")
    ends = model.generation_config.eos_token_id or []
    return LocalModel(
        name=name,
        model=model.eval(),
        tokenizer=tokenizer,
        context_window=model.config.max_position_embeddings,
        # Every special token ends a turn: one closes it, the others would open the next or start another document.
        end_ids=frozenset(tokenizer.all_special_ids) | frozenset(ends if isinstance(ends, list) else [ends]),
    )
