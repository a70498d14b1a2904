"""Frames of videos, folders of images, cameras and addresses, with their times, within bounds.

Frames are made one at a time, on a thread that is a few ahead of whoever takes them, so that decoding goes on while a
detector looks, and a video of any length needs the memory of those few. Cameras are read by OpenCV, which finds them
by number on every system.
"""

from __future__ import annotations

import configparser
import difflib
import glob
import math
import re
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import count
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from skylark.files import nothing_at
from vision.errors import ImageError, VideoError
from vision.images import GIF, MAX_BYTES, SUFFIXES, LoadedImage, list_images, load_image
from vision.video.containers import PROTOCOLS, FrameLimits, FrameSource, credible_rate, open_file, open_stream
from vision.video.tracks import Frame

MOT_IMAGES = "img1"
"""The folder of a sequence's frames in the MOT benchmarks; `seqinfo.ini` stands beside it."""

_DIGITS = re.compile(r"(\d+)")


class PictureFrames:
    """Images as frames, in natural order of their names: 1, 2, 10; see `open_frames` for their rate.

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
        """The frames in order, all of the first one's size.

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


class WebcamFrames:
    """A webcam's frames as they come, by its number from 0; its time is this machine's clock.

    Raises:
        VideoError: there is no such camera, or it gives no frame.
    """

    live = True
    count: int | None = None

    def __init__(self, index: int, limits: FrameLimits) -> None:
        self.name = f"webcam {index}"
        self.notes: list[str] = []
        # OpenCV's own warnings say no more than our error.
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self._camera = cv2.VideoCapture(index) if index >= 0 else cv2.VideoCapture()
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not self._camera.isOpened():
            there = sorted(int(path.name[5:]) for path in Path("/dev").glob("video*") if path.name[5:].isdigit())
            told = f"there are {', '.join(map(str, there))}" if there else "none was found at this machine"
            raise VideoError(f"There is no webcam {index} that can be opened; {told}.")
        width, height = (int(self._camera.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        limits.check_pixels(width, height, self.name)
        self.size = (width, height)
        self.rate = credible_rate(float(self._camera.get(cv2.CAP_PROP_FPS)))
        self._limits = limits

    def frames(self) -> Generator[Frame]:
        """The frames from now on.

        Raises:
            VideoError: the camera gives no frame any more.
        """
        try:
            start: float | None = None
            for index in count():
                there, pixels = self._camera.read()
                if not there:
                    raise VideoError(f"{self.name} gives no frame: is it plugged in, and used by no other program?")
                now = time.monotonic()
                start = now if start is None else start
                rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
                yield Frame(index, now - start, load_image(rgb, max_pixels=self._limits.max_pixels))
        finally:
            self.close()

    def close(self) -> None:
        """Let the camera go."""
        self._camera.release()


class ReadAhead:
    """An iterator over frames that are made on a thread, bounded in how far it runs ahead.

    What their generator raises is raised here, after the items that came before it. `close` ends the thread, at any
    time and however often it is called.

    Args:
        items: what is iterated; it is used and closed on the thread alone.
        depth: items that wait at most.
        newest: where nobody takes the items fast enough, drop the oldest instead of waiting, and count it in `dropped`;
            for live sources, whose frames would else lag further and further behind.
    """

    def __init__(self, items: Generator[Frame], depth: int, *, newest: bool = False) -> None:
        self.dropped = 0
        self._waiting: deque[Frame] = deque()
        self._depth = depth
        self._newest = newest
        self._changed = threading.Condition()
        self._over = self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(items,), name="read-frames", daemon=True)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over or self._stopped)
            if self._waiting and not self._stopped:
                self._changed.notify_all()
                return self._waiting.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """End the thread; items that wait are dropped."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()

    def _run(self, items: Generator[Frame]) -> None:
        try:
            with closing(items):
                for item in items:
                    if not self._put(item):
                        break
        except BaseException as error:  # raised again where the items are taken
            self._error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _put(self, item: Frame) -> bool:
        """Whether more items are wanted."""
        with self._changed:
            if self._newest and len(self._waiting) >= self._depth:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: len(self._waiting) < self._depth or self._stopped)
            if not self._stopped:
                self._waiting.append(item)
                self._changed.notify_all()
            return not self._stopped


__all__ = ["LIMITS", "FrameLimits", "FrameReader", "VideoSource", "frames_of", "open_frames"]

VideoSource = str | Path | int | Sequence[str | Path]
"""A video file; a folder of images, a glob or a list of images; a webcam's number; an address, such as rtsp://."""

AHEAD = 2
"""Frames that wait for whoever takes them."""

