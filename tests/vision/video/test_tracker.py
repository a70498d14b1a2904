"""What every tracker does with the boxes of a made sequence; the camera's motion; an instruction over a video."""

import gc
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skylark.errors import MissingPackageError
from tests.vision.coloured_pictures import ColourDetector, Object
from tests.vision.video.coloured_frames import COUNT, DRIVES_IN, HIDDEN, MadeSource, frames
from tests.vision.video.made_tracks import RATE as TRACKS_RATE
from tests.vision.video.made_tracks import going, still, tracks_of
from vision import Vision
from vision.detections.detections import Detection, Detections
from vision.detectors.detector import Found, Request
from vision.errors import DetectorError, InstructionError, TrackingError, VideoError
from vision.images import LoadedImage
from vision.task import Limit, OutputFormat, SizeRange, Target, Task
from vision.video.events import events_of
from vision.video.frames import FrameLimits, FrameReader, open_frames
from vision.video.tracker import STILL, TRACKERS, CameraMotion, Tracker
from vision.video.tracks import TrackedFrame, recorded

SIZE = (640, 480)
RATE = 10.0
SECOND = round(RATE)

Thing = tuple[str, float, float]
"""Class, and the middle of its box, which is 40 pixels wide and 80 high."""

Picture = NDArray[np.uint8]


def found(things: Iterable[Thing], score: float = 0.9) -> Detections:
    rows = list(things)
    boxes = np.array([(x - 20, y - 40, x + 20, y + 40) for _, x, y in rows], np.float32).reshape(-1, 4)
    names = tuple(name for name, _, _ in rows)
    return Detections(SIZE, boxes, names, np.full(len(rows), score, np.float32), ("dog", "cat"))


def boxed(boxes: Sequence[Sequence[float]], scores: Sequence[float] | None = None) -> Detections:
    found_scores = None if scores is None else np.array(scores, np.float32)
    return Detections(SIZE, np.array(boxes, np.float32), ("dog",) * len(boxes), found_scores)


def followed(tracker: Tracker, frames: Iterable[Sequence[Thing]]) -> list[list[Detection]]:
    """What the tracker gives of each frame."""
    return [list(tracker.update(found(things))) for things in frames]


def ids(frames: Iterable[Iterable[Detection]]) -> set[int | None]:
    return {one.track_id for there in frames for one in there}


