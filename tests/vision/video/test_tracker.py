"""What every tracker does with the boxes of a made sequence, in which it is known what is who."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skylark.errors import MissingPackageError
from vision.detections.detections import Detection, Detections
from vision.errors import TrackingError
from vision.video.tracker import TRACKERS, Tracker

SIZE = (640, 480)
RATE = 10.0
SECOND = round(RATE)

Thing = tuple[str, float, float]
"""Class, and the middle of its box, which is 40 pixels wide and 80 high."""

every_tracker = pytest.mark.parametrize("name", TRACKERS)


def found(things: Iterable[Thing], score: float = 0.9) -> Detections:
    rows = list(things)
    boxes = np.array([(x - 20, y - 40, x + 20, y + 40) for _, x, y in rows], np.float32).reshape(-1, 4)
    names = tuple(name for name, _, _ in rows)
    return Detections(SIZE, boxes, names, np.full(len(rows), score, np.float32), ("dog", "cat"))


def followed(tracker: Tracker, frames: Iterable[Sequence[Thing]]) -> list[list[Detection]]:
    """What the tracker gives of each frame."""
    return [list(tracker.update(found(things))) for things in frames]


def ids_near(frames: Sequence[Sequence[Detection]], way: Sequence[tuple[float, float] | None]) -> set[int | None]:
    """The ids of the boxes whose middle is where a way is at that frame."""
    return {
        one.track_id
        for there, place in zip(frames, way, strict=True)
        for one in there
        if place is not None and np.allclose((one.xyxy[:2] + one.xyxy[2:]) / 2, place)
    }


@every_tracker
class TestEveryTracker:
    def test_two_that_cross_keep_their_ids_which_count_from_one(self, name: str) -> None:
        right = [(60 + 12.0 * frame, 200.0) for frame in range(40)]
        left = [(580 - 12.0 * frame, 240.0) for frame in range(40)]
        frames = followed(
            Tracker(name, RATE), ([("dog", *one), ("dog", *other)] for one, other in zip(right, left, strict=True))
        )
        ids = ids_near(frames, right), ids_near(frames, left)
        assert sorted(map(len, ids)) == [1, 1]
        assert ids[0] | ids[1] == {1, 2}

    def test_what_comes_in_later_gets_an_id_of_its_own_within_three_frames(self, name: str) -> None:
        frames = followed(
            Tracker(name, RATE),
            ([("dog", 100, 200), *([("dog", 400, 200)] if frame >= 10 else [])] for frame in range(20)),
        )
        assert {one.track_id for there in frames[5:10] for one in there} == {1}
        assert {one.track_id for one in frames[13]} == {1, 2}

    def test_what_is_hidden_for_half_a_second_keeps_its_id(self, name: str) -> None:
        way = [(100 + 10.0 * frame, 200.0) for frame in range(30)]
        hidden = range(12, 12 + SECOND // 2)
        frames = followed(
            Tracker(name, RATE), ([] if frame in hidden else [("dog", *place)] for frame, place in enumerate(way))
        )
        assert not any(frames[frame] for frame in hidden)
        assert {one.track_id for there in frames for one in there} == {1}
        assert frames[-1]

    def test_what_was_gone_for_seconds_is_another(self, name: str) -> None:
        frames = followed(
            Tracker(name, RATE),
            ([("dog", 100, 200)] if not 10 <= frame < 10 + 3 * SECOND else [] for frame in range(60)),
        )
        assert {one.track_id for there in frames[:10] for one in there} == {1}
        assert {one.track_id for there in frames[-10:] for one in there} == {2}

    def test_a_dog_never_becomes_a_cat(self, name: str) -> None:
        frames = followed(
            Tracker(name, RATE), ([("dog" if frame < 10 else "cat", 100 + 2 * frame, 200)] for frame in range(20))
        )
        classes = {(one.track_id, one.class_name) for there in frames for one in there}
        assert classes == {(1, "dog"), (2, "cat")}

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

    def test_what_the_detector_is_not_sure_of_begins_nothing(self, name: str) -> None:
        for score, there in ((0.34, []), (0.36, [0.36])):
            tracker = Tracker(name, RATE, sure_score=0.35)
            for _ in range(6):
                kept = tracker.update(found([("dog", 100, 200)], score=score))
            assert kept.scores is not None and kept.scores.tolist() == pytest.approx(there)

    def test_a_detector_without_scores_is_sure_of_everything(self, name: str) -> None:
        tracker = Tracker(name, RATE)
        for _ in range(5):
            kept = tracker.update(Detections(SIZE, [[80, 160, 120, 240]], ("dog",)))  # type: ignore[arg-type]
        assert kept.scores is None and kept.track_ids is not None and kept.track_ids.tolist() == [1]

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
            elif frame > 24:
                (one,) = tracker.predict()
                assert one.track_id == 1 and one.score == pytest.approx(0.9)
                far.append(abs((one.xyxy[0] + one.xyxy[2]) / 2 - x))
            else:
                tracker.predict()
        assert max(far) < 5

    def test_frames_that_are_not_later_than_the_last_do_no_harm(self, name: str) -> None:
        tracker = Tracker(name, RATE)
        for time in (0.0, 0.1, 0.1, 0.05, 0.3, 0.4, 0.5):
            kept = tracker.update(found([("dog", 100, 200)]), time=time)
        assert kept.track_ids is not None and kept.track_ids.tolist() == [1]


def test_things_that_are_gone_leave_nothing_behind() -> None:
    tracker, counts, last = Tracker(rate=RATE), [], 0
    for frame in range(200):
        # A new thing every five frames, which is there for eight.
        things = [("dog", 50 + 60 * (born % 9), 100 + 90 * (born % 4)) for born in (frame // 5 - 1, frame // 5)]
        last = max((one.track_id or 0 for one in tracker.update(found(things))), default=last)
        if frame in (60, 199):
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert last > 25
    assert counts[1] - counts[0] < 250


def test_things_of_the_first_frame_are_there_at_once() -> None:
    assert Tracker(rate=RATE).update(found([("dog", 100, 200)])).track_ids.tolist() == [1]  # type: ignore[union-attr]


def test_what_is_there_for_one_frame_alone_is_no_thing() -> None:
    frames = [[], [], [("dog", 100, 200)], [], []]
    assert not any(followed(Tracker(rate=RATE), frames))


@pytest.mark.parametrize("name", ["botsort", "bytetrack"])
def test_less_sure_boxes_keep_a_thing_alive(name: str) -> None:
    tracker = Tracker(name, RATE, sure_score=0.35)
    scores = [0.6, 0.6, 0.6, *[0.2] * 15, 0.6]
    frames = [tracker.update(found([("dog", 100 + 2 * frame, 200)], score)) for frame, score in enumerate(scores)]
    assert all(len(there) == 1 for there in frames[2:])
    assert {int(number) for there in frames if there.track_ids is not None for number in there.track_ids} == {1}


def test_an_unsure_box_over_a_sure_one_is_the_same_thing_again() -> None:
    tracker, ids = Tracker(rate=RATE, sure_score=0.35), set()
    for _ in range(6):
        whole, part, beside = [100, 100, 200, 300], [100, 100, 200, 220], [400, 100, 440, 180]
        both = Detections(SIZE, np.array([whole, part, beside], np.float32), ("dog",) * 3, [0.8, 0.3, 0.6])  # type: ignore[arg-type]
        ids |= {(one.track_id, float(one.xyxy[3])) for one in tracker.update(both)}
    # Where the whole is not found, the part stands for it.
    alone = Detections(SIZE, np.array([part, beside], np.float32), ("dog",) * 2, [0.3, 0.6])  # type: ignore[arg-type]
    assert ids == {(1, 300.0), (2, 180.0)}
    assert [one.track_id for one in tracker.update(alone)] == [1, 2]


def test_predicted_boxes_stay_in_the_picture_and_have_no_outline() -> None:
    tracker = Tracker(rate=RATE)
    for frame in range(12):
        x = 460 + 12 * frame
        box = [x - 20, 160, x + 20, 240]
        ring = np.array([[x - 10, 170], [x + 10, 170], [x, 230]], np.float32)
        tracker.update(Detections(SIZE, [box], ("dog",), [0.9], polygons=((ring,),), polygon_source="model"))  # type: ignore[arg-type]
    ahead = [tracker.predict() for _ in range(10)]
    assert len(ahead[0]) == 1 and ahead[0].polygons is None and ahead[0].polygon_source is None
    assert all(there.xyxy.max(initial=0) <= SIZE[0] for there in ahead)
    assert not len(ahead[-1])


def shaken() -> tuple[list[NDArray[np.uint8]], list[Thing]]:
    """Pictures of a camera that is shaken by more than a thing's width, and where a thing that stands still is."""
    # Spots of many sizes, as the world has them.
    rng, ground = np.random.default_rng(0), np.zeros((700, 900, 3), np.float32)
    for spots in (6, 12, 24, 48):
        ground += cv2.resize(rng.uniform(0, 64, (spots, 2 * spots, 3)).astype(np.float32), (900, 700))
    shifts = np.array([[(0, 0), (45, 10), (0, 30), (-40, 0)][frame % 4] for frame in range(24)]) + 100
    pictures = [ground[y : y + 480, x : x + 640].astype(np.uint8) for x, y in shifts.tolist()]
    return pictures, [("dog", 400.0 - x, 300.0 - y) for x, y in shifts.tolist()]