LIMITS = FrameLimits()
"""What is read on a machine of one's own."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


class FrameReader(AbstractContextManager["FrameReader"]):
    """The frames of one video, to be iterated inside a `with`.

    Iterating again reads a file again; a live source is read once.

    Args:
        source: where the frames come from.
        limits: the most that is read.
        seconds: only the frames before this time are given; None for all.

    Attributes:
        name, size, rate: as of a `FrameSource`.
        count: how many frames are given; an estimate for video files, None where nobody knows.
        live: whether it has no end and cannot be read twice. Of a live video whose frames are not taken fast enough
            the newest are given.
        notes: what the user should know, one sentence each; complete once the last frame was given.
    """

    def __init__(self, source: FrameSource, limits: FrameLimits = LIMITS, seconds: float | None = None) -> None:
        self.name, self.size, self.rate, self.count, self.live = (
            source.name, source.size, source.rate, source.count, source.live,
        )  # fmt: skip
        if self.count is not None and seconds is not None:
            self.count = min(self.count, math.ceil(seconds * self.rate))
        self.notes = source.notes
        self._source, self._limits, self._seconds = source, limits, seconds
        self._ahead: ReadAhead | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """The frames in order.

        Raises:
            VideoError: nothing more can be read: a stream stalls, an image of a folder is broken or of another size,
                the limits are reached.
        """
        self._stop()
        ahead = self._ahead = ReadAhead(self._within_limits(), AHEAD, newest=self.live)
        try:
            yield from ahead
        finally:
            ahead.close()
            if ahead.dropped:
                self.notes.append(
                    f"{ahead.dropped:,} frames came faster than they could be looked at, and were left out."
                )

    def close(self) -> None:
        """End the reading and close the video."""
        self._stop()
        self._source.close()

    def _stop(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _within_limits(self) -> Generator[Frame]:
        with closing(self._source.frames()) as frames:
            for frame in frames:
                if self._seconds is not None and frame.time >= self._seconds:
                    return
                if not self.live:
                    self._limits.check_length(frame.index + 1, frame.time, self.name)
                elif excess := self._limits.excess(frame.index + 1, frame.time):
                    self.notes.append(f"{self.name} was ended: it gave {excess}, which is the limit.")
                    return
                yield frame


def frames_of(video: VideoSource | FrameReader, limits: FrameLimits) -> AbstractContextManager[FrameReader]:
    """The frames of a video while they are read; those that are open already are left open, whatever the limits.

    Raises:
        VideoError: as of `open_frames`.
    """
    return nullcontext(video) if isinstance(video, FrameReader) else open_frames(video, limits=limits)


def open_frames(
    source: VideoSource, *, limits: FrameLimits = LIMITS, seconds: float | None = None, rate: float | None = None
) -> FrameReader:
    """Open a video, whatever it is.

    Args:
        source: the path of a video file; a folder of images, a glob ("frames/*.jpg") or a list of images, which are
            taken in natural order (1, 2, 10); a webcam's number; or an address that begins with rtsp, http(s), rtmp or
            udp.
        limits: the most that is read.
        seconds: only the frames before this time are given; None for all.
        rate: frames a second of images; None for what a `seqinfo.ini` beside their folder says, else 30.

    Raises:
        VideoError: there is no such video, it has no frame that can be read, or it is beyond the limits.

    Example:
        >>> with open_frames("street.mp4") as frames:  # doctest: +SKIP
        ...     for frame in frames:
        ...         print(frame.index, frame.time, frame.image.size)
    """
    if rate is not None and not 0 < rate < float("inf"):
        raise VideoError(f"A rate of {rate:g} frames a second is none: a number above 0 was expected.")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise VideoError(f"The first {seconds:g} seconds hold no frame: a number above 0 was expected.")
    return FrameReader(_opened(source, limits, rate), limits, seconds)


def _opened(source: VideoSource, limits: FrameLimits, rate: float | None) -> FrameSource:
    # A bool is an int too, and no webcam's number.
    if isinstance(source, bool):
        raise _no_source(source)
    if isinstance(source, int):
        return WebcamFrames(source, limits)
    if not isinstance(source, str | Path):
        try:
            paths = [Path(path) for path in source]
        except TypeError as error:
            raise _no_source(source) from error
        if not paths:
            raise VideoError("A list of no images has no frame: paths of images were expected.")
        return PictureFrames(f"{len(paths):,} images", paths, rate, limits)
    text = str(source)
    if isinstance(source, str) and (address := _ADDRESS.match(source)):
        if (protocol := address[1].lower()) not in PROTOCOLS:
            near = difflib.get_close_matches(protocol, PROTOCOLS, n=1)
            meant = f"; did you mean {near[0]}://?" if near else ""
            raise VideoError(f"{source} cannot be opened: addresses begin with {', '.join(PROTOCOLS)}{meant}")
        return open_stream(source, limits)
    path = Path(source)
    try:
        if path.is_dir():
            return PictureFrames(text, images_in(path), rate, limits)
        if path.is_file():
            if path.suffix.lower() in SUFFIXES and path.suffix.lower() != GIF:
                raise VideoError(f"{path} is one image: a video was expected, or a folder, glob or list of images.")
            return open_file(path, limits)
        if path.exists():
            raise VideoError(f"{text} is neither a file nor a folder: a video was expected.")
    except (OSError, ValueError) as error:
        raise VideoError(f"{text} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if text.isdecimal():
        return WebcamFrames(int(text), limits)
    if glob.has_magic(text):
        if images := images_matching(text):
            return PictureFrames(text, images, rate, limits)
        raise VideoError(f"No image matches {text}: images that end in {', '.join(SUFFIXES)} were expected.")
    raise VideoError(nothing_at("video", path))


def _no_source(source: object) -> VideoError:
    return VideoError(
        f"A video cannot be read from a {type(source).__name__}: give a path, a list of images, a webcam's number "
        "or an address."
    )