@pytest.mark.parametrize("name", TRACKERS)
class TestEveryTracker:
    def test_two_that_cross_keep_their_ids_which_count_from_one(self, name: str) -> None:
        right = [(60 + 12.0 * frame, 200.0) for frame in range(40)]
        left = [(580 - 12.0 * frame, 240.0) for frame in range(40)]
        both = zip(right, left, strict=True)
        frames = followed(Tracker(name, RATE), ([("dog", *one), ("dog", *other)] for one, other in both))
        near = [
            {one.track_id for there, place in zip(frames, way, strict=True) for one in there
             if np.allclose((one.xyxy[:2] + one.xyxy[2:]) / 2, place)}
            for way in (right, left)
        ]  # fmt: skip
        assert sorted(map(len, near)) == [1, 1] and near[0] | near[1] == {1, 2}

    def test_what_comes_in_later_gets_an_id_of_its_own_within_three_frames(self, name: str) -> None:
        things = ([("dog", 100, 200), *([("dog", 400, 200)] if frame >= 10 else [])] for frame in range(20))
        frames = followed(Tracker(name, RATE), things)
        assert ids(frames[5:10]) == {1} and ids(frames[13:14]) == {1, 2}

    def test_what_is_hidden_for_half_a_second_keeps_its_id_and_for_seconds_does_not(self, name: str) -> None:
        hidden = range(12, 12 + SECOND // 2)
        frames = followed(
            Tracker(name, RATE), ([] if frame in hidden else [("dog", 100 + 10 * frame, 200)] for frame in range(30))
        )
        assert not any(frames[frame] for frame in hidden) and ids(frames) == ids(frames[-1:]) == {1}
        gone = range(10, 10 + 3 * SECOND)
        frames = followed(Tracker(name, RATE), ([] if frame in gone else [("dog", 100, 200)] for frame in range(60)))
        assert ids(frames[:10]) == {1} and ids(frames[-10:]) == {2}

    def test_a_dog_never_becomes_a_cat(self, name: str) -> None:
        things = ([("dog" if frame < 10 else "cat", 100 + 2 * frame, 200)] for frame in range(20))
        frames = followed(Tracker(name, RATE), things)
        assert {(one.track_id, one.class_name) for there in frames for one in there} == {(1, "dog"), (2, "cat")}

    def test_boxes_keep_all_that_they_had(self, name: str) -> None:
        outline = np.array([[90, 170], [110, 170], [100, 230]], np.float32)
        other = outline + np.array([200, 0], np.float32)
        given = Detections(
            SIZE, [[80, 160, 120, 240], [280, 160, 320, 240]], ("pet", "pet"), [0.8, 0.9], ("pet",),  # type: ignore[arg-type]
            model_classes=("dog", "cat"), polygons=((outline,), (other,)), polygon_source="model",
            notes=("A note.",),
        )  # fmt: skip
        tracker = Tracker(name, RATE)
        for _ in range(5):
            kept = tracker.update(given)
        assert kept.track_ids is not None and kept.track_ids.tolist() == [1, 2]
        assert kept.model_classes == ("dog", "cat") and kept.notes == ("A note.",)
        assert np.array_equal(kept.scores, given.scores) and np.array_equal(kept.xyxy, given.xyxy)  # type: ignore[arg-type]
        assert kept.polygons is not None and np.array_equal(kept.polygons[1][0], other)

    def test_what_the_detector_is_not_sure_of_begins_nothing_and_without_scores_it_is_sure(self, name: str) -> None:
        for given, scores in (
            (found([("dog", 100, 200)], 0.34), []), (found([("dog", 100, 200)], 0.36), [0.36]),
            (boxed([[80, 160, 120, 240]]), None),
        ):  # fmt: skip
            tracker = Tracker(name, RATE, sure_score=0.35)
            for _ in range(6):
                kept = tracker.update(given)
            assert (None if kept.scores is None else kept.scores.tolist()) == pytest.approx(scores)
            assert ids([kept]) == ({1} if len(kept) else set()) and len(kept) == (scores != [])

    def test_where_nothing_is_there_is_nothing(self, name: str) -> None:
        tracker = Tracker(name, RATE)
        for frame in range(6):
            kept = tracker.predict() if frame % 2 else tracker.update(found([]))
            assert len(kept) == 0 and kept.track_ids is not None and kept.track_ids.shape == (0,)

    def test_between_two_looks_things_move_on_as_they_did(self, name: str) -> None:
        tracker, far = Tracker(name, RATE), []
        for frame in range(48):
            x = 60 + 5.0 * frame
            if frame % 3 == 0:
                tracker.update(found([("dog", x, 200)]))
                continue
            there = list(tracker.predict())
            if frame > 24:
                (one,) = there
                assert one.track_id == 1 and one.score == pytest.approx(0.9)
                far.append(abs((one.xyxy[0] + one.xyxy[2]) / 2 - x))
        assert max(far) < 5

    def test_frames_that_are_not_later_than_the_last_do_no_harm(self, name: str) -> None:
        tracker = Tracker(name, RATE)
        for time in (0.0, 0.1, 0.1, 0.05, 0.3, 0.4, 0.5):
            kept = tracker.update(found([("dog", 100, 200)]), time=time)
        assert ids([kept]) == {1}


def test_things_that_are_gone_leave_nothing_behind() -> None:
    tracker, counts, last = Tracker(rate=RATE), [], 0
    for frame in range(200):
        # A new thing every five frames, which is there for eight.
        things = [("dog", 50 + 60 * (born % 9), 100 + 90 * (born % 4)) for born in (frame // 5 - 1, frame // 5)]
        last = max((one.track_id or 0 for one in tracker.update(found(things))), default=last)
        if frame in (60, 199):
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert last > 25 and counts[1] - counts[0] < 250


def test_things_of_the_first_frame_are_there_at_once_and_of_another_frame_alone_are_none() -> None:
    assert ids([Tracker(rate=RATE).update(found([("dog", 100, 200)]))]) == {1}
    assert not any(followed(Tracker(rate=RATE), [[], [], [("dog", 100, 200)], [], []]))


@pytest.mark.parametrize("name", ["botsort", "bytetrack"])
def test_less_sure_boxes_keep_a_thing_alive(name: str) -> None:
    tracker = Tracker(name, RATE, sure_score=0.35)
    scores = [0.6, 0.6, 0.6, *[0.2] * 15, 0.6]
    frames = [tracker.update(found([("dog", 100 + 2 * frame, 200)], score)) for frame, score in enumerate(scores)]
    assert all(len(there) == 1 for there in frames[2:]) and ids(frames) == {1}


def test_an_unsure_box_over_a_sure_one_is_the_same_thing_again() -> None:
    tracker, kept = Tracker(rate=RATE, sure_score=0.35), set()
    whole, part, beside = [100, 100, 200, 300], [100, 100, 200, 220], [400, 100, 440, 180]
    for _ in range(6):
        there = tracker.update(boxed([whole, part, beside], [0.8, 0.3, 0.6]))
        kept |= {(one.track_id, float(one.xyxy[3])) for one in there}
    assert kept == {(1, 300.0), (2, 180.0)}
    # Where the whole is not found, the part stands for it.
    assert [one.track_id for one in tracker.update(boxed([part, beside], [0.3, 0.6]))] == [1, 2]


def test_predicted_boxes_stay_in_the_picture_and_have_no_outline() -> None:
    tracker = Tracker(rate=RATE)
    for x in range(460, 604, 12):
        ring = np.array([[x - 10, 170], [x + 10, 170], [x, 230]], np.float32)
        thing = boxed([[x - 20, 160, x + 20, 240]], [0.9])
        tracker.update(replace(thing, polygons=((ring,),), polygon_source="model"))
    ahead = [tracker.predict() for _ in range(10)]
    assert len(ahead[0]) == 1 and ahead[0].polygons is None and ahead[0].polygon_source is None
    assert all(there.xyxy.max(initial=0) <= SIZE[0] for there in ahead) and not len(ahead[-1])


def test_the_motion_of_the_camera_is_taken_out() -> None:
    """A camera is shaken by more than the width of a thing that stands still."""
    # Spots of many sizes, as the world has them.
    rng, ground = np.random.default_rng(0), np.zeros((700, 900, 3), np.float32)
    for spots in (6, 12, 24, 48):
        ground += cv2.resize(rng.uniform(0, 64, (spots, 2 * spots, 3)).astype(np.float32), (900, 700))
    shifts = [(100 + x, 100 + y) for x, y in [(0, 0), (45, 10), (0, 30), (-40, 0)] * 6]
    numbers = {}
    for camera_motion in (True, False):
        tracker = Tracker("botsort", RATE, camera_motion=camera_motion)
        frames = [
            tracker.update(found([("dog", 400.0 - x, 300.0 - y)]), ground[y : y + 480, x : x + 640].astype(np.uint8))
            for x, y in shifts
        ]
        numbers[camera_motion] = [one.track_id for there in frames for one in there]
    assert numbers[True] == [1] * len(shifts) != numbers[False]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("ByteTracks", "no tracker 'ByteTracks', did you mean 'bytetrack'.*botsort, bytetrack, ocsort, sort"),
        ("oc_sort", "did you mean 'ocsort'"),
        ("foo", "no tracker 'foo'; expected one of botsort, bytetrack, ocsort, sort$"),
        *((rate, "frames a second") for rate in (0, float("nan"), float("inf"))),
    ],
)
def test_an_unknown_tracker_and_a_rate_that_is_none_are_refused(asked: str | float, told: str) -> None:
    with pytest.raises(TrackingError, match=told):
        Tracker(asked) if isinstance(asked, str) else Tracker(rate=asked)


def test_nothing_is_predicted_before_anything_was_seen_and_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TrackingError, match="first update"):
        Tracker().predict()
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(MissingPackageError, match=r"Tracking needs the package trackers.*skylark setup"):
        Tracker()


