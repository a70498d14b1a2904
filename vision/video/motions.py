"""Motions of tracks: paths on one grid of times, what each does, and what they do to each other.

Kinds of events and their relations are named here. What happens is told by tenths of a second, so a grid of these is
fine enough; it makes the boxes of two tracks stand side by side, and the trembling of a detector's boxes is taken out
once. Pictures are flat and boxes rough, so the definitions are rules of thumb, as a scene's relations are;
docs/video.md says them in words. Bounds are shares of the thing's own size and of the picture, so that they hold near
the camera and far from it. Gaps and flickers in an interval are the detector's, not the world's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from vision.scene.relations import RELATIONS, Boxes, Pairs
from vision.video.tracks import Track, Tracks

OF, WITH, SIDE, BEFORE, DURING = "of", "with", "side", "before", "during"
"""Relations from an event: to the track that it happens to, to the second one, to an edge or direction, to others."""

SIDES = ("left", "right", "top", "bottom")

APPEARS, ENTERS, LEAVES, MOVES, STOPS, CROSSES = "appears", "enters", "leaves", "moves", "stops", "crosses"
MOTIONS = (APPEARS, ENTERS, LEAVES, MOVES, STOPS, CROSSES)
"""What happens to one track."""

SIDED = (ENTERS, LEAVES, MOVES, CROSSES)
"""Those with a side."""

APPROACHES, OVERTAKES, CARRIES, FOLLOWS = "approaches", "overtakes", "carries", "follows"
MEETINGS = (APPROACHES, OVERTAKES, CARRIES, FOLLOWS)
"""What happens between two tracks, beside a scene's relations."""

ACTION = "action"
"""The kind of every segment of an activity, beside the words that it is labelled with."""


GAP = 0.3
"""Seconds for which something may fail to hold within an interval: a box that is missed, or drawn too large, in a few
frames running."""

FLICKER = 0.2
"""Seconds that it must hold for: what is shorter nobody sees happen, and boxes that tremble at a bound make many."""

