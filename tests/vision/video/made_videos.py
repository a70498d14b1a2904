"""Small videos with known things in them: coloured rectangles that stand where a test says, frame by frame."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

Box = tuple[int, int, int, int]

COLOURS = ((220, 30, 30), (30, 60, 220), (240, 210, 30), (30, 170, 60), (240, 240, 240), (20, 20, 20))
"""Red, blue, yellow, green, white, black: the colour of a frame's first box, of its second, and so on."""
GROUND = (128, 128, 128)


def drawn(boxes: Sequence[Box | None], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A grey RGB picture with filled rectangles, xyxy in whole pixels; None leaves a colour out."""
    pixels = np.full((size[1], size[0], 3), GROUND, np.uint8)
    for place, box in enumerate(boxes):
        if box is not None:
            left, top, right, bottom = box
            pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = COLOURS[place % len(COLOURS)]
    return pixels


def moving_video(
    path: Path, boxes_by_frame: Iterable[Sequence[Box | None]], size: tuple[int, int] = (160, 120), rate: float = 25
) -> Path:
    """A video of the rectangles of each frame; the kind is that of the path's ending."""
    return encoded(path, (drawn(boxes, size) for boxes in boxes_by_frame), size, rate)


def encoded(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    rate: float = 25,
    *,
    times: Iterable[float] | None = None,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
) -> Path:
    """A video of RGB pictures with even sides.

    Args:
        path: where it is written; its ending says which container.
        times: seconds of each frame, for a rate that varies.
        rotation: degrees counter-clockwise, whether mirrored, whether flipped, as the display matrix says.
    """
    with av.open(str(path), "w", container_options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=Fraction(rate).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", **(options or {})} if codec == "libx264" else dict(options or {})
        if rotation is not None:
            stream.set_display_rotation(*rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time in zip_longest(pictures, times or ()):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if time is not None:
                frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