def test_the_motion_of_the_camera_is_taken_out() -> None:
    pictures, things = shaken()
    ids = {}
    for camera_motion in (True, False):
        tracker = Tracker("botsort", RATE, camera_motion=camera_motion)
        frames = [tracker.update(found([thing]), picture) for picture, thing in zip(pictures, things, strict=True)]
        ids[camera_motion] = [number for there in frames for number in there.track_ids.tolist()]  # type: ignore[union-attr]
    assert ids[True] == [1] * len(pictures)
    assert ids[False] != ids[True]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("ByteTracks", "no tracker 'ByteTracks', did you mean 'bytetrack'.*botsort, bytetrack, ocsort, sort"),
        ("oc_sort", "did you mean 'ocsort'"),
        ("foo", "no tracker 'foo'; expected one of botsort, bytetrack, ocsort, sort$"),
        ("", "no tracker ''; expected one of"),
    ],
)
def test_an_unknown_tracker_is_refused_with_the_nearest_or_all(asked: str, told: str) -> None:
    with pytest.raises(TrackingError, match=told):
        Tracker(asked)


@pytest.mark.parametrize("rate", [0, -25, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(TrackingError, match="frames a second"):
        Tracker(rate=rate)


def test_nothing_is_predicted_before_anything_was_seen() -> None:
    with pytest.raises(TrackingError, match="first update"):
        Tracker().predict()


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(MissingPackageError, match=r"Tracking needs the package trackers.*skylark setup"):
        Tracker()
