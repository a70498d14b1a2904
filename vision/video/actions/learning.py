"""How a network of actions is taught: what it is told of each frame, and what it finds out (Wang et al. 2021).

Beside the truth, the network is given each video a second time with pairs of frames exchanged: it has to find them, and
to say of each frame the action that belongs to its place. What solves that knows in which order actions follow.

All that an epoch draws comes from the recipe's seed and the epoch's number, so a run that goes on from a checkpoint
ends with the weights of one that was never stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from vision.errors import ActionsError
from vision.video.actions.checkpoints import Checkpoints, State
from vision.video.actions.features import VideoFeatures
from vision.video.actions.model_file import ActionModel
from vision.video.actions.network import ActionNetwork, NetworkShape
from vision.video.actions.recipe import Recipe

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
    with torch.random.fork_rng(), nullcontext() if folder is None else Checkpoints(folder, settings) as kept:
        torch.manual_seed(recipe.seed)
        network = ActionNetwork(shape)
        _scale(network, videos)
        optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate, fused=True)
        state = State(network, optimizer)
        done = 0 if kept is None else kept.restore(state)
        if done:
            say(f"goes on behind epoch {done}")
        network.train()
        for epoch in range(done, recipe.epochs):
            loss, accuracy = _epoch(network, optimizer, videos, recipe, epoch)
            if kept is not None:
                kept.save(state, epoch + 1)
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

    Args:
        said: what each stage says of the video and, with exchanged frames, behind it of the other; see `ActionNetwork`.
        truth: shape (1, frames): the classes.
        exchanged: shape (1, frames), or None.
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
