"""Videos come as files, folders of images, cameras and addresses: whatever it is, frames with their times come out.

Frames are decoded one at a time, on a thread that is a few frames ahead of whoever takes them, so a video of any length
needs the memory of those few.
"""

from __future__ import annotations

import difflib
import glob
import math
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from kg_data.nearest_files import nothing_at
from vision.errors import VideoError
from vision.images.loading import GIF, SUFFIXES
from vision.video.reading.ahead import ReadAhead
from vision.video.reading.containers import PROTOCOLS, open_file, open_stream
from vision.video.reading.limits import FrameLimits
from vision.video.reading.pictures import PictureFrames, images_in, images_matching
from vision.video.reading.source import FrameSource
from vision.video.reading.webcam import WebcamFrames
from vision.video.tracks import Frame

__all__ = ["LIMITS", "FrameLimits", "FrameReader", "VideoSource", "frames_of", "open_frames"]

VideoSource = str | Path | int | Sequence[str | Path]
"""A video file; a folder of images, a glob or a list of images; a webcam's number; an address, such as rtsp://."""

AHEAD = 2
"""Frames that wait for whoever takes them."""

LIMITS = FrameLimits()
"""What is read on a machine of one's own."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


class FrameReader:
    """The frames of one video, to be iterated inside a `with`.

    Iterating again reads a file again; a live source is read once.

    Args:
        source: where the frames come from.
        limits: the most that is read.
        seconds: only the frames before this time are given; None for all.

    Attributes:
        name: the path or address as given, or a word for what it is.
        size: (width, height) in pixels of the upright frames.
        rate: nominal frames a second.
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
        self._ahead: ReadAhead[Frame] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
    """The frames of a video while they are read; those that are open already are left open.

    Args:
        video: where they come from.
        limits: the most that is read, where the video is not open.

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
        return _of_images(source, limits, rate)
    text = str(source)
    if isinstance(source, str) and (address := _ADDRESS.match(source)):
        return _of_address(source, address[1].lower(), limits)
    path = Path(source)
    try:
        if path.is_dir():
            return PictureFrames(text, images_in(path), rate, limits)
        if path.is_file():
            return _of_file(path, limits)
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


def _of_file(path: Path, limits: FrameLimits) -> FrameSource:
    if path.suffix.lower() in SUFFIXES and path.suffix.lower() != GIF:
        raise VideoError(f"{path} is one image: a video was expected, or a folder, glob or list of images.")
    return open_file(path, limits)


def _of_images(source: Sequence[str | Path], limits: FrameLimits, rate: float | None) -> FrameSource:
    try:
        paths = [Path(path) for path in source]
    except TypeError as error:
        raise _no_source(source) from error
    if not paths:
        raise VideoError("A list of no images has no frame: paths of images were expected.")
    return PictureFrames(f"{len(paths):,} images", paths, rate, limits)


def _no_source(source: object) -> VideoError:
    return VideoError(
        f"A video cannot be read from a {type(source).__name__}: give a path, a list of images, a webcam's number "
        "or an address."
    )


def _of_address(address: str, protocol: str, limits: FrameLimits) -> FrameSource:
    if protocol not in PROTOCOLS:
        near = difflib.get_close_matches(protocol, PROTOCOLS, n=1)
        meant = f"; did you mean {near[0]}://?" if near else ""
        raise VideoError(f"{address} cannot be opened: addresses begin with {', '.join(PROTOCOLS)}{meant}")
    return open_stream(address, limits)
