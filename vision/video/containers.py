"""Frames of video files and streams, decoded one at a time by FFmpeg (PyAV), within limits.

Videos come from strangers. FFmpeg would follow a file that names other files or addresses (playlists, `concat`
scripts, session descriptions), so a file is opened with the protocol of files alone and as one of the formats that
hold their video themselves; a stream is opened with the protocols of its own address. Times are those that the file
gives each frame, not index / rate: cameras in the dark and screen recorders vary the rate.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Protocol, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from skylark.models import usable_cores
from vision.errors import VideoError
from vision.images import MAX_PIXELS, LoadedImage
from vision.video.tracks import Frame

RATE = 30.0
"""Frames a second where nothing says how many."""

MOST_RATE = 1000.0
"""Frames a second from which on a rate is taken for none: broken headers and some cameras say 0 or millions."""


def credible_rate(told: float | None) -> float:
    """The rate that a source tells, or the usual one where it tells none that can be."""
    return told if told is not None and 0 < told < MOST_RATE else RATE


class FrameSource(Protocol):
    """Frames of one kind of source, opened: its first frame is known to be readable.

    Attributes:
        name: the path or address as given, or a word for what it is.
        size: (width, height) in pixels of the upright frames.
        rate: nominal frames a second.
        count: how many frames there are; an estimate for video files, None where nobody knows.
        live: whether it has no end and cannot be read twice.
        notes: what the user should know, one sentence each; reading adds to them.
    """

    name: str
    size: tuple[int, int]
    rate: float
    count: int | None
    live: bool
    notes: list[str]

    def frames(self) -> Generator[Frame]:
        """The frames in order, decoded as they are asked for. Closing the generator frees what it holds.

        Raises:
            VideoError: nothing more can be read.
        """
        ...

    def close(self) -> None:
        """Free what is open where no iterator was ever made."""
        ...


@dataclass(frozen=True)
class FrameLimits:
    """The most of a video that is read.

    What its header says is checked before anything is decoded, and what comes out of it as it comes. A live source ends
    at its limits, with a note.

    Attributes:
        max_bytes: bytes of a video file.
        max_pixels: pixels of a frame; 8K has 33 million.
        max_frames: frames.
        max_seconds: seconds from the first frame to the last.
        stall: seconds for which a stream may give nothing.
    """

    max_bytes: int = 2**40
    max_pixels: int = MAX_PIXELS
    max_frames: int = 10_000_000
    max_seconds: float = 7 * 24 * 3600.0
    stall: float = 10.0

    def check_pixels(self, width: int, height: int, name: str) -> None:
        """Refuse frames of too many pixels by a `VideoError`."""
        if width * height > self.max_pixels:
            raise VideoError(
                f"{name} has frames of {width:,} x {height:,} pixels, the limit is {self.max_pixels:,} in all: "
                "make it smaller."
            )

    def check_length(self, frames: int, seconds: float, name: str) -> None:
        """Refuse a video of too many frames or seconds by a `VideoError`."""
        if excess := self.excess(frames, seconds):
            raise VideoError(f"{name} has {excess}, which is the limit: cut it shorter.")

    def excess(self, frames: int, seconds: float) -> str:
        """What a video of so many frames and seconds has too much of, "" where it keeps the limits."""
        if frames > self.max_frames:
            return f"more than {self.max_frames:,} frames"
        if seconds > self.max_seconds:
            return f"more than {self.max_seconds:,.10g} seconds"
        return ""


FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpeg", "mpegts", "mpegvideo", "flv", "ogg", "gif", "asf",
    "mxf", "nut", "dv", "ivf", "h264", "hevc", "m4v", "apng", "yuv4mpegpipe", "mjpeg",
)  # fmt: skip
"""FFmpeg's names of the formats that hold their video themselves."""

STREAM_FORMATS = (*FILE_FORMATS, "rtsp", "rtp", "hls", "mpjpeg", "live_flv")

READABLE = "MP4, MOV, MKV, WebM, AVI, MPEG, TS, FLV, OGG or GIF"

PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp", "rtsps": "rtsps,rtsp,rtp,udp,tcp,tls", "http": "http,https,tcp,tls,crypto",
    "https": "http,https,tcp,tls,crypto", "rtmp": "rtmp,tcp", "rtmps": "rtmps,rtmp,tcp,tls", "udp": "udp",
}  # fmt: skip
"""How an address may begin, and which of FFmpeg's protocols it may then use; never that of files."""

