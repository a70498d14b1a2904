"""From a name to a model with its processor in this process: folder, device, number format, and what can go wrong.

The folder is a path, one of the hub's cache, or is fetched from the hub once. No code that comes with a model is run
and no pickle is read.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg_data.devices import check_names, find_device, find_dtype, quiet_transformers
from kg_data.hub import HubModels, has_weights
from vision.errors import DetectorError, MissingExtraError

HUB = HubModels(DetectorError, "IDEA-Research/grounding-dino-tiny")


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
    return HUB.folder(name)


def _looks_like_path(name: str) -> bool:
    """Whether a name can only be meant as a path: a hub's name has one slash at most and begins with a letter."""
    return name.startswith((".", "/", "~", os.sep)) or name.count("/") > 1 or "\\" in name


def _beside(path: Path) -> str:
    try:
        folders = sorted(str(found) for found in path.parent.iterdir() if found.is_dir() and has_weights(found))
    except OSError:
        return ""
    near = difflib.get_close_matches(str(path), folders, n=3, cutoff=0.3)
    return f"; there are {', '.join(near or folders[:3])}" if folders else ""


@dataclass(frozen=True, eq=False)
class Source:
    """What is opened: a folder with its configuration, and where and how its numbers are to be kept.

    Attributes:
        name: as the user gave it.
        folder: the model's files.
        config: transformers' configuration.
        device: by torch's name.
        dtype: what transformers takes as dtype.
    """

    name: str
    folder: Path
    config: Any
    device: str
    dtype: Any


def read_source(name: str, folder: Path, device: str | None, dtype: str | None) -> Source:
    """Read a folder's configuration and settle on device and number format.

    Raises:
        DetectorError: transformers doesn't know this kind of model, or there is no such device or format.
    """
    check_names(device or "auto", dtype or "auto", DetectorError)
    place = find_device(device or "auto", DetectorError)
    from transformers import AutoConfig

    with _load_errors(name):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return Source(name, folder, config, place, find_dtype(dtype or "auto", place))


def load_model(source: Source, model_class: Any) -> Any:
    """The model of a source, by one of transformers' (auto) classes, ready to infer.

    Raises:
        DetectorError: the weights are not all there or do not fit, or memory is too small.
        MissingExtraError: the model's code needs a package that isn't installed.
    """
    with _load_errors(source.name, source.device):
        model, report = model_class.from_pretrained(
            source.folder,
            config=source.config,
            output_loading_info=True,
            dtype=source.dtype,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
        weights = {key for key, _ in model.named_parameters()}
        if missing := sorted(set(report["missing_keys"]) & weights):
            # transformers would fill them with random numbers, and the boxes would be nonsense.
            raise DetectorError(
                f"{source.name} lacks {len(missing)} of the weights of {type(model).__name__}, such as {missing[0]}: "
                "fetch it again, or take a model that was trained for this task"
            )
        return model.to(source.device).eval()


def load_processor(source: Source, processor_class: Any, **settings: Any) -> Any:
    """What turns images and texts into the model's input, by one of transformers' (auto) classes.

    Args:
        source: what is opened.
        processor_class: transformers' class.
        **settings: what is to be other than the folder has it.

    Raises:
        DetectorError: the folder lacks its files.
        MissingExtraError: it needs a package that isn't installed.
    """
    with _load_errors(source.name, part="image processor or tokenizer"):
        return processor_class.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False, **settings
        )


@contextmanager
def running(name: str) -> Iterator[None]:
    """Infer without gradients, and say whose failure it was where a model fails.

    Raises:
        DetectorError: the model failed; the message keeps what it said.
    """
    import torch

    try:
        with torch.inference_mode():
            yield
    except DetectorError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DetectorError(f"memory was too small for {name}: take a smaller model or the dtype bfloat16") from error
    except Exception as error:  # whatever a model's own code raises
        raise DetectorError(f"{name} failed: {type(error).__name__}: {error}") from error


@contextmanager
def _load_errors(name: str, device: str = "cpu", part: str = "model") -> Iterator[None]:
    import torch

    try:
        with quiet_transformers():
            yield
    except DetectorError:
        raise
    except ImportError as error:
        package = re.search(r"pip install ([\w.\-]+)", str(error)) or re.search(
            r"requires the (\S+) library", str(error)
        )
        if package is None:
            raise DetectorError(f"{name} needs a package that is not installed: {error}") from error
        raise MissingExtraError(name, package[1].lower()) from error
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DetectorError(f"{name} does not fit into the memory of {device}: take a smaller model") from error
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and its parsers' own errors
        if "trust_remote_code" in str(error):
            raise DetectorError(f"{name} asks for code of its own to be run, which Skylark never does") from None
        raise DetectorError(f"the {part} of {name} cannot be loaded: {type(error).__name__}: {error}") from error
