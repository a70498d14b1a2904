"""Videos that every browser and phone plays: H.264 in MP4, its index in front, each frame at its own time."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from kg_data.errors import ResultsError
from vision.errors import VideoError

SUFFIX = ".mp4"

TICKS = 90_000
"""Units of time in a second, as MPEG counts them: frames of every usual rate come at whole ones."""

_ENCODER = {"preset": "veryfast", "crf": "23"}


class VideoWriter:
    """A video file that is written frame by frame (a context manager).

    It is written beside its place and moved there when all went well; after an error nothing is left of it. A side of
    an odd number of pixels is lengthened by one, as H.264 needs even ones.

    Args:
        path: the file, which ends in .mp4.
        size: (width, height) in pixels of the frames.
        rate: nominal frames a second.

    Raises:
        VideoError: the path ends otherwise; no frame was written.
        ResultsError: it cannot be written.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], rate: float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != SUFFIX:
            raise VideoError(f"{path} ends in {self.path.suffix or 'nothing'}: videos are written as {SUFFIX}.")
        self.size = size
        self.rate = rate
        self._work = self.path.with_name(f"{self.path.name}.part")
        self._start: float | None = None
        self._last = -1

    def __enter__(self) -> Self:
        if not self.path.absolute().parent.is_dir():
            raise ResultsError(f"cannot write {self.path}: there is no folder {self.path.absolute().parent}")
        self._container: OutputContainer = av.open(
            str(self._work), "w", format="mp4", container_options={"movflags": "faststart"}
        )
        try:
            self._stream = self._opened_stream()
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as error:
            self._give_up()
            raise self._unwritable(error) from error
        return self

    def _opened_stream(self) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=Fraction(self.rate).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        width, height = self.size
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.options = dict(_ENCODER)
        stream.codec_context.time_base = Fraction(1, TICKS)
        # Players take what is not said for different things, by the video's size.
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.color_primaries = ColorPrimaries.BT709
        stream.codec_context.color_trc = ColorTrc.BT709
        return stream

    def write(self, pixels: NDArray[np.uint8], time: float | None = None) -> None:
        """Add a frame.

        Args:
            pixels: shape (height, width, 3), uint8, RGB.
            time: its seconds, later than the last frame's; the video begins at its first frame's. None for the time
                that the rate gives.

        Raises:
            VideoError: the frame has another size.
            ResultsError: it cannot be written.
        """
        height, width = pixels.shape[:2]
        if (width, height) != self.size:
            raise VideoError(
                f"A frame of {width} x {height} pixels cannot go into {self.path}, whose frames have {self.size[0]} x "
                f"{self.size[1]}."
            )
        if width % 2 or height % 2:
            pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = self._tick(time), Fraction(1, TICKS)
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def _tick(self, time: float | None) -> int:
        """When a frame comes in units of time; two never come at once."""
        if self._start is None:
            self._start = time or 0.0
            self._last = 0
        elif time is None:
            self._last += max(1, round(TICKS / self.rate))
        else:
            self._last = max(self._last + 1, round((time - self._start) * TICKS))
        return self._last

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Close what is open and remove what is not whole; there is neither where all went well."""
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        with suppress(OSError):
            self._work.unlink()

    def _finish(self) -> None:
        if self._start is None:
            raise VideoError(f"{self.path} is not written: a video has one frame at least, and none was given.")
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
            self._work.replace(self.path)
        except (av.FFmpegError, OSError) as failure:
            raise self._unwritable(failure) from failure

    def _unwritable(self, error: Exception) -> ResultsError:
        return ResultsError(f"cannot write {self.path}: {getattr(error, 'strerror', None) or error}")
