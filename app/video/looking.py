"""What a look at a video is bounded by, what may be sent, and how often the detector looks so that the time is enough.

Of a video the page looks at so many seconds and frames, whose pixels are bounded before one of them is decoded.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.image.looking import checked_instruction, uploaded
from app.server.limits import FILE_BYTES, VIDEO_FRAMES, VIDEO_PIXELS, VIDEO_SECONDS, WATCH_SECONDS
from kg_data.errors import SkylarkError
from vision import Task, Vision
from vision.detections.detections import Detections
from vision.images.loading import LoadedImage
from vision.video.frames import FrameLimits, FrameReader
from vision.video.tracks import Frame, TrackedFrame

USUAL_SCORE = 0.45
"""Higher than for an image: whatever is there is seen many times, and a doubtful thing would be followed all along."""
DRAWN_SIDE = 1280
"""Pixels of the longer side of the annotated video, at most."""
LOOKS_SHARE = 0.5
"""Of the time for a video that the detector may take; the rest is for reading, following and drawing."""
BOUNDS = FrameLimits(max_bytes=FILE_BYTES, max_pixels=VIDEO_PIXELS)


def sent_video(file: Any) -> Path:
    """The path of the video that was sent.

    Args:
        file: as Gradio describes a file, {"path": ...}.

    Raises:
        SkylarkError: there is none, or it was not sent to this page.
    """
    path = file.get("path") if isinstance(file, dict) else file
    if not path or not isinstance(path, str):
        raise SkylarkError("there is no video yet: upload one, or pick an example")
    found = uploaded(path)
    if not found.is_file():
        raise SkylarkError("this video is no longer here, since what is sent is kept for an hour: upload it again")
    return found


def checked_words(instruction: str | None) -> str:
    """An instruction that is there and not too long.

    Raises:
        SkylarkError: it is not.
    """
    words = checked_instruction(instruction)
    if not words:
        raise SkylarkError('there is no instruction yet: say what to follow, as in "every car", or ask a question')
    return words


def seconds_of(frames: FrameReader) -> float | None:
    """Seconds of a video that are looked at, as far as its length is known."""
    if frames.count is None:
        return None
    return min(frames.count / frames.rate, VIDEO_SECONDS, VIDEO_FRAMES / frames.rate)


def is_beyond(index: int, seconds: float) -> bool:
    """Whether a frame comes after those that are looked at."""
    return seconds >= VIDEO_SECONDS or index >= VIDEO_FRAMES


def looks_every(frames: FrameReader, vision: Vision, task: Task) -> int:
    """At every so many-th frame the detector looks, so that the time is enough for a video on this machine."""
    first = next(iter(frames)).image.pixels
    paces = []
    for _ in range(2):  # whatever is used for the first time is slower
        began = time.perf_counter()
        vision.detect(first, task)
        paces.append(time.perf_counter() - began)
    count = (seconds_of(frames) or VIDEO_SECONDS) * frames.rate
    return max(1, math.ceil(count * min(paces) / (LOOKS_SHARE * WATCH_SECONDS)))


def drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) in which frames of a size are drawn."""
    scale = min(1.0, DRAWN_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def as_drawn(tracked: TrackedFrame) -> TrackedFrame:
    """A frame in the size in which it is drawn, with what is in it."""
    image = tracked.frame.image
    size = drawn_size(image.size)
    if image.size == size:
        return tracked
    pixels = np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    frame = Frame(tracked.index, tracked.time, LoadedImage(pixels, image.name))
    return replace(tracked, frame=frame, detections=_scaled(tracked.detections, size))


def _scaled(found: Detections, size: tuple[int, int]) -> Detections:
    scale = np.array(size, np.float32) / np.array(found.image_size, np.float32)
    polygons = found.polygons
    if polygons is not None:
        polygons = tuple(tuple(np.asarray(ring * scale, np.float32) for ring in rings) for rings in polygons)
    boxes = np.clip(found.xyxy * np.tile(scale, 2), 0, np.tile(np.array(size, np.float32), 2))
    return replace(found, image_size=size, xyxy=boxes, polygons=polygons, source=None)
