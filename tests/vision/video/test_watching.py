"""A video that is asked about, by words that a model would have read, and the record of what was seen in it."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from skylark.errors import DataError, ResultsError
from tests.vision.coloured_pictures import COLOURS, ColourDetector, Object, picture
from tests.vision.video.coloured_frames import MadeSource
from tests.vision.video.made_tracks import MATCHER, readings
from vision import Task, Vision
from vision.detections.detections import Detections
from vision.errors import EvaluationError, InstructionError, VideoError
from vision.images import LoadedImage
from vision.parsing import read_instruction
from vision.parsing.expression_reader import ExpressionReading
from vision.task import Limit, Target
from vision.video.actions.features import Segment
from vision.video.frames import FrameReader, open_frames
from vision.video.tracks import Frame, TrackColours, TrackedFrame
from vision.video.watching import (
    RecordedFrame,
    TrackLines,
    VideoTask,
    frame_line,
    read_video_task,
    recorded_frames,
    recorded_size,
)

CATS = (Target("cat", ("cat",)),)
SENTENCES = {
    "the cat that leaves": " one cat & leaves",
    "the dog": " one dog",
    "how many things move?": " count * & moves",
    "what comes after the first step?": " what one earliest 1( doing after( doing( first step)))",
    "every cat": " all cat",
    "the largest cat": " largest 1( cat)",
    "how many cats are there?": " count cat",
    "every cat that leaves": " all cat & leaves",
    "when does the cat leave?": " when cat & leaves",
    "every cat from the left": " all cat & enters( left)",
    "cat near the dog": " one cat & near( dog)",
    "cat": " one cat",
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's readings of expressions about videos are given."""

    def read_of(text: str, _: object, __: object, actions: Sequence[str] = ()) -> Sequence[ExpressionReading]:
        if text not in SENTENCES:
            raise InstructionError(f'it is not clear what "{text}" means')
        return readings(SENTENCES[text], actions)

    for module in ("vision.vision", "vision.video.watching"):
        monkeypatch.setattr(f"{module}.video_readings", read_of)


