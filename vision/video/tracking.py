"""From frames to tracked frames: a detector looks, the tracker joins, and the task says what of it is given.

The frames walk through one by one, and nothing is kept but what the detector and the tracker hold of the last few, so a
stream may go on for ever. Regions, sizes and ranks of a task are applied last, to each frame: a thing that leaves the
left half of the picture is not given there, and is the same thing when it comes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

from vision.detections.boxes import ranked
from vision.detections.detections import Detections
from vision.detectors.detector import NOTHING, Detector, Found, Request
from vision.errors import DetectorError, TrackingError
from vision.images.loading import LoadedImage
from vision.selection import Plan, selected
from vision.task import Task
from vision.video.frames import LIMITS, FrameLimits, FrameReader, VideoSource, frames_of
from vision.video.tracker import DEFAULT_TRACKER, LEAST_SHARE, Tracker, tracker_class
from vision.video.tracks import Frame, TrackedFrame

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
        MissingPackageError: the package `trackers` is not installed.
        VideoError: while it runs: the video cannot be read any further.
        DetectorError: while it runs: the model failed.
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
        looked: Iterator[tuple[Frame, Found | None]] = _looked_ahead(coming, detector, plan.request)
    else:
        looked = _looked_singly(zip(coming, places, strict=False), detector, plan.request, every)
    for frame, found in looked:
        yield frame, None if found is None else selected(plan, found, frame.image, frame.image.pixels)


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


def _looked_singly(
    frames: Iterator[tuple[Frame, int]], detector: Detector, request: Request, every: int
) -> Iterator[tuple[Frame, Found | None]]:
    for frame, place in frames:
        if place % every:
            yield frame, None
        else:
            yield frame, detector.detect([frame.image], request)[0] if request.classes else NOTHING


def _kept(task: Task, found: Detections) -> Detections:
    """What a task gives of the things in a frame."""
    if task.region is not None:
        found = found.in_region(task.region)
    if task.size is not None:
        found = found.with_size(task.size)
    if task.limit is not None:
        found = found[ranked(found.xyxy, found.scores, found.image_size, task.limit)]
    return found
