"""How much of a video is read: people's patience and disks set it; memory doesn't, whatever the video's length."""

from __future__ import annotations

from dataclasses import dataclass

from vision.errors import VideoError
from vision.images.loading import MAX_PIXELS


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

    def check_bytes(self, size: int, name: str) -> None:
        """Refuse a file of too many bytes.

        Raises:
            VideoError: it is too large.
        """
        if size > self.max_bytes:
            raise VideoError(f"{name} has {size:,} bytes, the limit is {self.max_bytes:,}: cut it shorter.")

    def check_pixels(self, width: int, height: int, name: str) -> None:
        """Refuse frames of too many pixels.

        Raises:
            VideoError: they are too large.
        """
        if width * height > self.max_pixels:
            raise VideoError(
                f"{name} has frames of {width:,} x {height:,} pixels, the limit is {self.max_pixels:,} in all: "
                "make it smaller."
            )

    def check_length(self, frames: int, seconds: float, name: str) -> None:
        """Refuse a video that is too long.

        Raises:
            VideoError: it has too many frames or seconds.
        """
        if excess := self.excess(frames, seconds):
            raise VideoError(f"{name} has {excess}, which is the limit: cut it shorter.")

    def excess(self, frames: int, seconds: float) -> str:
        """What a video of so many frames and seconds has too much of, "" where it keeps the limits."""
        if frames > self.max_frames:
            return f"more than {self.max_frames:,} frames"
        if seconds > self.max_seconds:
            return f"more than {self.max_seconds:,.10g} seconds"
        return ""
