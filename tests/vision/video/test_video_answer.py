"""What expressions, questions and queries give in the graph of a made video."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reasoning.errors import QueryError
from skylark.errors import SkylarkError
from tests.vision.video.made_tracks import MATCHER, SIZE, going, readings, still, tracks_of
from vision.errors import InstructionError
from vision.grounding.asking import loosened
from vision.parsing.prompt import VIDEO
from vision.video.actions.features import Segment
from vision.video.answer import VideoAnswer, answer_read, video_readings
from vision.video.events import TIMES, clock, nearest_in_time
from vision.video.scene import VideoScene
from vision.video.tracks import Tracks

SEGMENTS = [Segment("peel_cucumber", 0.0, 2.0), Segment("cut_tomato", 2.0, 5.0), Segment("add_oil", 5.0, 8.0)]


@pytest.fixture(scope="module")
def park() -> VideoScene:
    tracks = tracks_of(
        ("dog", going(700, 240, -100, after=1, until=5)),  # comes in from the right and stops at 300
        ("person", still(200, 200, 60, 160)),
        ("person", still(560, 100, 60, 160, after=3, until=6)),
        ("bicycle", going(100, 420, 120, w=80, h=50, after=2)),  # rides off to the right
    )
    return VideoScene.from_tracks(tracks, SEGMENTS)


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


def asked(sentences: str, scene: VideoScene) -> VideoAnswer:
    return answer_read("what is meant", readings(sentences, scene.actions), scene)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (" one dog & enters( right)", "dog 1"), (" all people & near( dog)", "person 1, person 2"),
        (" one person & near( dog) after( dog & stops)", "person 1"), (" one earliest 1( * & leaves)", "bicycle 1"),
        (" one brief 1( people)", "person 2"), (" count people", "2"), (" count people & moves", "0"),
        (" times dog & stops", "1"), (" exists dog & stops", "yes"), (" exists dog & leaves", "no"),
        (" denied people & moves", "yes"), (" least 2 people", "yes"), (" what all crosses( right)", "bicycle"),
        (" where one dog & enters", "centre"), (" way dog & enters", "right"), (" way dog & moves", "left"),
        (" way dog & stops", "unknown"), (" where one first 1( people)", "left"), (" when dog & leaves", "never"),
        (" what one earliest 1( doing after( doing( peels the cucumber)))", "cut_tomato"),
        (" what all doing after( doing( peels the cucumber))", "cut_tomato, add_oil"),
        (" when doing( cutting the tomato)", "0:02 to 0:05"), (" long doing( cutting the tomato)", "3.0 seconds"),
        (" exists doing( adds oil) before( doing( cut the tomato))", "no"),
        (" one doing after( doing( peels the cucumber))", "cut_tomato from 0:02 to 0:05"),
        (" one bicycle & leaves while( doing( add oil))", "bicycle 1"),
        # Another reading is taken where nothing fits the first, but a "no" is an answer.
        (" one dog & leaves / one dog & stops", "dog 1"), (" exists dog & leaves / exists dog & stops", "no"),
    ],
)  # fmt: skip
def test_answers(park: VideoScene, sentence: str, text: str) -> None:
    assert asked(sentence, park).text == text


def test_when_gives_intervals_and_how_long_their_seconds(park: VideoScene) -> None:
    when, long = asked(" when dog & moves", park), asked(" long dog & moves", park)
    assert isinstance(when.value, tuple) and len(when.value) == 1
    assert when.value[0] == pytest.approx((1.5, 5), abs=0.6)
    assert long.value == pytest.approx(when.value[0][1] - when.value[0][0])
    assert when.tracks == long.tracks == (1,)
    people = asked(" when people", park)
    assert people.value == ((0.0, 7.96),) and people.tracks == (2, 3)
    assert repr(asked(" count people", park)) == "VideoAnswer('what is meant', 'count', tracks=[2, 3], value=2)"


def test_each_track_has_its_events_with_key_frames(park: VideoScene) -> None:
    answer = asked(" one dog & enters( right)", park)
    (reason,) = answer.justification
    (event,) = reason.events
    assert reason.words.startswith("dog 1 enters by the right from 0:01.4 to 0:0")
    told = json.loads(json.dumps(answer.to_dict()))
    frames = told["justification"][0]["events"][0]["key_frames"]
    assert frames[0] == {"frame": event.start_frame, "time": event.start} and len(frames) == 3
    assert told["tracks"][0]["id"] == 1 and told["value"] is None
    (reason,) = asked(" one bicycle & below( dog)", park).justification
    assert {event.kind for event in reason.events} == {"below"} and "bicycle 1 is below dog 1 from" in reason.words


@pytest.mark.parametrize(
    ("sentence", "given", "note"),
    [
        # Of several that fit one is taken.
        (" one person", (2,), "2 things fit; the one that is seen longest was taken."),
        (" what one doing", "peel_cucumber", "3 things fit; the one that comes first was taken."),
        # Times are taken loosely where nothing fits them strictly: he is there before, the dog is near him already.
        (" one first 1( people) & appears while( dog & stops)", (2,),
         'Nothing fits "during" strictly, so it was taken loosely.'),
        (" one first 1( people) & near( dog) after( dog & stops)", (2,),
         'Nothing fits "after" strictly, so it was taken loosely.'),
        # A word narrower than its class is not asserted.
        (" exists bride", None, "There are 2 people; whether any of them is a bride I can't tell."),
        (" one bride & near( dog) after( dog & stops)", (2,), "I can't tell whether it is a bride."),
        (" count dog & near( bride)", 1, "Any person was taken for a bride, since I can't tell which is one."),
        # What there is but does not fit is told.
        (" one dog & leaves", (), "There is a dog, but what else is asked of it does not fit."),
        (" when dog & leaves", (), "There is a dog, but what else is asked of it does not fit."),
        (" one dog & near( cat)", (), "No cat was found."),
    ],
)  # fmt: skip
def test_notes_tell_what_else_there_is_to_know(park: VideoScene, sentence: str, given: object, note: str) -> None:
    answer = asked(sentence, park)
    assert given in (answer.tracks, answer.value) and note in answer.notes
    assert sum("I can't tell" in one for one in answer.notes) == ("I can't tell" in note)


def test_kinds_of_events_have_wider_senses_as_relations_have() -> None:
    (reading,) = readings(" one cup & on( table) before( dog & stops)")
    wider = [str(query) for query, _ in loosened(reading.sentence.things)]
    assert any('~kind("inside") | ~kind("overlapping")' in query for query in wider)
    assert not any('~kind("stops") |' in query for query in wider)


@pytest.mark.parametrize("text", ["how many dogs are there right now?", "Who is currently near the bus?"])
def test_an_expression_about_one_frame_is_refused_with_what_can_be_asked(text: str) -> None:
    with pytest.raises(InstructionError, match=r"one frame.*leaves before the bus stops.*as an image"):
        video_readings(text, MATCHER)
    assert VIDEO.example == '"the red car that leaves before the bus stops"'
    (reading,) = readings(" one car & red & leaves before( bus & stops)")
    assert reading.sentence.question == "find"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (3.04, "0:03"), (65.42, "1:05.4"), (3725, "1:02:05")])
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("the dog that comes in from the right", "dog 1"),
        ("when does the dog stop?", "0:05"),
        ("what does she do after she peels the cucumber?", "cut_tomato"),
        ("how often does the dog stop?", "1"),
        ("how long does she cut the tomato?", "3.0 seconds"),
    ],
)
def test_the_model_reads_these(park: VideoScene, text: str, answer: str) -> None:
    assert answer_read(text, video_readings(text, MATCHER, actions=park.actions), park).text.startswith(answer)


def names(scene: VideoScene, query: str) -> list[str]:
    return sorted(scene.objects[place].name for place in scene.members(scene.answer(query)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('~kind("object")', "bus 1, car 1, dog 1, person 1, person 2, suitcase 1"),
        ('~class("person")', "person 1, person 2"), ('~supercategory("vehicle") & ~colour("red")', "car 1"),
        ('~class("car") & ~overtakes(~class("bus"))', "car 1"),
        ('~class("person") & ~carries(~class("suitcase"))', "person 1"), ('carries(~class("person"))', "suitcase 1"),
        ('~class("dog") & of(~kind("enters") & ~side("right"))', "dog 1"),
        ('~class("dog") & of(~kind("enters") & ~side("left"))', ""),
        ('~class("car") & of(~kind("leaves") & ~before(~kind("enters") & ~of(~class("dog"))))', "car 1"),
        ('~class("dog") & of(~kind("enters") & before(~kind("overtakes")))', "dog 1"),
        ('~class("dog") & of(~kind("stops") & ~before(~kind("overtakes")))', ""),
        ('of(~kind("enters") & ~during(~kind("moves") & ~of(~class("bus"))))', "dog 1"),
        ('~class("person") & of(~kind("appears") & ~before(~kind("enters")))', "person 1, person 2"),
        ('of(~kind("appears") & before(~kind("appears") & ~of(~class("bus"))))', "dog 1, person 2"),
        ('~class("bus") & of(~kind("moves") & before(~kind("enters")))', ""),
        ('~class("bus") & of(~kind("moves") & begins_before_end(~kind("enters")))', "bus 1"),
        ('of(~kind("stops") & ~shares_time(~kind("leaves") & ~of(~class("car"))))', ""),
        ('top(1, speed, ~kind("object"))', "car 1"), ('bottom(1, duration, ~class("person"))', "person 2"),
        ('bottom(1, "distance to ~class(\\"suitcase\\")", ~class("person"))', "person 1"),
        ('~class("person") & ~position("right half")', "person 2"),
        ('~class("suitcase") & ~size("small")', "suitcase 1"), ('~class("person") & !of(~kind("moves"))', "person 2"),
        ('~class("zebra")', ""), ('~class("zebra") | ~class("dog")', "dog 1"),
    ],
)  # fmt: skip
def test_tracks(street: VideoScene, query: str, expected: str) -> None:
    assert ", ".join(names(street, query)) == expected


def test_events_are_entities_too_and_tell_the_evidence_with_their_intervals(street: VideoScene) -> None:
    answer = street.answer('~kind("stops") & ~of(~class("dog"))')
    (event,) = street.events_in(answer)
    assert (event.kind, event.of) == ("stops", 3) and event.start == pytest.approx(7, abs=0.5)
    assert street.members(answer) == [] and street.answer('count(~kind("enters"))').value == 1
    (first,) = street.events_in(street.answer('bottom(1, start, ~kind("leaves"))'))
    assert first.of == 1
    events, facts = street.told_by(street.answer('~class("car") & ~overtakes(~class("bus"))').evidence)
    assert [(event.kind, event.of, event.with_) for event in events] == [("overtakes", 1, 2)]
    assert sorted(facts) == [("bus 1", "class", "bus"), ("car 1", "class", "car")]


def test_a_question_of_time_that_videos_do_not_offer_is_refused(street: VideoScene) -> None:
    with pytest.raises(QueryError, match="all of several events at once"):
        street.answer('every(~before, ~kind("leaves"))')
    with pytest.raises(SkylarkError, match="zzz"):
        street.answer('~class("zzz")')
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


def test_flickers_of_the_detector_are_no_tracks_and_what_is_seen_twice_is_one() -> None:
    scene = VideoScene.from_tracks(tracks_of(("dog", still(320, 240)), ("cat", still(100, 100, after=2, until=2.2))))
    assert [item.name for item in scene.objects] == ["dog 1"]
    assert scene.notes == ("One track is left out that lasts less than 0.3 seconds.",)
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
def test_relations_of_time_give_one_pair_for_each_event_that_has_any(relation: str) -> None:
    rng = np.random.default_rng(0)
    spans = np.sort(rng.integers(0, 30, (60, 2)), axis=1).astype(float)
    members = rng.choice(60, 12, replace=False)
    holds = TIMES[relation]
    for inverse in (True, False):
        pairs = {(int(i), int(j)) for i, j in nearest_in_time(relation, spans, members, inverse=inverse)}
        for event in range(60):
            ways = [(event, int(other)) if inverse else (int(other), event) for other in members if other != event]
            true = {(i, j) for i, j in ways if holds(spans[i], spans[j])}
            assert len(pairs & true) == min(len(true), 1)
        assert all(holds(spans[i], spans[j]) and i != j for i, j in pairs)
