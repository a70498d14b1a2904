"""What queries give in the graph of a made video."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from reasoning.errors import QueryError
from skylark.errors import SkylarkError
from tests.vision.video.made_tracks import SIZE, going, still, tracks_of
from vision.video.actions.features import Segment
from vision.video.events import TIMES, nearest_in_time
from vision.video.scene import VideoScene
from vision.video.tracks import Tracks


@pytest.fixture(scope="module")
def street() -> VideoScene:
    """A car overtakes a bus, and leaves; then a dog comes in from the right and stops; a man carries a suitcase."""
    tracks = tracks_of(
        ("car", going(60, 320, 160, w=90)),
        ("bus", going(160, 260, 50, w=140, h=100)),
        ("dog", going(700, 420, -100, w=60, h=40, after=4.5, until=7)),
        ("person", going(100, 120, 40, w=50, h=150)),
        ("suitcase", going(130, 170, 40, w=25, h=35)),
        ("person", still(600, 100, 50, 150, after=2, until=5)),
    )
    items = tuple(replace(item, colours=("red",) if item.class_name == "car" else ("grey",)) for item in tracks)
    return VideoScene.from_tracks(replace(tracks, items=items))


def names(scene: VideoScene, query: str) -> list[str]:
    return sorted(scene.objects[place].name for place in scene.members(scene.answer(query)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('~kind("object")', ["bus 1", "car 1", "dog 1", "person 1", "person 2", "suitcase 1"]),
        ('~class("person")', ["person 1", "person 2"]),
        ('~supercategory("vehicle") & ~colour("red")', ["car 1"]),
        ('~class("car") & ~overtakes(~class("bus"))', ["car 1"]),
        ('~class("person") & ~carries(~class("suitcase"))', ["person 1"]),
        ('carries(~class("person"))', ["suitcase 1"]),
        ('~class("dog") & of(~kind("enters") & ~side("right"))', ["dog 1"]),
        ('~class("dog") & of(~kind("enters") & ~side("left"))', []),
        ('~class("car") & of(~kind("leaves") & ~before(~kind("enters") & ~of(~class("dog"))))', ["car 1"]),
        ('~class("dog") & of(~kind("enters") & before(~kind("overtakes")))', ["dog 1"]),
        ('~class("dog") & of(~kind("stops") & ~before(~kind("overtakes")))', []),
        ('of(~kind("enters") & ~during(~kind("moves") & ~of(~class("bus"))))', ["dog 1"]),
        ('~class("person") & of(~kind("appears") & ~before(~kind("enters")))', ["person 1", "person 2"]),
        ('of(~kind("appears") & before(~kind("appears") & ~of(~class("bus"))))', ["dog 1", "person 2"]),
        ('~class("bus") & of(~kind("moves") & before(~kind("enters")))', []),
        ('~class("bus") & of(~kind("moves") & begins_before_end(~kind("enters")))', ["bus 1"]),
        ('of(~kind("stops") & ~shares_time(~kind("leaves") & ~of(~class("car"))))', []),
        ('top(1, speed, ~kind("object"))', ["car 1"]),
        ('bottom(1, duration, ~class("person"))', ["person 2"]),
        ('bottom(1, "distance to ~class(\\"suitcase\\")", ~class("person"))', ["person 1"]),
        ('~class("person") & ~position("right half")', ["person 2"]),
        ('~class("suitcase") & ~size("small")', ["suitcase 1"]),
        ('~class("person") & !of(~kind("moves"))', ["person 2"]),
        ('~class("zebra")', []),
    ],
)  # fmt: skip
def test_tracks(street: VideoScene, query: str, expected: list[str]) -> None:
    assert names(street, query) == expected


def test_events_are_entities_too(street: VideoScene) -> None:
    answer = street.answer('~kind("stops") & ~of(~class("dog"))')
    (event,) = street.events_in(answer)
    assert (event.kind, event.of) == ("stops", 3) and event.start == pytest.approx(7, abs=0.5)
    assert street.members(answer) == []
    assert street.answer('count(~kind("enters"))').value == 1
    (first,) = street.events_in(street.answer('bottom(1, start, ~kind("leaves"))'))
    assert first.of == 1


def test_evidence_is_told_by_events_with_their_intervals(street: VideoScene) -> None:
    answer = street.answer('~class("car") & ~overtakes(~class("bus"))')
    events, facts = street.told_by(answer.evidence)
    assert [(event.kind, event.of, event.with_) for event in events] == [("overtakes", 1, 2)]
    assert sorted(facts) == [("bus 1", "class", "bus"), ("car 1", "class", "car")]


def test_a_question_of_time_that_videos_do_not_offer_is_refused(street: VideoScene) -> None:
    with pytest.raises(QueryError, match="all of several events at once"):
        street.answer('every(~before, ~kind("leaves"))')
    with pytest.raises(SkylarkError, match="zzz"):
        street.answer('~class("zzz")')
    assert names(street, '~class("zebra") | ~class("dog")') == ["dog 1"]
    assert street.members(street.answer('~class("zzz")', words=("zzz",))) == []


def test_actions_are_events_of_no_track() -> None:
    segments = [Segment("peel_cucumber", 0.0, 2.0), Segment("cut_tomato", 2.0, 5.0), Segment("peel_cucumber", 6.0, 7.0)]
    scene = VideoScene.from_tracks(tracks_of(("bowl", still(320, 240))), segments)
    assert scene.actions == ("peel_cucumber", "cut_tomato")
    following = 'bottom(1, start, ~kind("action") & before(~kind("action") & ~kind("peel_cucumber")))'
    (event,) = scene.events_in(scene.answer(following))
    assert (event.kind, event.of, event.start_frame, event.end_frame) == ("cut_tomato", None, 50, 125)
    assert scene.answer('count(~kind("peel_cucumber"))').value == 2


def test_it_is_written_as_json(street: VideoScene) -> None:
    told = json.loads(json.dumps(street.to_dict()))
    assert [track["name"] for track in told["tracks"]][:3] == ["car 1", "bus 1", "dog 1"]
    overtaking = [event for event in told["events"] if event["kind"] == "overtakes"]
    assert {(event["of"], event["with"]) for event in overtaking} >= {("car 1", "bus 1")}
    assert repr(street) == f"VideoScene(tracks=6, events={len(street.events)}, seconds=8.0)"


def test_flickers_of_the_detector_are_no_tracks() -> None:
    tracks = tracks_of(("dog", still(320, 240)), ("cat", still(100, 100, after=2, until=2.2)))
    scene = VideoScene.from_tracks(tracks)
    assert [item.name for item in scene.objects] == ["dog 1"]
    assert scene.notes == ("One track is left out that lasts less than 0.3 seconds.",)


def test_what_is_seen_twice_is_one_thing() -> None:
    tracks = tracks_of(
        ("dog", going(100, 240, 40, w=100, h=80)),
        ("dog", lambda time: (105 + 40 * time, 235, 70, 70) if 2 < time < 4 else None),  # its body once more
        ("cat", lambda time: (101 + 40 * time, 240, 100, 80) if 5 < time < 7 else None),  # taken for another
        ("dog", still(220, 240, 100, 80, after=1, until=7)),  # is passed
        ("person", still(260, 220, 60, 160)),  # stands behind it for a while
    )
    scene = VideoScene.from_tracks(tracks)
    assert [item.id for item in scene.tracks] == [1, 4, 5]
    assert scene.notes == ("2 tracks are left out that are where a longer one is.",)


def test_a_video_without_tracks_or_frames_answers_too() -> None:
    for tracks in (tracks_of(), Tracks((), SIZE, np.zeros(0), np.zeros(0, np.int64))):
        scene = VideoScene.from_tracks(tracks)
        assert scene.answer('count(~class("dog"))').value == 0
        assert not scene.events_in(scene.answer('~kind("enters") & ~before(~kind("leaves"))'))


@pytest.mark.parametrize("relation", TIMES)
@pytest.mark.parametrize("inverse", [True, False])
def test_relations_of_time_give_one_pair_for_each_event_that_has_any(relation: str, inverse: bool) -> None:
    rng = np.random.default_rng(0)
    spans = np.sort(rng.integers(0, 30, (60, 2)), axis=1).astype(float)
    members = rng.choice(60, 12, replace=False)
    pairs = {(int(i), int(j)) for i, j in nearest_in_time(relation, spans, members, inverse=inverse)}
    holds = TIMES[relation]
    for event in range(60):
        ways = [(event, int(other)) if inverse else (int(other), event) for other in members if other != event]
        true = {(i, j) for i, j in ways if holds(spans[i], spans[j])}
        assert len(pairs & true) == min(len(true), 1)
    assert all(holds(spans[i], spans[j]) and i != j for i, j in pairs)
