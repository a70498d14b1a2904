"""How many things cross a line, are in a zone, or are there at all, second by second.

What is counted are things: ids that only flicker up or double others are left out, as where a video is asked about.

Lines are counted here and not by `supervision.LineZone`, which forgets a thing that is hidden for two frames, so that
one that passes the line unseen is missed though it keeps its id; counts what goes round the line's end; and counts
nothing that is wider than the line. Zones are `supervision.PolygonZone`'s. Where a thing is, is the middle of its box.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision.detections.detections import Detections
from vision.errors import ArgumentError
from vision.video.tracks import LeftOut, Things

Point = tuple[float, float]

CLEAR = 0.1
"""The part of a box's shorter side by which its middle has to be off a line to be on one side of it: what stands on the
line and trembles crosses nothing."""

COLUMNS = ("second", "place", "name", "direction", "class", "count")


@dataclass(frozen=True)
class Line:
    """A line that things cross, between its ends alone.

    Attributes:
        name: what it is called in counts.
        start: one end (x, y), in pixels of the upright picture, or in shares of its width and height where no number
            of the line is more than 1.
        end: the other.
    """

    name: str
    start: Point
    end: Point

    @classmethod
    def parse(cls, text: str) -> Line:
        """Read "NAME=x1,y1,x2,y2"; an `ArgumentError` where it is no such text, or both ends are the same."""
        name, points = _named_points(text, "a line as NAME=x1,y1,x2,y2", 2, 2)
        if points[0] == points[1]:
            raise ArgumentError(f"the line {text!r} begins where it ends: expected two different points")
        return cls(name, *points)

    def in_pixels(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """Its ends, shape (2, 2), in a picture of a size (width, height); an `ArgumentError` where it is outside."""
        return _in_pixels("line", self.name, (self.start, self.end), size)


@dataclass(frozen=True)
class Zone:
    """A part of the picture that things are in.

    Attributes:
        name: what it is called in counts.
        points: its corners (x, y), three or more, in pixels or in shares as a line's.
    """

    name: str
    points: tuple[Point, ...]

    @classmethod
    def parse(cls, text: str) -> Zone:
        """Read "NAME=x1,y1,x2,y2,x3,y3,..."; an `ArgumentError` where it is no such text, or has no area."""
        name, points = _named_points(text, "a zone as NAME=x1,y1,x2,y2,x3,y3,...", 3, None)
        # But for what the arithmetic loses.
        ways = np.array(points, np.float64) - points[0]
        lengths = np.hypot(*ways.T)
        longest = ways[np.argmax(lengths)]
        if (np.abs(longest[0] * ways[:, 1] - longest[1] * ways[:, 0]) <= 1e-9 * lengths.max() ** 2).all():
            raise ArgumentError(
                f"the zone {text!r} has no area, as its corners lie on one line: expected three that do not"
            )
        return cls(name, points)

    def in_pixels(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """Its corners, shape (n, 2), in a picture of a size (width, height); an `ArgumentError` where outside."""
        return _in_pixels("zone", self.name, self.points, size)


def _named_points(text: str, expected: str, least: int, most: int | None) -> tuple[str, tuple[Point, ...]]:
    name, equals, rest = text.rpartition("=")
    try:
        numbers = [float(number) for number in rest.split(",")]
    except ValueError:
        numbers = []
    count, odd = divmod(len(numbers), 2)
    wrong = not equals or not name.strip() or odd or count < least or (most is not None and count > most)
    if wrong or not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ArgumentError(
            f"{text!r} is no place to count at: expected {expected}, in pixels, or in shares of the picture where no "
            'number is more than 1, such as "gate=0.5,0,0.5,1" for the line from top to bottom in the middle'
            if most == 2
            else f"{text!r} is no place to count in: expected {expected}, in pixels, or in shares of the picture where "
            'no number is more than 1, such as "left half=0,0,0.5,0,0.5,1,0,1"'
        )
    return name.strip(), tuple(zip(numbers[0::2], numbers[1::2], strict=True))


def _in_pixels(kind: str, name: str, points: Sequence[Point], size: tuple[int, int]) -> NDArray[np.float64]:
    array = np.array(points, np.float64)
    if array.max() <= 1:
        return array * size
    if (array > size).any():
        raise ArgumentError(
            f"the {kind} {name!r} goes to ({array[:, 0].max():g}, {array[:, 1].max():g}), outside the picture of "
            f"{size[0]} x {size[1]} pixels; shares of it are numbers up to 1"
        )
    return array


@dataclass(frozen=True)
class Crossing:
    """One thing that has crossed a line.

    Attributes:
        line: the line's name.
        direction: "left to right", "right to left", "top to bottom" or "bottom to top", whichever is nearest.
        class_name: its class.
        track_id: its id.
        time: seconds at which it is clear of the line on the other side.
    """

    line: str
    direction: str
    class_name: str
    track_id: int
    time: float


@dataclass
class _LineState:
    """Where each thing was when it was last clear of a line: its middle, and how far off the line, with a sign."""

    ends: NDArray[np.float64]
    last: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def directions(self) -> tuple[str, str]:
        """The words for going to the side where the distance is negative, and to the other."""
        (x0, y0), (x1, y1) = self.ends.tolist()
        # The distance grows along (y0 - y1, x1 - x0).
        if abs(y1 - y0) >= abs(x1 - x0):
            words = ("left to right", "right to left")
            return words if y1 > y0 else words[::-1]
        words = ("bottom to top", "top to bottom")
        return words if x1 > x0 else words[::-1]

    def crossed(self, track_id: int, box: Sequence[float]) -> str | None:
        """Take where a thing is now: the direction in which it has crossed the line since it was last clear of it."""
        x, y, shorter = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, min(box[2] - box[0], box[3] - box[1])
        start, along = self.ends[0], self.ends[1] - self.ends[0]
        length = float(np.hypot(*along))
        distance = float(along[0] * (y - start[1]) - along[1] * (x - start[0])) / length
        if abs(distance) <= CLEAR * shorter:
            return None
        before = self.last.get(track_id)
        self.last[track_id] = (x, y, distance)
        if before is None or (before[2] > 0) == (distance > 0):
            return None
        share = before[2] / (before[2] - distance)
        place = np.array([before[0] + share * (x - before[0]), before[1] + share * (y - before[1])])
        if not 0 <= float((place - start) @ along) <= length**2:
            return None
        return self.directions[distance > 0]


class TrackCounts:
    """Counts the things of a video of a size (width, height), frame by frame, and how they cross lines and zones.

    Which ids are things is known for sure when the last frame was taken; before, the frames so far tell it.

    Args:
        size: (width, height) in pixels of the frames.
        lines: what they cross.
        zones: what they are in.

    Attributes:
        crossings: what has crossed a line, in order, whatever it is; what goes back and forth is in it for each time.

    Raises:
        ArgumentError: a line or zone is outside the picture, or two have the same name.
    """

    def __init__(self, size: tuple[int, int], lines: Sequence[Line] = (), zones: Sequence[Zone] = ()) -> None:
        names = Counter([*(line.name for line in lines), *(zone.name for zone in zones)])
        if repeated := sorted(name for name, times in names.items() if times > 1):
            raise ArgumentError(f"several lines or zones are called {', '.join(repeated)}: expected a name for each")
        self._lines = {line.name: _LineState(line.in_pixels(size)) for line in lines}
        self._zones = {zone.name: _inside(zone.in_pixels(size)) for zone in zones}
        self._zone_sets: dict[str, dict[str, set[int]]] = {name: {} for name in self._zones}
        self._all: dict[str, set[int]] = {}
        self._second = 0
        self._now: dict[tuple[str, str, str], set[int]] = {}
        """Of the second that runs, to (place, name, class) the things that were there."""
        self._there: dict[tuple[int, str, str, str, str], list[int]] = {}
        """To a row of the CSV the ids that it counts, things or not."""
        self._things = Things()
        self._left_out: LeftOut | None = None
        self.crossings: list[Crossing] = []

    def add(self, time: float, detections: Detections) -> None:
        """Take one frame, its seconds from the video's first one and what has ids there; frames come in order."""
        self._come_to(int(time))
        self._left_out = None
        ids = [] if detections.track_ids is None else detections.track_ids.tolist()
        self._things.add(time, ids, detections.model_classes, detections.xyxy)
        for one in detections:
            assert one.track_id is not None
            self._all.setdefault(one.class_name, set()).add(one.track_id)
            self._now.setdefault(("picture", "", one.class_name), set()).add(one.track_id)
            for name, line in self._lines.items():
                if direction := line.crossed(one.track_id, one.xyxy.tolist()):
                    self.crossings.append(Crossing(name, direction, one.class_name, one.track_id, time))
                    row = (self._second, "line", name, direction, one.class_name)
                    self._there.setdefault(row, []).append(one.track_id)
        for name, inside in self._zones.items():
            for one in detections[inside(detections)]:
                assert one.track_id is not None
                self._zone_sets[name].setdefault(one.class_name, set()).add(one.track_id)
                self._now.setdefault(("zone", name, one.class_name), set()).add(one.track_id)

    @property
    def left_out(self) -> LeftOut:
        """The ids that are not counted, since they are no things."""
        if self._left_out is None:
            self._left_out = self._things.left_out()
        return self._left_out

    @property
    def tracks(self) -> dict[str, int]:
        """To each class how many things of it there were, most first."""
        return self._sizes(self._all)

    @property
    def in_zones(self) -> dict[str, dict[str, int]]:
        """To each zone how many things of each class were in it at some time."""
        return {name: self._sizes(sets) for name, sets in self._zone_sets.items()}

    @property
    def over_lines(self) -> dict[str, dict[str, dict[str, int]]]:
        """To each line and direction how many things of each class crossed it so; one that did so twice is one."""
        sets: dict[tuple[str, str], dict[str, set[int]]] = {}
        for one in self.crossings:
            sets.setdefault((one.line, one.direction), {}).setdefault(one.class_name, set()).add(one.track_id)
        return {
            name: {direction: self._sizes(sets.get((name, direction), {})) for direction in line.directions}
            for name, line in self._lines.items()
        }

    @property
    def totals(self) -> dict[str, int]:
        """To each line how often it was crossed so far, to each zone how many ids were in it, things or not."""
        crossed = Counter(one.line for one in self.crossings)
        inside = {name: sum(len(ids) for ids in sets.values()) for name, sets in self._zone_sets.items()}
        return {**{name: crossed[name] for name in self._lines}, **inside}

    def csv(self) -> str:
        """Rows for each second: how many things of each class were in the picture and in each zone, and how many
        crossings there were of each line in each direction; with a header, zeros included.

        A class has rows once it was seen at all.
        """
        self._come_to(self._second)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        places = [("picture", "", ""), *(("zone", name, "") for name in self._zones)]
        places += [("line", name, direction) for name, line in self._lines.items() for direction in line.directions]
        for second in range(self._second + 1):
            for place, name, direction in places:
                for class_name in self._all:
                    row = (second, place, name, direction, class_name)
                    count = sum(track_id not in self.left_out.ids for track_id in self._there.get(row, ()))
                    writer.writerow((*row, count))
        return text.getvalue()

    def _come_to(self, second: int) -> None:
        """Close the second that runs where a later one begins; what is added to it later is counted with the rest."""
        for (place, name, class_name), ids in self._now.items():
            self._there[self._second, place, name, "", class_name] = list(ids)
        if second > self._second:
            self._second, self._now = second, {}

    def _sizes(self, sets: dict[str, set[int]]) -> dict[str, int]:
        sizes = {name: len(ids - self.left_out.ids) for name, ids in sets.items()}
        return {name: size for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])) if size}


def _inside(corners: NDArray[np.float64]) -> Callable[[Detections], NDArray[np.bool_]]:
    import supervision

    zone = supervision.PolygonZone(np.rint(corners).astype(np.int64), (supervision.Position.CENTER,))
    return lambda found: zone.trigger(supervision.Detections(xyxy=found.xyxy))
