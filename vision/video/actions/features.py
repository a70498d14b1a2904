"""Features of frames, segments of actions, the measures of a segmentation, and pictures of which action is when.

A file of features is one of two forms of npz, without pickles:

- *one video*: `features` (frames, channels), and if they are known `labels` (frames), the classes' numbers from 0,
  and `rate`, frames a second; the file's name is the video's. A folder stands for all such files in it.
- *a set of videos laid end to end*, the form in which scores of baselines are passed on: `videos`, their names, and
  for each kind of scores NAME/S (all frames, channels), NAME/lengths (videos), and if they are known NAME/Y (all
  frames), the classes' numbers.

A share of right frames says little about where actions begin and end, so edit score and F1 count segments (Lea et al.
2017, "Temporal Convolutional Networks for Action Segmentation and Detection", section 4). Options of a network stand
here too, since they are read without torch.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne

from skylark.errors import DataError, ResultsError
from vision.errors import ActionsError, ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Recipe:
    """How a network is made and taught: the paper's numbers, with the layers that did best where they were compared.

    Attributes:
        graph: graph layers behind the first stage, as in the paper; else convolutions as in the first.
        self_supervision: with exchanged frames.
        epochs: passes over the videos, one video an update.
        learning_rate: of Adam.
        layers: of each stage at most: no dilation exceeds the shortest video.
        stages: the first included.
        width: channels inside.
        seed: of everything drawn.
    """

    graph: bool = False
    self_supervision: bool = False
    epochs: int = 50
    learning_rate: float = 5e-4
    layers: int = 10
    stages: int = 4
    width: int = 64
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "layers", "stages", "width"):
            if getattr(self, name) < 1:
                raise ActionsError(f"{name} is at least 1, not {getattr(self, name)}")
        if not 0 < self.learning_rate <= 1:
            raise ActionsError(f"learning_rate is above 0 and at most 1, not {self.learning_rate}")


MAX_BYTES = 8 << 30
"""Of one file's arrays, unpacked."""

FORMS = "`features` of one video, or `videos` with NAME/S and NAME/lengths of several"


@dataclass(frozen=True, eq=False)
class VideoFeatures:
    """What is known of each frame of a video.

    Attributes:
        name: of the video.
        values: shape (frames, channels), float32.
        labels: shape (frames,), int64: each frame's class, or None where the truth is not known.
        rate: frames a second, or None where the file does not say.
    """

    name: str
    values: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None
    rate: float | None = None

    def __len__(self) -> int:
        return len(self.values)


