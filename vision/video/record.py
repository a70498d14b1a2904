"""The record of a video's tracks: a line a frame, from which a stopped run goes on and all its files are made.

A line has what the tracker was given in the frame and the tracks that came of it. So a run that goes on gives the
tracker the same again, and its ids are those of a run that was never stopped; no detector looks a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kg_data.appended_lines import Line, whole_lines
from kg_data.errors import DataError, SkylarkError
from vision.detections.detections import Detections
from vision.evaluation.runs import RunLines, read_line
from vision.images.loading import SUFFIXES
from vision.video.tracks import TrackedFrame

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
    """A frame as a line of JSON has it.

    Args:
        tracked: the frame.
        seen: put what the tracker was given into it too, as a record needs it.
    """
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
        path: its file.
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
                        self.check_settings(read_line(self.path, text, 1))
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
    """(width, height) of the frames of a record, None where there is no such file.

    Raises:
        DataError: it is damaged.
    """
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
    seen = line.get("seen")
    tracks = _detections(line["objects"], size, classes)
    ids = np.array([row["track_id"] for row in line["objects"]], np.int64)
    return RecordedFrame(
        index=int(line["index"]),
        time=float(line["time"]),
        tracks=replace(tracks, track_ids=ids, notes=tuple(line.get("notes", ()))),
        seen=None if seen is None else _detections(seen, size, classes),
        image=str(line.get("image", "")),
    )


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
