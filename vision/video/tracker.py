"""Tracking: boxes of each frame joined to the things of the frames before.

The package `trackers` predicts where each thing is (a Kalman filter), and pairs predictions with boxes so that they
overlap most. Here stand the rules around it: each class has a tracker of its own, while ids count over all of them;
scores are stretched to the 0.7 that the trackers' bounds expect of what is surely there; where no detector looks, the
prediction stands alone; and the camera's motion, told by the picture outside all boxes, is taken out of the things'.

Frames walk through one by one, and nothing is kept but what detector and tracker hold of the last few, so a stream
may go on for ever. Regions, sizes and ranks of a task are applied last, to each frame: a thing that leaves the left
half of the picture is not given there, and is the same thing when it comes back.
"""

from __future__ import annotations

import copy
import difflib
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skylark.errors import MissingPackageError
from skylark.installation import setup_command
from vision.detections.boxes import ranked, suppressed
from vision.detections.detections import Detections
from vision.detections.showing import narrower_note
from vision.detectors.detector import NOTHING, Detector, Found, Request
from vision.errors import DetectorError, TrackingError
from vision.images import LoadedImage
from vision.selection import Plan, narrower_words, selected
from vision.task import Task
from vision.video.frames import LIMITS, FrameLimits, FrameReader, VideoSource, frames_of
from vision.video.tracks import Frame, TrackedFrame

STILL: NDArray[np.float64] = np.eye(2, 3)
"""The motion of a camera that stands still."""

SIDE = 480
"""Pixels of the longer side at which pictures are looked at."""

CORNERS, SPACING, QUALITY = 300, 8, 0.01
"""Corners that are followed, the pixels between two of them, and how clear each must be beside the clearest."""

APART, LEAST_CORNERS, LEAST_FLOW_SHARE = 3.0, 20, 0.5
"""Pixels by which corners may differ that agree on a motion, how many must agree, and which share of those that are
followed: else the camera is taken to stand still."""

MARGIN = 0.05
"""Of a box's size, how far around it nothing is looked at."""


class CameraMotion:
    """Follows the camera through a video; the frame before is kept."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._corners: NDArray[np.float32] | None = None

    def follow(self, pixels: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
        """Take the next frame, shape (height, width, 3), RGB, and the boxes of things that may move, shape (n, 4).

        Args:
            pixels: shape (height, width, 3), uint8, RGB.
            xyxy: shape (n, 4), the boxes of things that may move, pixels.

        Returns:
            Shape (2, 3): the affine map of places of still things, in pixels, from the frame before to this one.
        """
        scale = max(1.0, max(pixels.shape[:2]) / SIDE)
        size = (max(1, round(pixels.shape[1] / scale)), max(1, round(pixels.shape[0] / scale)))
        smaller = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY), np.uint8)
        before, corners = self._before, self._corners
        self._before, self._corners = grey, _corners(grey, xyxy / scale)
        if before is None or before.shape != grey.shape or corners is None or len(corners) < LEAST_CORNERS:
            return STILL
        found, there, _ = cv2.calcOpticalFlowPyrLK(before, grey, corners, np.empty_like(corners))
        followed = there[:, 0] == 1
        if followed.sum() < LEAST_CORNERS:
            return STILL
        moved, agreeing = cv2.estimateAffinePartial2D(corners[followed], found[followed], ransacReprojThreshold=APART)
        if moved is None or agreeing.sum() < max(LEAST_CORNERS, LEAST_FLOW_SHARE * followed.sum()):
            return STILL
        moved[:, 2] *= scale
        return np.asarray(moved, np.float64)


def _corners(grey: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Clear corners outside the boxes, shape (n, 1, 2); None where there are none."""
    height, width = grey.shape
    mask = np.full(grey.shape, 255, np.uint8)
    for x0, y0, x1, y1 in xyxy.tolist():
        around = MARGIN * max(x1 - x0, y1 - y0)
        left, top = max(0, int(x0 - around)), max(0, int(y0 - around))
        mask[top : min(height, int(y1 + around) + 1), left : min(width, int(x1 + around) + 1)] = 0
    found = cv2.goodFeaturesToTrack(grey, CORNERS, QUALITY, SPACING, mask=mask)
    return None if found is None else np.asarray(found, np.float32)


