"""Tracks that go where a test says, and what the model would have read of an expression."""

from collections.abc import Callable, Sequence

import numpy as np

from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.parsing.expression_codec import read_back
from vision.parsing.expression_reader import ExpressionReading, Meanings
from vision.parsing.prompt import VIDEO
from vision.video.tracks import Track, Tracks

SIZE = (640, 480)
RATE = 25
MATCHER = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES)

Box = tuple[float, float, float, float]
Path = Callable[[float], Box | None]
"""From seconds to the middle, width and height of a box; None where it is not there."""


def tracks_of(*things: tuple[str, Path], seconds: float = 8.0, rate: float = RATE) -> Tracks:
    """Things that move through a picture, which cuts off what is outside it; ids from 1 in their order."""
    times = np.arange(round(seconds * rate)) / rate
    items = []
    for number, (name, path) in enumerate(things, start=1):
        rows = [(frame, box) for frame, time in enumerate(times.tolist()) if (box := _seen(path(time))) is not None]
        frames = np.array([frame for frame, _ in rows], np.int64)
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        items.append(Track(number, name, name, frames, times[frames], boxes))
    return Tracks(tuple(items), SIZE, times, np.arange(len(times)))


def _seen(box: Box | None) -> Box | None:
    if box is None:
        return None
    x, y, w, h = box
    cut = (max(x - w / 2, 0.0), max(y - h / 2, 0.0), min(x + w / 2, SIZE[0]), min(y + h / 2, SIZE[1]))
    return cut if cut[2] - cut[0] > 4 and cut[3] - cut[1] > 4 else None


def still(x: float, y: float, w: float = 60, h: float = 60, *, after: float = 0.0, until: float = 1e9) -> Path:
    """Something that stands there, seen from one time to another."""
    return lambda time: (x, y, w, h) if after <= time < until else None


def going(
    x: float, y: float, right: float, down: float = 0.0, w: float = 60, h: float = 60, *,
    after: float = 0.0, until: float = 1e9,
) -> Path:  # fmt: skip
    """Something that moves by so many pixels a second between two times, and stands before and after."""

    def path(time: float) -> Box:
        moved = min(max(time - after, 0.0), until - after)
        return x + right * moved, y + down * moved, w, h

    return path


def readings(sentences: str, actions: Sequence[str] = ()) -> list[ExpressionReading]:
    """Sentences as the model writes them, the likeliest first, between slashes."""
    found = []
    for sentence in sentences.split(" / "):
        meanings = Meanings(MATCHER, actions)
        meant = read_back(sentence, meanings.of, VIDEO, meanings.action)
        found.append(ExpressionReading(meant, meanings.matches, 0.5, sentence))
    return found
