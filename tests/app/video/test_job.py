"""The work at one video: what it leaves, how it is stopped, which bounds end it, and what it says of them."""

import itertools
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import av
import numpy as np
import pytest

from app.image.looking import MAX_INSTRUCTION
from app.server.serving import FILE_BYTES, VIDEO_SECONDS
from app.tasks import WaitingLine
from app.video import job as work
from app.video.job import (
    BOUNDS,
    DRAWN_SIDE,
    FILES,
    VideoJob,
    as_drawn,
    checked_words,
    drawn_size,
    looks_every,
    seconds_of,
    sent_video,
)
from skylark.errors import SkylarkError
from tests.app.test_views import Page
from tests.vision.coloured_pictures import COLOURS, ColourDetector
from tests.vision.video.made_tracks import readings
from tests.vision.video.made_videos import encoded, moving_video
from vision import Detections, Task, Vision
from vision.detectors.detector import Found, Request
from vision.errors import VideoError
from vision.images import LoadedImage
from vision.task import Target
from vision.video.files import read_mot
from vision.video.frames import open_frames
from vision.video.tracks import Frame, TrackedFrame
from vision.video.watching import VideoTask

SIZE = (160, 120)
EVERY_CAT = VideoTask(Task("every cat", targets=(Target("cat", ("cat",)),)))


def asks(sentence: str, *names: str) -> VideoTask:
    """What a question was read as, written as the model writes it."""
    task = Task("x", "count", targets=tuple(Target(name, (name,)) for name in names))
    return VideoTask(task, "what is asked", readings(sentence))


def walking(frame: int) -> np.ndarray[Any, Any]:
    """A cat that comes in from the left and goes out to the right, and a dog that lies there."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    left = 8 * frame - 40
    pixels[20:60, max(left, 0) : max(left + 40, 0)] = COLOURS["cat"]
    pixels[80:110, 60:100] = COLOURS["dog"]
    return pixels


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "a walk.mp4"
    return encoded(path, map(walking, range(36)), SIZE, 12, options={"crf": "1"})


@pytest.fixture
def began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., VideoJob]:
    def begin(
        path: Path, reading: VideoTask = EVERY_CAT, detector: ColourDetector | None = None, wait: bool = True
    ) -> VideoJob:
        monkeypatch.setattr(Vision, "read_for_video", lambda *_: reading)
        folder = Path(mkdtemp(dir=tmp_path))
        vision = Vision(detector or ColourDetector())
        job = VideoJob(folder, path, "as it is read", 0.02, lambda: vision)
        job.start(WaitingLine())
        if wait:
            job.join(60)
        return job

    return begin


def frames_in(path: Path | None) -> int:
    assert path is not None
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def told(job: VideoJob) -> str:
    assert job.shown is not None, job.error
    return Page(job.shown.answer).text


def test_what_is_listed_is_followed_drawn_and_written(began: Callable[..., VideoJob], video: Path) -> None:
    job = began(video)
    assert (job.state, job.error, told(job).strip()) == ("done", None, "1 cat")
    assert {path.name for path in job.files} == {*FILES} - {"answer.json"}
    assert frames_in(job.annotated) == 36
    assert set(read_mot(job.folder / "tracks.txt", "results").ids.tolist()) == {1}
    assert json.loads((job.folder / "coco.json").read_text())["videos"][0]["name"] == "a walk.mp4"
    assert job.progress.picture.startswith("data:image/jpeg;base64,")
    assert job.progress.seconds == pytest.approx(35 / 12)


def test_a_question_is_answered_and_the_video_shows_what_is_meant(
    began: Callable[..., VideoJob], video: Path, tmp_path: Path
) -> None:
    job = began(video, asks(" when cat & leaves", "cat", "dog"))
    assert job.state == "done", job.error
    [(start, end)] = json.loads((job.folder / "answer.json").read_text())["value"]
    assert 1 < start < end < 2.2 and told(job).strip().startswith("From 0:0")
    with av.open(str(job.annotated)) as container:
        drawn = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(drawn) == 36
    assert np.abs(drawn[20][80:110, 60:100].astype(int) - COLOURS["dog"]).max() < 60, "the dog is not drawn on"
    for place in (str(tmp_path), str(video.parent)):
        assert not [path.name for path in job.files if place.encode() in path.read_bytes()]
    job = began(video, VideoTask(Task("every car", targets=(Target("car", ("car",)),))))
    assert (job.state, told(job).strip()) == ("done", "Nothing found")
    assert frames_in(job.annotated) == 36


class Waiting(ColourDetector):
    """Looks at so many frames, then waits until it may go on."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.left, self.reached, self.go_on = frames, threading.Event(), threading.Event()

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.left -= len(images)
        if self.left <= 0:
            self.reached.set()
            assert self.go_on.wait(60)
        return super().detect(images, request)


@pytest.mark.parametrize("frames", [18, 1])
def test_stop_ends_the_work_and_shows_what_was_seen(began: Callable[..., VideoJob], video: Path, frames: int) -> None:
    detector = Waiting(frames)
    job = began(video, detector=detector, wait=False)
    assert detector.reached.wait(60)
    job.stop()
    assert job.stopping
    detector.go_on.set()
    job.join(60)
    assert (job.state, job.error) == ("stopped", None)
    if frames == 1:
        assert (job.shown, job.annotated) == (None, None)
    else:
        assert 0 < frames_in(job.annotated) < 36 and told(job).strip() == "1 cat"


