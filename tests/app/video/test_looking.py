"""What is looked at of a video and of an instruction: bounds kept before a frame is decoded, and who answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.image.looking import MAX_INSTRUCTION
from app.server.serving import FILE_BYTES, VIDEO_SECONDS
from app.video.job import BOUNDS, DRAWN_SIDE, as_drawn, checked_words, drawn_size, looks_every, seconds_of, sent_video
from skylark.errors import SkylarkError
from tests.vision.coloured_pictures import ColourDetector
from tests.vision.video.made_videos import encoded, moving_video
from vision import Detections, Task, Vision
from vision.errors import VideoError
from vision.images import LoadedImage
from vision.video.frames import open_frames
from vision.video.tracks import Frame, TrackedFrame


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the server gives to what visitors send."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


# What was sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, "", {}, {"path": None}, 7])
def test_no_video_is_told(nothing: Any) -> None:
    with pytest.raises(SkylarkError, match="no video yet"):
        sent_video(nothing)


@pytest.mark.parametrize("form", ["{}", "{}/uploads/../x.mp4", "file://{}"])
def test_only_what_was_sent_to_the_page_is_read(uploads: Path, form: str) -> None:
    (uploads.parent / "x.mp4").write_bytes(b"somebody else's")
    with pytest.raises(SkylarkError, match="not sent to this page"):
        sent_video({"path": form.format(uploads.parent)})


def test_a_video_that_was_deleted_meanwhile_is_told_of(uploads: Path) -> None:
    with pytest.raises(SkylarkError, match="no longer here"):
        sent_video({"path": str(uploads / "x.mp4")})


@pytest.mark.parametrize(("words", "told"), [(" ", "no instruction yet"), ("x" * (MAX_INSTRUCTION + 1), "at most")])
def test_an_instruction_is_there_and_not_too_long(words: str, told: str) -> None:
    with pytest.raises(SkylarkError, match=told):
        checked_words(words)


# Bounds -----------------------------------------------------------------------------------------------------------


def test_a_frame_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    large = np.zeros((2304, 4096, 3), np.uint8)
    path = encoded(tmp_path / "large.mp4", [large], (4096, 2304))
    with pytest.raises(VideoError, match="4,096 x 2,304"):
        open_frames(path, limits=BOUNDS)


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES + 1)
    with pytest.raises(VideoError, match="bytes"):
        open_frames(path, limits=BOUNDS)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is some seconds longer than what is looked at, at two frames a second."""
    boxes = [[(0, 0, 20, 20)]] * (2 * VIDEO_SECONDS + 8)
    return moving_video(tmp_path_factory.mktemp("long") / "minute.mp4", boxes, (64, 48), rate=2)


def test_of_a_long_video_so_many_seconds_are_counted_on(minute: Path) -> None:
    with open_frames(minute, limits=BOUNDS) as frames:
        assert seconds_of(frames) == VIDEO_SECONDS


class Slow(Vision):
    """Looks as slowly as a test says."""

    seconds = 0.0

    def detect(self, *_: Any, **__: Any) -> Any:
        clock[0] += self.seconds


clock = [0.0]


@pytest.mark.parametrize(("seconds", "every"), [(0.01, 1), (0.74, 1), (0.76, 2), (3.1, 5)])
def test_a_slow_detector_looks_at_fewer_frames(
    minute: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, every: int
) -> None:
    monkeypatch.setattr("app.video.job.time.perf_counter", lambda: clock[0])
    vision = Slow(ColourDetector())
    vision.seconds = seconds
    with open_frames(minute, limits=BOUNDS) as frames:
        assert looks_every(frames, vision, Task("every cat")) == every, "120 frames in 90 seconds"
        assert len(list(frames)) == 2 * VIDEO_SECONDS + 8, "the frames are read from the first one all the same"


@pytest.mark.parametrize(
    ("size", "drawn"), [((640, 360), (640, 360)), ((3840, 2160), (1280, 720)), ((1080, 1920), (720, 1280))]
)
def test_large_frames_are_drawn_smaller(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert drawn_size(size) == drawn and max(drawn) <= DRAWN_SIDE


def test_what_is_in_a_frame_gets_smaller_with_it() -> None:
    image = LoadedImage(np.zeros((4 * DRAWN_SIDE // 2, 4 * DRAWN_SIDE, 3), np.uint8), "frame 3")
    ring = np.array([[40, 20], [80, 20], [80, 60]], np.float32)
    there = Detections(image.size, np.array([[40, 20, 80, 60]], np.float32), ("dog",), polygons=((ring,),))
    small = as_drawn(TrackedFrame(Frame(3, 0.1, image), there))
    assert small.frame.image.size == small.detections.image_size == (DRAWN_SIDE, DRAWN_SIDE // 2)
    assert small.detections.xyxy.tolist() == [[10, 5, 20, 15]]
    assert small.detections.polygons is not None
    assert small.detections.polygons[0][0].tolist() == [[10, 5], [20, 5], [20, 15]]
