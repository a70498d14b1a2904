"""Training of an action network (Wang et al. 2021), its checkpoints and model files.

Beside the truth, the network is given each video a second time with pairs of frames exchanged: it has to find them,
and to say the action that belongs to each place. What solves that knows in which order actions follow. All that an
epoch draws comes from the recipe's seed and the epoch's number, so a run that goes on from a checkpoint ends with the
weights of one that was never stopped; a kill loses an epoch.

A model's folder holds `weights.safetensors`, written first, and `model.json`, which names them by their digest, so
that a folder that a kill left half written is known as such.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import filelock
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch.nn import functional

from skylark.errors import ResultsError
from skylark.files import encoded, write_whole
from vision.errors import ActionsError
from vision.video.actions.features import Recipe, VideoFeatures
from vision.video.actions.network import ActionNetwork, NetworkShape

FILE = "checkpoint.safetensors"

Tensors = dict[str, torch.Tensor]


class Checkpoints:
    """The checkpoint of a run in its folder, locked against other processes while it is open (a context manager).

    `settings` is everything that decides the run, JSON-serialisable; network and optimizer are what changes.

    Raises:
        ResultsError: the folder is in use or cannot be written; also while it is being written.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], network: torch.nn.Module, optimizer: torch.optim.Optimizer
    ) -> None:
        self._network, self._optimizer = network, optimizer
        self._path = folder / FILE
        self._settings = json.loads(json.dumps(dict(settings)))
        self._lock = filelock.FileLock(folder / f"{FILE}.lock", timeout=0, fallback_to_soft=False)

    def __enter__(self) -> Self:
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout:
            raise ResultsError(f"another process teaches in {folder}; wait for it or choose another folder") from None
        except OSError as error:
            raise ResultsError(f"the folder {folder} cannot be written: {error.strerror or error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def restore(self) -> int:
        """Put what is kept into the network; returns how many epochs it had done, 0 where nothing is kept.

        Raises:
            ActionsError: it is damaged, or of a run with other settings.
        """
        if not self._path.exists():
            return 0
        try:
            with safe_open(self._path, "pt") as file:
                metadata = file.metadata()
                before, epoch = json.loads(metadata["settings"]), int(metadata["epoch"])
                changes = [
                    f"{key} was {before.get(key)}, now {self._settings.get(key)}"
                    for key in {**before, **self._settings}
                    if before.get(key) != self._settings.get(key)
                ]
                if changes:
                    raise ActionsError(
                        f"{self._path.parent} holds a run with other settings ({'; '.join(changes)}): give the same, "
                        "another folder, or delete it"
                    )
                self._take({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ActionsError(
                f"the checkpoint {self._path} cannot be read ({error}); delete it to begin anew, or give another folder"
            ) from None
        return epoch

    def _take(self, tensors: Tensors) -> None:
        whole = self._optimizer.state_dict()
        network: Tensors = {}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            if part == "network":
                network[rest] = value
            else:
                place, _, key = rest.partition(".")
                whole["state"].setdefault(int(place), {})[key] = value
        self._network.load_state_dict(network)
        self._optimizer.load_state_dict(whole)

    def save(self, epoch: int) -> None:
        """Keep where the run is after an epoch, whole or not at all; the one before stays where it can't be written.

        Raises:
            ResultsError: it cannot be written; the one before stays.
        """
        metadata = {"settings": json.dumps(self._settings), "epoch": str(epoch)}
        named = {f"network.{name}": value for name, value in self._network.state_dict().items()}
        for place, values in self._optimizer.state_dict()["state"].items():
            named |= {f"optimizer.{place}.{name}": value for name, value in values.items()}
        tensors = {name: value.detach().contiguous() for name, value in named.items()}
        write_whole(self._path, save(tensors, metadata))


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
        recipe: how it was taught, see `Recipe`.
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
        """Refuse labels that the model has no names for by an `ActionsError`."""
        for video in videos:
            if video.labels is not None and video.labels.max() >= len(self.classes):
                raise ActionsError(
                    f"the video {video.name!r} has frames of class {video.labels.max()}, but the model knows 0 to "
                    f"{len(self.classes) - 1} alone"
                )

    def save(self, folder: Path) -> None:
        """Write it; a `ResultsError` where the folder cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"cannot make the folder {folder}: {error.strerror or error}") from None
        weights = save({name: value.contiguous() for name, value in self.network.state_dict().items()})
        contents = {
            "format": FORMAT, "classes": self.classes, "rate": self.rate, "shape": asdict(self.network.shape),
            "recipe": dict(self.recipe), "weights": hashlib.sha256(weights).hexdigest(),
        }  # fmt: skip
        write_whole(folder / WEIGHTS, weights)
        write_whole(folder / MODEL, encoded(json.dumps(contents, ensure_ascii=False, indent=1)))

    @classmethod
    def load(cls, folder: Path) -> ActionModel:
        """Read it; an `ActionsError` where there is none, or its files are damaged."""
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


EXCHANGED = 0.2
"""Share of a video's frames that change places with another."""

SMOOTHNESS, STEP_LIMIT = 0.15, 16.0
"""Weight of the truncated mean squared error, and where the square of a step is cut off."""

EXCHANGED_ACTIONS, EXCHANGE = 0.5, 2.0
"""Weights of the actions and of the found exchanges in videos with exchanged frames."""

LONGEST = 50_000
"""Frames of a video that is taught; for the gradient of the paper's network 0.13 MB of each frame are kept."""


def fitting_layers(frames: int, most: int) -> int:
    """How many layers of dilations 1, 2, 4 ... have none that exceeds `frames`, up to `most`."""
    return min(most, frames.bit_length())


def learn(
    videos: Sequence[VideoFeatures],
    classes: Sequence[str],
    recipe: Recipe,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ActionModel:
    """Teach a network the actions of videos.

    Args:
        videos: with labels.
        classes: the names that labels are the numbers of.
        recipe: how.
        folder: where a checkpoint is kept after each epoch; a run of the same recipe and videos goes on from there.
        say: told of each epoch.

    Raises:
        ActionsError: there is nothing to learn from, or the folder holds another run's checkpoint.
        ResultsError: a checkpoint cannot be written.
    """
    _check(videos, classes)
    shortest = min(len(video) for video in videos)
    channels = videos[0].values.shape[1]
    layers = fitting_layers(shortest, recipe.layers)
    shape = NetworkShape(channels, len(classes), layers, recipe.stages, recipe.width, recipe.graph)
    settings = {**asdict(recipe), "videos": len(videos), "digest": _digest(videos, classes)}
    with torch.random.fork_rng(), ExitStack() as stack:
        torch.manual_seed(recipe.seed)
        network = ActionNetwork(shape)
        _scale(network, videos)
        optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate, fused=True)
        kept = stack.enter_context(Checkpoints(folder, settings, network, optimizer)) if folder is not None else None
        done = 0 if kept is None else kept.restore()
        if done:
            say(f"goes on behind epoch {done}")
        network.train()
        for epoch in range(done, recipe.epochs):
            loss, accuracy = _epoch(network, optimizer, videos, recipe, epoch)
            if kept is not None:
                kept.save(epoch + 1)
            say(f"epoch {epoch + 1} of {recipe.epochs}: loss {loss:.3f}, right frames {accuracy:.1%}")
        network.eval()
    rates = {video.rate for video in videos}
    rate = rates.pop() if len(rates) == 1 else None
    return ActionModel(network, tuple(classes), rate, asdict(recipe))


def _check(videos: Sequence[VideoFeatures], classes: Sequence[str]) -> None:
    if not videos:
        raise ActionsError("there is no video to learn from")
    for video in videos:
        if video.labels is None:
            raise ActionsError(f"the video {video.name!r} has no labels to learn from")
        if video.labels.max() >= len(classes):
            raise ActionsError(
                f"the video {video.name!r} has frames of class {video.labels.max()}, but there are names for 0 to "
                f"{len(classes) - 1} alone"
            )
        if len(video) > LONGEST:
            raise ActionsError(
                f"the video {video.name!r} has {len(video):,} frames, more than {LONGEST:,}; give features at fewer "
                "frames a second, or cut it"
            )
    rates = sorted({video.rate for video in videos if video.rate is not None})
    if len(rates) > 1:
        raise ActionsError(
            f"the videos have from {rates[0]:g} to {rates[-1]:g} frames a second; a network learns one rate"
        )


def _digest(videos: Sequence[VideoFeatures], classes: Sequence[str]) -> str:
    digest = hashlib.sha256(json.dumps([*classes, *(video.name for video in videos)]).encode())
    for video in videos:
        digest.update(video.values.tobytes())
        digest.update(b"" if video.labels is None else video.labels.tobytes())
    return digest.hexdigest()[:16]


def _scale(network: ActionNetwork, videos: Sequence[VideoFeatures]) -> None:
    """Let the network scale each channel to mean 0 and deviation 1 over all frames of the videos."""
    frames = np.concatenate([video.values for video in videos]).astype(np.float64)
    deviation = frames.std(0)
    deviation[deviation < 1e-8] = 1.0  # a channel that never changes says nothing
    network.mean.copy_(torch.from_numpy(frames.mean(0))[:, None])
    network.deviation.copy_(torch.from_numpy(deviation)[:, None])


def _epoch(
    network: ActionNetwork, optimizer: torch.optim.Optimizer, videos: Sequence[VideoFeatures], recipe: Recipe,
    epoch: int,
) -> tuple[float, float]:  # fmt: skip
    """One pass; returns the mean loss and the share of frames that the last stage had right on the way."""
    torch.manual_seed(recipe.seed * 100_003 + epoch)
    total, right = 0.0, 0
    for number in torch.randperm(len(videos)).tolist():
        features = torch.from_numpy(videos[number].values.T.copy())[None]
        truth = torch.from_numpy(videos[number].labels)[None]
        exchanged = None
        if recipe.self_supervision:
            order, exchanged = exchange(features.shape[-1])
            features = torch.cat([features, features[..., order]])
        said = network(features)
        loss = loss_of(said, truth, exchanged)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(loss.detach())
        right += int((said[-1][0][0].argmax(0) == truth[0]).sum())
    return total / len(videos), right / sum(len(video) for video in videos)


def exchange(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pairs of frames that change places, together `EXCHANGED` of all.

    Returns:
        order: shape (frames,): which frame comes to stand at each place.
        exchanged: shape (1, frames), int64: 1 where another frame has come to stand.
    """
    pairs = int(frames // 2 * EXCHANGED)
    drawn = torch.randperm(frames)[: 2 * pairs]
    order = torch.arange(frames)
    order[drawn] = drawn.roll(pairs)
    exchanged = torch.zeros(1, frames, dtype=torch.int64)
    exchanged[0, drawn] = 1
    return order, exchanged


def loss_of(
    said: Sequence[tuple[torch.Tensor, torch.Tensor]], truth: torch.Tensor, exchanged: torch.Tensor | None
) -> torch.Tensor:
    """The sum over stages of CE + 0.15 TMSE and, with exchanged frames, + 0.5 CE + 0.15 TMSE + 2 CE of the exchange.

    `said` is what each stage says of the video and, with exchanged frames, behind it of the other; see `ActionNetwork`.
    The classes and the exchanged frames have shape (1, frames).
    """
    total = torch.zeros(())
    for actions, exchange_logits in said:
        total = total + functional.cross_entropy(actions[:1], truth) + SMOOTHNESS * unsmoothness(actions[:1])
        if exchanged is not None:
            total = total + EXCHANGED_ACTIONS * functional.cross_entropy(actions[1:], truth)
            total = total + SMOOTHNESS * unsmoothness(actions[1:])
            total = total + EXCHANGE * functional.cross_entropy(exchange_logits[1:], exchanged)
    return total


def unsmoothness(logits: torch.Tensor) -> torch.Tensor:
    """The truncated mean squared error: how much log-probabilities change from each frame to the next.

    Of two frames the later one is moved, as if the earlier were given (Farha and Gall 2019, arXiv 1903.01945,
    equations 6 to 8, with the square cut off at 16).

    Args:
        logits: shape (videos, classes, frames).
    """
    logs = functional.log_softmax(logits, 1)
    if logs.shape[-1] < 2:
        return logs.new_zeros(())
    return (logs[..., 1:] - logs[..., :-1].detach()).square().clamp(max=STEP_LIMIT).mean()
