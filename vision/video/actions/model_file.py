"""A taught network of actions in a folder: `model.json` says what it is, `weights.safetensors` holds its numbers.

The weights are written first and named by their digest in `model.json`, so that a folder that a kill left half written
is known as such.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save

from kg_data.appended_lines import encoded, write_whole
from kg_data.errors import ResultsError
from vision.errors import ActionsError
from vision.video.actions.features import VideoFeatures
from vision.video.actions.network import ActionNetwork, NetworkShape

MODEL, WEIGHTS = "model.json", "weights.safetensors"
FORMAT = 1

BACKGROUND = "background"
"""The name of the class that is no action, where there is one."""


class _Contents(BaseModel):
    """What `model.json` says."""

    model_config = ConfigDict(extra="forbid")

    format: int
    classes: list[str] = Field(min_length=1)
    rate: float | None
    shape: NetworkShape
    recipe: dict[str, Any]
    weights: str


@dataclass(frozen=True, eq=False)
class ActionModel:
    """A taught network and what it is of.

    Attributes:
        network: gives logits of `classes`.
        classes: the actions' names.
        rate: frames a second of the videos that it was taught, or None where they did not say.
        recipe: how it was taught, see `recipe.Recipe`.
    """

    network: ActionNetwork
    classes: tuple[str, ...]
    rate: float | None
    recipe: Mapping[str, Any]

    @property
    def background(self) -> int | None:
        """The class that is no action, or None."""
        return self.classes.index(BACKGROUND) if BACKGROUND in self.classes else None

    def labels(self, video: VideoFeatures) -> NDArray[np.int64]:
        """The class of each frame, shape (frames,).

        Raises:
            ActionsError: the features have other channels, or are of another rate.
        """
        channels = self.network.shape.channels
        if video.values.shape[1] != channels:
            raise ActionsError(
                f"the video {video.name!r} has {video.values.shape[1]} channels a frame, but the model was taught with "
                f"{channels}; give it features of the same kind"
            )
        if video.rate is not None and self.rate is not None and abs(video.rate / self.rate - 1) > 0.01:
            raise ActionsError(
                f"the video {video.name!r} has {video.rate:g} frames a second, but the model was taught with "
                f"{self.rate:g}; give it features at that rate"
            )
        with torch.inference_mode():
            logits, _ = self.network(torch.from_numpy(video.values.T.copy())[None])[-1]
        labels: NDArray[np.int64] = logits[0].argmax(0).numpy()
        return labels

    def check_labels(self, videos: Iterable[VideoFeatures]) -> None:
        """Refuse labels that the model has no names for.

        Raises:
            ActionsError: there are some.
        """
        for video in videos:
            if video.labels is not None and video.labels.max() >= len(self.classes):
                raise ActionsError(
                    f"the video {video.name!r} has frames of class {video.labels.max()}, but the model knows 0 to "
                    f"{len(self.classes) - 1} alone"
                )

    def save(self, folder: Path) -> None:
        """Write it.

        Raises:
            ResultsError: the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {folder}: {error.strerror or error}") from None
        weights = save({name: value.contiguous() for name, value in self.network.state_dict().items()})
        contents = {
            "format": FORMAT,
            "classes": self.classes,
            "rate": self.rate,
            "shape": asdict(self.network.shape),
            "recipe": dict(self.recipe),
            "weights": hashlib.sha256(weights).hexdigest(),
        }
        write_whole(folder / WEIGHTS, weights)
        write_whole(folder / MODEL, encoded(json.dumps(contents, ensure_ascii=False, indent=1)))

    @classmethod
    def load(cls, folder: Path) -> ActionModel:
        """Read it.

        Raises:
            ActionsError: there is none, or its files are damaged.
        """
        if not (folder / MODEL).is_file():
            raise ActionsError(f"{folder} holds no model of actions ({MODEL}): give the folder that one was taught in")
        try:
            contents = _Contents.model_validate_json((folder / MODEL).read_bytes())
            if contents.format != FORMAT:
                raise ActionsError(f"{folder / MODEL} has the format {contents.format}, not {FORMAT}: teach it anew")
            weights = (folder / WEIGHTS).read_bytes()
            if hashlib.sha256(weights).hexdigest() != contents.weights:
                raise ValueError(f"{WEIGHTS} is not what {MODEL} says")
            network = ActionNetwork(contents.shape)
            network.load_state_dict(load(weights))
            if network.shape.classes != len(contents.classes):
                raise ValueError(f"{len(contents.classes)} names for {network.shape.classes} classes")
        except (OSError, SafetensorError, ValidationError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).split("\n")[0]
            raise ActionsError(f"the model in {folder} cannot be read ({reason}): teach it anew") from None
        network.eval()
        return cls(network, tuple(contents.classes), contents.rate, contents.recipe)
