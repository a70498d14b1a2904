"""Frames of a camera at this machine, read by OpenCV, which finds cameras by number on every system."""

from __future__ import annotations

import time
from collections.abc import Generator
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from vision.errors import VideoError
from vision.images.loading import load_image
from vision.video.reading.limits import FrameLimits
from vision.video.reading.source import credible_rate
from vision.video.tracks import Frame


class WebcamFrames:
    """A webcam's frames as they come; its time is this machine's clock.

    Args:
        index: the camera's number, from 0.
        limits: the most that is read.

    Raises:
        VideoError: there is no such camera, or it gives no frame.
    """

    live = True
    count: int | None = None

    def __init__(self, index: int, limits: FrameLimits) -> None:
        self.name = f"webcam {index}"
        self.notes: list[str] = []
        self._camera = _quietly_opened(index)
        if not self._camera.isOpened():
            raise VideoError(f"There is no webcam {index} that can be opened; {_webcams()}.")
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


def _quietly_opened(index: int) -> cv2.VideoCapture:
    """OpenCV's capture, open or not; its own warnings say no more than our error."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(index) if index >= 0 else cv2.VideoCapture()
    finally:
        cv2.utils.logging.setLogLevel(level)


def _webcams() -> str:
    """The cameras that Linux lists."""
    there = sorted(int(path.name[5:]) for path in Path("/dev").glob("video*") if path.name[5:].isdigit())
    return f"there are {', '.join(map(str, there))}" if there else "none was found at this machine"
