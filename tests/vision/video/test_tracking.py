"""An instruction over the frames of a video: what is followed, what is given of it, and how little is held."""

from __future__ import annotations

import gc
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vision.coloured_pictures import ColourDetector, Object, picture
from tests.vision.video.coloured_frames import COUNT, DRIVES_IN, HIDDEN, frames
from vision import Vision
from vision.detectors.detector import Found, Request
from vision.errors import DetectorError, InstructionError, TrackingError, VideoError
from vision.images import LoadedImage
from vision.task import Limit, OutputFormat, SizeRange, Target, Task
from vision.video.frames import FrameLimits, FrameReader, open_frames
from vision.video.tracks import Frame, TrackedFrame, recorded

SIZE = (96, 64)
DOGS, CATS = (Task("every " + name, targets=(Target(name, (name,)),), class_set=(name,)) for name in ("dog", "cat"))
ALL = Task("everything")


class MadeSource:
    """Frames of coloured rectangles that are drawn as they are asked for.

    Args:
        objects: those of each frame.
        live: whether it says that it has no end.
    """

    name, size, rate = "made", SIZE, 10.0
    count: int | None = None

    def __init__(self, objects: Sequence[Sequence[Object]], live: bool = False) -> None:
        self.objects, self.live, self.notes = objects, live, list[str]()
        self.closed = False

    def frames(self) -> Generator[Frame]:
        for index, there in enumerate(self.objects):
            yield Frame(index, index / self.rate, LoadedImage(np.asarray(picture(there, SIZE))))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def vision() -> Vision:
    return Vision(ColourDetector())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frames(tmp_path_factory.mktemp("video") / "frames")


def track(vision: Vision, objects: Sequence[Sequence[Object]], task: Task, **options: Any) -> list[TrackedFrame]:
    """The frames of a made video as they are tracked."""
    with FrameReader(MadeSource(objects)) as made:
        return list(vision.track(made, task, **options))


def asked(vision: Vision) -> list[int]:
    assert isinstance(vision.detector, ColourDetector)
    return vision.detector.batches


def ids(tracked: Sequence[TrackedFrame], name: str = "cat") -> list[int | None]:
    """The id of the only thing of a class in each frame, None where there is none."""
    return [next((one.track_id for one in frame.detections if one.class_name == name), None) for frame in tracked]


def test_each_thing_keeps_its_id_through_the_video(vision: Vision, video: Path) -> None:
    tracks = recorded(vision.track(video, ALL))
    assert {track.id: track.class_name for track in tracks} == {1: "cat", 2: "dog", 3: "car"}
    lengths = {track.class_name: len(track) for track in tracks}
    assert lengths["dog"] == COUNT and lengths["cat"] == COUNT - len(HIDDEN)
    assert lengths["car"] >= COUNT - DRIVES_IN - 1
    assert tracks.image_size == SIZE and len(tracks.frames) == COUNT


@pytest.mark.slow
def test_words_say_what_is_followed(vision: Vision, video: Path) -> None:
    tracked = list(vision.track(str(video), "the cat and the dog"))
    assert {name for frame in tracked for name in frame.detections.class_names} == {"cat", "dog"}
    assert all(frame.detections.classes == ("cat", "dog") for frame in tracked)


def test_every_frame_is_looked_at_several_at_once_but_a_live_picture_does_not_wait(vision: Vision, video: Path) -> None:
    tracked = list(vision.track(video, DOGS))
    assert [frame.index for frame in tracked] == list(range(COUNT))
    assert all(frame.detected and frame.seen is not None for frame in tracked)
    assert asked(vision) == [4, 4, 4, 2]
    asked(vision).clear()
    with FrameReader(MadeSource([[("dog", (10, 10, 20, 20))]] * 3, live=True)) as live:
        assert all(len(frame.detections) == 1 for frame in vision.track(live, DOGS))
    assert asked(vision) == [1, 1, 1]


def test_between_looks_things_are_where_their_motion_brings_them(vision: Vision) -> None:
    tracked = track(vision, [[("cat", (2 * frame, 20, 20, 20))] for frame in range(30)], CATS, every=3)
    assert [frame.detected for frame in tracked] == [frame % 3 == 0 for frame in range(30)]
    assert all((frame.seen is None) != frame.detected for frame in tracked)
    assert set(ids(tracked)) == {1} and len(asked(vision)) == 10
    for frame in tracked[15:]:
        assert abs(frame.detections.xyxy[0, 0] - 2 * frame.index) < 3
    assert tracked[1].detections.source is tracked[1].frame.image and tracked[1].detections.draw().size >= SIZE


def test_a_region_is_of_the_frame_and_the_thing_that_comes_back_is_the_same(vision: Vision) -> None:
    xs = [*range(0, 72, 4), *range(72, 0, -4)]
    tracked = track(vision, [[("cat", (x, 20, 20, 20))] for x in xs], replace(CATS, region=(0.0, 0.0, 0.5, 1.0)))
    assert ids(tracked) == [1 if x + 10 < SIZE[0] / 2 else None for x in xs]