def read_classes(path: Path) -> tuple[str, ...]:
    """The names of the classes, line n from 0 that of class n; a `DataError` where one is empty or there twice."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, "a text file with the name of a class on each line", hint=_why(error)) from None
    names: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name or name in names:
            what = f"another name than that of line {names[name]}" if name else "the name of a class"
            raise DataError(path, what, number, line)
        names[name] = number
    if not names:
        raise DataError(path, "the name of a class on each line, found none")
    return tuple(names)


def read_features(paths: Iterable[Path], scores: str | None = None, rate: float | None = None) -> list[VideoFeatures]:
    """The videos of files and folders, in order.

    Args:
        paths: npz files, or folders of them.
        scores: which NAME of files that hold several kinds.
        rate: frames a second of files that do not say it.

    Raises:
        ArgumentError: there is no such file, two videos have the same name or other channels, or `scores` names none.
        DataError: a file is damaged, or holds what cannot be.
    """
    videos: dict[str, VideoFeatures] = {}
    for path in _files(paths):
        for video in _read(path, scores):
            if video.name in videos:
                raise ArgumentError(f"{path}: there is a video {video.name!r} already; each needs a name of its own")
            first = next(iter(videos.values()), video)
            if video.values.shape[1] != first.values.shape[1]:
                raise ArgumentError(
                    f"{path}: {video.name!r} has {video.values.shape[1]} channels, but {first.name!r} has "
                    f"{first.values.shape[1]}; all videos need features of the same kind"
                )
            videos[video.name] = video if video.rate is not None else replace(video, rate=rate)
    return list(videos.values())


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            files = sorted(path.glob("*.npz"))
            if not files:
                raise ArgumentError(f"{path}: there is no .npz file in this folder")
            yield from files
        elif path.exists():
            yield path
        else:
            raise ArgumentError(f"there is no file or folder {path}")


def _read(path: Path, scores: str | None) -> Iterable[VideoFeatures]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MAX_BYTES:
            raise DataError(path, f"at most {MAX_BYTES >> 30} GiB of arrays", found=f"{size / 2**30:.1f} GiB")
        with np.load(path, allow_pickle=False) as arrays:
            if "features" in arrays:
                return [_one_video(path, arrays)]
            if "videos" in arrays:
                return _set_of_videos(path, arrays, scores)
            raise DataError(path, f"arrays of one of two forms: {FORMS}", found=", ".join(arrays))
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise DataError(path, "an npz file whose arrays hold numbers", hint=_why(error)) from None


def _one_video(path: Path, arrays: Mapping[str, NDArray[Any]]) -> VideoFeatures:
    values = _values(path, "features", arrays["features"])
    labels = _labels(path, "labels", arrays["labels"], len(values)) if "labels" in arrays else None
    rate = None
    if "rate" in arrays:
        given = arrays["rate"]
        if given.size != 1 or given.dtype.kind not in "iuf" or not 0 < float(given.reshape(())) < np.inf:
            raise DataError(path, "`rate` as one number of frames a second above 0", found=str(given))
        rate = float(given.reshape(()))
    return VideoFeatures(path.stem, values, labels, rate)


def _set_of_videos(path: Path, arrays: Mapping[str, NDArray[Any]], scores: str | None) -> list[VideoFeatures]:
    kinds = sorted(name.removesuffix("/S") for name in arrays if name.endswith("/S"))
    if not kinds:
        raise DataError(path, f"arrays of one of two forms: {FORMS}", found=", ".join(arrays))
    if scores is None and len(kinds) > 1:
        raise ArgumentError(f"{path} holds scores of {', '.join(kinds)}: choose one of them as read_features(scores=)")
    kind = kinds[0] if scores is None else scores
    if kind not in kinds:
        near = extractOne(kind, kinds)
        raise ArgumentError(f"{path} holds no scores of {kind!r}; did you mean {near[0]!r}? (of {', '.join(kinds)})")
    if f"{kind}/lengths" not in arrays:
        raise DataError(path, f"{kind}/lengths, how many frames each video has")
    names, lengths = arrays["videos"], arrays[f"{kind}/lengths"]
    values = _values(path, f"{kind}/S", arrays[f"{kind}/S"])
    if names.dtype.kind != "U" or names.ndim != 1 or lengths.dtype.kind not in "iu" or names.shape != lengths.shape:
        raise DataError(path, f"as many names in `videos` as whole numbers in {kind}/lengths")
    if (lengths < 1).any() or int(lengths.sum()) != len(values):
        raise DataError(path, f"{kind}/lengths above 0 whose sum is the {len(values)} rows of {kind}/S")
    labels = _labels(path, f"{kind}/Y", arrays[f"{kind}/Y"], len(values)) if f"{kind}/Y" in arrays else None
    bounds = np.cumsum(lengths)[:-1]
    parts = [None] * len(names) if labels is None else np.split(labels, bounds)
    return [
        VideoFeatures(str(name), part, truth)
        for name, part, truth in zip(names, np.split(values, bounds), parts, strict=True)
    ]


def _values(path: Path, name: str, values: NDArray[Any]) -> NDArray[np.float32]:
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "iuf":
        raise DataError(path, f"`{name}` as numbers (frames, channels)", found=f"{values.dtype} {values.shape}")
    if not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0]
        raise DataError(path, f"`{name}` as finite numbers", found=f"{values[*place]} in frame {place[0]}")
    return values.astype(np.float32)


def _labels(path: Path, name: str, labels: NDArray[Any], frames: int) -> NDArray[np.int64]:
    if labels.shape != (frames,) or labels.dtype.kind not in "iu":
        found = f"{labels.dtype} {labels.shape}"
        raise DataError(path, f"`{name}` as the number of a class for each of {frames} frames", found=found)
    if (labels < 0).any():
        raise DataError(path, f"`{name}` from 0 on", found=str(labels.min()))
    return labels.astype(np.int64)


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).split("\n")[0]


Labels = NDArray[np.integer[Any]]
"""A class's number for each frame, shape (frames,)."""

