"""What every place that frames come from has in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from vision.video.tracks import Frame


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

    def frames(self, first: int) -> Iterator[Frame]:
        """The frames from one on, decoded as they are asked for. Closing the iterator frees what it holds.

        Args:
            first: index of the first frame that is wanted.

        Raises:
            VideoError: nothing more can be read.
        """
        ...

    def close(self) -> None:
        """Free what is open where no iterator was ever made."""
        ...
