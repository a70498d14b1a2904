"""Per-frame features of videos in files, as a learner of actions takes them: what a frame's own model says of it.

A file is one of two forms of npz, without pickles:

- *one video*: `features` (frames, channels), and if they are known `labels` (frames), the classes' numbers from 0, and
  `rate`, frames a second; the file's name is the video's. A folder stands for all such files in it.
- *a set of videos laid end to end*, the form in which scores of baselines are passed on: `videos`, their names, and
  for each kind of scores NAME/S (all frames, channels), NAME/lengths (videos), and if they are known NAME/Y (all
  frames), the classes' numbers.

Features may be anything of a fixed number of channels: a frame CNN's output, optical flow's, scores of a classifier.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.process import extractOne

from kg_data.errors import DataError
from vision.errors import ArgumentError

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
    """The names of the classes: line n, from 0, names class n.

    Raises:
        DataError: it cannot be read, a line is empty, or two name the same.
    """
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
        raise ArgumentError(f"{path} holds scores of {', '.join(kinds)}: choose one of them by its name (--scores)")
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
