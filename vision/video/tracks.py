"""The values of seeing over time: what is in one frame with ids that last, and what one id was, frame by frame.

This file imports nothing that reads, tracks, draws or writes: all of that stands above it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.images.loading import LoadedImage


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


@dataclass
class TrackRecord:
    """Collects the tracks of a video frame by frame, without the pixels: 36 bytes a box.

    Attributes:
        notes: what the frames' detections say, each once.
    """

    notes: list[str] = field(default_factory=list)
    _ids: array[int] = field(default_factory=lambda: array("q"))
    _places: array[int] = field(default_factory=lambda: array("q"))
    _boxes: array[float] = field(default_factory=lambda: array("f"))
    _scores: array[float] = field(default_factory=lambda: array("f"))
    _names: dict[int, tuple[str, str]] = field(default_factory=dict)
    _colours: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _frames: list[int] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _size: tuple[int, int] = (0, 0)
    _scored: bool = True

    def add(self, tracked: TrackedFrame) -> None:
        """Take one frame; frames come in order."""
        found = tracked.detections
        place = len(self._frames)
        self._frames.append(tracked.index)
        self._times.append(tracked.time)
        self._size = found.image_size
        self.notes += [note for note in found.notes if note not in self.notes]
        self._scored &= found.scores is not None
        for one in found:
            assert one.track_id is not None
            self._ids.append(one.track_id)
            self._places.append(place)
            self._boxes.extend(one.xyxy.tolist())
            self._scores.append(0.0 if one.score is None else one.score)
            self._names.setdefault(one.track_id, (one.class_name, one.model_class))

    def colour(self, track_id: int, colours: tuple[str, ...]) -> None:
        """Say which colours a track has."""
        self._colours[track_id] = colours

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
            colours = self._colours.get(track_id, ())
            items.append(Track(track_id, name, model_class, frames[seen], times[seen], boxes[rows], scored, colours))
        return Tracks(tuple(items), self._size, times, frames, tuple(self.notes))


def recorded(frames: Iterable[TrackedFrame]) -> Tracks:
    """The tracks of a video that is gone through to its end."""
    record = TrackRecord()
    for frame in frames:
        record.add(frame)
    return record.tracks()