TRACKERS = ("botsort", "bytetrack", "ocsort", "sort")
"""BoT-SORT (Aharon et al. 2022, arXiv 2206.14651), ByteTrack (Zhang et al. 2022, arXiv 2110.06864), OC-SORT (Cao et al.
2023, arXiv 2203.14360) and SORT (Bewley et al. 2016, arXiv 1602.00763)."""

DEFAULT_TRACKER = "botsort"

SURE, UNSURE = 0.7, 0.6
"""What scores mean to the trackers: from the first on a box begins a new thing, below the second it only keeps one that
is there."""

LEAST_SHARE = 0.5
"""The share of a detector's sure score from which on its boxes are of use. On DAVIS ids hold with a third too, but
things then live on that are no longer there."""

SAME_THING = 0.4
"""Intersection over union with a better box of its class above which an unsure box is taken for the same thing again.
Among boxes of 208 images of COCO that overlap a better one by 0.4 to 0.6, 95 in 100 are no thing of their own."""

LOST_SECONDS = 1.0
"""How long a thing may be hidden and still keep its id."""

_CLASSES = dict(zip(TRACKERS, ("BoTSORTTracker", "ByteTrackTracker", "OCSORTTracker", "SORTTracker"), strict=True))
_IN_TWO_STEPS = ("botsort", "bytetrack")
"""Those that join sure boxes first and the others then."""

_BUFFER_RATE = 30
"""Frames a second in which the package counts how long a thing may be lost."""

_MOTION_SIDE = 240
"""Pixels of the longer side, about, of the picture in which the camera's motion is looked for."""

_MOTION_POINTS, _MOTION_SPACING = 60, 8
"""So few points, so many of its pixels apart, give the motion as well as the package's 1,000, and far faster."""


def tracker_class(name: str) -> Any:
    """The package's class of a tracker; a `TrackingError` with the nearest where there is none.

    Raises:
        TrackingError: there is no such tracker; with the nearest.
        MissingPackageError: the package is not installed.
    """
    if name not in TRACKERS:
        near = difflib.get_close_matches(str(name).lower().replace("-", ""), TRACKERS, n=1, cutoff=0.6)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise TrackingError(f"there is no tracker {name!r}{meant}; expected one of {', '.join(TRACKERS)}")
    try:
        import trackers
    except ModuleNotFoundError as error:
        raise MissingPackageError("Tracking", "trackers", setup_command()) from error
    return getattr(trackers, _CLASSES[name])


