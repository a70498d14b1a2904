"""Tracks on one grid of times, smoothed: where each thing is, how large, and how fast, at moments that all share.

What happens in a video is told by tenths of a second, so a grid of these is fine enough, however many frames there are;
it makes the boxes of two tracks stand side by side, and the trembling of a detector's boxes is taken out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision.scene.relations import Boxes
from vision.video.tracks import Track, Tracks

STEP = 0.1
"""Seconds between two moments: half of the briefest thing that counts, see `vision.video.happenings.intervals`."""

SMOOTHED = 0.5
"""Seconds over which places and sizes are averaged: detectors' boxes tremble from frame to frame, walkers' boxes swing
with their steps, twice a second."""

AHEAD = 0.2
"""Seconds before and behind a moment between which its velocity is measured, at least one moment each way."""

UNSEEN = 0.3
"""Seconds without a box after which a thing counts as out of sight; trackers bridge less by themselves."""

CUT = 0.01
"""Of the picture's width (or height), how near to an edge the side of a box is that the edge cuts off."""

MAX_PAIRS = 3_000_000
"""Moments of pairs that are looked at, in half a minute; of more the grid is coarser."""

SPEED, LEAST_SPEED = 0.15, 0.01
"""What moves does so by at least this share of its own size a second, and of the picture's width: a walker seen from
the side makes some 1.3 of their size, a box that trembles about a tenth; and small boxes tremble by whole pixels."""


@dataclass(frozen=True, eq=False)
class Path:
    """One track at the moments of the grid.

    Attributes:
        track: the track.
        first: the grid's moment at which it begins.
        times: shape (n,), seconds.
        xyxy: shape (n, 4), float64: its boxes, where none was seen between those before and behind.
        seen: shape (n,): whether it is in sight.
        centre: shape (n, 2): the smoothed middle of its box, pixels.
        place: shape (n, 2): where it would be in a picture without edges, if the camera had stood still since the
            track's first moment; smoothed, pixels.
        size: shape (n,): the smoothed square root of its area, pixels.
        velocity: shape (n, 2), pixels a second, of its place.
        least_speed: shape (n,): pixels a second from which on it moves.
    """

    track: Track
    first: int
    times: NDArray[np.float64]
    xyxy: NDArray[np.float64]
    seen: NDArray[np.bool_]
    centre: NDArray[np.float64]
    place: NDArray[np.float64]
    size: NDArray[np.float64]
    velocity: NDArray[np.float64]
    least_speed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def moving(self) -> NDArray[np.bool_]:
        """Shape (n,): whether it moves."""
        return np.asarray(np.linalg.norm(self.velocity, axis=1) >= self.least_speed)


