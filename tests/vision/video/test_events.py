"""Which tracks are things, against the definition, and what happens between those that go where a test says."""

from dataclasses import replace

import numpy as np
import pytest

from tests.vision.video.made_tracks import SIZE, Path, going, still, tracks_of
from vision.scene.relations import RELATIONS, relate
from vision.selection import SAME_OBJECT
from vision.video import events as events_module
from vision.video.events import Event, events_of, notes_of
from vision.video.motions import MEETING_KINDS, MEETINGS, MOTION_KINDS, MOTIONS, Grid, intervals
from vision.video.tracks import LeftOut, Track, Tracks, things_of

HIDDEN = ("dog", lambda time: None if 2 < time < 4 else (300, 200, 60, 60))
STOPPING = tracks_of(("car", going(200, 240, 60, after=1, until=4)))


def found(tracks: Tracks, kind: str, of: int = 1, with_: int | None = None) -> list[Event]:
    return [event for event in events_of(tracks) if (event.kind, event.of, event.with_) == (kind, of, with_)]


def one(tracks: Tracks, kind: str, of: int = 1, with_: int | None = None) -> Event:
    (event,) = found(tracks, kind, of, with_)
    return event


def test_a_track_appears_once_from_its_first_frame_to_its_last_whatever_hides_it() -> None:
    assert tuple(MOTION_KINDS) == MOTIONS and tuple(MEETING_KINDS) == (*RELATIONS, *MEETINGS)
    event = one(tracks_of(HIDDEN), "appears")
    assert (event.start, event.end, event.start_frame, event.end_frame) == (0.0, 7.96, 0, 199)


@pytest.mark.parametrize(
    ("path", "side"),
    [
        (going(-60, 240, 100, after=1), "left"),
        (going(700, 240, -100, after=1), "right"),
        (going(320, -60, 0, 100, after=1, until=4), "top"),
        (going(320, 540, 0, -100, after=1, until=4), "bottom"),
        (lambda time: (120 + 80 * (time - 2), 240, 150, 100) if time > 2 else None, "left"),  # found a little late
        (lambda time: (40 + 90 * (time - 2), 330, 60, 300) if time > 2 else None, "left"),  # cut off below as well
    ],
)
def test_what_comes_in_over_an_edge_enters_by_it(path: Path, side: str) -> None:
    tracks = tracks_of(("dog", path))
    event = one(tracks, "enters")
    assert event.side == side and event.start == tracks.items[0].start and 0 < event.duration <= 3
    assert not found(tracks, "leaves")


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (still(40, 240), {"appears"}),  # there from the first
        (going(-60, 240, 400), {"appears", "moves", "crosses", "leaves"}),  # comes in the first moments
        (still(320, 240, after=3), {"appears"}),  # is found in the middle of the picture
        (still(35, 240, after=3), {"appears"}),  # stands at the edge
        (going(60, 240, -30, after=3, until=4), {"appears", "moves", "stops"}),  # goes out and not in
        (going(320, 240, 60, after=2.5), {"appears", "moves"}),  # is there in the last frames
    ],
)
def test_what_is_there_or_is_found_elsewhere_does_not_enter_or_leave(path: Path, kinds: set[str]) -> None:
    assert {event.kind for event in events_of(tracks_of(("dog", path)))} == kinds


@pytest.mark.parametrize(("speed", "side"), [(150, "right"), (-150, "left")])
def test_leaving_is_entering_played_backwards(speed: float, side: str) -> None:
    forwards = tracks_of(("dog", going(320, 240, speed, after=1)))
    event = one(forwards, "leaves")
    assert event.side == side and event.end == forwards.items[0].end and 0 < event.duration <= 3
    last, frames = forwards.times[-1], len(forwards.frames)
    (item,) = forwards
    turned = replace(
        item, times=last - item.times[::-1], frames=frames - 1 - item.frames[::-1], xyxy=item.xyxy[::-1]
    )  # fmt: skip
    backwards = one(replace(forwards, items=(turned,)), "enters")
    assert backwards.side == side and backwards.end == pytest.approx(last - event.start, abs=0.15)