OVERLAPS = (0.10, 0.25, 0.50)
"""IoU of a predicted segment with a true one from which on it counts as found."""


@dataclass(frozen=True)
class Run:
    """Frames in a row with the same class: from `start` up to `end`, which is not of it any more."""

    label: int
    start: int
    end: int


@dataclass(frozen=True)
class ActionFigures:
    """What was measured over videos, each in percent.

    Attributes:
        accuracy: right frames of all frames.
        edit: Levenshtein's similarity of the sequences of segments, mean over videos.
        f1: at each of `OVERLAPS`, counts pooled over videos.
    """

    accuracy: float
    edit: float
    f1: tuple[float, ...]

    def to_dict(self) -> dict[str, float]:
        """By the names that the field uses: acc, edit, F1@10, F1@25, F1@50."""
        named = {f"F1@{100 * overlap:.0f}": value for overlap, value in zip(OVERLAPS, self.f1, strict=True)}
        return {"acc": self.accuracy, "edit": self.edit, **named}


def runs_of(labels: Labels) -> list[Run]:
    """The runs of a video in order; together they are all its frames."""
    if not len(labels):
        return []
    bounds = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [Run(int(labels[start]), start, end) for start, end in pairwise(bounds)]


def measured(truth: Sequence[Labels], predicted: Sequence[Labels], background: int | None) -> ActionFigures:
    """Compare predictions with the truth.

    Args:
        truth: of each video.
        predicted: of each video, as many frames as its truth.
        background: the class that is no action: its segments are left out of edit score and F1; None where each is one.
    """
    right = sum(int((t == p).sum()) for t, p in zip(truth, predicted, strict=True))
    edits: list[float] = []
    counts = np.zeros((len(OVERLAPS), 3), np.int64)
    for t, p in zip(truth, predicted, strict=True):
        wanted = [run for run in runs_of(t) if run.label != background]
        given = [run for run in runs_of(p) if run.label != background]
        edits.append(Levenshtein.normalized_similarity([r.label for r in given], [r.label for r in wanted]))
        counts += np.array([_counted(wanted, given, overlap) for overlap in OVERLAPS])
    return ActionFigures(
        100 * right / max(1, sum(map(len, truth))),
        100 * float(np.mean(edits)) if edits else 0.0,
        tuple(100 * 2 * hits / max(1, 2 * hits + more + missed) for hits, more, missed in counts.tolist()),
    )


def _counted(wanted: Sequence[Run], given: Sequence[Run], overlap: float) -> tuple[int, int, int]:
    """Segments found, predicted in vain, and missed.

    A prediction is compared with the true segment of its class that it overlaps best; of several that have the same
    one, the first alone finds it.
    """
    found: set[int] = set()
    for run in given:
        overlaps = [(_iou(run, other), -number) for number, other in enumerate(wanted) if other.label == run.label]
        best, place = max(overlaps, default=(0.0, 0))
        if best >= overlap:
            found.add(-place)
    return len(found), len(given) - len(found), len(wanted) - len(found)


def _iou(one: Run, other: Run) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0, shared) / (max(one.end, other.end) - min(one.start, other.start))


@dataclass(frozen=True)
class Segment:
    """Frames in a row with the same action.

    Attributes:
        label: the action's name.
        start: seconds from the video's first frame.
        end: seconds at which the next begins, or the video ends.
    """

    label: str
    start: float
    end: float


def segments_of(labels: Labels, classes: Sequence[str], rate: float) -> list[Segment]:
    """The segments of a video in order, of a class for each frame; together they are all its time.

    Args:
        labels: the class of each frame.
        classes: names by number.
        rate: frames a second.
    """
    return [Segment(classes[run.label], run.start / rate, run.end / rate) for run in runs_of(labels)]


PICTURES = (".png", ".svg", ".pdf")

MOST_VIDEOS = 60
"""In one picture, which grows with them."""