@dataclass(frozen=True, eq=False)
class Grid:
    """The moments at which a video is looked at.

    Attributes:
        tracks: of the video.
        times: shape (moments,), seconds; each is the time of a frame.
        frames: shape (moments,): the indexes of these frames.
        step: seconds between two of them, at the median.
    """

    tracks: Tracks
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    step: float

    @classmethod
    def of(cls, tracks: Tracks) -> Grid:
        """As fine as the bound on pairs allows."""
        fine = cls.every(tracks, STEP)
        pairs = fine.pairs()
        return fine if pairs <= MAX_PAIRS else cls.every(tracks, fine.step * pairs / MAX_PAIRS)

    @classmethod
    def every(cls, tracks: Tracks, seconds: float) -> Grid:
        """The first frame, and each that comes at least so many seconds after the last one taken."""
        places: list[int] = []
        place = 0
        while place < len(tracks.times):
            places.append(place)
            # A frame rate's rounding shall not skip a frame: a tenth of a step less is enough.
            place = max(int(np.searchsorted(tracks.times, tracks.times[place] + 0.9 * seconds)), place + 1)
        times = tracks.times[places]
        step = float(np.median(np.diff(times))) if len(times) > 1 else seconds
        return cls(tracks, times, tracks.frames[places], step)

    def span(self, track: Track) -> tuple[int, int]:
        """The moments from the first to behind the last of a track; one at least."""
        first = int(np.searchsorted(self.times, track.start - self.step / 2))
        end = int(np.searchsorted(self.times, track.end + self.step / 2, side="right"))
        first = min(first, len(self.times) - 1)
        return first, max(end, first + 1)

    def pairs(self) -> int:
        """How many moments all pairs of tracks share."""
        spans = np.array([self.span(track) for track in self.tracks]).reshape(-1, 2)
        begun, ended = np.sort(spans[:, 0]), np.sort(spans[:, 1])
        moments = np.arange(len(self.times))
        there = np.searchsorted(begun, moments, side="right") - np.searchsorted(ended, moments, side="right")
        return int((there * (there - 1) // 2).sum())

    def path(self, track: Track) -> Path:
        """A track at these moments."""
        first, end = self.span(track)
        times = self.times[first:end]
        xyxy = np.stack([np.interp(times, track.times, track.xyxy[:, side]) for side in range(4)], axis=1)
        behind = np.clip(np.searchsorted(track.times, times), 0, len(track.times) - 1)
        before = np.clip(np.searchsorted(track.times, times, side="right") - 1, 0, len(track.times) - 1)
        seen = track.times[behind] - track.times[before] <= max(UNSEEN, 1.5 * self.step)
        boxes = Boxes(xyxy)
        half = round(SMOOTHED / 2 / self.step)
        centre = smoothed(boxes.centre, half)
        size = smoothed(np.sqrt(np.maximum(boxes.area, 1.0))[:, None], half)[:, 0]
        least = np.maximum(SPEED * size, LEAST_SPEED * self.tracks.image_size[0])
        place = smoothed(self._placed(track, times), half)
        velocity = _velocity(times, place, max(1, round(AHEAD / self.step)))
        return Path(track, first, times, xyxy, seen, centre, place, size, velocity, least)

    def _placed(self, track: Track, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where a track would be in a picture without edges that stood still, shape (n, 2).

        Each frame's motion is that of the box's middle, or of one side where the picture cuts the other off, without
        the camera's.
        """
        frames = slice(*np.searchsorted(self.tracks.times, (track.start, track.end + 1e-9)))
        at = self.tracks.times[frames]
        xyxy = np.stack([np.interp(at, track.times, track.xyxy[:, side]) for side in range(4)], axis=1)
        centre = Boxes(xyxy).centre
        low, high = np.diff(xyxy[:, :2], axis=0), np.diff(xyxy[:, 2:], axis=0)
        size = np.array(self.tracks.image_size)
        cut_low, cut_high = xyxy[:, :2] <= CUT * size, xyxy[:, 2:] >= (1 - CUT) * size
        cut_low, cut_high = cut_low[1:] | cut_low[:-1], cut_high[1:] | cut_high[:-1]
        still = np.zeros_like(low)
        if self.tracks.camera is not None:
            moved = self.tracks.camera[frames][1:]
            still = (moved[:, :, :2] @ centre[:-1, :, None])[:, :, 0] + moved[:, :, 2] - centre[:-1]
        # Of what is cut off at both sides nothing is known but that it is there.
        motion = np.where(cut_low, np.where(cut_high, still, high), np.where(cut_high, low, (low + high) / 2))
        place = np.concatenate([centre[:1], motion - still]).cumsum(axis=0)
        return np.stack([np.interp(times, at, place[:, axis]) for axis in range(2)], axis=1)

    def frame(self, time: float) -> int:
        """The index of the tracked frame at a time, or of the last one before it."""
        place = int(np.searchsorted(self.tracks.times, time + 1e-6, side="right")) - 1
        return int(self.tracks.frames[max(place, 0)])


def smoothed(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """The mean over so many values before and behind each, and at the ends over as many as there are on both sides.

    Args:
        values: shape (n, m).
        half: values on each side.
    """
    if not half or len(values) < 3:
        return values
    places = np.arange(len(values))
    reach = np.minimum(np.minimum(places, places[::-1]), half)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    mean: NDArray[np.float64] = (sums[places + reach + 1] - sums[places - reach]) / (2 * reach + 1)[:, None]
    return mean


def _velocity(times: NDArray[np.float64], places: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Pixels a second between the places before and behind each."""
    numbers = np.arange(len(times))
    before, behind = np.maximum(numbers - reach, 0), np.minimum(numbers + reach, len(times) - 1)
    seconds = np.maximum(times[behind] - times[before], 1e-9)[:, None]
    found: NDArray[np.float64] = (places[behind] - places[before]) / seconds
    return found


def longest(tracks: Sequence[Track], most: int) -> tuple[Track, ...]:
    """The tracks that are seen in most frames, at most so many, in their order."""
    ranked = sorted(tracks, key=lambda track: (-len(track), track.id))[:most]
    return tuple(sorted(ranked, key=lambda track: track.id))
