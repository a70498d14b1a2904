"""What `track --out` writes for one video: the record of its tracks, and the files made of it.

The record alone is added to while the video runs. The others are made of it when all is done, each in one piece, and
can be made again, with other lines to count at, without looking at the video a second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kg_data.appended_lines import encoded, write_pieces, write_whole
from vision.errors import TrackingError
from vision.video.annotating import Annotator
from vision.video.counting import Line, TrackCounts, Zone
from vision.video.mot import mot_text
from vision.video.record import RecordedFrame
from vision.video.tracks import Frame, TrackedFrame
from vision.video.writing import VideoWriter

RECORD = "tracks.jsonl"
TRACKS = "tracks.txt"
CLASSES = "classes.txt"
COCO = "coco.json"
COUNTS = "counts.csv"
ANNOTATED = "annotated.mp4"

MADE = (TRACKS, CLASSES, COCO, COUNTS, ANNOTATED)
"""What is made of a record."""


class AnnotatedVideo:
    """The annotated video, drawn frame by frame (a context manager); lines and zones show their numbers so far.

    Args:
        path: the file.
        size: (width, height) in pixels of the frames.
        rate: frames a second.
        lines: lines to show.
        zones: zones to show.
        uncounted: ids that these numbers leave out, as far as they are known.

    Raises:
        ResultsError: it cannot be written; also while it is being written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        rate: float,
        lines: Sequence[Line] = (),
        zones: Sequence[Zone] = (),
        uncounted: Collection[int] = (),
    ) -> None:
        self._uncounted = list(uncounted)
        self._writer = VideoWriter(path, size, rate)
        self._annotator = Annotator(size, lines, zones)
        self._counts = TrackCounts(size, lines, zones)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def add(self, tracked: TrackedFrame) -> NDArray[np.uint8]:
        """Draw the next frame; gives what was drawn, shape (height, width, 3), uint8, RGB."""
        found = tracked.detections
        counted = found if found.track_ids is None else found[~np.isin(found.track_ids, self._uncounted)]
        self._counts.add(tracked.time, counted)
        pixels = self._annotator.draw(tracked, self._counts.totals)
        self._writer.write(pixels, tracked.time)
        return pixels


def write_annotated(
    path: Path,
    video: Iterable[Frame],
    recorded: Iterable[RecordedFrame],
    rate: float,
    lines: Sequence[Line] = (),
    zones: Sequence[Zone] = (),
    uncounted: Collection[int] = (),
) -> Iterator[RecordedFrame]:
    """Draw a record on the frames of its video, in a second pass over them.

    Args:
        path: the file.
        video: the frames, from the first one on.
        recorded: the frames of the record.
        rate: frames a second.
        lines: lines to show.
        zones: zones to show.
        uncounted: ids that their numbers leave out.

    Returns:
        Each frame of the record when it is drawn; the video is in its place once all were taken.

    Raises:
        ResultsError: it cannot be written.
        VideoError: a frame cannot be read.
        TrackingError: the frames are not those of the record.
    """
    drawing: AnnotatedVideo | None = None
    with ExitStack() as stack:
        for frame, there in zip(video, recorded, strict=False):
            if frame.index != there.index or frame.image.size != there.tracks.image_size:
                raise TrackingError(
                    f"frame {there.index} of the record is frame {frame.index} of the video: it is not the video that "
                    "was tracked"
                )
            if drawing is None:
                size = frame.image.size
                drawing = stack.enter_context(AnnotatedVideo(path, size, rate, lines, zones, uncounted))
            drawing.add(TrackedFrame(frame, there.tracks))
            yield there


def write_files(folder: Path, name: str, frames: Callable[[], Iterable[RecordedFrame]], counts: TrackCounts) -> None:
    """Write all that is made of a record but the annotated video.

    MOT text, and beside it the names of the classes, whose numbers count in them from 1; a COCO data set of one video
    in the form of TAO (Dave et al. 2020, arXiv 2005.10356), with `videos`, `images` and their place in the video,
    `annotations` with the id of their track, `tracks`, `categories`; and the counts.

    Args:
        folder: where to.
        name: what the video is called.
        frames: gives the frames from the first one on; they are gone through several times, and never all in memory.
        counts: of all these frames.

    Raises:
        ResultsError: a file cannot be written.
        DataError: the record is damaged.
    """
    write_pieces(folder / TRACKS, (mot_text(frame.index, frame.tracks).encode() for frame in frames()))
    write_pieces(folder / CLASSES, (encoded(class_name) for class_name in _class_names(frames())))
    write_pieces(folder / COCO, _coco_pieces(name, frames))
    write_whole(folder / COUNTS, counts.csv().encode())


def _coco_pieces(name: str, frames: Callable[[], Iterable[RecordedFrame]]) -> Iterator[bytes]:
    names = _class_names(frames())
    categories = {class_name: number for number, class_name in enumerate(names, start=1)}
    tracks: dict[int, int] = {}
    yield b"{"
    yield from _listed("images", (_image(name, frame) for frame in frames()))
    yield from _listed("annotations", _annotations(frames(), categories, tracks))
    rows = ({"id": track, "video_id": 1, "category_id": category} for track, category in sorted(tracks.items()))
    yield from _listed("tracks", rows)
    yield from _listed("categories", ({"id": number, "name": named} for named, number in categories.items()))
    first = next(iter(frames()), None)
    width, height = first.tracks.image_size if first is not None else (0, 0)
    video = {"id": 1, "name": name, "width": width, "height": height}
    yield encoded(f'"videos":[{json.dumps(video, ensure_ascii=False)}]}}')


def _listed(key: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A key with its list, row by row, and a comma."""
    yield encoded(f'"{key}":[')
    for place, row in enumerate(rows):
        yield encoded("," * (place > 0) + json.dumps(row, ensure_ascii=False))
    yield b"],"


def _image(name: str, frame: RecordedFrame) -> dict[str, Any]:
    width, height = frame.tracks.image_size
    # The number that a frame gets where a video is taken apart into images, which count from 1.
    file_name = frame.image or f"{frame.index + 1:06}.jpg"
    return {
        "id": frame.index + 1, "video_id": 1, "video": name, "frame_index": frame.index, "time": frame.time,
        "file_name": file_name, "width": width, "height": height,
    }  # fmt: skip


def _annotations(
    frames: Iterable[RecordedFrame], categories: Mapping[str, int], tracks: dict[int, int]
) -> Iterator[dict[str, Any]]:
    """The annotation of each box; the category of each track is put into `tracks`."""
    first_id = 1
    for frame in frames:
        rows = frame.tracks.to_coco(frame.index + 1, categories, first_id)
        for row, one in zip(rows, frame.tracks, strict=True):
            assert one.track_id is not None
            tracks.setdefault(one.track_id, row["category_id"])
            yield {**row, "video_id": 1, "track_id": one.track_id}
        first_id += len(rows)


def _class_names(frames: Iterable[RecordedFrame]) -> tuple[str, ...]:
    """The class set of a video."""
    first = next(iter(frames), None)
    return () if first is None else first.tracks.classes