Runs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Places at which intervals begin and end, both within, shapes (k,)."""


def intervals(
    holds: NDArray[np.bool_],
    times: NDArray[np.float64],
    step: float,
    *,
    groups: NDArray[np.intp] | None = None,
    least: float = FLICKER,
    gap: float = GAP,
) -> Runs:
    """The maximal intervals over which something holds at each moment.

    Args:
        holds, times: shape (n,); seconds rise within a group.
        step: seconds that a moment stands for.
        groups: shape (n,): intervals reach over one group alone; None for one group.
        least: seconds that an interval must last.
        gap: seconds between two intervals that are put together.
    """
    group = np.zeros(len(holds), np.intp) if groups is None else groups
    before = np.concatenate([[False], holds[:-1] & (group[1:] == group[:-1])]) if len(holds) else holds
    behind = np.concatenate([holds[1:] & (group[1:] == group[:-1]), [False]]) if len(holds) else holds
    starts, ends = np.flatnonzero(holds & ~before), np.flatnonzero(holds & ~behind)
    if len(starts) > 1:
        apart = times[starts[1:]] - times[ends[:-1]] - step
        joined = (group[starts[1:]] == group[ends[:-1]]) & (apart < gap)
        starts, ends = starts[np.concatenate([[True], ~joined])], ends[np.concatenate([~joined, [True]])]
    lasting = times[ends] - times[starts] + step >= least - 1e-6
    return starts[lasting], ends[lasting]


STEP = 0.1
"""Seconds between two moments: half of the briefest thing that counts."""

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
class Moments:
    """What is known of a track at some moments of the grid, or of one track of each pair at those of all pairs.

    Attributes:
        xyxy: shape (n, 4), float64: its boxes, where none was seen between those before and behind.
        seen: shape (n,): whether it is in sight.
        centre: shape (n, 2): the smoothed middle of its box, pixels.
        size: shape (n,): the smoothed square root of its area, pixels.
        velocity: shape (n, 2), pixels a second, of its place.
        least_speed: shape (n,): pixels a second from which on it moves.
    """

    xyxy: NDArray[np.float64]
    seen: NDArray[np.bool_]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    velocity: NDArray[np.float64]
    least_speed: NDArray[np.float64]

    @cached_property
    def moving(self) -> NDArray[np.bool_]:
        """Shape (n,): whether it moves."""
        return np.asarray(np.linalg.norm(self.velocity, axis=1) >= self.least_speed)


@dataclass(frozen=True, eq=False)
class Path(Moments):
    """One track at all its moments.

    Attributes:
        track: the track.
        first: the grid's moment at which it begins.
        times: shape (n,), seconds.
        place: shape (n, 2): where it would be in a picture without edges, if the camera had stood still since the
            track's first moment; smoothed, pixels.
    """

    track: Track
    first: int
    times: NDArray[np.float64]
    place: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times)


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
        numbers, reach = np.arange(len(times)), max(1, round(AHEAD / self.step))
        earlier, later = np.maximum(numbers - reach, 0), np.minimum(numbers + reach, len(times) - 1)
        velocity = (place[later] - place[earlier]) / np.maximum(times[later] - times[earlier], 1e-9)[:, None]
        return Path(xyxy, seen, centre, size, velocity, least, track, first, times, place)

    def _placed(self, track: Track, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where a track would be in a picture without edges that stood still, shape (n, 2).

        Each frame's motion is that of the box's middle, or of one side where the other is cut off, not the camera's.
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
    """The mean over half as many values before and behind each, at the ends over those on both sides; shape (n, m)."""
    if not half or len(values) < 3:
        return values
    places = np.arange(len(values))
    reach = np.minimum(np.minimum(places, places[::-1]), half)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    mean: NDArray[np.float64] = (sums[places + reach + 1] - sums[places - reach]) / (2 * reach + 1)[:, None]
    return mean


def longest(tracks: Sequence[Track], most: int) -> tuple[Track, ...]:
    """The tracks that are seen in most frames, at most so many, in their order."""
    ranked = sorted(tracks, key=lambda track: (-len(track), track.id))[:most]
    return tuple(sorted(ranked, key=lambda track: track.id))


LEAST_WAY = 0.3
"""Of its own size, how far a thing must get to have moved: less is somebody who shifts their weight."""

BACK = 0.5
"""Of its own size, how far it must come back to have turned round."""

LEAST_STOP = 0.5
"""Seconds that it must stand still to have stopped."""

FIRST_MOMENTS = 0.5
"""Seconds after the video's first frame, and before its last, in which nothing enters or leaves: trackers need a few
frames to be sure of what was there all along."""

NEAR_EDGE = 0.05
"""Of the picture's width (or height), how near an edge a box must come to have passed it; trackers find things late."""

LATE = 0.5
"""Of its own width (or height), how far a box may be from the edge when it is first seen, if it comes from there."""

COMING, INWARD = 1.0, 0.1
"""Seconds within which what enters must have come inwards, and by how much of its own width (or height)."""

LONGEST_COMING = 3.0
"""Seconds that coming in may last, for things that stay at the edge."""

ACROSS = 0.25
"""Of the picture's width (or height), how far it must get to cross it, and from one half to the other."""


@dataclass(frozen=True)
class Motion:
    """What happens to one track.

    Attributes:
        start, end: moments of its path, both within.
        side: an edge or direction, or "".
    """

    start: int
    end: int
    side: str = ""


def appears(path: Path, grid: Grid) -> Iterator[Motion]:
    """From where it is first seen to where it is last."""
    yield Motion(0, len(path) - 1)


def enters(path: Path, grid: Grid) -> Iterator[Motion]:
    """It is first seen at or near an edge after the video's first moments, and comes inwards from there; until it no
    longer touches that edge."""
    if path.track.start - grid.tracks.times[0] > FIRST_MOMENTS and (found := _comes_in(path.times, path.xyxy, grid)):
        end, side = found
        yield Motion(0, end, side)


