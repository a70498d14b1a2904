"""What it means for one track to approach, overtake, carry or follow another: each defined here, see docs/video.md.

As for one track alone these are rules of thumb on boxes, for all pairs of tracks at once, at the moments that the two
share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision.scene.relations import RELATIONS, Pairs
from vision.video.happenings.intervals import FLICKER, Runs, intervals
from vision.video.happenings.kinds import APPROACHES, CARRIES, FOLLOWS, OVERTAKES

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
class Moments:
    """What is known of one track of each pair, as its path has it; a row for each moment of each pair.

    Attributes:
        xyxy: shape (n, 4), pixels.
        seen: shape (n,): whether it is in sight.
        centre: shape (n, 2), pixels, smoothed.
        size: shape (n,), pixels, smoothed.
        velocity: shape (n, 2), pixels a second.
        least_speed: shape (n,), pixels a second from which on it moves.
        moving: shape (n,): whether it does.
    """

    xyxy: NDArray[np.float64]
    seen: NDArray[np.bool_]
    centre: NDArray[np.float64]
    size: NDArray[np.float64]
    velocity: NDArray[np.float64]
    least_speed: NDArray[np.float64]
    moving: NDArray[np.bool_]


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
    APPROACHES: approaches,
    OVERTAKES: overtakes,
    CARRIES: carries,
    FOLLOWS: follows,
}
"""Every kind of event of two tracks by its word: a scene's relations, and what takes time."""


def _directions(ways: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ways of shape (n, 2) with length 1."""
    found: NDArray[np.float64] = ways / np.maximum(np.linalg.norm(ways, axis=1), 1e-9)[:, None]
    return found


def _along(ways: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """The products of ways of shape (n, 2), shape (n,)."""
    found: NDArray[np.float64] = (ways * others).sum(axis=1)
    return found