@pytest.mark.parametrize(
    ("right", "down", "side"), [(100, 0, "right"), (-100, 0, "left"), (30, 80, "bottom"), (30, -80, "top")]
)
def test_moving_has_the_direction_in_which_it_gets_furthest(right: float, down: float, side: str) -> None:
    event = one(tracks_of(("dog", going(320, 240, right, down, after=3, until=5))), "moves")
    assert event.side == side
    assert event.start == pytest.approx(3, abs=0.5) and event.end == pytest.approx(5, abs=0.5)


def test_what_turns_round_moves_both_ways() -> None:
    there, back = found(tracks_of(("dog", lambda time: (200 + 80 * min(time, 8 - time), 240, 60, 60))), "moves")
    assert (there.side, back.side) == ("right", "left") and there.end == pytest.approx(4, abs=0.3)


def test_stopping_is_standing_still_after_moving_and_a_box_that_trembles_does_not_move() -> None:
    event = one(STOPPING, "stops")
    assert event.start == pytest.approx(4, abs=0.5) and event.end == 7.96
    assert not found(tracks_of(("car", still(320, 240))), "stops")
    rng = np.random.default_rng(0)
    trembling = tracks_of(("person", lambda time: (320 + rng.normal(0, 2), 240 + rng.normal(0, 2), 60, 150)))
    assert not found(trembling, "moves") and not found(trembling, "stops")