def test_of_a_long_video_the_beginning_is_looked_at_and_when_the_time_is_over_that_is_said(
    began: Callable[..., VideoJob], video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(tmp_path / "long.mp4", [walking(9)] * (VIDEO_SECONDS + 9), SIZE, 1, options={"crf": "1"})
    job = began(path)
    assert f"Only the first {VIDEO_SECONDS} seconds were looked at" in told(job)
    assert frames_in(job.annotated) == VIDEO_SECONDS
    monkeypatch.setattr(work, "WATCH_SECONDS", 0.0)
    monkeypatch.setattr(work, "looks_every", lambda *_: 2)
    job = began(video)
    assert job.state == "done", job.error
    assert "was over after 0.1 seconds" in told(job) and "looked at one of 2 frames" in told(job)


def test_what_is_no_video_or_cut_off_is_told_without_its_path(began: Callable[..., VideoJob], tmp_path: Path) -> None:
    for name, content, error in (
        ("text.mp4", b"a text, and no video", "text.mp4 is no video that can be read"),
        ("empty.mp4", b"", "empty.mp4 is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "is one image"),
    ):
        (tmp_path / name).write_bytes(content)
        job = began(tmp_path / name)
        assert job.state == "failed" and job.shown is None
        assert error in str(job.error) and str(tmp_path) not in str(job.error)
    whole = encoded(
        tmp_path / "whole.mp4", map(walking, range(36)), SIZE, 12, options={"crf": "1"},
        container_options={"movflags": "faststart"},
    )  # fmt: skip
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    job = began(cut)
    assert job.state == "done", job.error
    assert "cut.mp4 is cut off or broken" in told(job) and str(tmp_path) not in told(job)


def test_only_a_video_that_was_sent_and_is_still_there_is_read(uploads: Path) -> None:
    (uploads.parent / "x.mp4").write_bytes(b"somebody else's")
    for given, told in (
        (None, "no video yet"), ({"path": None}, "no video yet"), (7, "no video yet"),
        ({"path": f"{uploads}/../x.mp4"}, "not sent to this page"),
        ({"path": f"file://{uploads}"}, "not sent to this page"), ({"path": f"{uploads}/x.mp4"}, "no longer here"),
    ):  # fmt: skip
        with pytest.raises(SkylarkError, match=told):
            sent_video(given)
    for words, told in ((" ", "no instruction yet"), ("x" * (MAX_INSTRUCTION + 1), "at most")):
        with pytest.raises(SkylarkError, match=told):
            checked_words(words)


def test_a_frame_of_too_many_pixels_and_a_file_of_too_many_bytes_are_refused(tmp_path: Path) -> None:
    path = encoded(tmp_path / "large.mp4", [np.zeros((2304, 4096, 3), np.uint8)], (4096, 2304))
    with pytest.raises(VideoError, match="4,096 x 2,304"):
        open_frames(path, limits=BOUNDS)
    with path.open("wb") as file:
        file.truncate(FILE_BYTES + 1)
    with pytest.raises(VideoError, match="bytes"):
        open_frames(path, limits=BOUNDS)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is some seconds longer than what is looked at, at two frames a second."""
    boxes = [[(0, 0, 20, 20)]] * (2 * VIDEO_SECONDS + 8)
    return moving_video(tmp_path_factory.mktemp("long") / "minute.mp4", boxes, (64, 48), rate=2)


@pytest.mark.parametrize(("seconds", "every"), [(0.74, 1), (0.76, 2), (3.1, 5)])
def test_a_slow_detector_looks_at_fewer_frames(
    minute: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, every: int
) -> None:
    clock = itertools.count(step=seconds)  # a look begins and ends with one reading each
    monkeypatch.setattr("app.video.job.time.perf_counter", lambda: next(clock))
    vision = Vision(ColourDetector())
    monkeypatch.setattr(vision, "detect", lambda *_, **__: None)
    with open_frames(minute, limits=BOUNDS) as frames:
        assert seconds_of(frames) == VIDEO_SECONDS
        assert looks_every(frames, vision, Task("every cat")) == every, "120 frames in 90 seconds"
        assert len(list(frames)) == 2 * VIDEO_SECONDS + 8, "the frames are read from the first one all the same"


def test_large_frames_are_drawn_smaller_with_what_is_in_them() -> None:
    drawn = {(640, 360): (640, 360), (3840, 2160): (1280, 720), (1080, 1920): (720, 1280)}
    assert {size: drawn_size(size) for size in drawn} == drawn
    image = LoadedImage(np.zeros((4 * DRAWN_SIDE // 2, 4 * DRAWN_SIDE, 3), np.uint8), "frame 3")
    ring = np.array([[40, 20], [80, 20], [80, 60]], np.float32)
    there = Detections(image.size, np.array([[40, 20, 80, 60]], np.float32), ("dog",), polygons=((ring,),))
    small = as_drawn(TrackedFrame(Frame(3, 0.1, image), there))
    assert small.frame.image.size == small.detections.image_size == (DRAWN_SIDE, DRAWN_SIDE // 2)
    assert small.detections.xyxy.tolist() == [[10, 5, 20, 15]]
    assert small.detections.polygons is not None
    assert small.detections.polygons[0][0].tolist() == [[10, 5], [20, 5], [20, 15]]
