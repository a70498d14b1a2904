"""Which tracks of a video are things of it: trackers give ids to more than is there.

A detector sees for a few frames what is not there; and it sees a thing twice for a while, or as something else too, or
a part of it as a second one. Each of these gets an id of its own. Which they are is known only when the video is over,
so what decides it is collected frame by frame, in memory that grows with the ids and not with the boxes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.scene.relations import Pairs
from vision.selection import SAME_OBJECT
from vision.video.tracks import Tracks

LEAST_SEEN = 0.3
"""Seconds that a track must last to be a thing in the video: detectors see for a few frames what is not there."""

OF_A_CLASS, WITHIN = 0.4, 0.8
"""Intersection over union from which on two boxes of one class are of one thing, where this share of the smaller one
lies in the other: parts of a thing are seen as a second one."""

MOSTLY = 0.8
"""Share of its frames in which a track must double longer ones."""


@dataclass(frozen=True)
class LeftOut:
    """Tracks that are no things of their video.

    Attributes:
        brief: the ids of those that only flicker up.
        doubles: the ids of those that are seen where longer ones are for most of their time.
    """

    brief: frozenset[int] = frozenset()
    doubles: frozenset[int] = frozenset()

    @cached_property
    def ids(self) -> frozenset[int]:
        """The ids of all of them."""
        return self.brief | self.doubles

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """How many there are of each kind, and what they do: "lasts less than 0.3 seconds"."""
        brief, doubles = len(self.brief), len(self.doubles)
        last, are = "lasts" if brief == 1 else "last", "is" if doubles == 1 else "are"
        told = ((brief, f"{last} less than {LEAST_SEEN:g} seconds"), (doubles, f"{are} where a longer one is"))
        return [reason for reason in told if reason[0]]


@dataclass
class _Seen:
    """When one id was seen; `beside` has to the ids that have its box too the number of frames in which they do."""

    model_class: str
    start: float
    end: float = 0.0
    frames: int = 0
    beside: Counter[frozenset[int]] = field(default_factory=Counter)


class Things:
    """Tells the ids of a video's things from others, once its frames have been taken."""

    def __init__(self) -> None:
        self._times = array("d")
        self._seen: dict[int, _Seen] = {}

    def add(
        self, time: float, ids: Sequence[int], model_classes: Sequence[str], xyxy: NDArray[np.floating[Any]]
    ) -> None:
        """Take one frame; frames come in order.

        Args:
            time: seconds from the video's first frame.
            ids: of what is there.
            model_classes: its classes in the detector's own vocabulary; an id's first one counts.
            xyxy: shape (n, 4), its boxes in pixels.
        """
        self._times.append(time)
        there = []
        for track_id, name in zip(ids, model_classes, strict=True):
            if (seen := self._seen.get(track_id)) is None:
                seen = self._seen[track_id] = _Seen(name, time)
            seen.end, seen.frames = time, seen.frames + 1
            there.append(seen)
        if len(there) < 2:
            return
        doubled = _doubled(xyxy, [seen.model_class for seen in there])
        for place in np.flatnonzero(doubled.any(axis=1)).tolist():
            there[place].beside[frozenset(ids[other] for other in np.flatnonzero(doubled[place]).tolist())] += 1

    def left_out(self) -> LeftOut:
        """The ids that are no things, by the frames so far."""
        brief = self._brief()
        rest = ((track_id, seen) for track_id, seen in self._seen.items() if track_id not in brief)
        kept: set[int] = set()
        doubles: set[int] = set()
        for track_id, seen in sorted(rest, key=lambda item: (-item[1].frames, item[0])):
            doubled = sum(frames for others, frames in seen.beside.items() if not kept.isdisjoint(others))
            (kept if doubled < MOSTLY * seen.frames else doubles).add(track_id)
        return LeftOut(brief, frozenset(doubles))

    def _brief(self) -> frozenset[int]:
        """The ids that only flicker up; of a video that is little longer none does."""
        times = np.array(self._times, np.float64)
        if not len(times) or times[-1] - times[0] < 3 * LEAST_SEEN:
            return frozenset()
        step = float(np.median(np.diff(times)))
        return frozenset(track_id for track_id, seen in self._seen.items() if seen.end - seen.start + step < LEAST_SEEN)


def things_of(tracks: Tracks) -> tuple[Tracks, LeftOut]:
    """The tracks of a video that are things of it, in their order, and those that are none."""
    things = Things()
    items = tracks.items
    lengths = [len(track) for track in items]
    ids = np.repeat([track.id for track in items], lengths).astype(np.int64)
    classes = np.repeat([track.model_class for track in items], lengths)
    frames = np.concatenate([np.zeros(0, np.int64), *(track.frames for track in items)])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(track.xyxy for track in items)])
    order = np.argsort(frames, kind="stable")
    ends = np.searchsorted(frames[order], tracks.frames, side="right").tolist()
    for time, start, end in zip(tracks.times.tolist(), [0, *ends], ends, strict=False):
        rows = order[start:end]
        things.add(time, ids[rows].tolist(), classes[rows].tolist(), boxes[rows])
    left_out = things.left_out()
    return replace(tracks, items=tuple(track for track in items if track.id not in left_out.ids)), left_out


def _doubled(xyxy: NDArray[np.floating[Any]], model_classes: Sequence[str]) -> NDArray[np.bool_]:
    """Which boxes of a frame are of one thing, by twos; shape (n, n)."""
    pairs = Pairs.of(xyxy)
    union = pairs.first.area + pairs.second.area - pairs.intersection
    overlap = pairs.intersection / np.maximum(union, 1e-9)
    names = np.array(model_classes, np.str_)
    of_a_class = (overlap >= OF_A_CLASS) & (pairs.shared_of_smaller >= WITHIN)
    doubled: NDArray[np.bool_] = np.where(names[:, None] == names, of_a_class, overlap >= SAME_OBJECT)
    np.fill_diagonal(doubled, False)
    return doubled
