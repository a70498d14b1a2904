"""One video under one instruction: looked at frame by frame, answered, drawn, and written to files.

What was seen until the visitor stops the work, or until its time is over, is shown as if the video ended there. Pixels
are not kept, so that the memory does not grow with the video.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from app.batch.queue import Job, State, StoppedError, WaitingLine
from app.image.overlay import jpeg_uri
from app.server.limits import VIDEO_FRAMES, VIDEO_SECONDS, WATCH_SECONDS
from app.video.found import Found
from app.video.looking import BOUNDS, as_drawn, drawn_size, is_beyond, looks_every, seconds_of
from app.video.views import Shown, shown
from kg_data.appended_lines import write_whole
from kg_data.errors import SkylarkError
from vision import Vision
from vision.video.answer import answer_read
from vision.video.counting import TrackCounts
from vision.video.files import ANNOTATED, CLASSES, COCO, COUNTS, RECORD, TRACKS, AnnotatedVideo, write_files
from vision.video.frames import FrameReader, open_frames
from vision.video.instructions import VideoTask
from vision.video.record import TrackLines, recorded_frames
from vision.video.scene import VideoScene
from vision.video.tracks import TrackedFrame
from vision.video.watching import WatchedVideo

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

    Args:
        folder: where its files are written.
        video: the video that was sent.
        instruction: what is asked of it.
        min_score: bound on the score.
        vision: gives what looks; called once the job has its turn.

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
        """Look at the video on a thread; returns at once.

        Raises:
            SkylarkError: it is at work already, or too many wait.
        """
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