class TestTheCamera:
    NOTHING = np.zeros((0, 4), np.float32)
    BACKGROUND: Picture = np.asarray(
        cv2.resize(
            np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8),
            (900, 600),
            interpolation=cv2.INTER_CUBIC,
        )
    )
    """A wide picture with much to see."""

    def view(self, x: int, y: int) -> Picture:
        return self.BACKGROUND[y : y + 240, x : x + 320]

    def test_that_turns_moves_what_stands_still_the_other_way(self) -> None:
        camera = CameraMotion()
        assert camera.follow(self.view(100, 100), self.NOTHING) is STILL
        for step in range(1, 5):
            moved = camera.follow(self.view(100 + 6 * step, 100 - 2 * step), self.NOTHING)
            np.testing.assert_allclose(moved, [[1, 0, -6], [0, 1, 2]], atol=0.1)

    def test_is_told_of_in_the_pixels_of_large_pictures(self) -> None:
        camera = CameraMotion()
        for x in (100, 104):
            large = np.asarray(cv2.resize(self.view(x, 50), (1280, 960), interpolation=cv2.INTER_CUBIC), np.uint8)
            moved = camera.follow(large, self.NOTHING)
        np.testing.assert_allclose(moved[:, 2], np.array([-16.0, 0.0]), atol=0.5)

    def test_passes_over_what_moves_before_it(self) -> None:
        camera = CameraMotion()
        for x in (20, 30, 40, 50):
            pixels = self.view(100, 100).copy()
            pixels[40:200, x : x + 180] = self.BACKGROUND[::-1][40:200, :180]
            moved = camera.follow(pixels, np.array([[x, 40, x + 180, 200]], np.float32))
            np.testing.assert_allclose(moved, STILL, atol=0.1)

    def test_is_taken_to_stand_where_nothing_can_be_seen(self) -> None:
        for pixels in (np.full((240, 320, 3), 128, np.uint8), np.zeros((8, 8, 3), np.uint8)):
            camera = CameraMotion()
            for shown in (pixels, pixels, pixels, self.BACKGROUND):  # the last has another size
                assert camera.follow(shown, self.NOTHING) is STILL

    def test_follows_a_walker_who_stays_in_the_middle_while_a_bench_moves_to_the_left(self) -> None:
        speed = 80.0
        tracks = tracks_of(("person", still(320, 240, 60, 160)), ("bench", going(600, 300, -speed, w=90)))
        camera = np.tile(STILL, (len(tracks.frames), 1, 1))
        camera[:, 0, 2] = -speed / TRACKS_RATE
        for shown, moving in ((replace(tracks, camera=camera), (1, "right")), (tracks, (2, "left"))):
            assert {(one.of, one.side) for one in events_of(shown) if one.kind == "moves"} == {moving}