def leaves(path: Path, grid: Grid) -> Iterator[Motion]:
    """Entering, played backwards: it is last seen at or near an edge before the video's last moments, and goes out."""
    early = grid.tracks.times[-1] - path.track.end > FIRST_MOMENTS
    if early and (found := _comes_in(-path.times[::-1], path.xyxy[::-1], grid)):
        start, side = found
        yield Motion(len(path) - 1 - start, len(path) - 1, side)


def moves(path: Path, grid: Grid) -> Iterator[Motion]:
    """Its smoothed middle moves, whatever the camera does, and gets somewhere; where it turns round, another motion
    begins. The side is the way that it goes for the most part."""
    starts, ends = intervals(path.moving, path.times, grid.step)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        turns = sorted({start, end, *_turns(path, start, end, 0), *_turns(path, start, end, 1)})
        ways = [(begin, stop, _direction(path.place[stop] - path.place[begin])) for begin, stop in pairwise(turns)]
        # Who jumps on the way to the left goes to the left all along.
        for side, part in groupby(ways, key=itemgetter(2)):
            pieces = list(part)
            begin, stop = pieces[0][0], pieces[-1][1]
            if np.linalg.norm(path.place[stop] - path.place[begin]) >= LEAST_WAY * path.size[begin : stop + 1].mean():
                yield Motion(begin, stop, side)


def stops(path: Path, grid: Grid) -> Iterator[Motion]:
    """It stands still after it has moved."""
    moved = [motion.end for motion in moves(path, grid)]
    starts, ends = intervals(~path.moving, path.times, grid.step, least=LEAST_STOP, gap=FLICKER)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if any(start - 2 <= last <= end for last in moved):
            yield Motion(start, end)


def crosses(path: Path, grid: Grid) -> Iterator[Motion]:
    """From one half of the picture it gets to the other, and a quarter of the picture far; from its beginning to its
    end. The side is where it goes."""
    first, last = path.centre[0], path.centre[-1]
    for axis, (low, high) in enumerate((("left", "right"), ("top", "bottom"))):
        extent = grid.tracks.image_size[axis]
        passed = (first[axis] - extent / 2) * (last[axis] - extent / 2) < 0
        if passed and abs(last[axis] - first[axis]) >= ACROSS * extent:
            yield Motion(0, len(path) - 1, high if last[axis] > first[axis] else low)


MOTION_KINDS: dict[str, Callable[[Path, Grid], Iterator[Motion]]] = {
    APPEARS: appears, ENTERS: enters, LEAVES: leaves, MOVES: moves, STOPS: stops, CROSSES: crosses,
}  # fmt: skip
"""Every kind of event of one track by its word."""


def _direction(way: NDArray[np.float64]) -> str:
    """The side to which a way (x, y) leads for the most part; a picture's y grows downwards."""
    x, y = way.tolist()
    if abs(x) >= abs(y):
        return "right" if x > 0 else "left"
    return "bottom" if y > 0 else "top"


def _comes_in(times: NDArray[np.float64], xyxy: NDArray[np.float64], grid: Grid) -> tuple[int, str] | None:
    """By which side a box comes in that is first seen at place 0, and where it no longer touches the edge."""
    behind = min(int(np.searchsorted(times, times[0] + max(COMING, 2 * grid.step), side="right")), len(times)) - 1
    best: tuple[float, str, NDArray[np.bool_]] | None = None
    for place, side in enumerate(SIDES):
        axis, extent = place // 2, grid.tracks.image_size[place // 2]
        # Pixels from the edge to the box's side that is next to it, and to the opposite one.
        outer, inner = xyxy[:, axis], xyxy[:, axis + 2]
        if place % 2:
            outer, inner = extent - inner, extent - outer
        own = max(float(inner[0] - outer[0]), 1.0)
        inwards = float(inner[behind] - inner[0])
        # A box that is cut off by the edge grows inwards; one that is whole must leave the edge behind.
        reach = max(NEAR_EDGE * extent, LATE * own if outer[behind] > outer[0] else 0.0)
        if outer[0] <= reach and inwards >= INWARD * own and (best is None or inwards / extent > best[0]):
            best = inwards / extent, side, outer > NEAR_EDGE * extent
    if best is None:
        return None
    clear = np.flatnonzero(best[2] | (times - times[0] > LONGEST_COMING))
    last = len(times) - 1
    return min(max(int(clear[0]), 1) if len(clear) else last, last), best[1]


