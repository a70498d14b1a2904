"""What it means for one track to enter, leave, move, stop or cross: each defined here, docs/video.md says it in words.

Pictures are flat and boxes rough, so these are rules of thumb, as a scene's relations are. Bounds are shares of the
thing's own size and of the picture, so that they hold near the camera and far from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from vision.video.happenings.intervals import FLICKER, intervals
from vision.video.happenings.kinds import APPEARS, CROSSES, ENTERS, LEAVES, MOVES, SIDES, STOPS
from vision.video.happenings.paths import Path

Size = tuple[int, int]
"""Width and height of the picture, pixels."""

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


@dataclass(frozen=True)
class Stage:
    """Where a track is seen.

    Attributes:
        size: (width, height) of the picture, pixels.
        start, end: seconds of the video's first frame and its last.
        step: seconds between two moments of a path.
    """

    size: Size
    start: float
    end: float
    step: float


def appears(path: Path, stage: Stage) -> Iterator[Motion]:
    """From where it is first seen to where it is last."""
    yield Motion(0, len(path) - 1)


def enters(path: Path, stage: Stage) -> Iterator[Motion]:
    """It is first seen at or near an edge after the video's first moments, and comes inwards from there; until it no
    longer touches that edge."""
    if path.track.start - stage.start > FIRST_MOMENTS and (found := _comes_in(path.times, path.xyxy, stage)):
        end, side = found
        yield Motion(0, end, side)


def leaves(path: Path, stage: Stage) -> Iterator[Motion]:
    """Entering, played backwards: it is last seen at or near an edge before the video's last moments, and goes out."""
    if stage.end - path.track.end > FIRST_MOMENTS and (found := _comes_in(-path.times[::-1], path.xyxy[::-1], stage)):
        start, side = found
        yield Motion(len(path) - 1 - start, len(path) - 1, side)


def moves(path: Path, stage: Stage) -> Iterator[Motion]:
    """Its smoothed middle moves, whatever the camera does, and gets somewhere; where it turns round, another motion
    begins. The side is the way that it goes for the most part."""
    starts, ends = intervals(path.moving, path.times, stage.step)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        turns = sorted({start, end, *_turns(path, start, end, 0), *_turns(path, start, end, 1)})
        ways = [(begin, stop, _direction(path.place[stop] - path.place[begin])) for begin, stop in pairwise(turns)]
        # Who jumps on the way to the left goes to the left all along.
        for side, part in groupby(ways, key=itemgetter(2)):
            pieces = list(part)
            begin, stop = pieces[0][0], pieces[-1][1]
            if np.linalg.norm(path.place[stop] - path.place[begin]) >= LEAST_WAY * path.size[begin : stop + 1].mean():
                yield Motion(begin, stop, side)


def stops(path: Path, stage: Stage) -> Iterator[Motion]:
    """It stands still after it has moved."""
    moved = [motion.end for motion in moves(path, stage)]
    still = ~path.moving
    starts, ends = intervals(still, path.times, stage.step, least=LEAST_STOP, gap=FLICKER)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if any(start - 2 <= last <= end for last in moved):
            yield Motion(start, end)


def crosses(path: Path, stage: Stage) -> Iterator[Motion]:
    """From one half of the picture it gets to the other, and a quarter of the picture far; from its beginning to its
    end. The side is where it goes."""
    first, last = path.centre[0], path.centre[-1]
    for axis, (low, high) in enumerate((("left", "right"), ("top", "bottom"))):
        extent = stage.size[axis]
        passed = (first[axis] - extent / 2) * (last[axis] - extent / 2) < 0
        if passed and abs(last[axis] - first[axis]) >= ACROSS * extent:
            yield Motion(0, len(path) - 1, high if last[axis] > first[axis] else low)


MOTION_KINDS: dict[str, Callable[[Path, Stage], Iterator[Motion]]] = {
    APPEARS: appears,
    ENTERS: enters,
    LEAVES: leaves,
    MOVES: moves,
    STOPS: stops,
    CROSSES: crosses,
}
"""Every kind of event of one track by its word."""


def _direction(way: NDArray[np.float64]) -> str:
    """The side to which a way (x, y) leads for the most part; a picture's y grows downwards."""
    x, y = way.tolist()
    if abs(x) >= abs(y):
        return "right" if x > 0 else "left"
    return "bottom" if y > 0 else "top"


def _comes_in(times: NDArray[np.float64], xyxy: NDArray[np.float64], stage: Stage) -> tuple[int, str] | None:
    """By which side a box comes in that is first seen at place 0, and where it no longer touches the edge."""
    behind = min(int(np.searchsorted(times, times[0] + max(COMING, 2 * stage.step), side="right")), len(times)) - 1
    best: tuple[float, str] | None = None
    for side in SIDES:
        outer, inner = _from_edge(xyxy, side, stage.size)
        extent = stage.size[0 if side in ("left", "right") else 1]
        own = max(float(inner[0] - outer[0]), 1.0)
        inwards = float(inner[behind] - inner[0])
        # A box that is cut off by the edge grows inwards; one that is whole must leave the edge behind.
        reach = max(NEAR_EDGE * extent, LATE * own if outer[behind] > outer[0] else 0.0)
        if outer[0] <= reach and inwards >= INWARD * own and (best is None or inwards / extent > best[0]):
            best = inwards / extent, side
    if best is None:
        return None
    side = best[1]
    outer, _ = _from_edge(xyxy, side, stage.size)
    extent = stage.size[0 if side in ("left", "right") else 1]
    clear = np.flatnonzero((outer > NEAR_EDGE * extent) | (times - times[0] > LONGEST_COMING))
    last = len(times) - 1
    return min(max(int(clear[0]), 1) if len(clear) else last, last), side


def _from_edge(xyxy: NDArray[np.float64], side: str, size: Size) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels from an edge of the picture to the box's side that is next to it, and to the opposite one."""
    axis = 0 if side in ("left", "right") else 1
    low, high = xyxy[:, axis], xyxy[:, axis + 2]
    return (low, high) if side in ("left", "top") else (size[axis] - high, size[axis] - low)


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
