"""Tracked things drawn on the frames of their video, and videos that every browser plays.

The style is that of pictures (`vision.detections.drawing`), but a colour means an id, and what would flicker from
frame to frame is held still: labels have no scores, and letters and lines grow no larger again once many things were
there. Videos are H.264 in MP4, the index in front, each frame at its own time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from skylark.errors import ResultsError
from vision.detections.drawing import (
    PALETTE,
    RIM,
    Colour,
    draw_labels,
    draw_shapes,
    label_size,
    line_and_font,
    write_label,
)
from vision.errors import VideoError
from vision.video.counting import Line, Zone
from vision.video.tracks import TrackedFrame

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
        """Add a frame, shape (height, width, 3), uint8, RGB.

        Its seconds come later than the last frame's; the video begins at its first's. None for what the rate gives.

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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                if self._start is None:
                    raise VideoError(f"{self.path} is not written: a video has one frame at least, and none was given.")
                self._container.mux(self._stream.encode())
                self._container.close()
                self._work.replace(self.path)
        except (av.FFmpegError, OSError) as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Close what is open and remove what is not whole; there is neither where all went well."""
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        with suppress(OSError):
            self._work.unlink()

    def _unwritable(self, error: Exception) -> ResultsError:
        return ResultsError(f"cannot write {self.path}: {getattr(error, 'strerror', None) or error}")


TRACE = 1.5
"""Seconds of its way that a thing draws behind it."""

PLACES: Colour = (255, 255, 255)
"""Lines and zones are white, as no thing is."""


def track_colour(track_id: int) -> Colour:
    """The colour of an id; ids far apart share one."""
    return PALETTE[(track_id - 1) % len(PALETTE)]


class Annotator:
    """Draws the frames of one video, of a size (width, height), one after the other, with lines and zones.

    Args:
        size: (width, height) in pixels of the frames.
        lines: lines to show.
        zones: zones to show.

    Raises:
        ArgumentError: a line or zone is outside the picture.
    """

    def __init__(self, size: tuple[int, int], lines: Sequence[Line] = (), zones: Sequence[Zone] = ()) -> None:
        self._size = size
        places: list[Line | Zone] = [*zones, *lines]
        self._places = [(place.name, np.rint(place.in_pixels(size)).astype(np.int32)) for place in places]
        self._ways: dict[int, deque[tuple[float, tuple[int, int]]]] = {}
        self._most = 1

    def draw(self, tracked: TrackedFrame, counts: Mapping[str, int] | None = None) -> NDArray[np.uint8]:
        """Draw what is in a frame, and at lines and zones the number that `counts` has to their name.

        Frames come in order. The picture is a copy of shape (height, width, 3), uint8, RGB, that may be written to.

        Returns:
            Shape (height, width, 3), uint8, RGB: a copy that may be written to.
        """
        found = replace(tracked.detections, scores=None)
        ids = [] if found.track_ids is None else found.track_ids.tolist()
        self._most = max(self._most, len(found))
        line, font_size = line_and_font(self._size, self._most)
        pixels = tracked.frame.image.pixels.copy()
        for _, points in self._places:
            _draw_way(pixels, points, PLACES, line + 1, closed=len(points) > 2)
        self._come_to(tracked, ids)
        for track_id in ids:
            _draw_way(pixels, np.array([spot for _, spot in self._ways[track_id]]), track_colour(track_id), line + 1)
        colours = [track_colour(track_id) for track_id in ids]
        draw_shapes(pixels, found, colours, line)
        picture = Image.fromarray(pixels)
        draw_labels(picture, found, colours, line, font_size)
        pen = ImageDraw.Draw(picture)
        for corner, text in self._place_labels(counts or {}, line, font_size):
            write_label(pen, corner, text, PLACES, font_size)
        return np.array(picture)

    def _come_to(self, tracked: TrackedFrame, ids: Sequence[int]) -> None:
        """Lengthen the ways of what is there, and forget what lies too long behind."""
        for track_id, (x0, y0, x1, y1) in zip(ids, tracked.detections.xyxy.tolist(), strict=True):
            spot = (round((x0 + x1) / 2), round((y0 + y1) / 2))
            self._ways.setdefault(track_id, deque()).append((tracked.time, spot))
        for track_id, way in list(self._ways.items()):
            while way and way[0][0] < tracked.time - TRACE:
                way.popleft()
            if not way:
                del self._ways[track_id]

    def _place_labels(
        self, counts: Mapping[str, int], line: int, font_size: int
    ) -> Iterator[tuple[tuple[int, int], str]]:
        """Corner and text of the label of each line, at its upper end, and of each zone, at its upper left."""
        for name, points in self._places:
            text = f"{name} {counts[name]}" if name in counts else name
            width, height = label_size(text, font_size)
            if len(points) > 2:
                x, y = points[np.argmin(points.sum(axis=1))] + line
            else:
                x, y = points[np.argmin(points[:, 1])] - (width // 2, height // 2)
            left, top = max(self._size[0] - width, 0), max(self._size[1] - height, 0)
            yield (min(max(int(x), 0), left), min(max(int(y), 0), top)), text


def _draw_way(
    pixels: NDArray[np.uint8], points: NDArray[np.integer], colour: Colour, line: int, closed: bool = False
) -> None:
    """A line through points, shape (n, 2), with the dark rim that shows on every ground."""
    shape = [np.asarray(points, np.int32)]
    for ink, width in ((RIM, line + 2), (colour, line)):
        cv2.polylines(pixels, shape, closed, ink, width, cv2.LINE_AA)
