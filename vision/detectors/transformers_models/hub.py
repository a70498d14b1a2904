"""A model's folder on this machine: a path, what the hub's cache holds, or what is fetched from the hub once.

Only configuration, tokenizer and safetensors files are taken: the older weight formats run code when they are read.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path

from vision.errors import DetectorError

NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
LEFT = ["original/*", "onnx/*", "openvino/*", "*/*.safetensors"]
"""Files to fetch and files to leave: other forms of the same weights."""

PATIENCE = 10.0
"""Seconds in which the hub is to answer whether it has a model."""


def model_folder(name: str) -> Path:
    """The folder of a model, fetched into the hub's cache where it is not on this machine.

    Args:
        name: a folder's path, or a name on the Hugging Face hub such as "IDEA-Research/grounding-dino-tiny".

    Raises:
        DetectorError: there is no such folder or model, it lacks its configuration or its weights, or the hub is out
            of reach.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not has_weights(path):
            raise DetectorError(f"{path} is not a model's folder: it needs config.json and safetensors weights")
        return path
    if path.exists() or _looks_like_path(name):
        raise DetectorError(f"there is no model folder {name}{_beside(path)}")
    return _in_cache(name) or _fetched(name)


def has_weights(folder: Path) -> bool:
    """Whether a folder holds a configuration and every file of its safetensors weights."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return all((folder / part).is_file() for part in parts)
    return any(folder.glob("*.safetensors"))


def _in_cache(name: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=NEEDED, ignore_patterns=LEFT))
    except Exception:  # the hub's own errors, and its refusal of a malformed name, which it repeats when asked
        return None
    return folder if has_weights(folder) else None


def _fetched(name: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    try:
        HfApi().model_info(name, timeout=PATIENCE)
        folder = Path(snapshot_download(name, allow_patterns=NEEDED, ignore_patterns=LEFT))
    except Exception as error:  # the hub's errors, those of HTTP and of the network below it
        raise _refusal(name, error) from None
    if not has_weights(folder):
        raise DetectorError(f"{name} holds no safetensors weights (the older formats run code when they are read)")
    return folder


def _refusal(name: str, error: Exception) -> DetectorError:
    kinds = {base.__name__ for base in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return DetectorError(
            f"the hub gives {name} only to those who accepted its terms: do so there, then `hf auth login`"
        )
    if "RepositoryNotFoundError" in kinds:
        return DetectorError(
            f"the Hugging Face hub has no model {name!r}, or not for everybody (`hf auth login`){_near(name)}"
        )
    if "HFValidationError" in kinds:
        return DetectorError(
            f"{name!r} is neither a folder nor a hub model's name, such as IDEA-Research/grounding-dino-tiny"
            f"{_near(name)}"
        )
    return DetectorError(
        f"the model {name!r} is not on this machine and the Hugging Face hub can't be reached "
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


def _looks_like_path(name: str) -> bool:
    """Whether a name can only be meant as a path: a hub's name has one slash at most and begins with a letter."""
    return name.startswith((".", "/", "~", os.sep)) or name.count("/") > 1 or "\\" in name


def _beside(path: Path) -> str:
    try:
        there = sorted(str(found) for found in path.parent.iterdir() if found.is_dir() and has_weights(found))
    except OSError:
        return ""
    near = difflib.get_close_matches(str(path), there, n=3, cutoff=0.3)
    return f"; there are {', '.join(near or there[:3])}" if there else ""
