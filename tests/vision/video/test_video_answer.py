"""What expressions and questions give in a made video, from what the model would have read of them."""

from __future__ import annotations

import json

import pytest

from tests.vision.video.made_tracks import MATCHER, going, readings, still, tracks_of
from vision.errors import InstructionError
from vision.grounding.asking import loosened
from vision.parsing.prompt import VIDEO
from vision.video.actions.features import Segment
from vision.video.answer import VideoAnswer, answer_read, video_readings
from vision.video.events import clock
from vision.video.scene import VideoScene

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


def asked(sentences: str, scene: VideoScene) -> VideoAnswer:
    return answer_read("what is meant", readings(sentences, scene.actions), scene)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (" one dog & enters( right)", "dog 1"),
        (" all people & near( dog)", "person 1, person 2"),
        (" one person & near( dog) after( dog & stops)", "person 1"),
        (" one earliest 1( * & leaves)", "bicycle 1"),
        (" one brief 1( people)", "person 2"),
        (" count people", "2"),
        (" count people & moves", "0"),
        (" times dog & stops", "1"),
        (" exists dog & stops", "yes"),
        (" exists dog & leaves", "no"),
        (" denied people & moves", "yes"),
        (" least 2 people", "yes"),
        (" what all crosses( right)", "bicycle"),
        (" where one dog & enters", "centre"),
        (" way dog & enters", "right"),
        (" way dog & moves", "left"),
        (" way dog & stops", "unknown"),
        (" where one first 1( people)", "left"),
        (" when dog & leaves", "never"),
        (" what one earliest 1( doing after( doing( peels the cucumber)))", "cut_tomato"),
        (" what all doing after( doing( peels the cucumber))", "cut_tomato, add_oil"),
        (" when doing( cutting the tomato)", "0:02 to 0:05"),
        (" long doing( cutting the tomato)", "3.0 seconds"),
        (" exists doing( adds oil) before( doing( cut the tomato))", "no"),
        (" one doing after( doing( peels the cucumber))", "cut_tomato from 0:02 to 0:05"),
        (" one bicycle & leaves while( doing( add oil))", "bicycle 1"),
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


def test_each_track_has_its_events_with_key_frames(park: VideoScene) -> None:
    answer = asked(" one dog & enters( right)", park)
    (reason,) = answer.justification
    (event,) = reason.events
    assert reason.words.startswith("dog 1 enters by the right from 0:01.4 to 0:0")
    told = json.loads(json.dumps(answer.to_dict()))
    frames = told["justification"][0]["events"][0]["key_frames"]
    assert frames[0] == {"frame": event.start_frame, "time": event.start} and len(frames) == 3
    assert told["tracks"][0]["id"] == 1 and told["value"] is None


def test_a_relation_is_justified_by_its_intervals(park: VideoScene) -> None:
    (reason,) = asked(" one bicycle & below( dog)", park).justification
    assert {event.kind for event in reason.events} == {"below"} and "bicycle 1 is below dog 1 from" in reason.words


def test_of_several_that_fit_the_one_that_is_seen_longest_is_taken(park: VideoScene) -> None:
    answer = asked(" one person", park)
    assert answer.tracks == (2,)
    assert "2 things fit; the one that is seen longest was taken." in answer.notes
    done = asked(" what one doing", park)
    assert done.value == "peel_cucumber" and "3 things fit; the one that comes first was taken." in done.notes


def test_another_reading_is_taken_where_nothing_fits_the_first(park: VideoScene) -> None:
    assert asked(" one dog & leaves / one dog & stops", park).tracks == (1,)
    assert asked(" exists dog & leaves / exists dog & stops", park).value is False


@pytest.mark.parametrize(
    ("sentence", "relation"),
    [
        (" one first 1( people) & appears while( dog & stops)", "during"),  # he is there before and longer
        (" one first 1( people) & near( dog) after( dog & stops)", "after"),  # the dog is near him already
    ],
)
def test_times_are_taken_loosely_where_nothing_fits_them_strictly(
    park: VideoScene, sentence: str, relation: str
) -> None:
    answer = asked(sentence, park)
    assert answer.tracks == (2,)
    assert f'Nothing fits "{relation}" strictly, so it was taken loosely.' in answer.notes


def test_kinds_of_events_have_wider_senses_as_relations_have() -> None:
    (reading,) = readings(" one cup & on( table) before( dog & stops)")
    wider = [str(query) for query, _ in loosened(reading.sentence.things)]
    assert any('~kind("inside") | ~kind("overlapping")' in query for query in wider)
    assert not any('~kind("stops") |' in query for query in wider)


def test_a_word_narrower_than_its_class_is_not_asserted(park: VideoScene) -> None:
    for sentence, value, note in (
        (" exists bride", None, "There are 2 people; whether any of them is a bride I can't tell."),
        (" one bride & near( dog) after( dog & stops)", None, "I can't tell whether it is a bride."),
        (" count dog & near( bride)", 1, "Any person was taken for a bride, since I can't tell which is one."),
    ):
        answer = asked(sentence, park)
        assert answer.value == value
        assert [one for one in answer.notes if "I can't tell" in one] == [note]


def test_what_there_is_but_does_not_fit_is_told(park: VideoScene) -> None:
    for sentence in (" one dog & leaves", " when dog & leaves"):
        answer = asked(sentence, park)
        assert answer.text in ("nothing", "never") and not answer.tracks
        assert "There is a dog, but what else is asked of it does not fit." in answer.notes
    assert "No cat was found." in asked(" one dog & near( cat)", park).notes


@pytest.mark.parametrize("text", ["how many dogs are there right now?", "Who is currently near the bus?"])
def test_an_expression_about_one_frame_is_refused_with_what_can_be_asked(text: str) -> None:
    with pytest.raises(InstructionError, match=r"one frame.*leaves before the bus stops.*as an image"):
        video_readings(text, MATCHER)


def test_it_is_short_on_a_line(park: VideoScene) -> None:
    assert repr(asked(" count people", park)) == "VideoAnswer('what is meant', 'count', tracks=[2, 3], value=2)"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (3.04, "0:03"), (65.42, "1:05.4"), (3725, "1:02:05")])
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


READ = {
    "the dog that comes in from the right": "dog 1",
    "when does the dog stop?": "0:05",
    "what does she do after she peels the cucumber?": "cut_tomato",
    "how often does the dog stop?": "1",
    "how long does she cut the tomato?": "3.0 seconds",
}


@pytest.mark.slow
@pytest.mark.parametrize(("text", "answer"), READ.items())
def test_the_model_reads_these(park: VideoScene, text: str, answer: str) -> None:
    assert answer_read(text, video_readings(text, MATCHER, actions=park.actions), park).text.startswith(answer)


def test_the_example_of_an_error_is_one_that_can_be_said() -> None:
    assert VIDEO.example == '"the red car that leaves before the bus stops"'
    (reading,) = readings(" one car & red & leaves before( bus & stops)")
    assert reading.sentence.question == "find"
