"""A video gone through to its end for an instruction, and the record from which a stopped run goes on.

"Every dog" can be followed as the frames come. "The car that overtakes the bus" speaks of whole tracks, which are
known once the video is over: the frames are then read once more, and the remembered boxes put into them. Two readers
look at the text: that of instructions, which knows class sets, ranks, regions and forms of output, and that of
expressions, which knows events.

A line of the record has what the tracker was given in a frame and the tracks that came of it. So a run that goes on
gives the tracker the same again, and its ids are those of a run that was never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.batches.shards import read_line
from reasoning import Query
from reasoning.query.tree import Entity, Project, Union
from skylark.errors import DataError, SkylarkError
from skylark.files import Line, whole_lines
from vision.classes.matching import Matcher
from vision.detections.detections import Detections
from vision.errors import InstructionError, VideoError
from vision.evaluation.runs import RunLines
from vision.grounding.grounding import targets_of
from vision.images import SUFFIXES
from vision.parsing.expression_codec import happens, is_of_events
from vision.parsing.expression_reader import ExpressionReading
from vision.parsing.prompt import EVERYTHING
from vision.parsing.reader import VIDEOS, followed
from vision.task import Task
from vision.video.answer import check_whole_tracks, video_readings
from vision.video.frames import FrameLimits, FrameReader, VideoSource, frames_of
from vision.video.tracker import CameraMotion
from vision.video.tracks import Frame, TrackColours, TrackedFrame, TrackRecord


@dataclass(frozen=True, eq=False)
class VideoTask:
    """An instruction for a video as it was read.

    Attributes:
        task: what is followed frame by frame; of whole tracks, what has to be followed for them.
        text: what is answered over the tracks; "" where things are followed and nothing is asked.
        readings: what the text may mean, the likeliest first.
        of_tracks: whether only some of the tracks are meant, which is known once the video is over.
    """

    task: Task
    text: str = ""
    readings: Sequence[ExpressionReading] = ()
    of_tracks: bool = False


def read_video_task(text: str, task: Task, matcher: Matcher, adapter: Path = VIDEOS) -> VideoTask:
    """What an instruction asks of a video, whose `task` is as it is read for an image.

    Raises:
        InstructionError: it cannot be read, or asks about one frame.
        LLMError: the adapter or the weights are missing or damaged.
    """
    check_whole_tracks(text)
    task = followed(task)
    said = task.expression or text
    try:
        readings = video_readings(said, matcher, adapter)
    except InstructionError:
        if task.expression is None and task.understood:
            return VideoTask(task)  # what is not obeyed of it is told with the frames
        raise
    sentence = readings[0].sentence
    things = sentence.things
    if _names_alone(things):
        if task.expression is not None or not task.understood:
            task = Task(text, targets=targets_of(readings[:1]))
        return VideoTask(task) if sentence.question == "find" else VideoTask(task, said, readings)
    plain = task.understood and task.expression is None and not task.unread and sentence.question == "find"
    if plain and not happens(things) and not is_of_events(things):
        return VideoTask(task)
    return video_task_of(said, readings)


def video_task_of(text: str, readings: Sequence[ExpressionReading]) -> VideoTask:
    """The task of following whatever an expression about whole tracks speaks of."""
    # As for a count, what each thing may be called besides is settled.
    return VideoTask(Task(text, "count", targets=targets_of(readings)), text, readings, of_tracks=True)


def _names_alone(things: Query) -> bool:
    if isinstance(things, Union):
        return all(map(_names_alone, things.parts))
    named = isinstance(things, Project) and things.inverse and things.relation in ("class", "supercategory")
    return things == EVERYTHING or (named and isinstance(things.children[0], Entity))


_ANOTHER = "choose another folder for this, or add --overwrite to begin anew"


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """One frame of a record.

    Attributes:
        index: its place in the video, from 0.
        time: seconds from the video's first frame.
        tracks: what is there, with track ids.
        seen: what the tracker was given; None where no detector looked.
        image: the frame's file name where it is one image of several, else "".
    """

    index: int
    time: float
    tracks: Detections
    seen: Detections | None
    image: str = ""


def frame_line(tracked: TrackedFrame, *, seen: bool = True) -> Line:
    """A frame as a line of JSON has it, with what the tracker was given as a record needs it."""
    line: Line = {"index": tracked.index, "time": tracked.time, "objects": _objects(tracked.detections)}
    name = Path(tracked.frame.image.name)
    if name.suffix.lower() in SUFFIXES:
        line["image"] = name.name
    if seen and tracked.seen is not None:
        line["seen"] = _objects(tracked.seen)
    return line


def _objects(detections: Detections) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = detections.to_dict()["objects"]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


class TrackLines(RunLines):
    """The record of one video, open to be added to (a context manager).

    Args:
        settings: everything that decides the tracks, with the `size` of the frames.
        overwrite: begin anew, whatever is there.

    Attributes:
        complete: whether the video was gone through to its end; set on entry.
        frames: how many frames it has.

    Raises:
        EvaluationError: it was begun with other settings.
        ResultsError: it is in use or cannot be written; also while it is being written.
        DataError: it is damaged.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], overwrite: bool = False) -> None:
        super().__init__(path, settings, resume=True, anew=overwrite, otherwise=_ANOTHER)
        self.complete, self.frames = False, 0
        self._notes: set[str] = set()

    def add(self, tracked: TrackedFrame) -> None:
        """Write the line of the next frame."""
        line = frame_line(tracked)
        # What all frames have in common is said once, with the first frame that has it.
        if not self.frames:
            line["classes"] = list(tracked.detections.classes)
        if notes := [note for note in tracked.detections.notes if note not in self._notes]:
            self._notes.update(notes)
            line["notes"] = notes
        self.append(line)
        self.frames += 1

    def end(self) -> None:
        """Say that the video has come to its end."""
        self.append({"frames": self.frames})
        self.complete = True

    def recorded(self) -> Iterator[RecordedFrame]:
        """The frames that are there, one by one; see `recorded_frames`."""
        return recorded_frames(self.path)

    def _open(self) -> None:
        # Line by line: a record of a long video is not read into memory.
        size, last = 0, b""
        if self.path.exists() and not self._anew:
            with self._writing(), self.path.open("rb") as lines:
                for text in lines:
                    if not whole_lines(text):
                        break
                    if not size:
                        self.check_first(read_line(self.path, text, 1))
                    else:
                        self.frames, last = self.frames + 1, text
                    size += len(text)
        if last and "frames" in read_line(self.path, last, self.frames + 1):
            self.complete, self.frames = True, self.frames - 1
        self._begin(size)
        if not size:
            self.append({"settings": self.settings})
        elif not self.complete:
            for frame in self.recorded():
                self._notes.update(frame.tracks.notes)


