"""From what a detector found to what the task asks for: the user's labels, then the filters, then the ranks.

A detector answers in its own classes; the user's set may name one of them twice, or one kind of several ("vehicle"
beside "car"). Who gets which box is decided here, by rules that don't know the order of the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detectors.detector import Found
from vision.images.loading import LoadedImage
from vision.scene.colours import colours_of
from vision.task import Limit, SizeRange, Target, Task


def asked_classes(task: Task, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The classes that the detector is asked for: those of the task's targets, else its whole vocabulary."""
    if task.targets is None:
        return tuple(vocabulary)
    return tuple(dict.fromkeys(name for target in task.targets for name in target.classes))


def labelled(found: Found, targets: Sequence[Target] | None, image: LoadedImage) -> list[str | None]:
    """The user's label of each box, or None where no target wants it (its colour is another).

    Of several targets that want a box the most specific has it: the one with the fewest classes, then one that names
    the colour, then the class's own name ("person" before "nurse", which the model can't tell apart), then the first in
    the alphabet. So the order of the class set changes nothing.
    """
    if targets is None:
        return list(found.labels)
    wanting: Mapping[str, list[Target]] = {
        name: sorted(
            (target for target in targets if name in target.classes),
            key=lambda target: (
                len(target.classes),
                target.colour is None,
                target.label not in target.classes,
                target.label,
            ),
        )
        for name in set(found.labels)
    }
    labels: list[str | None] = []
    for position, name in enumerate(found.labels):
        colours: tuple[str, ...] | None = None
        chosen = None
        for target in wanting[name]:
            if target.colour is not None and colours is None:
                colours = colours_of(image.pixels, found.xyxy[position])
            if target.colour is None or target.colour in (colours or ()):
                chosen = target.label
                break
        labels.append(chosen)
    return labels


def within(xyxy: NDArray[np.float32], size: tuple[int, int], task: Task) -> NDArray[np.bool_]:
    """Which boxes have their middle in the task's region and a size in its range.

    Args:
        xyxy: shape (n, 4), pixels.
        size: (width, height) of the image in pixels.
        task: what is asked.

    Returns:
        Shape (n,).
    """
    keep = np.ones(len(xyxy), bool)
    if task.region is not None:
        middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / np.array(size, np.float32)
        low, high = np.array(task.region[:2], np.float32), np.array(task.region[2:], np.float32)
        # A middle that lies on the line between two halves belongs to the second, and to one only.
        keep &= np.all((middle >= low) & ((middle < high) | (high >= 1)), axis=1)
    if task.size is not None:
        keep &= _sized(xyxy, size, task.size)
    return keep


def _sized(xyxy: NDArray[np.float32], size: tuple[int, int], bounds: SizeRange) -> NDArray[np.bool_]:
    width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
    area = width * height
    share = area / (size[0] * size[1])
    keep = np.ones(len(xyxy), bool)
    for values, low, high in (
        (area, bounds.min_area, bounds.max_area),
        (share, bounds.min_area_share, bounds.max_area_share),
        (width, bounds.min_width, bounds.max_width),
        (height, bounds.min_height, bounds.max_height),
    ):
        if low is not None:
            keep &= values >= low
        if high is not None:
            keep &= values <= high
    return keep


def ranked(
    xyxy: NDArray[np.float32], scores: NDArray[np.float32] | None, size: tuple[int, int], limit: Limit
) -> NDArray[np.intp]:
    """Positions of the boxes that a limit keeps, in its order; ties go to the better score, then to the earlier box."""
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    values: NDArray[np.floating[Any]]
    if limit.by == "score":
        values = scores if scores is not None else np.zeros(len(xyxy), np.float32)
    elif limit.by == "area":
        values = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    elif limit.by == "centre":
        values = np.hypot(*(middle - np.array(size, np.float32) / 2).T)
    else:
        values = middle[:, 0 if limit.by == "x" else 1]
    key = values if limit.order == "ascending" else -values
    second = -scores if scores is not None else np.zeros(len(xyxy), np.float32)
    return np.lexsort((second, key))[: limit.count]
