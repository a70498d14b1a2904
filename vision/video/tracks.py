"""Tracks: what is in one frame with ids that last, and which of them are things of the video.

A detector sees for a few frames what is not there, sees a thing twice, or a part of it as a second one; each gets an
id of its own. Which they are is known only when the video is over, so the evidence is collected frame by frame, in
memory that grows with the ids and not with the boxes. Colours come from a few frames of each: in one it may be in the
shade.

This file imports nothing that reads, tracks, draws or writes: all of that stands above it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.colours import colouring
from vision.detections.detections import Detections
from vision.images import LoadedImage
from vision.scene.relations import Pairs
from vision.selection import SAME_OBJECT


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        index: its place in the video, from 0.
        time: seconds from the video's first frame.
        image: its pixels, upright.
    """

    index: int
    time: float
    image: LoadedImage


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """What is in one frame, with an id for each thing that stays its own from frame to frame.

    Attributes:
        frame: the frame that was looked at.
        detections: what is there; `track_ids` are set.
        detected: whether a detector looked at this frame; else the tracker alone says where things are.
        seen: what the tracker was given, less sure boxes and things elsewhere too; None where no detector looked.
    """

    frame: Frame
    detections: Detections
    detected: bool = True
    seen: Detections | None = None

    @property
    def index(self) -> int:
        """The frame's place in the video, from 0."""
        return self.frame.index

    @property
    def time(self) -> float:
        """Seconds from the video's first frame."""
        return self.frame.time


@dataclass(frozen=True, eq=False)
class Track:
    """One thing through a video, at the frames where it is seen.

    Attributes:
        id: its id, from 1.
        class_name: a name from the user's own set.
        model_class: its class in the detector's own vocabulary.
        frames: shape (n,), int64, ascending: the indexes of the frames.
        times: shape (n,), float64: seconds from the video's first frame.
        xyxy: shape (n, 4), float32: its boxes in original pixels.
        scores: shape (n,), float32, or None where the detector gives none.
        colours: plausible colours, best first; () where none was measured.
    """

    id: int
    class_name: str
    model_class: str
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32] | None = None
    colours: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def start(self) -> float:
        """Seconds at which it is first seen."""
        return float(self.times[0])

    @property
    def end(self) -> float:
        """Seconds at which it is last seen."""
        return float(self.times[-1])


@dataclass(frozen=True, eq=False)
class Tracks:
    """All tracks of one video, in the order of their ids.

    Attributes:
        items: the tracks.
        image_size: (width, height) in pixels of the upright frames.
        times: shape (frames,), float64: seconds of every frame that was tracked, with something in it or not.
        frames: shape (frames,), int64: the indexes of those frames.
        notes: what the user should know, one sentence each.
        camera: shape (frames, 2, 3), float64: how still things move from the frame before to each, as affine maps of
            pixels; None where the camera is taken to stand still.
    """

    items: tuple[Track, ...]
    image_size: tuple[int, int]
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    camera: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Track]:
        return iter(self.items)

    @cached_property
    def by_id(self) -> dict[int, Track]:
        """Each track by its id."""
        return {track.id: track for track in self.items}

    @property
    def duration(self) -> float:
        """Seconds from the first tracked frame to the last."""
        return float(self.times[-1] - self.times[0]) if len(self.times) else 0.0


