"""Files of tracks: MOT text, and what `track --out` writes.

The record alone is added to while the video runs. The other files are made of it when all is done, each in one piece,
and can be made again, with other lines to count at, without looking at the video a second time.

MOT text is a line a box. Six columns mean the same everywhere: frame (from 1), id, left, top, width and height in
pixels. The rest does not, and who takes one form for another scores nothing, or the wrong things, with no error:

| form | column 7 | 8 | 9 | 10 |
|---|---|---|---|---|
| MOT15 (Leal-Taixé et al. 2015, arXiv 1504.01942) | flag: 0 is left out | x | y | z in the world, or -1 |
| MOT16, MOT17, MOT20 (Milan et al. 2016, arXiv 1603.00831) | flag: 0 is left out | class | visibility | |
| VisDrone (Zhu et al. 2018, arXiv 1804.07437) | score: 0 is ignored | category | truncation | occlusion |
| results, of any | score | class, or -1 | -1 | -1 |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skylark.errors import DataError
from skylark.files import encoded, write_pieces, write_whole
from vision.detections.detections import Detections
from vision.errors import TrackingError
from vision.video.counting import Line, TrackCounts, Zone
from vision.video.drawing import Annotator, VideoWriter
from vision.video.tracks import Frame, TrackedFrame
from vision.video.watching import RecordedFrame

TruthForm = Literal["mot15", "mot17", "mot20", "visdrone"]
Form = TruthForm | Literal["results"]

PEDESTRIAN = "pedestrian"

MOT_CLASSES = (
    PEDESTRIAN, "person on vehicle", "car", "bicycle", "motorbike", "non-motorised vehicle", "static person",
    "distractor", "occluder", "occluder on the ground", "full occluder", "reflection", "crowd",
)  # fmt: skip
"""Classes of MOT16, MOT17 and MOT20 from 1."""

VISDRONE_CLASSES = (
    "ignored region", PEDESTRIAN, "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus",
    "motor", "others",
)  # fmt: skip
"""Categories of VisDrone from 0."""

DECIMALS = 4
"""Digits behind the point that are written: fewer move boxes over the bounds of an evaluation."""

LEAST_COLUMNS = 6
MOST_FRAMES = 10_000_000


@dataclass(frozen=True, eq=False)
class MotRows:
    """The boxes of one MOT text, in the order of its lines.

    Attributes:
        form: what its columns mean.
        frames: shape (n,), int64, from 1.
        ids: shape (n,), int64; -1 where a box belongs to no track.
        xyxy: shape (n, 4), float64, pixels; boxes may reach out of the picture.
        scores: shape (n,), float64: column 7, a flag in truth; 1 where it is not there.
        classes: shape (n,), int64: the class's number in the form's own list; -1 where none is said.
        lines: shape (n,), int64: the line that each stands in, from 1.
    """

    form: Form
    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, places: NDArray[np.bool_] | NDArray[np.intp]) -> MotRows:
        """The rows at these places, or where the mask is true."""
        columns = {item.name: getattr(self, item.name)[places] for item in fields(self) if item.name != "form"}
        return MotRows(self.form, **columns)


def mot_text(index: int, detections: Detections) -> str:
    """The lines of one frame's tracks, each with its end, as results are written; frames count from 1 in them.

    A class has its number in `classes` from 1, so that of one class all are 1, which evaluators of the MOT challenges
    take for their pedestrians.
    """
    lines = []
    for one, number in zip(detections, detections.class_ids.tolist(), strict=True):
        x0, y0, x1, y1 = one.xyxy.tolist()
        numbers = (x0, y0, x1 - x0, y1 - y0, 1.0 if one.score is None else one.score)
        box_and_score = ",".join(str(round(value, DECIMALS)) for value in numbers)
        lines.append(f"{index + 1},{one.track_id},{box_and_score},{number + 1},-1,-1\n")
    return "".join(lines)


def read_mot(path: Path, form: Form | None = None) -> MotRows:
    """Read a MOT text.

    Args:
        path: the file; an empty one has no boxes.
        form: what its columns mean; None to tell it by what they hold, see `told_form`.

    Raises:
        DataError: it cannot be read, or a line is damaged: no numbers, too few columns, a frame before 1.
    """
    table, lines = _table(path)
    form = form or told_form(table)
    return MotRows(
        form=form,
        frames=_whole(path, table[:, 0], lines, "a frame from 1", 1, MOST_FRAMES),
        ids=_whole(path, table[:, 1], lines, "an id", -1),
        xyxy=np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1),
        scores=table[:, 6] if table.shape[1] > 6 else np.ones(len(table)),
        classes=_classes(path, table, lines, form),
        lines=lines,
    )


def told_form(table: NDArray[np.float64]) -> TruthForm:
    """What the columns of a truth mean, told by what they hold.

    Eight or nine columns are MOT17's. Ten are VisDrone's where 7 is 0 or 1, 8 a category from 0 to 11, 9 is 0 or 1 and
    10 is 0, 1 or 2, in every line. All else is MOT15's, whose coordinates in the world are no such numbers; MOT20 has
    the columns of MOT17 and cannot be told from it.

    Args:
        table: shape (n, columns): the numbers of the file.
    """
    if table.shape[1] in (8, 9):
        return "mot17"
    allowed = ((6, 1), (7, len(VISDRONE_CLASSES) - 1), (8, 1), (9, 2))
    if table.shape[1] == 10 and all(np.isin(table[:, column], range(most + 1)).all() for column, most in allowed):
        return "visdrone"
    return "mot15"


def _classes(path: Path, table: NDArray[np.float64], lines: NDArray[np.int64], form: Form) -> NDArray[np.int64]:
    column = table[:, 7] if table.shape[1] > 7 else None
    if form == "visdrone" and column is not None:
        return _whole(path, column, lines, "a category of VisDrone in column 8", 0, len(VISDRONE_CLASSES) - 1)
    if form in ("mot17", "mot20") and column is not None:
        return _whole(path, column, lines, "a class of MOT17 in column 8", 1, len(MOT_CLASSES))
    if form in ("mot17", "mot20", "visdrone") and len(table):
        raise DataError(path, "a class in column 8", int(lines[0]), f"{table.shape[1]} columns")
    # Results of MOT15 may have coordinates in the world here, which are no class.
    if form == "results" and column is not None and (np.mod(column, 1) == 0).all():
        return np.where(column >= 0, column, -1).astype(np.int64)
    return np.full(len(table), -1, np.int64)


def _table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers of a file, shape (n, columns), and the line that each row stands in."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(path, f"a text that can be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(path, "MOT text in UTF-8") from None
    rows = [(number, row) for number, line in enumerate(text.splitlines(), start=1) if (row := line.strip())]
    if not rows:
        return np.zeros((0, LEAST_COLUMNS)), np.zeros(0, np.int64)
    numbers = [_numbers(path, number, row) for number, row in rows]
    for (number, row), values in zip(rows, numbers, strict=True):
        if len(values) != len(numbers[0]):
            raise DataError(path, f"{len(numbers[0])} columns as in the line before", number, row)
    table = np.array(numbers, np.float64)
    lines = np.array([number for number, _ in rows], np.int64)
    for bad in np.flatnonzero(~np.isfinite(table).all(axis=1) | (table[:, 4:6] < 0).any(axis=1)).tolist():
        raise DataError(path, "finite numbers, and no negative width or height", *rows[bad])
    return table, lines


def _numbers(path: Path, number: int, row: str) -> list[float]:
    try:
        # VisDrone's files have a comma at the end of their lines now and then.
        values = [float(cell) for cell in row.removesuffix(",").split(",")]
    except ValueError:
        values = []
    if len(values) < LEAST_COLUMNS:
        raise DataError(path, "frame,id,left,top,width,height and what follows, numbers with commas", number, row)
    return values


def _whole(
    path: Path, column: NDArray[np.float64], lines: NDArray[np.int64], what: str, least: int, most: int = 2**53
) -> NDArray[np.int64]:
    wrong = (np.mod(column, 1) != 0) | (column < least) | (column > most)
    for bad in np.flatnonzero(wrong).tolist():
        raise DataError(path, what, int(lines[bad]), f"{column[bad]:g}")
    return column.astype(np.int64)


def by_frame(rows: MotRows) -> dict[int, NDArray[np.intp]]:
    """To each frame that has rows, in order, the places of its rows in the order of the file."""
    order = np.argsort(rows.frames, kind="stable")
    frames, starts = np.unique(rows.frames[order], return_index=True)
    return dict(zip(frames.tolist(), np.split(order, starts)[1:], strict=True))


RECORD = "tracks.jsonl"
MADE = (TRACKS, CLASSES, COCO, COUNTS, ANNOTATED) = (
    "tracks.txt", "classes.txt", "coco.json", "counts.csv", "annotated.mp4",
)  # fmt: skip
"""What is made of a record."""


class AnnotatedVideo(VideoWriter):
    """The annotated video, drawn frame by frame.

    Lines and zones show their numbers so far, without the ids that are `uncounted`, as far as they are known.

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
        self, path: Path, size: tuple[int, int], rate: float, lines: Sequence[Line] = (), zones: Sequence[Zone] = (),
        uncounted: Collection[int] = (),
    ) -> None:  # fmt: skip
        super().__init__(path, size, rate)
        self._uncounted = list(uncounted)
        self._annotator = Annotator(size, lines, zones)
        self._counts = TrackCounts(size, lines, zones)

    def add(self, tracked: TrackedFrame) -> NDArray[np.uint8]:
        """Draw the next frame; gives what was drawn, shape (height, width, 3), uint8, RGB."""
        found = tracked.detections
        counted = found if found.track_ids is None else found[~np.isin(found.track_ids, self._uncounted)]
        self._counts.add(tracked.time, counted)
        pixels = self._annotator.draw(tracked, self._counts.totals)
        self.write(pixels, tracked.time)
        return pixels


def write_annotated(
    path: Path, video: Iterable[Frame], recorded: Iterable[RecordedFrame], rate: float, lines: Sequence[Line] = (),
    zones: Sequence[Zone] = (), uncounted: Collection[int] = (),
) -> Iterator[RecordedFrame]:  # fmt: skip
    """Draw a record on the frames of its video, from the first one on, in a second pass over them.

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
    `annotations` with the id of their track, `tracks`, `categories`; and the counts. `frames` gives the frames from the
    first one on: they are gone through several times, and never all in memory.

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
    return {
        "id": frame.index + 1, "video_id": 1, "video": name, "frame_index": frame.index, "time": frame.time,
        # The number that a frame gets where a video is taken apart into images, which count from 1.
        "file_name": frame.image or f"{frame.index + 1:06}.jpg", "width": width, "height": height,
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
    first = next(iter(frames), None)
    return () if first is None else first.tracks.classes