Colour = str | tuple[float, float, float]

BACKGROUND_COLOUR = "#eeeeee"

WIDTH, VIDEO_HEIGHT, LEGEND_ROW = 10.0, 0.55, 0.22  # inches


@dataclass(frozen=True, eq=False)
class Timeline:
    """What is drawn of a video.

    Attributes:
        name: of the video.
        predicted: shape (frames,): the class of each frame.
        truth: the same as it is known to be, or None.
        rate: frames a second; None where it is not known, then the picture counts frames.
    """

    name: str
    predicted: Labels
    truth: Labels | None = None
    rate: float | None = None


def save_timelines(timelines: Sequence[Timeline], classes: Sequence[str], background: int | None, out: Path) -> None:
    """Draw one to `MOST_VIDEOS` videos below one another on one axis of time, and write the picture.

    Args:
        timelines: of the videos.
        classes: names by number.
        background: the class that is no action, drawn in light grey; None where each is one.
        out: the picture; its name says in which of `PICTURES`.

    Raises:
        ArgumentError: the name of `out` has another ending, or there are too many videos.
        ResultsError: the picture cannot be written.
    """
    check_picture(out, len(timelines))
    figure = drawn_timelines(timelines, classes, background)
    try:
        figure.savefig(out, dpi=150)
    except OSError as error:
        raise ResultsError(f"cannot write {out}: {error.strerror or error}") from None


def check_picture(out: Path, videos: int) -> None:
    """Refuse a picture that could not be drawn, before there is anything to draw; see `save_timelines`.

    Raises:
        ArgumentError: see `save_timelines`.
    """
    if out.suffix.lower() not in PICTURES:
        raise ArgumentError(f"{out} is no picture that can be drawn; its name must end in {', '.join(PICTURES)}")
    if videos > MOST_VIDEOS:
        raise ArgumentError(f"a picture holds at most {MOST_VIDEOS} videos, not {videos}; give fewer of them")


def drawn_timelines(timelines: Sequence[Timeline], classes: Sequence[str], background: int | None) -> Figure:
    """The figure of `save_timelines`, for whoever wants to change it before it is saved."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    parts = [part for line in timelines for part in (line.truth, line.predicted) if part is not None]
    there = sorted({run.label for part in parts for run in runs_of(part)})
    colours = _colours(len(classes), background)
    columns = 5
    height = 0.7 + VIDEO_HEIGHT * len(timelines) + LEGEND_ROW * (1 + len(there) // columns)
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    timed = all(line.rate is not None for line in timelines)
    for place, line in enumerate(timelines):
        rate = (line.rate or 1.0) if timed else 1.0
        bars = [line.predicted] if line.truth is None else [line.truth, line.predicted]
        for number, labels in enumerate(bars):
            runs = runs_of(labels)
            axes.broken_barh(
                [(run.start / rate, (run.end - run.start) / rate) for run in runs],
                (place - 0.42 + 0.42 * number, 0.38 if len(bars) == 2 else 0.8),
                facecolors=[colours[run.label] for run in runs],
            )
    axes.set_yticks(range(len(timelines)), [line.name for line in timelines])
    axes.set_ylim(len(timelines) - 0.5, -0.5)
    axes.margins(x=0.005)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    above = "; above the truth, below what was found" if any(line.truth is not None for line in timelines) else ""
    axes.set_xlabel(f"{'seconds' if timed else 'frames'}{above}")
    patches = [Patch(color=colours[label], label=classes[label]) for label in there]
    figure.legend(handles=patches, loc="outside lower center", ncols=columns, frameon=False, fontsize="small")
    return figure


def _colours(classes: int, background: int | None) -> Mapping[int, Colour]:
    """A colour for each class: twenty that differ well, or as many as are needed of a rainbow."""
    from matplotlib import colormaps

    actions = [label for label in range(classes) if label != background]
    colours = colormaps["tab20"] if len(actions) <= 20 else colormaps["turbo"].resampled(len(actions))
    named: dict[int, Colour] = {label: colours(place)[:3] for place, label in enumerate(actions)}
    if background is not None:
        named[background] = BACKGROUND_COLOUR
    return named