class TrackRecord:
    """Collects the tracks of a video frame by frame, without the pixels: 36 bytes a box."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}
        self._ids, self._places = array("q"), array("q")
        self._boxes, self._scores = array("f"), array("f")
        self._names: dict[int, tuple[str, str]] = {}
        self._frames: list[int] = []
        self._times: list[float] = []
        self._size = (0, 0)
        self._scored = True

    def add(self, tracked: TrackedFrame) -> None:
        """Take one frame; frames come in order."""
        found = tracked.detections
        place = len(self._frames)
        self._frames.append(tracked.index)
        self._times.append(tracked.time)
        self._size = found.image_size
        self._notes |= dict.fromkeys(found.notes)
        self._scored &= found.scores is not None
        for one in found:
            assert one.track_id is not None
            self._ids.append(one.track_id)
            self._places.append(place)
            self._boxes.extend(one.xyxy.tolist())
            self._scores.append(0.0 if one.score is None else one.score)
            self._names.setdefault(one.track_id, (one.class_name, one.model_class))

    def tracks(self) -> Tracks:
        """The tracks of all frames so far."""
        times, frames = np.array(self._times, np.float64), np.array(self._frames, np.int64)
        ids = np.array(self._ids, np.int64)
        places, scores = np.array(self._places, np.int64), np.array(self._scores, np.float32)
        boxes = np.array(self._boxes, np.float32).reshape(-1, 4)
        by_id = np.argsort(ids, kind="stable")
        items = []
        for rows in np.split(by_id, np.flatnonzero(np.diff(ids[by_id])) + 1) if len(ids) else ():
            track_id = int(ids[rows[0]])
            name, model_class = self._names[track_id]
            seen, scored = places[rows], scores[rows] if self._scored else None
            items.append(Track(track_id, name, model_class, frames[seen], times[seen], boxes[rows], scored))
        return Tracks(tuple(items), self._size, times, frames, tuple(self._notes))


def recorded(frames: Iterable[TrackedFrame]) -> Tracks:
    """The tracks of a video that is gone through to its end."""
    record = TrackRecord()
    for frame in frames:
        record.add(frame)
    return record.tracks()


MEASURED = (0, 3, 9, 27, 81, 243)
"""Frames of a track, counted from 0, in which it is measured, ever further apart: those of one second show the same.
The first one counts only where there is no second: what has just come in is cut off by the edge."""

AT_LEAST = 0.5
"""Share of the measured frames in which a colour must be plausible."""


class TrackColours:
    """Measures the colours of tracks while a video is gone through; the frames are not kept."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self._found: dict[int, list[tuple[str, ...]]] = {}

    def add(self, tracked: TrackedFrame) -> None:
        """Take one frame; frames come in order."""
        for one in tracked.detections:
            assert one.track_id is not None
            count = self._seen[one.track_id]
            self._seen[one.track_id] += 1
            if count not in MEASURED:
                continue
            found = self._found.setdefault(one.track_id, [])
            if count == MEASURED[1]:
                found.clear()
            found.append(colouring(tracked.frame.image.pixels, one.xyxy, one.polygon).plausible)

    def of(self, track_id: int) -> tuple[str, ...]:
        """The plausible colours of a track, the likeliest first; () where none was measured."""
        found = [colours for colours in self._found.get(track_id, []) if colours]
        likeliest = Counter(colours[0] for colours in found)
        plausible = Counter(colour for colours in found for colour in colours)
        kept = [colour for colour, count in plausible.items() if count >= AT_LEAST * len(found)]
        return tuple(sorted(kept, key=lambda colour: (-likeliest[colour], -plausible[colour])))


LEAST_SEEN = 0.3
"""Seconds that a track must last to be a thing in the video: detectors see for a few frames what is not there."""

OF_A_CLASS, WITHIN = 0.4, 0.8
"""Intersection over union from which on two boxes of one class are of one thing, where this share of the smaller one
lies in the other: parts of a thing are seen as a second one."""

MOSTLY = 0.8
"""Share of its frames in which a track must double longer ones."""


@dataclass(frozen=True)
class LeftOut:
    """The ids of tracks that are no things: those that only flicker up, and those that double longer ones."""

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
        """Take one frame, with the ids of what is there, its classes and boxes, shape (n, 4); frames come in order.

        Of an id's classes in the detector's own vocabulary the first one counts.

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
        times, brief = np.array(self._times, np.float64), frozenset[int]()
        # Of a video that is little longer than a flicker none is left out.
        if len(times) and times[-1] - times[0] >= 3 * LEAST_SEEN:
            step = float(np.median(np.diff(times)))
            brief = frozenset(
                track_id for track_id, seen in self._seen.items() if seen.end - seen.start + step < LEAST_SEEN
            )
        rest = ((track_id, seen) for track_id, seen in self._seen.items() if track_id not in brief)
        kept: set[int] = set()
        doubles: set[int] = set()
        for track_id, seen in sorted(rest, key=lambda item: (-item[1].frames, item[0])):
            doubled = sum(frames for others, frames in seen.beside.items() if not kept.isdisjoint(others))
            (kept if doubled < MOSTLY * seen.frames else doubles).add(track_id)
        return LeftOut(brief, frozenset(doubles))


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
