"""A video that is asked about, and one in which the tracks that an expression means are followed; no model reads."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from tests.vision.coloured_pictures import COLOURS, ColourDetector, Object, picture
from tests.vision.video.made_tracks import readings
from vision import Vision
from vision.detections.detections import Detections
from vision.errors import InstructionError, VideoError
from vision.images import LoadedImage
from vision.task import Task
from vision.video.actions.features import Segment
from vision.video.frames import FrameReader, open_frames
from vision.video.tracks import Frame, TrackColours, TrackedFrame

SIZE = (192, 128)
COUNT = 60
RATE = 30.0

SENTENCES = {
    "the cat that leaves": " one cat & leaves",
    "the dog": " one dog",
    "how many things move?": " count * & moves",
    "when does the cat leave?": " when cat & leaves",
    "what comes after the first step?": " what one earliest 1( doing after( doing( first step)))",
}


def objects(frame: int) -> list[Object]:
    """A cat that walks out to the right and one that lies there, and a dog that lies there too."""
    there: list[Object] = [("cat", (8, 88, 28, 28)), ("dog", (80, 8, 30, 30))]
    x = 60 + 4 * frame
    if x < SIZE[0] - 4:
        there.append(("cat", (x, 50, min(30, SIZE[0] - x), 24)))
    return there


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames")
    for frame in range(COUNT):
        picture(objects(frame), SIZE).save(path / f"{frame:03}.png")
    return path


@pytest.fixture
def vision(monkeypatch: pytest.MonkeyPatch) -> Vision:
    monkeypatch.setattr(
        "vision.vision.video_readings",
        lambda text, matcher, adapter, actions=(): readings(SENTENCES[text], actions),
    )
    return Vision(ColourDetector())


def test_a_video_is_asked_about(vision: Vision, folder: Path) -> None:
    answer = vision.watch(folder, "the cat that leaves")
    (track_id,) = answer.tracks
    track = answer.scene.tracks.by_id[track_id]
    assert track.class_name == "cat" and track.colours[0] == "red" and track.end < 1.3
    assert f"{answer.scene.name_of(track_id)} leaves by the right from 0:00." in answer.justification[0].words
    assert vision.watch(folder, "how many things move?").value == 1
    when = vision.watch(folder, "when does the cat leave?").value
    assert isinstance(when, tuple)
    ((start, end),) = when
    assert 0.5 < start < end < 1.3


def test_open_frames_are_left_open(vision: Vision, folder: Path) -> None:
    with open_frames(folder) as frames:
        assert vision.watch(frames, "the dog").text == vision.watch(frames, "the dog").text == "dog 1"


def test_it_may_speak_of_the_actions_that_a_video_was_divided_into(vision: Vision, folder: Path) -> None:
    segments = [Segment("first_step", 0, 1), Segment("second_step", 1, 2)]
    answer = vision.watch(folder, "what comes after the first step?", actions=segments)
    assert answer.value == "second_step" and answer.tracks == ()


def test_the_tracks_that_an_expression_means_are_followed_alone(vision: Vision, folder: Path) -> None:
    answer = vision.watch(folder, "the cat that leaves")
    task = Task("track the cat that leaves", "ground", expression="the cat that leaves")
    frames = list(vision.track(folder, task))
    assert [frame.index for frame in frames] == list(range(COUNT))
    track = answer.scene.tracks.by_id[answer.tracks[0]]
    seen = [frame for frame in frames if len(frame.detections)]
    assert [frame.index for frame in seen] == track.frames.tolist()
    for frame, box, score in zip(seen, track.xyxy, track.scores, strict=True):  # type: ignore[arg-type]
        assert frame.detections.track_ids is not None and frame.detections.scores is not None
        assert frame.detections.track_ids.tolist() == [track.id]
        assert frame.detections.class_names == ("cat",)
        np.testing.assert_array_equal(frame.detections.xyxy[0], box)
        assert frame.detections.scores[0] == score
        assert isinstance(frame.detections.source, LoadedImage) and frame.frame.image.size == SIZE


class Live:
    """A camera that shows a grey wall."""

    name, size, rate, live = "the camera", SIZE, 10.0, True
    count: int | None = None

    def __init__(self) -> None:
        self.notes: list[str] = []

    def frames(self) -> Generator[Frame]:
        yield Frame(0, 0.0, LoadedImage(np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)))

    def close(self) -> None:
        pass


def test_what_has_no_end_cannot_be_asked_about_whole_tracks(vision: Vision) -> None:
    live = FrameReader(Live())
    with pytest.raises(VideoError, match=r"the camera is live and has no end.*record it to a file first"):
        vision.watch(live, "the dog")
    with pytest.raises(VideoError, match="live and has no end"):
        next(vision.track(live, Task("the dog", "ground", expression="the dog")))


def test_what_cannot_be_read_is_refused_before_a_frame_is_read() -> None:
    with pytest.raises(InstructionError, match="one frame"):
        Vision(ColourDetector()).watch("no such file.mp4", "the third cat from the left now")


def test_a_tracks_colour_is_what_most_of_its_frames_show() -> None:
    colours = TrackColours()
    for index in range(30):
        shown = "dog" if index in (0, 9) else "cat"  # in two frames something green is in front of it
        pixels = np.full((64, 96, 3), 128, np.uint8)
        pixels[10:50, 20:70] = COLOURS[shown]
        found = Detections((96, 64), np.array([[20, 10, 70, 50]], np.float32), ("cat",), track_ids=np.array([7]))
        colours.add(TrackedFrame(Frame(index, index / 30, LoadedImage(pixels)), found))
    assert colours.of(7)[0] == "red"
    assert colours.of(8) == ()
