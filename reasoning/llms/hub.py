"""A model of the Hugging Face hub as a folder on this machine: from its cache, else fetched once."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from reasoning.llms.errors import LLMError

NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
LEFT = ["original/*", "onnx/*", "openvino/*", "consolidated*"]
"""Files to fetch and files to leave: other forms of the same weights, and everything that runs code when it is read."""

PATIENCE = 10.0
"""Seconds in which the hub is to answer whether it has a model."""


def check_hub(name: str) -> None:
    """Say before any work starts that a model can't be had; a model in the cache is not asked for.

    Raises:
        LLMError: the name is malformed, the hub has no such model, or it is out of reach.
    """
    if in_cache(name) is not None:
        return
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except Exception as error:
        raise _refusal(name, error) from None


def hub_folder(name: str) -> Path:
    """The folder of a model, fetched into the hub's cache where it is not there yet.

    Raises:
        LLMError: as `check_hub`, or it holds no safetensors weights.
    """
    folder = in_cache(name)
    if folder is not None:
        return folder
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=NEEDED, ignore_patterns=LEFT))
    except Exception as error:
        raise _refusal(name, error) from None
    if not has_weights(folder):
        raise LLMError(f"{name} holds no safetensors weights (the older formats run code when they are read)")
    return folder


def in_cache(name: str) -> Path | None:
    """The folder of a model that the hub's cache on this machine holds whole, else None."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=NEEDED, ignore_patterns=LEFT))
    except Exception:  # the hub's own errors, and its refusal of a malformed name, which the hub repeats when asked
        return None
    return folder if has_weights(folder) else None


def has_weights(folder: Path) -> bool:
    """Whether a folder holds a configuration and every file of its weights."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            return False
        return all((folder / part).is_file() for part in parts)
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _refusal(name: str, error: Exception) -> LLMError:
    kinds = {base.__name__ for base in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return LLMError(f"The hub gives {name} only to those who accepted its terms: do so there, then `hf auth login`")
    if "RepositoryNotFoundError" in kinds:
        return LLMError(
            f"The Hugging Face hub has no model {name!r}, or not for everybody (`hf auth login`){_near(name)}"
        )
    if "HFValidationError" in kinds:
        return LLMError(f"{name!r} is neither a folder nor a hub model's name such as Qwen/Qwen3-0.6B{_near(name)}")
    return LLMError(
        f"The model {name!r} is not on this machine and the Hugging Face hub can't be reached "
        f"({type(error).__name__}): fetch it once with `hf download {name}` where there is a network, "
        f"or give a folder{_near(name)}"
    )


def _near(name: str) -> str:
    from huggingface_hub import scan_cache_dir

    try:
        there = sorted(repo.repo_id for repo in scan_cache_dir().repos if repo.repo_type == "model")
    except Exception:  # no cache, or one that cannot be read
        return ""
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    return f"; on this machine are {', '.join(near)}" if near else ""
