"""Models in this process: devices, number formats, and folders of the Hugging Face hub.

A hub model comes from the cache, else is fetched once. Only configuration, tokenizer and safetensors files are taken:
the older weight formats run code when they are read.
"""

import difflib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skylark.errors import SkylarkError

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
DTYPES = ("auto", "float32", "bfloat16", "float16")


def usable_cores() -> int:
    """Cores that this process may use: as many as `OMP_NUM_THREADS` says, by which torch and numpy go too, else all
    that it is given, which in a container are fewer than the machine has."""
    if (stated := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(stated) > 0:
        return int(stated)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_names(device: str, dtype: str, error: type[SkylarkError]) -> None:
    """Refuse what is no name of a device or a number format; whether the device is there, `find_device` knows.

    Raises:
        SkylarkError: of the kind `error`, with the nearest valid name.
    """
    if not DEVICE.fullmatch(device):
        names = ["auto", "cpu", "cuda", "cuda:0", "mps"]
        near = difflib.get_close_matches(device.lower(), names, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise error(f"device must be auto, cpu, cuda, cuda:N or mps, not {device!r}{hint}")
    if dtype not in DTYPES:
        near = difflib.get_close_matches(dtype.lower(), DTYPES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise error(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}{hint}")


def find_device(device: str, error: type[SkylarkError]) -> str:
    """The device by torch's name; "auto" is the first GPU, Apple's, or the processor, whichever comes first.

    Raises:
        SkylarkError: of the kind `error`: this machine has no such device; the message names those it has.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = [f"cuda:{number}" for number in range(gpus)] + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if device == "auto":
        return there[0]
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in there:
        raise error(f"This machine has no device {device!r} that torch {torch.__version__} can use; it has: "
                       f"{', '.join(there)}")  # fmt: skip
    return wanted


def find_dtype(dtype: str, device: str) -> Any:
    """What transformers takes as dtype: on "auto" as the weights are stored on a GPU, float32 on a processor.

    bfloat16 reads prompts faster on processors with native support for it, but generates several times slower on those
    without, and its roundings change answers.
    """
    import torch

    if dtype != "auto":
        return getattr(torch, dtype)
    return torch.float32 if device == "cpu" else "auto"


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the progress bars of loading and saving out of a user's terminal; the setting is left as it was found.

    The bar of reading GGUF has no switch and stays: it is seen once, while there is something to wait for.
    """
    from transformers.utils import logging as transformers_logging

    bars: Any = transformers_logging  # its two switches carry no type hints
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


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
            said = f"the hub gives {name} only to those who accepted its terms: do so there, then `hf auth login`"
        elif "RepositoryNotFoundError" in kinds:
            said = f"the Hugging Face hub has no model {name!r}, or not for everybody (`hf auth login`){_near(name)}"
        elif "HFValidationError" in kinds:
            said = f"{name!r} is neither a folder nor a hub model's name such as {self.example}{_near(name)}"
        else:
            said = (
                f"the model {name!r} is not on this machine and the Hugging Face hub can't be reached "
                f"({type(error).__name__}): fetch it once with `hf download {name}` where there is a network, "
                f"or give a folder{_near(name)}"
            )
        return self.error(said)


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
