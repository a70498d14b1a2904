"""Tracked things drawn on the frames of their video, so that a person sees at once who is who and where each came from.

The style is that of pictures (`vision.detections.drawing`), but a colour means an id, and what would flicker from frame
to frame is held still: labels have no scores, and letters and lines grow no larger again once many things were there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

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
from vision.video.counting import Line, Zone
from vision.video.tracks import TrackedFrame

TRACE = 1.5
"""Seconds of its way that a thing draws behind it."""

PLACES: Colour = (255, 255, 255)
"""Lines and zones are white, as no thing is."""


def track_colour(track_id: int) -> Colour:
    """The colour of an id; ids far apart share one."""
    return PALETTE[(track_id - 1) % len(PALETTE)]


class Annotator:
    """Draws the frames of one video, one after the other.

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
        """Draw what is in a frame; frames come in order.

        Args:
            tracked: the frame with its things.
            counts: to the name of a line or zone the number that is written at it.

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
            yield (
                (
                    min(max(int(x), 0), max(self._size[0] - width, 0)),
                    min(max(int(y), 0), max(self._size[1] - height, 0)),
                ),
                text,
            )


def _draw_way(
    pixels: NDArray[np.uint8], points: NDArray[np.integer], colour: Colour, line: int, closed: bool = False
) -> None:
    """A line through points, shape (n, 2), with the dark rim that shows on every ground."""
    shape = [np.asarray(points, np.int32)]
    for ink, width in ((RIM, line + 2), (colour, line)):
        cv2.polylines(pixels, shape, closed, ink, width, cv2.LINE_AA)
