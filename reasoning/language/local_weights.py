"""Finding and loading the weights of a model that runs in this process.

Every chat model object of one source, device and number format shares one copy of the weights: objects are cheap and
differ only in their settings. No code that comes with a model is ever run, and no pickle read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from kg_data.batches.identity import files_digest
from kg_data.cache_location import cache_dir
from kg_data.devices import find_device, find_dtype, quiet_transformers
from kg_data.hub import HubModels, deciding_files, has_weights
from reasoning.language.errors import LLMError, need_packages
from reasoning.language.greedy_decoding import LocalModel
from reasoning.language.smollm2_weights import converted_weights, packaged_gguf

_loaded: dict[tuple[str | None, str, str], LocalModel] = {}
_loading = threading.RLock()

HUB = HubModels(LLMError, "Qwen/Qwen3-0.6B")

NEEDED = ("A language model in this process", "torch", "transformers")

UNKNOWN_WINDOW = 4096
"""Tokens of prompt and reply where neither configuration nor tokenizer says how many the model reads."""

P = ParamSpec("P")
R = TypeVar("R")


def _one_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """The function for one thread at a time: two cannot import transformers at once, and weights are converted once."""

    @wraps(function)
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        with _loading:
            return function(*args, **kwargs)

    return locked


def check_source(source: str | None, device: str) -> None:
    """Say before any work starts that a model can't be had; nothing is loaded, and nothing fetched.

    Raises:
        LLMError: there is no such package, folder, file, hub model or device.
    """
    need_packages(*NEEDED)
    if source is None:
        packaged_gguf()
    elif not _is_gguf(path := Path(source).expanduser()):
        if path.is_dir():
            if not has_weights(path):
                raise LLMError(f"{path} is not a model's folder: it needs config.json and safetensors weights")
        elif looks_like_path(source):
            raise LLMError(f"There is no folder or .gguf file {source}{_beside(path)}")
        else:
            HUB.check(source)
    if device not in ("auto", "cpu"):
        find_device(device, LLMError)


def looks_like_path(source: str) -> bool:
    """Whether a source can only be meant as a path: a hub's name has one slash at most and begins with a letter."""
    return source.startswith((".", "/", "~", os.sep)) or source.count("/") > 1 or "\\" in source or ":" in source


@_one_at_a_time
def find_weights(source: str | None) -> Path:
    """The folder to load from, converted into the cache first where the weights come as GGUF, fetched from the hub
    where they are nowhere on this machine.

    Args:
        source: a folder in the Hugging Face layout or a .gguf file; else the name of a model on the Hugging Face hub;
            None for the packaged SmolLM2-135M-Instruct.

    Raises:
        LLMError: nothing is there; the message says what to install or download.
    """
    if source is None:
        return converted_weights(packaged_gguf(), cache_dir() / "llms")
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if _is_gguf(path):
        return converted_weights(path, cache_dir() / "llms")
    return HUB.folder(source)


def weights_digest(source: str | None) -> str:
    """A hex digest of the weights of a source: whether two runs were answered by the same; none is loaded.

    Args:
        source: see `find_weights`.

    Raises:
        LLMError: they are nowhere to be had.
    """
    path = packaged_gguf() if source is None else Path(source).expanduser()
    if _is_gguf(path):
        return files_digest([path])
    return files_digest(deciding_files(find_weights(source)))


def load_local_model(source: str | None, device: str = "auto", dtype: str = "auto") -> LocalModel:
    """The model of `source`, loaded at most once in this process; threads that ask meanwhile wait.

    Args:
        source: see `find_weights`.
        device, dtype: see `ModelOptions`.

    Raises:
        LLMError: the weights are missing or unreadable, the device is not there, or its memory is too small.
    """
    need_packages(*NEEDED)
    with _loading:
        key = (source, device, dtype)
        if key not in _loaded:
            _loaded[key] = _load(find_weights(source), source, find_device(device, LLMError), dtype)
        return _loaded[key]


def _is_gguf(path: Path) -> bool:
    return path.suffix == ".gguf" and path.is_file()


def _beside(path: Path) -> str:
    """The models in the folder that a missing path names, for a message."""
    try:
        models = sorted(str(folder) for folder in path.parent.iterdir() if folder.is_dir() and has_weights(folder))
    except OSError:
        return ""
    return f"; there are {', '.join(models[:5])}" if models else ""


@_one_at_a_time
def open_model(folder: Path, name: str, device: str = "cpu", dtype: str = "auto") -> tuple[Any, Any]:
    """A causal language model in evaluation mode, and its tokenizer.

    Args:
        folder: in the Hugging Face layout, see `find_weights`.
        name: the model's, for messages.
        device: by torch's name.
        dtype: see `ModelOptions`.

    Raises:
        LLMError: the weights are unreadable or incomplete, or the device's memory is too small.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            # Only safetensors: the other format is a pickle, which runs code when it is read.
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                output_loading_info=True,
                dtype=find_dtype(dtype, device),
                device_map=None if device == "cpu" else device,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
            )
    except (torch.OutOfMemoryError, MemoryError) as error:
        other = "" if device == "cpu" else ", or the device cpu"
        raise LLMError(
            f"{name} does not fit into the memory of {device}: take a smaller model, the dtype bfloat16{other}"
        ) from error
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and its parsers' own errors
        if "trust_remote_code" in str(error):
            raise LLMError(f"{name} asks for code of its own to be run, which Skylark never does") from None
        raise LLMError(
            f"{folder} does not hold a language model with its tokenizer and safetensors weights "
            f"({type(error).__name__}: {error})"
        ) from error
    model, info = loaded
    if missing := sorted(info["missing_keys"]):
        # transformers would fill them with random numbers, and the model would talk nonsense.
        raise LLMError(f"{folder} lacks {len(missing)} of the model's weights, such as {missing[0]}: fetch it again")
    return model.eval(), tokenizer


def _load(folder: Path, source: str | None, device: str, dtype: str) -> LocalModel:
    name = model_name(source)
    model, tokenizer = open_model(folder, name, device, dtype)
    if tokenizer.chat_template is None:
        raise LLMError(f"{name} has no chat template: use a model that was tuned to follow instructions")
    ends = model.generation_config.eos_token_id if model.generation_config is not None else None
    ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
    return LocalModel(
        name=name,
        model=model,
        tokenizer=tokenizer,
        context_window=_window(model.config, tokenizer),
        # Every special token ends a turn: one closes it, the others would open the next or start another document.
        end_ids=frozenset(tokenizer.all_special_ids) | frozenset(ends),
        device=device,
    )


def model_name(source: str | None) -> str:
    """What messages call the model of a source."""
    return "SmolLM2-135M-Instruct" if source is None else Path(source).name


def _window(config: Any, tokenizer: Any) -> int:
    window = getattr(config.get_text_config(), "max_position_embeddings", None)
    # Tokenizers without a limit state an astronomical one.
    limit = window or (tokenizer.model_max_length if tokenizer.model_max_length < 10**9 else None)
    return int(limit or UNKNOWN_WINDOW)