SCREEN = (192, 128)
COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cat that walks out to the right and one that lies there, and a dog that lies there too."""
    path = tmp_path_factory.mktemp("frames")
    for frame, x in enumerate(range(60, 60 + 4 * COUNT, 4)):
        there: list[Object] = [("cat", (8, 88, 28, 28)), ("dog", (80, 8, 30, 30))]
        if x < SCREEN[0] - 4:
            there.append(("cat", (x, 50, min(30, SCREEN[0] - x), 24)))
        picture(there, SCREEN).save(path / f"{frame:03}.png")
    return path


class TestAsking:
    @pytest.fixture
    def vision(self, read: None) -> Vision:
        return Vision(ColourDetector())

    def test_a_video_is_asked_about_or_the_tracks_that_are_meant_are_followed_alone(
        self, vision: Vision, folder: Path
    ) -> None:
        answer = vision.watch(folder, "the cat that leaves")
        (track_id,) = answer.tracks
        track = answer.scene.tracks.by_id[track_id]
        assert track.class_name == "cat" and track.colours[0] == "red" and track.end < 1.3
        assert f"{answer.scene.name_of(track_id)} leaves by the right from 0:00." in answer.justification[0].words
        task = Task("track the cat that leaves", "ground", expression="the cat that leaves")
        frames = list(vision.track(folder, task))
        assert [frame.index for frame in frames] == list(range(COUNT))
        seen = [frame for frame in frames if len(frame.detections)]
        assert [frame.index for frame in seen] == track.frames.tolist()
        for frame, box, score in zip(seen, track.xyxy, track.scores, strict=True):  # type: ignore[arg-type]
            (one,) = frame.detections
            assert (one.track_id, one.class_name, one.score) == (track.id, "cat", score)
            np.testing.assert_array_equal(one.xyxy, box)
            assert isinstance(frame.detections.source, LoadedImage) and frame.frame.image.size == SCREEN

    def test_open_frames_are_left_open_and_actions_may_be_spoken_of(self, vision: Vision, folder: Path) -> None:
        with open_frames(folder) as frames:
            assert vision.watch(frames, "the dog").text == "dog 1"
            assert vision.watch(frames, "how many things move?").value == 1
            when = vision.watch(frames, "when does the cat leave?").value
            assert isinstance(when, tuple)
            ((start, end),) = when
            assert 0.5 < start < end < 1.3
            segments = [Segment("first_step", 0, 1), Segment("second_step", 1, 2)]
            answer = vision.watch(frames, "what comes after the first step?", actions=segments)
            assert answer.value == "second_step" and answer.tracks == ()

    def test_what_has_no_end_and_what_cannot_be_read_are_refused(self, vision: Vision) -> None:
        live = FrameReader(MadeSource([[]], live=True))
        with pytest.raises(VideoError, match=r"made is live and has no end.*record it to a file first"):
            vision.watch(live, "the dog")
        with pytest.raises(VideoError, match="live and has no end"):
            next(vision.track(live, Task("the dog", "ground", expression="the dog")))

    def test_what_cannot_be_read_is_refused_before_a_frame_is_read(self) -> None:
        with pytest.raises(InstructionError, match="one frame"):
            Vision(ColourDetector()).watch("no such file.mp4", "the third cat from the left now")


def test_a_tracks_colour_is_what_most_of_its_frames_show() -> None:
    colours = TrackColours()
    for index in range(30):
        pixels = np.full((64, 96, 3), 128, np.uint8)
        # In two frames something green is in front of it.
        pixels[10:50, 20:70] = COLOURS["dog" if index in (0, 9) else "cat"]
        found = Detections((96, 64), np.array([[20, 10, 70, 50]], np.float32), ("cat",), track_ids=np.array([7]))
        colours.add(TrackedFrame(Frame(index, index / 30, LoadedImage(pixels)), found))
    assert colours.of(7)[0] == "red" and colours.of(8) == ()


@pytest.mark.usefixtures("read")
class TestInstructions:
    def asked(self, text: str, **task: object) -> VideoTask:
        """The instruction, read for an image as `task` says."""
        return read_video_task(text, Task(text, **task), MATCHER)  # type: ignore[arg-type]

    def test_things_are_followed_as_they_are_read_for_an_image(self) -> None:
        assert self.asked("every cat", targets=CATS).task == Task("every cat", targets=CATS)
        ranked = self.asked("the largest cat", targets=CATS, limit=Limit(1))
        assert ranked.task.limit == Limit(1) and not ranked.of_tracks and not ranked.text
        # A part that nothing is made of leaves the rest to be followed.
        music = self.asked("every cat to some music", targets=CATS, unread=("to some music",)).task
        assert music.targets == CATS and music.unread == ("to some music",)

    def test_a_class_alone_needs_no_end_of_the_video(self) -> None:
        alone = self.asked("follow the cat", kind="ground", targets=None, expression="cat")
        assert not alone.of_tracks and [target.classes for target in alone.task.targets or ()] == [("cat",)]
        counted = self.asked("how many cats are there?", kind="count", targets=CATS)
        assert not counted.of_tracks and counted.text and counted.task.targets == CATS

    @pytest.mark.parametrize(
        ("text", "task"),
        [
            ("every cat that leaves", {"targets": CATS}),  # what leaves is passed over in an image
            ("every cat from the left", {"targets": CATS, "unread": ("from the left",)}),
            ("find the cat near the dog", {"kind": "ground", "targets": None, "expression": "cat near the dog"}),
            ("when does the cat leave?", {"targets": (), "understood": False}),
        ],
    )
    def test_what_happens_is_said_of_whole_tracks(self, text: str, task: dict[str, object]) -> None:
        read = self.asked(text, **task)
        assert read.of_tracks and read.readings and read.text == task.get("expression", text)
        assert ("cat",) in [target.classes for target in read.task.targets or ()]

    def test_what_is_clear_to_neither_reader_and_one_frame_are_refused(self) -> None:
        with pytest.raises(InstructionError, match="not clear"):
            self.asked("hello there", targets=(), understood=False)
        with pytest.raises(InstructionError, match='"now" asks about one frame'):
            self.asked("the third car from the left now", targets=CATS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "of_tracks"),
    [
        ("every car", False), ("the two largest dogs", False), ("every dog that enters from the left", True),
        ("how many cars cross from left to right?", True),
    ],
)  # fmt: skip
def test_the_models_read_these(text: str, of_tracks: bool) -> None:
    assert read_video_task(text, read_instruction(text, MATCHER), MATCHER).of_tracks is of_tracks


SIZE = (96, 64)
SETTINGS = {"video": "street.mp4", "size": list(SIZE)}


def detections(count: int, ids: bool, scores: bool = True, outlines: bool = False, note: str = "") -> Detections:
    """Boxes at random places, the same for the same count."""
    random = np.random.default_rng(count)
    corners = np.sort(random.uniform(0, 64, (count, 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
    rings = tuple((np.array([box[:2], box[2:], [box[0], box[3]]], np.float32),) for box in corners)
    sure = random.uniform(0, 1, count).astype(np.float32)
    return Detections(
        SIZE, corners, ("dog", "cat", "dog")[:count], sure if scores else None,
        classes=("dog", "cat"), model_classes=("dog", "cat", "wolf")[:count], polygons=rings if outlines else None,
        polygon_source="model" if outlines else None, track_ids=np.arange(count) + 5 if ids else None,
        notes=(note,) if note else (),
    )  # fmt: skip


def tracked(index: int, tracks: Detections, seen: Detections | None, name: str = "street.mp4, frame") -> TrackedFrame:
    image = LoadedImage(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), name)
    return TrackedFrame(Frame(index, index / 25, image), tracks, seen is not None, seen)


FRAMES = [
    tracked(0, detections(2, True, note="The first."), detections(3, False)),
    tracked(1, detections(2, True), None),
    tracked(2, detections(0, True), detections(0, False)),
    tracked(4, detections(3, True), detections(3, False), "img1/000005.jpg"),
]


def written(path: Path, frames: Sequence[TrackedFrame] = FRAMES, end: bool = True) -> Path:
    with TrackLines(path, SETTINGS) as record:
        for frame in frames:
            record.add(frame)
        if end:
            record.end()
    return path


def same(found: RecordedFrame, frame: TrackedFrame) -> bool:
    expected = (frame.index, frame.time, frame.detections, frame.seen)
    return (found.index, found.time, found.tracks, found.seen) == expected


class TestRecords:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "tracks.jsonl"

    @pytest.mark.parametrize(("scores", "outlines"), [(True, False), (False, True)])
    def test_are_read_back_to_the_last_bit(self, path: Path, scores: bool, outlines: bool) -> None:
        frames = [tracked(number, detections(3, True, scores, outlines), detections(3, False, scores, outlines))
                  for number in range(2)]  # fmt: skip
        found = list(recorded_frames(written(path, frames)))
        assert len(found) == 2 and all(map(same, found, frames))

    def test_have_frames_of_all_kinds_and_say_a_note_once(self, path: Path) -> None:
        assert recorded_size(path) is None
        found = list(recorded_frames(written(path)))
        assert len(found) == 4 and all(map(same, found, FRAMES)) and recorded_size(path) == SIZE
        assert [frame.image for frame in found] == ["", "", "", "000005.jpg"]
        path.unlink()
        frames = [tracked(number, detections(1, True, note="Again."), None) for number in range(3)]
        lines = written(path, frames).read_text().splitlines()[1:]
        assert [json.loads(line).get("notes") for line in lines] == [["Again."], None, None, None]
        line = frame_line(FRAMES[0], seen=False)
        assert set(line) == {"index", "time", "objects"} and set(line["objects"][0]) == {
            "class_name", "model_class", "xyxy", "score", "track_id",
        }  # fmt: skip

    @pytest.mark.parametrize("cut", [0, 9])
    def test_that_are_open_are_added_to_after_what_a_kill_left_of_a_line(self, path: Path, cut: int) -> None:
        written(path, FRAMES[:2], end=False)
        path.write_bytes(path.read_bytes()[: -cut or None])
        kept = 1 if cut else 2
        assert [frame.index for frame in recorded_frames(path)] == [0, 1][:kept]
        with TrackLines(path, SETTINGS) as record:
            assert (record.frames, record.complete) == (kept, False)
            for frame in FRAMES[kept:]:
                record.add(frame)
            record.end()
        assert path.read_bytes() == written(path.with_name("whole.jsonl")).read_bytes()

    def test_that_are_complete_say_so_and_other_settings_are_refused_unless_begun_anew(self, path: Path) -> None:
        with TrackLines(written(path), SETTINGS) as record:
            assert (record.frames, record.complete) == (4, True)
            with pytest.raises(ResultsError, match="written by another run"):
                TrackLines(path, SETTINGS).__enter__()
        other = {**SETTINGS, "video": "road.mp4"}
        with pytest.raises(EvaluationError, match=r'video was "street\.mp4", now "road\.mp4"'), TrackLines(path, other):
            pass
        with TrackLines(path, other, overwrite=True) as record:
            assert (record.frames, record.complete) == (0, False)
        assert len(path.read_text().splitlines()) == 1

    BOX = '{{"index":1,"time":0,"objects":[{{"class_name":"{0}","model_class":"{0}","xyxy":[0,0,{1},5]}}]}}'

    @pytest.mark.parametrize(
        ("number", "line", "said"),
        [
            (1, '{"settings":{}}', "the settings of a run with the size of its frames"),
            (1, "[]", "a line as it was written"), (3, "{}", "the line of a frame"),
            (3, '{"index":', "a line as it was written"),
            (3, '{"index":0,"time":0,"objects":[]}', "a frame after 0, found '0'"),
            (3, '{"index":1,"time":0,"objects":[{"class_name":"dog"}]}', "the line of a frame"),
            (3, BOX.format("cow", 5), "the line of a frame"), (3, BOX.format("dog", 500), "the line of a frame"),
        ],
    )  # fmt: skip
    def test_that_are_damaged_name_the_line(self, path: Path, number: int, line: str, said: str) -> None:
        lines = written(path).read_text().splitlines()
        lines[number - 1] = line
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(DataError, match=f"line {number}: expected {said}"):
            list(recorded_frames(path))