def _turns(path: Path, start: int, end: int, axis: int) -> list[int]:
    """Where a moving thing turns round along an axis: the places that are furthest before it comes back."""
    places = path.place[start : end + 1, axis]
    back = BACK * path.size[start : end + 1]
    found: list[int] = []
    extreme, way = 0, 0
    for at in range(1, len(places)):
        moved = places[at] - places[extreme]
        if way == 0:
            way = int(np.sign(moved)) if abs(moved) >= back[at] else 0
            extreme = at if way else extreme
        elif moved * way >= 0:
            extreme = at
        elif abs(moved) >= back[at]:
            found.append(start + extreme)
            extreme, way = at, -way
    return found


NEARER = 0.25
"""How much nearer, of the distance at first, a thing must come to approach another."""

SAME_WAY = float(np.cos(np.radians(45)))
"""Cosine of the angle between two ways that are the same."""

PASSED = 0.25
"""Of their mean size, how far behind and then ahead what overtakes must be."""

BESIDE = 2.0
"""Of their mean size, how far beside the way the other one may be to be overtaken or followed."""

BEHIND, FAR_BEHIND = 0.5, 5.0
"""Of their mean size, how far behind what follows is, at least and at most."""

LEAST_FOLLOWED, LEAST_CARRIED = 1.0, 0.5
"""Seconds that following and carrying must last: people who pass each other do so for less."""

LIGHTER = 0.6
"""Of its own area, how large at most the box of what a thing carries is."""

REACH = 0.15
"""Of its own height, how far away what it carries may be."""

TOGETHER, SWING = 0.35, 0.15
"""How different the velocity of what is carried may be, of its own, and of its size a second: bags swing."""


@dataclass(frozen=True, eq=False)
class Together:
    """The moments that pairs of tracks share, those of one pair behind each other.

    Attributes:
        first, second: the two tracks.
        pair: shape (n,): the number of the pair, from 0.
        times: shape (n,), seconds.
        step: seconds between two moments.
    """

    first: Moments
    second: Moments
    pair: NDArray[np.intp]
    times: NDArray[np.float64]
    step: float

    @property
    def swapped(self) -> Together:
        """The same pairs the other way round."""
        return Together(self.second, self.first, self.pair, self.times, self.step)

    @cached_property
    def boxes(self) -> Pairs:
        """The boxes of each pair."""
        return Pairs.beside(self.first.xyxy, self.second.xyxy)

    def intervals(self, holds: NDArray[np.bool_], least: float = FLICKER) -> Runs:
        """The maximal intervals of some seconds at least over which something holds between two that are in sight."""
        in_sight = self.first.seen & self.second.seen
        return intervals(holds & in_sight, self.times, self.step, groups=self.pair, least=least)

    @cached_property
    def way(self) -> NDArray[np.float64]:
        """Shape (n, 2): the direction in which both move together, of length 1."""
        return _directions(self.first.velocity + self.second.velocity)

    @cached_property
    def ahead(self) -> NDArray[np.float64]:
        """Shape (n,): how far the first is ahead of the second along their way, of their mean size."""
        return _along(self.first.centre - self.second.centre, self.way) / self.mean_size

    @cached_property
    def mean_size(self) -> NDArray[np.float64]:
        """Shape (n,), pixels."""
        return (self.first.size + self.second.size) / 2

    @cached_property
    def same_way(self) -> NDArray[np.bool_]:
        """Shape (n,): whether both move, the same way, and one beside the other's way by little."""
        one, other = (_directions(track.velocity) for track in (self.first, self.second))
        apart = self.first.centre - self.second.centre
        aside = np.abs(apart[:, 0] * self.way[:, 1] - apart[:, 1] * self.way[:, 0])
        moving = self.first.moving & self.second.moving
        return moving & (_along(one, other) >= SAME_WAY) & (aside <= BESIDE * self.mean_size)


