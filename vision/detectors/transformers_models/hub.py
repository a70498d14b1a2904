"""A model's folder on this machine: a path, what the hub's cache holds, or what is fetched from the hub once."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from kg_data.hub import HubModels, has_weights
from vision.errors import DetectorError

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
        there = sorted(str(found) for found in path.parent.iterdir() if found.is_dir() and has_weights(found))
    except OSError:
        return ""
    near = difflib.get_close_matches(str(path), there, n=3, cutoff=0.3)
    return f"; there are {', '.join(near or there[:3])}" if there else ""
