"""How well frames are divided into actions: share of right frames, edit score and F1 of segments.

A share of right frames says little about where actions begin and end: a prediction that flickers between two classes
may have most frames right and no segment. The two segmental measures count segments instead (Lea et al. 2017,
"Temporal Convolutional Networks for Action Segmentation and Detection", section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

Labels = NDArray[np.integer[Any]]
"""A class's number for each frame, shape (frames,)."""

OVERLAPS = (0.10, 0.25, 0.50)
"""IoU of a predicted segment with a true one from which on it counts as found."""


@dataclass(frozen=True)
class Run:
    """Frames in a row with the same class: from `start` up to `end`, which is not of it any more."""

    label: int
    start: int
    end: int


@dataclass(frozen=True)
class ActionFigures:
    """What was measured over videos, each in percent.

    Attributes:
        accuracy: right frames of all frames.
        edit: Levenshtein's similarity of the sequences of segments, mean over videos.
        f1: at each of `OVERLAPS`, counts pooled over videos.
    """

    accuracy: float
    edit: float
    f1: tuple[float, ...]

    def to_dict(self) -> dict[str, float]:
        """By the names that the field uses: acc, edit, F1@10, F1@25, F1@50."""
        named = {f"F1@{100 * overlap:.0f}": value for overlap, value in zip(OVERLAPS, self.f1, strict=True)}
        return {"acc": self.accuracy, "edit": self.edit, **named}


def runs_of(labels: Labels) -> list[Run]:
    """The runs of a video in order; together they are all its frames."""
    if not len(labels):
        return []
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [Run(int(labels[start]), start, end) for start, end in pairwise(bounds)]


def measured(truth: Sequence[Labels], predicted: Sequence[Labels], background: int | None) -> ActionFigures:
    """Compare predictions with the truth.

    Args:
        truth: of each video.
        predicted: of each video, as many frames as its truth.
        background: the class that is no action: its segments are left out of edit score and F1; None where each is one.
    """
    right = sum(int((t == p).sum()) for t, p in zip(truth, predicted, strict=True))
    edits: list[float] = []
    counts = np.zeros((len(OVERLAPS), 3), np.int64)
    for t, p in zip(truth, predicted, strict=True):
        wanted = [run for run in runs_of(t) if run.label != background]
        given = [run for run in runs_of(p) if run.label != background]
        edits.append(Levenshtein.normalized_similarity([r.label for r in given], [r.label for r in wanted]))
        counts += np.array([_counted(wanted, given, overlap) for overlap in OVERLAPS])
    return ActionFigures(
        100 * right / max(1, sum(map(len, truth))),
        100 * float(np.mean(edits)) if edits else 0.0,
        tuple(100 * 2 * hits / max(1, 2 * hits + more + missed) for hits, more, missed in counts.tolist()),
    )


def _counted(wanted: Sequence[Run], given: Sequence[Run], overlap: float) -> tuple[int, int, int]:
    """Segments found, predicted in vain, and missed.

    A prediction is compared with the true segment of its class that it overlaps best; of several that have the same
    one, the first alone finds it.
    """
    found: set[int] = set()
    for run in given:
        overlaps = [(_iou(run, other), -number) for number, other in enumerate(wanted) if other.label == run.label]
        best, place = max(overlaps, default=(0.0, 0))
        if best >= overlap:
            found.add(-place)
    return len(found), len(given) - len(found), len(wanted) - len(found)


def _iou(one: Run, other: Run) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0, shared) / (max(one.end, other.end) - min(one.start, other.start))
