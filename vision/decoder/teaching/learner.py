"""A decoder that is taught; see `reasoning.language.teaching.loop.Learner`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from reasoning.language.low_rank import save_adapter
from reasoning.language.teaching.examining import Report
from vision.decoder.adapters import PROJECTOR_FILE, BoxWriting
from vision.decoder.network import Network, Segments, TokenBatch, Written, places_of
from vision.decoder.vocabulary import BINS, Prompt

SPREAD = 1.5
"""Bins: the standard deviation of a taught place around the right one, so that near misses count as such."""

NEAR = 4.0
"""Bins from the right place up to which a side is examined as right."""

CLEAR = 0.3
"""Share of a class from which on a slot is examined."""


@dataclass(frozen=True, eq=False)
class BoxLesson:
    """Segments behind one prompt, with what their slots are to say.

    Attributes:
        kind: lessons of one kind are examined together.
        prompt: what is asked for.
        tokens: of all segments, one after the other, each of `count` tokens, those whose boxes are written first.
        count: tokens of a segment.
        boxed: the first so many of a segment have their boxes written.
        shares: what the class slots are to say, shape (tokens, k + 1).
        places: what the box slots of the boxed tokens are to say, bins, shape (segments x boxed, 4).
        weights: of these boxes, shape (segments x boxed,).
        texts: vectors of the last so many tokens, which are texts and have no image, shape (t, width).
        sees_others: whether slots see the class slots of their segment.
    """

    kind: str
    prompt: Prompt
    tokens: TokenBatch
    count: int
    boxed: int
    shares: torch.Tensor
    places: torch.Tensor
    weights: torch.Tensor
    texts: torch.Tensor
    sees_others: bool

    def __len__(self) -> int:
        segments = len(self.tokens) // self.count
        return len(self.prompt.tokens) + segments * (self.count + 4 * self.boxed)

    @property
    def pictures(self) -> int:
        """Segments that are of pictures."""
        return (len(self.tokens) - len(self.texts)) // self.count


@dataclass
class BoxLearner:
    """A network with PEFT's layers.

    Attributes:
        network: that is taught.
        writing: what belongs to its adapter.
        names: the vectors of a prompt's names, which the projector looks at where its shape is guided.
    """

    network: Network
    writing: BoxWriting
    names: Callable[[Prompt], torch.Tensor]

    @property
    def adapter(self) -> Any:
        """What is taught."""
        return self.network

    def loss(self, lessons: Sequence[BoxLesson]) -> Any:
        """The cross-entropy of classes, its mean over all slots and over those that hold something, and of places."""
        losses = []
        for lesson in lessons:
            written = self.written(lesson)
            device = written.classes.device
            classes = -(lesson.shares.to(device) * torch.log_softmax(written.classes, -1)).sum(1)
            # Most slots hold nothing: those that hold something weigh as much as all of them together.
            something = 1 - lesson.shares[:, -1].to(device)
            losses.append(classes.mean() + (classes * something).sum() / something.sum().clamp(min=1))
            weights = lesson.weights.to(device)
            if float(weights.sum()) > 0:
                spread = around(lesson.places.to(device).flatten())
                places = -(spread * torch.log_softmax(written.places, -1)).sum(1).view(-1, 4).mean(1)
                losses.append((places * weights).sum() / weights.sum() / 4)
        pictures = self.writing.pictures + sum(lesson.pictures for lesson in lessons)
        self.writing = replace(self.writing, pictures=pictures)
        return torch.stack(losses).sum() / len(lessons)

    def written(self, lesson: BoxLesson) -> Written:
        """What the network writes into a lesson's slots."""
        projector = self.network.projector
        device = self.network.embeddings.device
        tokens = lesson.tokens.to(device)
        pictures = len(tokens) - len(lesson.texts)
        shown = TokenBatch(*(part[:pictures] for part in vars(tokens).values()))
        guide = self.names(lesson.prompt).to(device) if projector.shape.guided else None
        parts = [projector.vectors(shown, guide)] if pictures else []
        if len(lesson.texts):
            parts.append(lesson.texts.to(device))
        slots = projector.slots(torch.cat(parts), tokens).view(-1, lesson.count, 5, parts[0].shape[1])
        boxes = slots[:, : lesson.boxed, 1:].flatten(1, 2)
        segments = Segments(torch.cat([slots[:, :, 0], boxes], 1), lesson.count)
        return self.network.write(lesson.prompt, segments, lesson.sees_others)

    def examine(self, lessons: Sequence[BoxLesson]) -> Report:
        """Classes that are the likeliest where one is clear, sides that are near; and how far they are from that."""
        right: dict[str, list[NDArray[np.bool_]]] = {}
        lost: dict[str, list[NDArray[np.float32]]] = {}
        with torch.inference_mode():
            for lesson in lessons:
                written = self.written(lesson)
                logs, shares = torch.log_softmax(written.classes, -1).cpu(), lesson.shares
                clear = shares[:, :-1].max(1).values >= CLEAR
                hits = logs.argmax(1)[clear] == shares.argmax(1)[clear]
                if len(hits):
                    right.setdefault(lesson.kind, []).append(hits.numpy())
                surprise = torch.xlogy(shares, shares).sum(1) - (shares * logs).sum(1)
                lost.setdefault(lesson.kind, []).append(surprise.numpy())
                counted = lesson.weights >= CLEAR
                if counted.any():
                    away = (places_of(written.places.cpu()).view(-1, 4) - lesson.places)[counted].abs()
                    right.setdefault(f"{lesson.kind}: sides", []).append((away <= NEAR).flatten().numpy())
                    lost.setdefault(f"{lesson.kind}: sides", []).append((away.flatten() / BINS).numpy())
        return Report(
            {kind: float(np.concatenate(values).mean()) for kind, values in sorted(right.items())},
            {kind: float(np.concatenate(values).mean()) for kind, values in sorted(lost.items())},
        )

    def calibrate(self, lessons: Sequence[BoxLesson]) -> None:
        """Nothing: what is taught are probabilities already."""

    def save(self, folder: Path) -> None:
        """PEFT's files, the projector's weights, large matrices in bfloat16, and how the adapter is used."""
        save_adapter(self.network.decoder, folder)
        save_projector(self.network, folder)
        self.writing.write(folder)

    def staged(self, stage: str) -> BoxLearner:
        """The same, which notes that it is taught this stage."""
        return replace(self, writing=replace(self.writing, stages=(*self.writing.stages, stage)))


LARGE = 10_000
"""Numbers of a matrix that is kept in bfloat16."""


def save_projector(network: Network, folder: Path) -> None:
    """The projector's weights into an adapter's folder."""
    weights = {
        name: (value.to(torch.bfloat16) if value.numel() >= LARGE else value.float()).detach().cpu().contiguous()
        for name, value in network.projector.state_dict().items()
    }
    save_file(weights, folder / PROJECTOR_FILE)


def around(places: torch.Tensor) -> torch.Tensor:
    """The shares that each location token is taught to have, shape (n, 1025), of places in bins, shape (n,)."""
    bins = torch.arange(-BINS, BINS + 1, device=places.device)
    return torch.softmax(-((bins[None] - places[:, None]) ** 2) / (2 * SPREAD**2), 1)