SCREEN = (96, 64)
DOGS, CATS = (Task("every " + name, targets=(Target(name, (name,)),), class_set=(name,)) for name in ("dog", "cat"))
ALL = Task("everything")


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


def ids_of(tracked: Sequence[TrackedFrame], name: str = "cat") -> list[int | None]:
    """The id of the only thing of a class in each frame, None where there is none."""
    return [next((one.track_id for one in frame.detections if one.class_name == name), None) for frame in tracked]


def test_each_thing_keeps_its_id_through_the_video(vision: Vision, video: Path) -> None:
    tracks = recorded(vision.track(video, ALL))
    assert {track.id: track.class_name for track in tracks} == {1: "cat", 2: "dog", 3: "car"}
    lengths = {track.class_name: len(track) for track in tracks}
    assert lengths["dog"] == COUNT and lengths["cat"] == COUNT - len(HIDDEN)
    assert lengths["car"] >= COUNT - DRIVES_IN - 1
    assert tracks.image_size == SCREEN and len(tracks.frames) == COUNT


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
    assert set(asked(vision)) == {1}


def test_between_looks_things_are_where_their_motion_brings_them(vision: Vision) -> None:
    tracked = track(vision, [[("cat", (2 * frame, 20, 20, 20))] for frame in range(30)], CATS, every=3)
    assert [frame.detected for frame in tracked] == [frame % 3 == 0 for frame in range(30)]
    assert all((frame.seen is None) != frame.detected for frame in tracked)
    assert set(ids_of(tracked)) == {1} and len(asked(vision)) == 10
    for frame in tracked[15:]:
        assert abs(frame.detections.xyxy[0, 0] - 2 * frame.index) < 3
    assert tracked[1].detections.source is tracked[1].frame.image and tracked[1].detections.draw().size >= SCREEN


