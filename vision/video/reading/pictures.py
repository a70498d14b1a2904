"""Frames that lie in a folder as images, one file a frame, as trackers' benchmarks and many cameras keep them."""

from __future__ import annotations

import configparser
import glob
import re
from collections.abc import Generator, Sequence
from pathlib import Path

from vision.errors import ImageError, VideoError
from vision.images.loading import MAX_BYTES, SUFFIXES, LoadedImage, list_images, load_image
from vision.video.reading.limits import FrameLimits
from vision.video.reading.source import credible_rate
from vision.video.tracks import Frame

MOT_IMAGES = "img1"
"""The folder of a sequence's frames in the MOT benchmarks; `seqinfo.ini` stands beside it."""

_DIGITS = re.compile(r"(\d+)")


class PictureFrames:
    """Images as frames, in natural order of their names: 1, 2, 10.

    Args:
        name: what the whole is called.
        paths: the images.
        rate: frames a second; None for what a `seqinfo.ini` beside the folder says, else 30.
        limits: the most that is read.

    Raises:
        VideoError: the first image cannot be read, or there are too many.
    """

    live = False

    def __init__(self, name: str, paths: Sequence[Path], rate: float | None, limits: FrameLimits) -> None:
        self.name = name
        self.notes: list[str] = []
        limits.check_length(len(paths), 0.0, name)
        self._paths = sorted(paths, key=_natural_order)
        self._limits = limits
        self.rate = rate or credible_rate(_told_rate(self._paths[0].parent))
        self.count: int | None = len(self._paths)
        self.size = self._load(self._paths[0]).size

    def frames(self) -> Generator[Frame]:
        """The frames in order.

        Raises:
            VideoError: an image cannot be read, or has another size than the first one.
        """
        for index, path in enumerate(self._paths):
            image = self._load(path)
            if image.size != self.size:
                raise VideoError(
                    f"{path} has {image.width} x {image.height} pixels, the frames before it {self.size[0]} x "
                    f"{self.size[1]}: frames of one size were expected; give each size a folder of its own."
                )
            yield Frame(index, index / self.rate, image)

    def close(self) -> None:
        """Nothing stays open."""

    def _load(self, path: Path) -> LoadedImage:
        try:
            return load_image(
                path, max_bytes=min(MAX_BYTES, self._limits.max_bytes), max_pixels=self._limits.max_pixels
            )
        except ImageError as error:
            raise VideoError(str(error)) from error


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, or of the `img1` in it where it is a sequence of the MOT benchmarks.

    Raises:
        VideoError: there is no image.
    """
    try:
        return list_images(folder)
    except ImageError as error:
        if (folder / MOT_IMAGES).is_dir():
            return images_in(folder / MOT_IMAGES)
        raise VideoError(str(error)) from error


def images_matching(pattern: str) -> list[Path]:
    """The images whose paths a glob pattern matches."""
    matches = [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - not from a folder
    return [match for match in matches if match.suffix.lower() in SUFFIXES and match.is_file()]


def _natural_order(path: Path) -> list[tuple[int, int | str, str]]:
    """A key that orders paths as people count: 2 before 10."""
    parts = _DIGITS.split(str(path))
    return [(0, int(part), part) if place % 2 else (1, part.casefold(), part) for place, part in enumerate(parts)]


def _told_rate(folder: Path) -> float | None:
    """The frame rate that the `seqinfo.ini` beside a folder gives, None where there is none."""
    told = configparser.ConfigParser(interpolation=None)
    try:
        told.read(folder.absolute().parent / "seqinfo.ini", encoding="utf-8")
        return told.getfloat("Sequence", "frameRate")
    except (configparser.Error, ValueError, OSError):
        return None
