"""What every place that frames come from has in common."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

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