def test_a_region_is_of_the_frame_and_the_thing_that_comes_back_is_the_same(vision: Vision) -> None:
    xs = [*range(0, 72, 4), *range(72, 0, -4)]
    tracked = track(vision, [[("cat", (x, 20, 20, 20))] for x in xs], replace(CATS, region=(0.0, 0.0, 0.5, 1.0)))
    assert ids_of(tracked) == [1 if x + 10 < SCREEN[0] / 2 else None for x in xs]


def test_a_rank_and_a_size_are_of_the_frame(vision: Vision) -> None:
    growing = [[("cat", (2, 2, 20, 20)), ("cat", (50, 2, 8 + 2 * frame, 20))] for frame in range(14)]
    tracked = track(vision, growing, replace(CATS, limit=Limit(1, "area")))
    assert all(len(frame.detections) == 1 for frame in tracked)
    assert ids_of(tracked)[0] == 1 and ids_of(tracked)[-1] == 2
    growing = [[("cat", (2, 2, 10 + 2 * frame, 20))] for frame in range(10)]
    assert ids_of(track(vision, growing, replace(CATS, size=SizeRange(min_width=20)))) == [None] * 5 + [1] * 5


def test_less_sure_boxes_keep_a_track_that_a_sure_one_began_unless_the_instruction_states_a_score(
    vision: Vision,
) -> None:
    """A rectangle of 24 x 24 scores 0.094."""
    there: Sequence[Sequence[Object]] = [[("dog", (10, 10, 24, 24))]] * 3
    smaller: Sequence[Sequence[Object]] = [[("dog", (10, 10, 20, 20))]] * 5
    assert set(ids_of(track(vision, [*there, *smaller], DOGS, min_score=0.09), "dog")) == {1}
    assert set(ids_of(track(vision, smaller, DOGS, min_score=0.09), "dog")) == {None}
    stated = track(vision, [*there, *smaller], replace(DOGS, min_score=0.09))
    assert ids_of(stated, "dog") == [1] * 3 + [None] * 5


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


def test_of_what_is_followed_a_narrower_word_is_not_asserted(vision: Vision, video: Path) -> None:
    poodles = Task("every poodle", targets=(Target("dog", ("dog",), narrower=("poodle",)),), class_set=("dog",))
    frames = list(vision.track(video, poodles))
    assert {name for frame in frames for name in frame.detections.class_names} == {"dog"}
    assert frames[-1].detections.notes == ("I can't tell whether it is a poodle.",)
    assert not any(frame.detections.notes for frame in vision.track(video, DOGS))


def test_what_was_seen_before_is_not_looked_at_again(vision: Vision, video: Path) -> None:
    whole = list(vision.track(video, ALL, every=2))
    asked(vision).clear()
    again = list(vision.track(video, ALL, every=2, seen=[frame.seen for frame in whole[:7]]))
    assert len(asked(vision)) == 3
    assert [frame.detections for frame in again] == [frame.detections for frame in whole]


def test_frames_that_are_open_stay_the_callers(vision: Vision, video: Path) -> None:
    with open_frames(video) as opened:
        first, second = ([ids_of([frame], "dog") for frame in vision.track(opened, DOGS)] for _ in range(2))
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
