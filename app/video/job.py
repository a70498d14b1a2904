"""One video under one instruction: looked at frame by frame, answered, drawn, and written to files.

The page looks at so many seconds and frames, whose pixels are bounded before one of them is decoded, as often as the
time allows. What was seen until the visitor stops the work, or until its time is over, is shown as if the video ended
there. Pixels are not kept, so that the memory does not grow with the video.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup
from PIL import Image

from app.batch.view import status_html, stopped_words, waiting_words
from app.image.looking import checked_instruction, uploaded
from app.image.overlay import jpeg_uri
from app.server.serving import FILE_BYTES, VIDEO_FRAMES, VIDEO_PIXELS, VIDEO_SECONDS, WATCH_SECONDS
from app.server.views import counted
from app.tasks import Job, State, StoppedError, WaitingLine
from app.video.views import Found, Shown, shown
from skylark.errors import SkylarkError
from skylark.files import write_whole
from vision import Task, Vision
from vision.detections.detections import Detections
from vision.images import LoadedImage
from vision.video.answer import answer_read
from vision.video.counting import TrackCounts
from vision.video.files import ANNOTATED, CLASSES, COCO, COUNTS, RECORD, TRACKS, AnnotatedVideo, write_files
from vision.video.frames import FrameLimits, FrameReader, open_frames
from vision.video.scene import VideoScene
from vision.video.tracks import Frame, TrackedFrame
from vision.video.watching import TrackLines, VideoTask, WatchedVideo, recorded_frames

USUAL_SCORE = 0.45
"""Higher than for an image: whatever is there is seen many times, and a doubtful thing would be followed all along."""
DRAWN_SIDE = 1280
"""Pixels of the longer side of the annotated video, at most."""
LOOKS_SHARE = 0.5
"""Of the time for a video that the detector may take; the rest is for reading, following and drawing."""
BOUNDS = FrameLimits(max_bytes=FILE_BYTES, max_pixels=VIDEO_PIXELS)


def sent_video(file: Any) -> Path:
    """The path of the video that was sent (raises SkylarkError: there is none, or it was not sent to this page)."""
    path = file.get("path") if isinstance(file, dict) else file
    if not path or not isinstance(path, str):
        raise SkylarkError("there is no video yet: upload one, or pick an example")
    found = uploaded(path)
    if not found.is_file():
        raise SkylarkError("this video is no longer here, since what is sent is kept for an hour: upload it again")
    return found


def checked_words(instruction: str | None) -> str:
    """An instruction that is there and not too long (raises SkylarkError: it is not)."""
    words = checked_instruction(instruction)
    if not words:
        raise SkylarkError('there is no instruction yet: say what to follow, as in "every car", or ask a question')
    return words


def seconds_of(frames: FrameReader) -> float | None:
    """Seconds of a video that are looked at, as far as its length is known."""
    if frames.count is None:
        return None
    return min(frames.count / frames.rate, VIDEO_SECONDS, VIDEO_FRAMES / frames.rate)


def is_beyond(index: int, seconds: float) -> bool:
    """Whether a frame comes after those that are looked at."""
    return seconds >= VIDEO_SECONDS or index >= VIDEO_FRAMES


def looks_every(frames: FrameReader, vision: Vision, task: Task) -> int:
    """At every so many-th frame the detector looks, so that the time is enough for a video on this machine."""
    first = next(iter(frames)).image.pixels
    paces = []
    for _ in range(2):  # whatever is used for the first time is slower
        began = time.perf_counter()
        vision.detect(first, task)
        paces.append(time.perf_counter() - began)
    count = (seconds_of(frames) or VIDEO_SECONDS) * frames.rate
    return max(1, math.ceil(count * min(paces) / (LOOKS_SHARE * WATCH_SECONDS)))


def drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) in which frames of a size are drawn."""
    scale = min(1.0, DRAWN_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def as_drawn(tracked: TrackedFrame) -> TrackedFrame:
    """A frame in the size in which it is drawn, with what is in it."""
    image = tracked.frame.image
    size = drawn_size(image.size)
    if image.size == size:
        return tracked
    pixels = np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    frame = Frame(tracked.index, tracked.time, LoadedImage(pixels, image.name))
    return replace(tracked, frame=frame, detections=_scaled(tracked.detections, size))


def _scaled(found: Detections, size: tuple[int, int]) -> Detections:
    scale = np.array(size, np.float32) / np.array(found.image_size, np.float32)
    polygons = found.polygons
    if polygons is not None:
        polygons = tuple(tuple(np.asarray(ring * scale, np.float32) for ring in rings) for rings in polygons)
    boxes = np.clip(found.xyxy * np.tile(scale, 2), 0, np.tile(np.array(size, np.float32), 2))
    return replace(found, image_size=size, xyxy=boxes, polygons=polygons, source=None)


ANSWER = "answer.json"
FILES = (ANNOTATED, TRACKS, CLASSES, RECORD, COCO, COUNTS, ANSWER)
PICTURE_SECONDS, PICTURE_SIDE, PICTURE_QUALITY = 0.3, 720, 72
"""Between two pictures of the work, the pixels of their longer side, and the JPEG's quality."""


@dataclass(frozen=True)
class Progress:
    """How far the work at a video is.

    Attributes:
        doing: what is done now.
        seconds: of the video, that it has come to.
        length: seconds of the video, that it goes to; None where nobody knows.
        picture: the newest annotated frame, as an address that holds it; "" before the first.
        things: how many were found so far.
    """

    doing: str = "Opening the video"
    seconds: float = 0.0
    length: float | None = None
    picture: str = ""
    things: int = 0


class VideoJob(Job):
    """A visitor's video.

    Attributes:
        progress: how far it is.
        shown: what the page shows of what was found; None before.
    """

    def __init__(
        self, folder: Path, video: Path, instruction: str, min_score: float, vision: Callable[[], Vision]
    ) -> None:
        super().__init__(folder)
        self._video, self._instruction, self._min_score, self._vision = video, instruction, min_score, vision
        self._over = float("inf")
        self._notes: list[str] = []
        self.progress = Progress()
        self.shown: Shown | None = None

    @property
    def files(self) -> list[Path]:
        """Those that are there now."""
        return [path for name in FILES if (path := self.folder / name).exists()]

    @property
    def annotated(self) -> Path | None:
        """The annotated video, if it is there."""
        path = self.folder / ANNOTATED
        return path if path.exists() else None

    def start(self, line: WaitingLine) -> None:
        """Look at the video on a thread; returns at once (raises SkylarkError: it is at work already, or too many
        wait)."""
        self._begin("waiting", line, self._run)

    def _run(self) -> State:
        self.state = "running"
        self._over = time.monotonic() + WATCH_SECONDS
        try:
            with open_frames(self._video, limits=BOUNDS) as frames:
                self._go_through(frames)
        except StoppedError:
            raise
        except SkylarkError as error:
            raise SkylarkError(self._without_path(str(error))) from error
        finally:
            self.size = sum(path.stat().st_size for path in self.files)
        return "stopped" if self._stop.is_set() else "done"

    def _go_through(self, frames: FrameReader) -> None:
        vision = self._vision()
        self._tell(doing="Reading the instruction", length=seconds_of(frames))
        reading = vision.read_for_video(self._instruction)
        self._check()
        every = looks_every(frames, vision, reading.task)
        if every > 1:
            self._notes.append(
                f"So that the time is enough, the detector looked at one of {every} frames; between them the tracker "
                "says where things are."
            )
        self._tell(doing="Looking")
        counts = TrackCounts(frames.size)
        settings = {
            "video": self._video.name, "size": list(frames.size), "rate": frames.rate, "every": every,
            "instruction": self._instruction, "min_score": self._min_score, "model": vision.detector.name,
        }  # fmt: skip
        tracked = vision.track(frames, reading.task, every=every, min_score=self._min_score)
        with (
            TrackLines(self.folder / RECORD, settings) as record,
            AnnotatedVideo(self.folder / ANNOTATED, drawn_size(frames.size), frames.rate) as drawing,
        ):
            watched = WatchedVideo(self._seen(tracked, record, drawing, counts))
            if not record.frames:
                self._check()
            record.end()
        found = self._concluded(reading, watched, vision, frames)
        write_files(self.folder, self._video.name, lambda: recorded_frames(self.folder / RECORD), counts)
        if found.answer is not None:
            text = json.dumps(found.answer.to_dict(), ensure_ascii=False, indent=1)
            write_whole(self.folder / ANSWER, text.encode())
        self.shown = shown(found)
        if found.drawn != found.all_ids and not self._stop.is_set():
            self._draw_again(watched, found.drawn)

    def _seen(
        self, tracked: Iterator[TrackedFrame], record: TrackLines, drawing: AnnotatedVideo, counts: TrackCounts
    ) -> Iterator[TrackedFrame]:
        """The frames until the end, the bounds, or Stop; each is written down, drawn and shown as it comes."""
        pictured = 0.0
        for one in tracked:
            self._check_time()
            if self._stop.is_set():
                return
            if is_beyond(one.index, one.time):
                self._notes.append(
                    f"Only the first {one.time:.0f} seconds were looked at: {VIDEO_SECONDS} seconds and "
                    f"{VIDEO_FRAMES:,} frames are the most here."
                )
                return
            if record.frames and time.monotonic() > self._over:
                self._notes.append(
                    f"The time for one video here, {WATCH_SECONDS / 60:g} minutes, was over after {one.time:.1f} "
                    "seconds of it: what comes then was not looked at."
                )
                return
            record.add(replace(one, seen=None))
            counts.add(one.time, one.detections)
            pixels = drawing.add(as_drawn(one))
            if time.monotonic() - pictured > PICTURE_SECONDS:
                pictured = time.monotonic()
                picture = jpeg_uri(Image.fromarray(pixels), PICTURE_SIDE, PICTURE_QUALITY)
                self._tell(seconds=one.time, picture=picture, things=sum(counts.tracks.values()))
            yield one

    def _concluded(self, reading: VideoTask, watched: WatchedVideo, vision: Vision, frames: FrameReader) -> Found:
        """What was found, with the answer where one was asked for."""
        self._tell(doing="Working out what happens", seconds=watched.tracks.duration)
        scene = VideoScene.from_tracks(watched.tracks, classes=vision.classes)
        answer = answer_read(reading.text, reading.readings, scene) if reading.text else None
        notes = [*watched.tracks.notes, *scene.notes, *(() if answer is None else answer.notes), *frames.notes]
        notes = [self._without_path(note) for note in dict.fromkeys((*notes, *self._notes))]
        return Found(reading.task, watched.tracks, scene, answer, tuple(notes))

    def _draw_again(self, watched: WatchedVideo, ids: Collection[int]) -> None:
        """The annotated video anew, with some of the tracks alone."""
        self._tell(doing="Drawing what is meant", seconds=0.0)
        with (
            open_frames(self._video, limits=BOUNDS) as frames,
            AnnotatedVideo(self.folder / ANNOTATED, drawn_size(frames.size), frames.rate) as drawing,
        ):
            for one in watched.shown(frames, ids, ()):
                self._check()
                drawing.add(as_drawn(one))
                self._tell(seconds=one.time)

    def _tell(self, **changes: object) -> None:
        """Say how far it is; in one piece, since another thread looks on."""
        self.progress = replace(self.progress, **changes)  # type: ignore[arg-type]

    def _without_path(self, text: str) -> str:
        """A sentence about the video without the place where this machine keeps it."""
        return text.replace(str(self._video), self._video.name)


BAR_LABEL = "How far the video is"


def state_html(job: VideoJob) -> Markup:
    """How far the work is, in a line with a bar."""
    words, ticking, done, total, progress = "", "", 0.0, 0.0, job.progress
    match "stopping" if job.stopping else job.state:
        case "stopping":
            words = "Stopping"
        case "waiting":
            words = waiting_words(job, "video")
        case "running":
            words, done, total = progress.doing, progress.seconds, progress.length or 0.0
            if progress.picture:
                of = f" of {total:.1f}" if total else ""
                ticking = f"{done:.1f}{of} s, {counted(progress.things, 'thing')} so far"
        case "stopped":
            length = f"{progress.seconds:.1f} seconds" if progress.seconds >= 0.05 else "the first frames"
            after = f" after {length} of the video" if progress.seconds else ""
            words = f"{stopped_words(job)}{after}."
        case "done":
            words = f"Done: {progress.seconds:.1f} seconds of the video."
    return status_html(job, words, ticking, label=BAR_LABEL, done=round(min(done, total), 2), total=round(total, 2))