def recorded_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of the frames of a record, None where there is no such file; a `DataError` where damaged."""
    if not path.is_file():
        return None
    with path.open("rb") as lines:
        return _size(path, read_line(path, next(lines, b""), 1))


def recorded_frames(path: Path) -> Iterator[RecordedFrame]:
    """The frames of a record, one by one; what a kill left of a last line is passed over.

    Raises:
        DataError: it is damaged.
    """
    size: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    before = -1
    with path.open("rb") as lines:
        for number, text in enumerate(lines, start=1):
            if not whole_lines(text):
                return
            line = read_line(path, text, number)
            if size is None:
                size = _size(path, line)
                continue
            if "frames" in line:
                return
            try:
                classes = tuple(line.get("classes", classes))
                frame = _frame(line, size, classes)
            except (KeyError, TypeError, ValueError, AttributeError, SkylarkError) as error:
                raise DataError(path, f"the line of a frame ({error})", number, text.decode(errors="replace")) from None
            if frame.index <= before:
                raise DataError(path, f"a frame after {before}", number, str(frame.index))
            before = frame.index
            yield frame


def _size(path: Path, line: Line) -> tuple[int, int]:
    try:
        width, height = line["settings"]["size"]
        return int(width), int(height)
    except (KeyError, TypeError, ValueError):
        raise DataError(path, "the settings of a run with the size of its frames", 1, json.dumps(line)) from None


def _frame(line: Line, size: tuple[int, int], classes: tuple[str, ...]) -> RecordedFrame:
    ids = np.array([row["track_id"] for row in line["objects"]], np.int64)
    found = replace(_detections(line["objects"], size, classes), track_ids=ids, notes=tuple(line.get("notes", ())))
    seen = None if line.get("seen") is None else _detections(line["seen"], size, classes)
    return RecordedFrame(int(line["index"]), float(line["time"]), found, seen, str(line.get("image", "")))


def _detections(rows: Sequence[Mapping[str, Any]], size: tuple[int, int], classes: tuple[str, ...]) -> Detections:
    """The detections that `_objects` wrote, without ids; no objects have scores, as those of most models do."""
    polygons = tuple(tuple(np.array(ring, np.float32) for ring in row["polygon"]) for row in rows if "polygon" in row)
    scores = [row["score"] for row in rows if "score" in row]
    return Detections(
        image_size=size,
        xyxy=np.array([row["xyxy"] for row in rows], np.float32).reshape(-1, 4),
        class_names=tuple(row["class_name"] for row in rows),
        scores=np.array(scores, np.float32) if len(scores) == len(rows) else None,
        classes=classes,
        model_classes=tuple(row["model_class"] for row in rows),
        polygons=polygons or None,
        polygon_source="model" if polygons else None,
    )


@contextmanager
def frames_with_an_end(video: VideoSource | FrameReader, limits: FrameLimits) -> Iterator[FrameReader]:
    """The frames of a video that ends and can be read twice; a `VideoError` where it is live."""
    with frames_of(video, limits) as frames:
        if frames.live:
            raise VideoError(
                f"{frames.name} is live and has no end, and what is asked speaks of whole tracks: record it to a file "
                'first, or follow the things alone, such as "every dog"'
            )
        yield frames


class WatchedVideo:
    """The tracks of a video with their colours, and the camera's motion, remembered while it is gone through."""

    def __init__(self, frames: Iterable[TrackedFrame]) -> None:
        record, colours, camera = TrackRecord(), TrackColours(), CameraMotion()
        moved: list[NDArray[np.float64]] = []
        self._detected: list[bool] = []
        # What the boxes of all frames have in common: labels, the class set, how they are written.
        self._form: Detections | None = None
        for frame in frames:
            record.add(frame)
            colours.add(frame)
            # Things that are not followed move too, and the tracker was given some of them.
            there = frame.detections if frame.seen is None else frame.seen
            moved.append(camera.follow(frame.frame.image.pixels, there.xyxy))
            self._detected.append(frame.detected)
            if self._form is None:
                self._form = replace(frame.detections[:0], source=None)
        tracks = record.tracks()
        items = tuple(replace(track, colours=colours.of(track.id)) for track in tracks)
        self.tracks = replace(tracks, items=items, camera=np.array(moved, np.float64).reshape(-1, 2, 3))

    def shown(self, frames: Iterable[Frame], ids: Collection[int], notes: Iterable[str]) -> Iterator[TrackedFrame]:
        """The same frames once more, with some of the tracks alone, and notes."""
        if self._form is None:
            return
        form = replace(self._form, notes=tuple(dict.fromkeys((*self._form.notes, *notes))))
        wanted = [track for track in self.tracks if track.id in ids]
        places = {track.id: 0 for track in wanted}
        for frame, detected in zip(frames, self._detected, strict=False):
            there = []
            for track in wanted:
                place = places[track.id]
                if place < len(track) and track.frames[place] == frame.index:
                    there.append((track, place))
                    places[track.id] += 1
            scores = [track.scores[place] for track, place in there if track.scores is not None]
            found = replace(
                form,
                xyxy=np.array([track.xyxy[place] for track, place in there], np.float32).reshape(-1, 4),
                class_names=tuple(track.class_name for track, _ in there),
                model_classes=tuple(track.model_class for track, _ in there),
                scores=np.array(scores, np.float32) if len(scores) == len(there) else None,
                polygons=None,
                track_ids=np.array([track.id for track, _ in there], np.int64),
                source=frame.image,
            )
            yield TrackedFrame(frame, found, detected)