def test_a_rank_and_a_size_are_of_the_frame(vision: Vision) -> None:
    growing = [[("cat", (2, 2, 20, 20)), ("cat", (50, 2, 8 + 2 * frame, 20))] for frame in range(14)]
    tracked = track(vision, growing, replace(CATS, limit=Limit(1, "area")))
    assert all(len(frame.detections) == 1 for frame in tracked)
    assert ids(tracked)[0] == 1 and ids(tracked)[-1] == 2
    growing = [[("cat", (2, 2, 10 + 2 * frame, 20))] for frame in range(10)]
    assert ids(track(vision, growing, replace(CATS, size=SizeRange(min_width=20)))) == [None] * 5 + [1] * 5


def test_less_sure_boxes_keep_a_track_that_a_sure_one_began_unless_the_instruction_states_a_score(
    vision: Vision,
) -> None:
    """A rectangle of 24 x 24 scores 0.094."""
    there: Sequence[Sequence[Object]] = [[("dog", (10, 10, 24, 24))]] * 3
    smaller: Sequence[Sequence[Object]] = [[("dog", (10, 10, 20, 20))]] * 5
    assert set(ids(track(vision, [*there, *smaller], DOGS, min_score=0.09), "dog")) == {1}
    assert set(ids(track(vision, smaller, DOGS, min_score=0.09), "dog")) == {None}
    stated = track(vision, [*there, *smaller], replace(DOGS, min_score=0.09))
    assert ids(stated, "dog") == [1] * 3 + [None] * 5


def test_where_nothing_is_found_or_looked_for_every_frame_is_given_all_the_same(vision: Vision) -> None:
    tracks = recorded(track(vision, [[]] * 9, ALL))
    assert len(tracks) == 0 and len(tracks.frames) == 9
    asked(vision).clear()
    unicorns = track(vision, [[("dog", (10, 10, 24, 24))]] * 9, Task("every unicorn", targets=()))
    assert len(unicorns) == 9 and not any(len(frame.detections) for frame in unicorns) and asked(vision) == []


def test_outlines_that_the_model_has_not_are_not_promised(vision: Vision, video: Path) -> None:
    outlined = replace(DOGS, kind="segment", output=OutputFormat(geometry="polygon", points=8))
    found = next(iter(vision.track(video, outlined))).detections
    assert found.polygons is None and found.text.startswith("(dog, ") and "boxes alone" in found.notes[0]


def test_what_was_seen_before_is_not_looked_at_again(vision: Vision, video: Path) -> None:
    whole = list(vision.track(video, ALL, every=2))
    asked(vision).clear()
    again = list(vision.track(video, ALL, every=2, seen=[frame.seen for frame in whole[:7]]))
    assert len(asked(vision)) == 3
    assert [frame.detections for frame in again] == [frame.detections for frame in whole]


def test_frames_that_are_open_stay_the_callers(vision: Vision, video: Path) -> None:
    with open_frames(video) as opened:
        first, second = ([ids([frame], "dog") for frame in vision.track(opened, DOGS)] for _ in range(2))
        assert first == second


@pytest.mark.parametrize(
    ("task", "options", "error", "told"),
    [
        ("  ", {}, InstructionError, "empty"), (DOGS, {"min_score": 1.5}, InstructionError, "min_score"),
        (DOGS, {"tracker": "botsrt"}, TrackingError, "did you mean 'botsort'"),
        *((DOGS, {"every": every}, TrackingError, "at least 1") for every in (0, 1.5, True)),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_before_the_first_frame(
    vision: Vision, task: str | Task, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        vision.track("not-there.mp4", task, **options)


def test_a_video_that_is_not_there_or_beyond_the_limits_is_refused_at_the_first(vision: Vision, video: Path) -> None:
    for source, limits, told in (
        ("not-there.mp4", FrameLimits(), "no video"),
        (video, FrameLimits(max_frames=3), "limit"),
    ):
        with pytest.raises(VideoError, match=told):
            next(vision.track(source, DOGS, limits=limits))


class FailingDetector(ColourDetector):
    """Fails on the fourth image."""

    def _one(self, image: LoadedImage, request: Request) -> Found:
        if sum(self.batches) >= 4:
            raise DetectorError("the model is broken")
        return super()._one(image, request)


def test_a_model_that_fails_ends_the_tracking_and_the_video_is_closed() -> None:
    source = MadeSource([[("dog", (10, 10, 20, 20))]] * 20)
    with FrameReader(source) as made, pytest.raises(DetectorError, match="broken"):
        list(Vision(FailingDetector()).track(made, DOGS))
    assert source.closed


def test_nothing_is_kept_of_a_long_video(vision: Vision) -> None:
    # A new thing every ten frames, which is there for twenty.
    objects = [
        [("cat", (2 + 30 * (born % 3), 2 + 20 * (born % 2), 18, 18)) for born in (frame // 10, frame // 10 + 1)]
        for frame in range(300)
    ]
    counts, last = [], 0
    with FrameReader(MadeSource(objects)) as made:
        for frame in vision.track(made, CATS, every=2):
            last = max((one.track_id or 0 for one in frame.detections), default=last)
            if frame.index in (150, 299):
                gc.collect()
                counts.append(len(gc.get_objects()))
    assert last > 20 and counts[1] - counts[0] < 90