class Tracker:
    """Gives the things of a video ids, frame by frame, in memory that does not grow with the video.

    Args:
        name: one of `TRACKERS`.
        rate: frames a second of the video.
        sure_score: the score, 0 to 1, from which on the detector is sure of a box. Only such boxes begin a new thing or
            bear it out. Others keep a thing that is there, in the second step of ByteTrack and BoT-SORT; SORT and
            OC-SORT pass them over. None to take scores as the package does.
        camera_motion: whether `botsort` finds out how the camera moves and takes that into account.

    Raises:
        TrackingError: there is no such tracker, or the rate is no positive number.
        MissingPackageError: the package `trackers` is not installed.

    Example:
        >>> tracker = Tracker("botsort", rate=25)
        >>> tracker.update(Detections((640, 480), [[12, 30, 200, 310]], ("dog",), [0.9])).track_ids.tolist()
        [1]
    """

    def __init__(
        self, name: str = DEFAULT_TRACKER, rate: float = 30.0, sure_score: float | None = None,
        camera_motion: bool = True,
    ) -> None:  # fmt: skip
        self._class = tracker_class(name)
        if not (np.isfinite(rate) and rate > 0):
            raise TrackingError(f"the frame rate is {rate}: expected frames a second, a number above 0")
        self._name, self._rate, self._sure = name, float(rate), sure_score
        self._follows_camera = camera_motion and name == "botsort"
        self._camera: Any = None
        self._of_class: dict[str, Any] = {}
        self._ids: dict[tuple[str, int], int] = {}
        self._next_id = count(1)
        self._time: float | None = None
        self._last: Detections | None = None
        self._ahead: list[Any] = []

    def update(
        self, detections: Detections, pixels: NDArray[np.uint8] | None = None, time: float | None = None
    ) -> Detections:
        """Take what a detector found in the next frame that it looked at.

        Args:
            detections: the boxes, the less sure ones too.
            pixels: shape (height, width, 3), RGB, for the camera's motion; None where there are none.
            time: seconds of the frame in the video; None for one frame after the last.

        Returns:
            Those of the boxes that belong to a thing, with `track_ids`, in their order. What is there for one frame
            only is no thing; `botsort` takes what is there in the first frame for things at once.
        """
        first = self._time is None
        self._go_on(pixels, time)
        names = np.array(detections.class_names, np.str_)
        sure, wanted = self._sure_and_wanted(detections)
        ids = np.zeros(len(detections), np.int64)
        for name in dict.fromkeys((*self._of_class, *names[sure].tolist())):
            if name not in self._of_class:
                self._of_class[name] = self._new_tracker(first)
            places = np.flatnonzero((names == name) & wanted)
            if self._of_class[name].tracks or sure[places].any():
                self._join(name, detections, places, ids)
        self._ids = {key: self._ids[key] for key, _ in self._live() if key in self._ids}
        self._ahead = []
        kept = np.flatnonzero(ids)
        self._last = replace(detections[kept], track_ids=ids[kept])
        return self._last

    def predict(self, pixels: NDArray[np.uint8] | None = None, time: float | None = None) -> Detections:
        """Say where things are in the next frame, at which no detector looked; the arguments are as for `update`.

        Args:
            pixels: as for `update`.
            time: as for `update`.

        Returns:
            The things of the last update where their motion has brought them, cut to the picture, without outlines; the
            scores are those of the last update.

        Raises:
            TrackingError: there was no update yet.
        """
        from trackers.utils.predict_timing import PredictTiming

        if self._last is None or self._last.track_ids is None:
            raise TrackingError("nothing can be predicted before the first update: give what is in the first frame")
        if not self._ahead:
            found = {self._ids.get(key): track for key, track in self._live()}
            # Copies, since the trackers themselves count how often a thing was looked for and not found.
            self._ahead = [copy.deepcopy(found[number]) for number in self._last.track_ids.tolist()]
        seconds = self._go_on(pixels, time)
        timing = PredictTiming(seconds * self._rate, seconds, frame_rate=self._rate)
        boxes = np.array([track.predict(timing) for track in self._ahead], np.float32).reshape(-1, 4)
        width, height = self._last.image_size
        xyxy = np.clip(boxes, 0, (width, height, width, height))
        there = np.flatnonzero(np.all(xyxy[:, :2] < xyxy[:, 2:], axis=1))
        output = replace(self._last.output, geometry="box")
        return replace(self._last[there], xyxy=xyxy[there], polygons=None, polygon_source=None, output=output)

    def _live(self) -> Iterator[tuple[tuple[str, int], Any]]:
        """(class name, the package's own id) of every track that is not given up, -1 for those without an id yet."""
        for name, tracker in self._of_class.items():
            for track in tracker.tracks:
                yield (name, int(track.tracker_id)), track

    def _go_on(self, pixels: NDArray[np.uint8] | None, time: float | None) -> float:
        """Come to the next frame, its time and its view; the seconds since the last."""
        last, step = self._time, 1 / self._rate
        # Frames that are not later than the one before, as broken files have them, are taken for the next.
        self._time = (0.0 if last is None else last + step) if time is None or not time > (last or 0) else time
        if pixels is not None and self._follows_camera:
            self._follow_camera(pixels)
        return step if last is None else self._time - last

    def _follow_camera(self, pixels: NDArray[np.uint8]) -> None:
        from trackers import CMC, CMCConfig

        if self._camera is None:
            # A picture without texture tells nothing of the camera, which the package would say at every frame.
            logging.getLogger("trackers.cmc").setLevel(logging.ERROR)
            self._camera = CMC(CMCConfig(downscale=1, sof_max_corners=_MOTION_POINTS, sof_min_distance=_MOTION_SPACING))
        height, width = pixels.shape[:2]
        factor = max(1.0, max(width, height) / _MOTION_SIDE)
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        # Here and not by the package, which makes a large picture grey first.
        moved = self._camera.estimate(cv2.resize(pixels, size))
        moved[:, 2] *= factor
        for tracker in self._of_class.values():
            CMC.apply_batch(moved, tracker.tracks)
        CMC.apply_batch(moved, self._ahead)

    def _sure_and_wanted(self, detections: Detections) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which boxes may begin a thing, and which are given to the trackers; shapes (n,)."""
        if self._sure is None or detections.scores is None:
            every = np.ones(len(detections), bool)
            return every, every
        sure: NDArray[np.bool_] = detections.scores >= self._sure
        if self._name not in _IN_TWO_STEPS:
            return sure, sure
        wanted, most = sure.copy(), len(detections)
        wanted[suppressed(detections.xyxy, detections.scores, detections.class_ids, SAME_THING, most)] = True
        return sure, wanted

    def _new_tracker(self, first: bool) -> Any:
        options: dict[str, Any] = {"lost_track_buffer": round(LOST_SECONDS * _BUFFER_RATE), "frame_rate": self._rate}
        if self._name == "botsort":
            # The camera's motion is the same for all classes, so it is found once and applied here.
            options |= {"enable_cmc": False, "instant_first_frame_activation": first}
        return self._class(**options)

    def _join(self, name: str, detections: Detections, places: NDArray[np.intp], ids: NDArray[np.int64]) -> None:
        """Let a class's tracker take its boxes, those at the places, and write down their ids."""
        import supervision

        given = supervision.Detections(
            xyxy=detections.xyxy[places],
            confidence=None if detections.scores is None else self._stretched(detections.scores[places]),
            data={"place": places},
        )
        joined = self._of_class[name].update(given, timestamp=self._time)
        for place, number in zip(joined.data.get("place", ()), joined.tracker_id, strict=True):
            if number >= 0:
                key = name, int(number)
                if key not in self._ids:
                    self._ids[key] = next(self._next_id)
                ids[place] = self._ids[key]

    def _stretched(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores on the scale of the trackers: sure ones lie from 0.7 to 1, others from 0 to below 0.6."""
        if self._sure is None:
            return scores
        sure = min(max(self._sure, 1e-6), 1 - 1e-6)
        above = SURE + (1 - SURE) * (scores - sure) / (1 - sure)
        below = np.minimum(UNSURE * scores / sure, np.nextafter(np.float32(UNSURE), np.float32(0)))
        return np.where(scores >= self._sure, above, below).astype(np.float32)


_NO_OUTLINES = "The model gives boxes alone, and over a video no outlines are drawn inside them."


def track_frames(
    video: VideoSource | FrameReader,
    detector: Detector,
    plan: Plan,
    *,
    tracker: str = DEFAULT_TRACKER,
    every: int = 1,
    limits: FrameLimits = LIMITS,
    seen: Iterable[Detections | None] = (),
) -> Iterator[TrackedFrame]:
    """Follow what a plan looks for through the frames of a video.

    Args:
        video: where the frames come from; frames that are open are closed by the caller.
        detector: what looks at them: at several at once where it looks at every one of a video that has an end.
        plan: what is looked for and what is given; its expression, if it has one, is not applied.
        tracker: one of `TRACKERS`.
        every: the detector looks at the first frame and at every so many-th after it; between them the tracker says
            where things are.
        limits: the most that is read, where the video is not open.
        seen: what the tracker was given at the first frames by an earlier run, `TrackedFrame.seen` of each. The
            detector does not look at these again, and the ids are those of that run.

    Returns:
        Each frame in its order, as soon as it is known what is in it.

    Raises:
        TrackingError: there is no such tracker, or `every` is less than 1.
        VideoError, DetectorError: while it runs: the video cannot be read any further, or the model failed.
    """
    tracker_class(tracker)
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise TrackingError(f"every is {every!r}: expected a whole number of frames, at least 1")

    def tracked() -> Iterator[TrackedFrame]:
        with frames_of(video, limits) as frames:
            # Where the detector looks at every frame, the camera's motion between two costs time and gains nothing on
            # DAVIS.
            sure_score = plan.sure_score if detector.gives_scores else None
            ids = Tracker(tracker, frames.rate, sure_score, camera_motion=every > 1)
            for frame, given in _given(frames, detector, _followed(plan), every, seen):
                if given is None:
                    found = ids.predict(frame.image.pixels, frame.time)
                else:
                    found = ids.update(given, frame.image.pixels, frame.time)
                found = replace(_kept(plan.task, found), source=frame.image)
                if words := narrower_words(plan.targets or (), found.class_names):
                    note = narrower_note(found.class_names, words, answers=False)
                    found = replace(found, notes=(*found.notes, note))
                yield TrackedFrame(frame, found, given is not None, given)

    return tracked()


def _followed(plan: Plan) -> Plan:
    """The plan for what the tracker is given: things wherever they are and however large, less sure boxes too."""
    task, request = plan.task, plan.request
    # A score that the instruction itself states is obeyed to the letter.
    least = plan.sure_score * LEAST_SHARE if task.min_score is None else request.min_score
    output = replace(task.output, geometry="polygon" if request.polygons else "box", points=None)
    return replace(
        plan,
        task=replace(task, limit=None, region=None, size=None, output=output),
        request=replace(request, min_score=least),
        notes=(*plan.notes, *([_NO_OUTLINES] if task.output.geometry != output.geometry else [])),
    )


def _given(
    frames: FrameReader, detector: Detector, plan: Plan, every: int, seen: Iterable[Detections | None]
) -> Iterator[tuple[Frame, Detections | None]]:
    """Each frame with the boxes for the tracker, None where no detector looks."""
    coming, places = iter(frames), count()
    for before, frame, _ in zip(seen, coming, places, strict=False):
        yield frame, before
    # A live picture is wanted at once, so it doesn't wait for others.
    if every == 1 and not frames.live and plan.request.classes:
        for frame, found in _looked_ahead(coming, detector, plan.request):
            yield frame, selected(plan, found, frame.image, frame.image.pixels)
    for frame, place in zip(coming, places, strict=False):
        if place % every:
            yield frame, None
        else:
            found = detector.detect([frame.image], plan.request)[0] if plan.request.classes else NOTHING
            yield frame, selected(plan, found, frame.image, frame.image.pixels)


def _looked_ahead(frames: Iterator[Frame], detector: Detector, request: Request) -> Iterator[tuple[Frame, Found]]:
    waiting: deque[Frame] = deque()

    def images() -> Iterator[LoadedImage]:
        for frame in frames:
            waiting.append(frame)
            yield frame.image

    for found in detector.detect_each(images(), request):
        if isinstance(found, DetectorError):
            raise found
        yield waiting.popleft(), found


def _kept(task: Task, found: Detections) -> Detections:
    """What a task gives of the things in a frame."""
    if task.region is not None:
        found = found.in_region(task.region)
    if task.size is not None:
        found = found.with_size(task.size)
    if task.limit is not None:
        found = found[ranked(found.xyxy, found.scores, found.image_size, task.limit)]
    return found