_ONE_PACKET_A_FRAME = ("h264", "hevc", "av1", "vp9", "mjpeg")
"""Codecs whose packets tell how many frames come before a time."""

_MOST_THREADS = 4
"""Each thread of the decoder holds frames of its own, 50 MB in 8K."""

_MISSING = 0.5
"""Seconds by which a video may end before its header says; sound and picture seldom end together."""

_UNSAID = 2
"""FFmpeg's number for colours that are stored in the way of most videos of the kind."""


@dataclass
class _Opened:
    """One pass over a container.

    Attributes:
        ended: seconds, in the container's clock, up to which packets of any stream came.
        broken: whether the last packet was cut off, or the container could not be read further.
        lost: frames that are damaged.
        decoded: the frames with their indexes.
    """

    container: InputContainer
    stream: VideoStream
    ended: float = 0.0
    broken: bool = False
    lost: int = 0
    decoded: Iterator[tuple[int, VideoFrame]] = field(default_factory=lambda: iter(()))


class ContainerFrames:
    """The frames of one video file, or of a stream, which comes over a network and may stall.

    `address` is what FFmpeg opens, with its options. A `VideoError` says that no frame of it can be read.
    """

    def __init__(
        self, address: str, name: str, options: dict[str, str], limits: FrameLimits, *, stream: bool = False
    ) -> None:
        self.name = name
        self.notes: list[str] = []
        self._address, self._options, self._limits = address, options, limits
        self._stall = limits.stall if stream else None
        self._next: _Opened | None = self._open()
        try:
            opened = self._next
            index, self._start = self._first(opened)
            opened.decoded = chain([(index, self._start)], opened.decoded)
            told: Fraction | None = opened.stream.average_rate or opened.stream.guessed_rate
            self.rate = credible_rate(None if told is None else float(told))
            seconds = _seconds(opened)
            self.live = stream and seconds is None
            self.count = (opened.stream.frames or (round(seconds * self.rate) if seconds else None)) or None
            self._orientation = self._told_orientation(self._start)
            size = self._start.width, self._start.height
            self.size = size[::-1] if self._orientation[0] else size
            limits.check_length(self.count or 0, seconds or 0.0, name)
        except BaseException:
            self.close()
            raise

    def frames(self) -> Generator[Frame]:
        """The frames in order; a live video's cannot be read again.

        Raises:
            VideoError: a stream stalls, frames change their size, or it is live and read again.
        """
        opened, self._next = self._next, None
        if opened is None:
            if self.live:
                raise VideoError(f"{self.name} is live: it cannot be read a second time; open it anew.")
            opened = self._open()
        try:
            time = 0.0
            for index, frame in opened.decoded:
                time = max(time, self._time(frame, index, time))
                yield Frame(index, time, self._image(frame, index, time))
            self._tell_losses(opened, time)
        finally:
            opened.container.close()

    def close(self) -> None:
        """Close the container."""
        if self._next is not None:
            self._next.container.close()
            self._next = None

    def _open(self) -> _Opened:
        self._since = monotonic()
        try:
            options = {"max_pixels": str(self._limits.max_pixels), **self._options}
            container = av.open(self._address, options=options, timeout=self._stall, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._unreadable(error) from error
        try:
            stream = self._video(container)
            self._limits.check_pixels(stream.width, stream.height, self.name)
            stream.thread_type = "AUTO"
            stream.thread_count = min(usable_cores(), _MOST_THREADS)
            stream.codec_context.options = {"max_pixels": str(self._limits.max_pixels)}
        except BaseException:
            container.close()
            raise
        opened = _Opened(container, stream)
        opened.decoded = self._decode(opened)
        return opened

    def _video(self, container: InputContainer) -> VideoStream:
        """The stream of moving pictures; the cover of a song is none."""
        videos = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not videos:
            held = "sound only" if container.streams.audio else "no video"
            raise VideoError(f"{self.name} holds {held}: a file with a video stream was expected.")
        best = container.streams.best("video")
        stream = best if isinstance(best, VideoStream) and best in videos else videos[0]
        if stream.codec_context is None:
            raise VideoError(f"{self.name} holds video of a kind that cannot be decoded here: save it as H.264.")
        return stream

    def _first(self, opened: _Opened) -> tuple[int, VideoFrame]:
        """Decode the first frame, from which the video's size is known."""
        if first := next(opened.decoded, None):
            return first
        raise VideoError(
            f"{self.name} is cut off or broken: not one frame of it can be decoded."
            if opened.broken or opened.stream.frames or opened.ended
            else f"{self.name} holds no frame: a video with frames was expected."
        )

    def _decode(self, opened: _Opened) -> Iterator[tuple[int, VideoFrame]]:
        """Frames with their indexes from here on. A damaged one is left out, and its index with it."""
        index, missing = 0, False
        last: int | None = None
        coming: list[int] = []  # a heap of the times of packets whose frames didn't come yet
        for packet in self._packets(opened):
            frames: list[VideoFrame] = []
            # What FFmpeg makes of a part of a frame is grey or smeared.
            damaged = packet is not None and packet.is_corrupt and packet.size > 0
            time = None if packet is None or packet.is_discard else packet.pts
            if time is not None and (last is None or time > last):
                heappush(coming, time)
            if not damaged:
                try:
                    frames = opened.stream.decode(packet)
                except av.FFmpegError:
                    damaged = True
            missing |= damaged
            for frame in frames:
                before = 0
                while coming and frame.pts is not None and coming[0] <= frame.pts:
                    before += heappop(coming) < frame.pts
                # Of interlaced video there may be a packet for each field.
                one_each = opened.stream.codec_context.name in _ONE_PACKET_A_FRAME and not frame.interlaced_frame
                if last is not None and (missing or one_each):
                    index += before
                    opened.lost += before
                last, missing = frame.pts, False
                if frame.is_corrupt:
                    opened.lost += 1
                else:
                    yield index, frame
                index += 1
        opened.lost += missing

    def _packets(self, opened: _Opened) -> Iterator[Packet[Stream] | None]:
        """The video's packets, None where the decoder is to give what it still holds.

        Those of other streams only say how far the file goes.
        """
        try:
            for packet in opened.container.demux():
                self._since = monotonic()
                if packet.size:
                    opened.broken = packet.is_corrupt
                    if packet.pts is not None and packet.time_base:
                        end = packet.pts + (packet.duration or 0)
                        opened.ended = max(opened.ended, float(end * packet.time_base))
                if packet.stream.index == opened.stream.index:  # the packet's own index is 0 where it is empty
                    yield packet
        except IndexError:  # PyAV's, at the end of a file whose streams were not all there at its beginning
            yield None
        except av.FFmpegError as error:
            if self._stalled(error):
                raise self._unreadable(error) from error
            opened.broken = True
            yield None

    def _time(self, frame: VideoFrame, index: int, before: float) -> float:
        if frame.pts is None or self._start.pts is None or frame.time_base is None:
            return before + 1 / self.rate if index else 0.0
        return float((frame.pts - self._start.pts) * frame.time_base)

    def _image(self, frame: VideoFrame, index: int, time: float) -> LoadedImage:
        if (frame.width, frame.height) != (self._start.width, self._start.height):
            raise VideoError(
                f"The frames of {self.name} change from {self._start.width} x {self._start.height} pixels to "
                f"{frame.width} x {frame.height} after {time:.2f} seconds: frames of one size were expected."
            )
        transposed, mirrored, flipped = self._orientation
        pixels = self._rgb(frame)
        if transposed:
            pixels = pixels.transpose(1, 0, 2)
        pixels = np.ascontiguousarray(pixels[:: -1 if flipped else 1, :: -1 if mirrored else 1])
        pixels.flags.writeable = False
        return LoadedImage(pixels, f"{self.name}, frame {index}")

    def _rgb(self, frame: VideoFrame, known: bool = True) -> NDArray[np.uint8]:
        """The frame's pixels as stored, shape (height, width, 3)."""
        try:
            return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        except av.FFmpegError as error:  # its way of storing colours is a rare or an unknown one
            if not known:
                told = f"{self.name} stores its colours in a way that cannot be read: save it as H.264."
                raise VideoError(told) from error
        frame.colorspace, frame.color_range = _UNSAID, 0
        pixels = self._rgb(frame, known=False)
        self._note(f"{self.name} stores its colours in a way that is not known: they may be somewhat off.")
        return pixels

    def _told_orientation(self, frame: VideoFrame) -> tuple[bool, bool, bool]:
        """Whether frames are to be transposed, then mirrored left to right, then flipped top to bottom.

        The display matrix (ISO 14496-12, 6.2.2) takes the stored (x, y) to (a x + c y, b x + d y).
        """
        told = cast("SideDataContainer", frame.side_data)  # what it is, where PyAV's stubs call it a dictionary
        if Type.DISPLAYMATRIX not in told:
            return False, False, False
        a, b, _, c, d = np.frombuffer(bytes(told[Type.DISPLAYMATRIX]), np.int32)[:5].tolist()
        if (a == d == 0) == (b == c == 0):
            self._note("The frames are to be shown at a slant, as the video says: they were left as stored.")
            return False, False, False
        turns = (True, c < 0, b < 0) if a == d == 0 else (False, a < 0, d < 0)
        if any(turns):
            self._note("The frames were turned upright, as the video's display matrix says.")
        return turns

    def _tell_losses(self, opened: _Opened, time: float) -> None:
        """Say so where the container ends before its header says, or frames in it are damaged."""
        seconds, start = opened.container.duration, opened.container.start_time or 0
        missing = seconds is not None and (start + seconds) / av.time_base - opened.ended > _MISSING
        if self._stall is not None:
            if opened.broken:
                self._note(f"{self.name} ended or broke off after {time:.2f} seconds.")
        elif opened.broken or missing:
            self._note(f"{self.name} is cut off or broken after {time:.2f} seconds: what was readable was read.")
        elif opened.lost:
            frames = "1 frame is" if opened.lost == 1 else f"{opened.lost:,} frames are"
            self._note(f"{self.name}: {frames} damaged, and left out.")

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _stalled(self, error: Exception) -> bool:
        """Whether waiting was given up; not every one of FFmpeg's protocols says so in its error."""
        waited = self._stall is not None and monotonic() - self._since >= self._stall
        return waited or isinstance(error, av.ExitError | TimeoutError)

    def _unreadable(self, error: Exception) -> VideoError:
        if self._stalled(error):
            return VideoError(
                f"{self.name} stalls: nothing came for {self._stall:g} seconds; is it still sending, and reachable?"
            )
        reason = getattr(error, "strerror", None) or str(error)
        if self._stall is not None:
            return VideoError(f"{self.name} cannot be read as a stream: {reason}.")
        with Path(self.name).open("rb") as file:
            head = file.read(16)
        if head.startswith((b"#EXTM3U", b"ffconcat")):
            reason = "is a playlist, and the files that it names are not followed: give the video itself."
        elif head[4:8] == b"ftyp":
            reason = "is cut off: its index, which tells where the frames lie, is missing; copy it anew."
        else:
            reason = f"is no video that can be read ({reason}): {READABLE} was expected."
        return VideoError(f"{self.name} {reason}")


def open_file(path: Path, limits: FrameLimits) -> ContainerFrames:
    """Open a video file; a `VideoError` where it is empty, too large, or no frame of it can be read."""
    size = path.stat().st_size
    if not size:
        raise VideoError(f"{path} is empty: a video was expected.")
    if size > limits.max_bytes:
        raise VideoError(f"{path} has {size:,} bytes, the limit is {limits.max_bytes:,}: cut it shorter.")
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(FILE_FORMATS)}
    return ContainerFrames(f"file:{path.absolute()}", str(path), options, limits)


def open_stream(address: str, limits: FrameLimits) -> ContainerFrames:
    """Open an address that begins with one of `PROTOCOLS`; a `VideoError` where it stalls or sends no video."""
    protocol = address.partition("://")[0].lower()
    options = {"protocol_whitelist": PROTOCOLS[protocol], "format_whitelist": ",".join(STREAM_FORMATS)}
    if protocol.startswith("rtsp"):
        options["rtsp_flags"] = "prefer_tcp"  # frames that lack lost packets are smeared
    return ContainerFrames(address, address, options, limits, stream=True)


def _seconds(opened: _Opened) -> float | None:
    """How long the video is as its header says."""
    if opened.stream.duration is not None and opened.stream.time_base is not None:
        return float(opened.stream.duration * opened.stream.time_base)
    return None if opened.container.duration is None else opened.container.duration / av.time_base
