"""Which tracks are things: against the definition, track by track and frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.vision.video.made_tracks import going, still, tracks_of
from vision.selection import SAME_OBJECT
from vision.video.tracks import LeftOut, Track, Tracks, things_of


def of_one_thing(track: Track, other: Track, frame: int) -> bool:
    """Whether two tracks have the box of one thing in a frame that both are seen in."""
    one, two = (some.xyxy[some.frames.tolist().index(frame)].astype(float) for some in (track, other))
    shared = np.clip(np.minimum(one[2:], two[2:]) - np.maximum(one[:2], two[:2]), 0, None).prod()
    areas = [(box[2:] - box[:2]).prod() for box in (one, two)]
    overlap = shared / (sum(areas) - shared)
    if track.model_class == other.model_class:
        return bool(overlap >= 0.4 and shared >= 0.8 * min(areas))
    return bool(overlap >= SAME_OBJECT)


def defined(tracks: Tracks) -> LeftOut:
    """The definition, track by track."""
    step = np.median(np.diff(tracks.times))
    brief = {track.id for track in tracks if tracks.duration >= 0.9 and track.end - track.start + step < 0.3}
    kept: list[Track] = []
    doubles = set()
    for track in sorted(tracks, key=lambda track: (-len(track), track.id)):
        if track.id in brief:
            continue
        doubled = [
            any(frame in other.frames.tolist() and of_one_thing(track, other, frame) for other in kept)
            for frame in track.frames.tolist()
        ]
        if np.mean(doubled) >= 0.8:
            doubles.add(track.id)
        else:
            kept.append(track)
    return LeftOut(frozenset(brief), frozenset(doubles))


def wandering(seed: int) -> Tracks:
    """Tracks that begin and end anywhere, most of them about one of three places that move."""
    rng = np.random.default_rng(seed)
    length = int(rng.integers(30, 80))
    times = np.arange(length) / 25
    ways = np.cumsum(rng.normal(0, 3, (3, length, 2)), axis=1) + rng.uniform(100, 300, (3, 1, 2))
    items = []
    for number in range(1, 13):
        first = int(rng.integers(length))
        last = length if rng.random() < 0.6 else first + int(rng.integers(1, 12))
        there = np.arange(first, min(last, length))
        there = there[rng.random(len(there)) < 0.9] if len(there) > 1 else there
        if len(there):
            middles = ways[rng.integers(3)][there] + rng.normal(0, rng.uniform(0, 6), (len(there), 2))
            half = rng.uniform(20, 28, 2)
            boxes = np.concatenate([middles - half, middles + half], axis=1).astype(np.float32)
            name = str(rng.choice(["dog", "cat"]))
            items.append(Track(number, name, name, there, times[there], boxes))
    return Tracks(tuple(items), (640, 480), times, np.arange(length))


def test_they_are_those_of_the_definition() -> None:
    brief = doubles = 0
    for seed in range(25):
        tracks = wandering(seed)
        things, left_out = things_of(tracks)
        assert left_out == defined(tracks), seed
        assert [track.id for track in things] == [track.id for track in tracks if track.id not in left_out.ids]
        brief, doubles = brief + len(left_out.brief), doubles + len(left_out.doubles)
    assert brief > 20 and doubles > 10, "both kinds are there"


def test_a_flicker_is_no_thing_but_in_a_video_that_is_hardly_longer_and_who_pass_each_other_are_two() -> None:
    dog = ("dog", still(100, 100, after=0.2, until=0.4))
    assert things_of(tracks_of(dog, seconds=2))[1] == LeftOut(brief=frozenset({1}))
    passing = tracks_of(("dog", going(100, 240, 40, w=100, h=80)), ("dog", still(220, 240, 100, 80, after=1)))
    nothing = Tracks((), (640, 480), np.zeros(0), np.zeros(0, np.int64))
    for tracks, count in ((tracks_of(dog, seconds=0.8), 1), (passing, 2), (tracks_of(), 0), (nothing, 0)):
        things, left_out = things_of(tracks)
        assert len(things) == count and left_out == LeftOut()


def test_what_doubles_a_double_alone_is_a_thing() -> None:
    places = ((100, 9), (110, 6), (128, 4))
    tracks = tracks_of(*(("dog", still(x, 240, 100, 100, until=until)) for x, until in places))
    assert things_of(tracks)[1].doubles == {2}
    assert things_of(replace(tracks, items=tracks.items[1:]))[1].doubles == {3}


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (LeftOut(), []),
        (LeftOut(frozenset({4}), frozenset({1, 2})), ["1 lasts less than 0.3 seconds", "2 are where a longer one is"]),
        (LeftOut(frozenset({4, 5}), frozenset({1})), ["2 last less than 0.3 seconds", "1 is where a longer one is"]),
    ],
)
def test_the_reasons_are_told(left_out: LeftOut, said: list[str]) -> None:
    assert [f"{count} {reason}" for count, reason in left_out.reasons] == said
