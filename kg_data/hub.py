"""Models of the Hugging Face hub as folders on this machine: from its cache, else fetched once.

Only configuration, tokenizer and safetensors files are taken: the older weight formats run code when they are read.
Both halves open models so; it lives in the lowest room because imports go one way.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from kg_data.errors import SkylarkError

NEEDED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
LEFT = ["original/*", "onnx/*", "openvino/*", "consolidated*", "*/*.safetensors"]
"""Files to fetch and files to leave: other forms of the same weights, and everything that runs code when it is read."""

DECIDING = {".json", ".safetensors", ".model", ".txt", ".jinja", ".tiktoken"}
"""Endings of the files of a model's folder that decide what it gives: weights, configuration, tokenizer."""

PATIENCE = 10.0
"""Seconds in which the hub is to answer whether it has a model."""


@dataclass(frozen=True)
class HubModels:
    """The hub's models of one kind.

    Attributes:
        error: what is raised where a model cannot be had.
        example: the name of one, for errors.
    """

    error: type[SkylarkError]
    example: str

    def check(self, name: str) -> None:
        """Say before any work starts that a model can't be had; a model in the cache is not asked for.

        Raises:
            SkylarkError: of the kind `error`: the name is malformed, the hub has no such model or is out of reach.
        """
        if in_cache(name) is not None:
            return
        from huggingface_hub import HfApi

        try:
            HfApi().model_info(name, timeout=PATIENCE)
        except Exception as error:  # the hub's errors, those of HTTP and of the network below it
            raise self._refusal(name, error) from None

    def folder(self, name: str) -> Path:
        """The folder of a model, fetched into the hub's cache where it is not there yet.

        Raises:
            SkylarkError: as `check`, or it holds no safetensors weights.
        """
        folder = in_cache(name)
        if folder is not None:
            return folder
        self.check(name)
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(name, allow_patterns=NEEDED, ignore_patterns=LEFT))
        except Exception as error:
            raise self._refusal(name, error) from None
        if not has_weights(folder):
            raise self.error(f"{name} holds no safetensors weights (the older formats run code when they are read)")
        return folder

    def _refusal(self, name: str, error: Exception) -> SkylarkError:
        kinds = {base.__name__ for base in type(error).__mro__}
        if "GatedRepoError" in kinds:
            return self.error(
                f"the hub gives {name} only to those who accepted its terms: do so there, then `hf auth login`"
            )
        if "RepositoryNotFoundError" in kinds:
            return self.error(
                f"the Hugging Face hub has no model {name!r}, or not for everybody (`hf auth login`){_near(name)}"
            )
        if "HFValidationError" in kinds:
            return self.error(
                f"{name!r} is neither a folder nor a hub model's name such as {self.example}{_near(name)}"
            )
        return self.error(
            f"the model {name!r} is not on this machine and the Hugging Face hub can't be reached "
            f"({type(error).__name__}): fetch it once with `hf download {name}` where there is a network, "
            f"or give a folder{_near(name)}"
        )


def in_cache(name: str) -> Path | None:
    """The folder of a model that the hub's cache on this machine holds whole, else None."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=NEEDED, ignore_patterns=LEFT))
    except Exception:  # the hub's own errors, and its refusal of a malformed name, which the hub repeats when asked
        return None
    return folder if has_weights(folder) else None


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


def _near(name: str) -> str:
    from huggingface_hub import scan_cache_dir

    try:
        there = sorted(repo.repo_id for repo in scan_cache_dir().repos if repo.repo_type == "model")
    except Exception:  # no cache, or one that cannot be read
        return ""
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    return f"; on this machine are {', '.join(near)}" if near else ""


def deciding_files(folder: Path) -> tuple[Path, ...]:
    """The files of a model's folder that decide what it gives."""
    return tuple(sorted(file for file in folder.iterdir() if file.suffix in DECIDING))