def approaches(pairs: Together) -> Runs:
    """The first moves towards the second, the two come nearer, and in the end by a quarter."""
    apart = pairs.second.centre - pairs.first.centre
    towards = _directions(apart)
    own = _along(pairs.first.velocity, towards) >= pairs.first.least_speed
    closing = _along(pairs.first.velocity - pairs.second.velocity, towards) >= pairs.first.least_speed
    starts, ends = pairs.intervals(own & closing)
    distance = np.linalg.norm(apart, axis=1)
    least = np.maximum(NEARER * distance[starts], pairs.first.size[starts] / 2)
    nearer = distance[starts] - distance[ends] >= least
    return starts[nearer], ends[nearer]


def overtakes(pairs: Together) -> Runs:
    """While both move the same way the first is behind the second and gets ahead of it; from the one to the other."""
    starts, ends = pairs.intervals(pairs.same_way)
    passed = (pairs.ahead[starts] < -PASSED) & (pairs.ahead[ends] > PASSED)
    found = []
    for start, end in zip(starts[passed].tolist(), ends[passed].tolist(), strict=True):
        ahead = pairs.ahead[start : end + 1]
        last_behind = int(np.flatnonzero(ahead < -PASSED)[-1])
        found.append((start + last_behind, start + last_behind + int(np.argmax(ahead[last_behind:] > PASSED))))
    return (np.array([one for one, _ in found], np.intp), np.array([other for _, other in found], np.intp))


def carries(pairs: Together) -> Runs:
    """The first moves, the second with it, which is smaller and within its reach."""
    one, other = pairs.boxes.first, pairs.boxes.second
    smaller = other.area <= LIGHTER * one.area
    reached = pairs.boxes.gap <= REACH * one.height
    apart = np.linalg.norm(pairs.first.velocity - pairs.second.velocity, axis=1)
    speed = np.linalg.norm(pairs.first.velocity, axis=1)
    with_it = apart <= np.maximum(TOGETHER * speed, SWING * pairs.first.size)
    return pairs.intervals(pairs.first.moving & smaller & reached & with_it, LEAST_CARRIED)


def follows(pairs: Together) -> Runs:
    """Both move the same way, the first behind the second and not far from it."""
    behind = (pairs.ahead <= -BEHIND) & (pairs.ahead >= -FAR_BEHIND)
    return pairs.intervals(pairs.same_way & behind, LEAST_FOLLOWED)


def _of_scenes(relation: str) -> Callable[[Together], Runs]:
    return lambda pairs: pairs.intervals(RELATIONS[relation](pairs.boxes))


MEETING_KINDS: dict[str, Callable[[Together], Runs]] = {
    **{relation: _of_scenes(relation) for relation in RELATIONS},
    APPROACHES: approaches, OVERTAKES: overtakes, CARRIES: carries, FOLLOWS: follows,
}  # fmt: skip
"""Every kind of event of two tracks by its word: a scene's relations, and what takes time."""


def _directions(ways: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ways of shape (n, 2) with length 1."""
    found: NDArray[np.float64] = ways / np.maximum(np.linalg.norm(ways, axis=1), 1e-9)[:, None]
    return found


def _along(ways: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """The products of ways of shape (n, 2), shape (n,)."""
    found: NDArray[np.float64] = (ways * others).sum(axis=1)
    return found