def test_an_event_knows_the_frames_that_show_it() -> None:
    event = one(STOPPING, "stops")
    assert [frame for frame, _ in event.key_frames] == [event.start_frame, (event.start_frame + 199) // 2, 199]
    assert event.start_frame == pytest.approx(event.start * 25, abs=1)
    single = replace(event, end=event.start, end_frame=event.start_frame)
    assert single.key_frames == ((event.start_frame, event.start),)


@pytest.mark.parametrize(
    ("path", "sides"),
    [
        (going(100, 240, 60), ["right"]),
        (going(540, 240, -60), ["left"]),
        (going(320, 60, 0, 50), ["bottom"]),
        (going(100, 60, 60, 50), ["right", "bottom"]),
        (going(100, 240, 20), []),  # stays in its half
        (going(300, 240, 10), []),  # a step over the middle
    ],
)
def test_crossing_is_getting_from_one_half_to_the_other(path: Path, sides: list[str]) -> None:
    assert [event.side for event in found(tracks_of(("car", path)), "crosses")] == sides


def test_relations_hold_as_long_as_they_do_frame_by_frame() -> None:
    tracks = tracks_of(("dog", going(100, 240, 60)), ("car", still(400, 240, 120, 60)))
    by_frame = [relate(np.array([item.xyxy[frame] for item in tracks])) for frame in range(len(tracks.frames))]
    events = events_of(tracks)
    for relation in RELATIONS:
        for i, j in ((0, 1), (1, 0)):
            holds = sum([i, j] in pairs[relation].tolist() for pairs in by_frame)
            wanted = (relation, i + 1, j + 1)
            lasting = sum(one.duration for one in events if (one.kind, one.of, one.with_) == wanted)
            assert lasting == pytest.approx(holds / 25, abs=0.25), relation


def test_a_gap_is_bridged_and_a_flicker_is_none() -> None:
    times = np.arange(40) / 10
    holds = np.zeros(40, bool)
    holds[5:12] = holds[14:20] = True  # two tenths apart
    holds[30] = True
    for groups, expected in ((None, ([5], [19])), (np.repeat([0, 1], [13, 27]), ([5, 14], [11, 19]))):
        starts, ends = intervals(holds, times, 0.1, groups=groups)
        assert (starts.tolist(), ends.tolist()) == expected


def test_two_things_are_near_as_often_as_they_meet_and_not_while_one_is_hidden_for_long() -> None:
    swinging = ("dog", lambda time: (320 + 250 * np.cos(time * np.pi / 2), 240, 60, 60))
    assert len(found(tracks_of(swinging, ("cat", still(560, 240))), "near", 1, 2)) == 3
    assert len(found(tracks_of(HIDDEN, ("cat", still(380, 200))), "near", 1, 2)) == 2


def test_who_comes_nearer_approaches() -> None:
    event = one(
        tracks_of(("dog", going(60, 240, 80, after=1, until=5)), ("person", still(500, 240))), "approaches", 1, 2
    )
    assert event.start == pytest.approx(1, abs=0.5) and event.end == pytest.approx(5, abs=0.5)


def test_the_faster_of_two_that_go_the_same_way_overtakes() -> None:
    tracks = tracks_of(("car", going(50, 300, 90, w=90)), ("bus", going(200, 240, 40, w=140, h=100)))
    event = one(tracks, "overtakes", 1, 2)
    assert event.start < 3 < event.end  # they are level after three seconds
    assert not found(tracks, "overtakes", 2, 1)
    assert one(tracks, "follows", 1, 2).end <= event.start and one(tracks, "follows", 2, 1).start >= event.end


WALKER = going(100, 220, 60, w=60, h=160)


def test_who_moves_with_something_smaller_at_hand_carries_it() -> None:
    tracks = tracks_of(("person", WALKER), ("suitcase", going(140, 270, 60, w=30, h=40)))
    assert one(tracks, "carries", 1, 2).duration > 6 and not found(tracks, "carries", 2, 1)


@pytest.mark.parametrize(
    ("path", "other", "kinds"),
    [
        (still(500, 240), going(60, 240, 80, after=1, until=5), {"approaches"}),  # who waits
        (going(300, 240, -60), still(500, 240), {"approaches"}),  # goes away
        (going(60, 100, 60), going(60, 380, 60), {"approaches"}),  # goes beside it
        (going(50, 300, 90), going(600, 240, -60), {"overtakes", "follows"}),  # goes against it
        (going(50, 300, 90), still(320, 240), {"overtakes"}),  # goes past it
        (WALKER, still(320, 270, 30, 40), {"carries"}),  # is passed
        (WALKER, going(300, 270, 60, w=30, h=40), {"carries"}),  # moves ahead, out of reach
        (WALKER, going(140, 220, 60, w=70, h=170), {"carries"}),  # is larger
    ],
)
def test_what_is_none_of_it(path: Path, other: Path, kinds: set[str]) -> None:
    events = events_of(tracks_of(("person", path), ("dog", other)))
    assert not {event.kind for event in events if (event.of, event.with_) == (1, 2)} & kinds


def test_one_frame_a_second_is_enough_and_no_tracks_and_tracks_of_one_frame_are_no_trouble() -> None:
    slow = tracks_of(("dog", going(60, 240, 50)), ("cat", still(500, 240)), seconds=10, rate=1)
    assert one(slow, "moves").side == "right" and one(slow, "near", 1, 2).duration >= 1
    assert events_of(Tracks((), SIZE, np.zeros(0), np.zeros(0, np.int64))) == ()
    single = tracks_of(("dog", lambda time: (100, 100, 60, 60) if time == 2 else None), ("cat", still(140, 100)))
    assert one(single, "appears").duration == 0


def crowd(count: int, frames: int, length: int) -> Tracks:
    """Things that wander about, each for some frames."""
    rng = np.random.default_rng(1)
    items = []
    for number in range(1, count + 1):
        first = int(rng.integers(0, frames - length))
        places = np.arange(first, first + length)
        middle = rng.uniform(100, 380, 2) + np.cumsum(rng.normal(0, 2, (length, 2)), axis=0)
        boxes = np.concatenate([middle - 20, middle + 20], axis=1).astype(np.float32)
        items.append(Track(number, "person", "person", places, places / 30, boxes))
    return Tracks(tuple(items), SIZE, np.arange(frames) / 30, np.arange(frames))


def test_a_crowd_in_a_long_video_has_a_bounded_number_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "MAX_TRACKS", 30)
    monkeypatch.setattr(events_module, "MAX_OF_A_KIND", 50)
    many = crowd(60, 100_000, 3000)
    events = events_of(many)
    assert len({event.of for event in events}) == 30
    assert max(sum(event.kind == kind for event in events) for kind in MEETING_KINDS) <= 50
    first, second = notes_of(many.items, events)
    assert first == "The graph holds the 30 longest of 60 tracks."
    assert second.startswith("Only the 50 longest events of each kind are kept, of: ")


def test_more_pairs_than_can_be_looked_at_are_looked_at_more_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = crowd(20, 600, 500)
    fine = Grid.of(dense)
    monkeypatch.setattr("vision.video.motions.MAX_PAIRS", fine.pairs() // 4)
    coarse = Grid.of(dense)
    assert coarse.step == pytest.approx(4 * fine.step, rel=0.2)
    assert coarse.pairs() <= 1.3 * fine.pairs() / 4
    assert {event.kind for event in events_of(dense)} >= {"appears", "near", "left_of"}


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
