"""Where the lines of a drawn graph run and where their words stand, so that neither lies on what it does not belong to.

A line that passes a column goes through it between two rows. Words take the first free place along their line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

CLEAR = 4
"""Pixels kept between a line and a node that it passes."""
BOW, BOW_ROW = 16, 9
"""How far a line between two nodes of a column bows out, and how much more for each row between them."""
MOST_BOWED = 2
TRIED = (0.0, -0.1, 0.1, -0.2, 0.2, -0.28, 0.28)
"""Where along a line words are tried, from where they stand best."""
NUDGES = (0, -9, 9)


@dataclass(frozen=True)
class Place:
    """Where a node stands: its centre and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Curve:
    """A cubic Bézier curve, its four points as x and y in turn; `best` is where along it words stand best."""

    points: tuple[float, ...]
    best: float = 0.5

    def at(self, t: float) -> tuple[float, float]:
        """The point at `t`, from 0 to 1."""
        s = 1 - t
        weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
        x, y = (
            sum(weight * value for weight, value in zip(weights, self.points[start::2], strict=True))
            for start in (0, 1)
        )
        return x, y


@dataclass(frozen=True)
class Route:
    """A line: where it starts, the curves that it is led through with level pieces between them, and where it ends."""

    start: tuple[float, float]
    curves: tuple[Curve, ...]
    end: tuple[float, float]

    @property
    def path(self) -> str:
        """The line in SVG's words."""
        told, at = [f"M{self.start[0]:.1f} {self.start[1]:.1f}"], self.start
        # No piece without a length: an arrowhead has the direction of the last one.
        for curve in self.curves:
            x1, y1, *rest = curve.points
            told += [f"L{x1:.1f} {y1:.1f}"] if (x1, y1) != at else []
            told.append(f"C{' '.join(f'{value:.1f}' for value in rest)}")
            at = rest[-2], rest[-1]
        return " ".join(told) + (f" L{self.end[0]:.1f} {self.end[1]:.1f}" if self.end != at else "")

    def label_places(self) -> Iterable[tuple[float, float]]:
        """Where its words may stand, the best place first."""
        for nudge in NUDGES:
            for tried in TRIED:
                for curve in self.curves:
                    x, y = curve.at(min(max(curve.best + tried, 0.12), 0.88))
                    yield x, y + nudge


class Columns:
    """The nodes that stand below one another, by their common centre; a line is led between and past them."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._at: dict[float, list[Place]] = {}
        for place in sorted(places, key=lambda place: (place.x, place.y)):
            self._at.setdefault(place.x, []).append(place)

    def edge(self, place: Place, side: int) -> float:
        """Where the column of a place ends on its right (1) or left (-1)."""
        return place.x + side * max(other.width for other in self._at[place.x]) / 2

    def route(self, head: Place, tail: Place, lean: int, shift: float) -> Route:
        """The line from one node to another that is not the same.

        Args:
            head, tail: the nodes.
            lean: 1 where more lines meet in the head, -1 where more meet in the tail: each then runs level into its
                other end early.
            shift: how far it bends aside, so that lines between the same two nodes stay apart.
        """
        if head.x == tail.x:
            return self._bowed(head, tail, shift)
        side = 1 if tail.x > head.x else -1
        start, end = (head.x + side * head.width / 2, head.y), (tail.x - side * tail.width / 2, tail.y)
        stops = [(self.edge(head, side), head.y)]
        passed = sorted((x for x in self._at if min(head.x, tail.x) < x < max(head.x, tail.x)), reverse=side < 0)
        for x in passed:
            column = self._at[x]
            y = _gap(column, head.y + (tail.y - head.y) * (x - head.x) / (tail.x - head.x))
            half = max(place.width for place in column) / 2 + CLEAR
            stops += [(x - side * half, y), (x + side * half, y)]
        stops.append((self.edge(tail, -side), tail.y))
        curves = []
        lean = lean if len(stops) == 2 else 0
        for (x1, y1), (x2, y2) in zip(stops[::2], stops[1::2], strict=True):
            reach = x2 - x1
            near, far = x1 + reach * (0.5 - 0.25 * lean), x2 - reach * (0.5 + 0.25 * lean)
            bend = shift if len(stops) == 2 else 0.0
            curves.append(Curve((x1, y1, near, y1 + bend, far, y2 + bend, x2, y2), 0.5 + 0.14 * lean))
        return Route(start, tuple(curves), end)

    def _bowed(self, head: Place, tail: Place, shift: float) -> Route:
        right = self.edge(head, 1)
        between = sum(min(head.y, tail.y) < place.y < max(head.y, tail.y) for place in self._at[head.x])
        bow = right + (BOW + BOW_ROW * min(between, MOST_BOWED) + shift) / 0.75
        curve = Curve((right, head.y, bow, head.y, bow, tail.y, right, tail.y))
        return Route((head.x + head.width / 2, head.y), (curve,), (tail.x + tail.width / 2, tail.y))


def _gap(column: Sequence[Place], wanted: float) -> float:
    """The height nearest to the wanted one at which a line lies on no node of a column, from top to bottom."""
    if all(abs(place.y - wanted) >= place.height / 2 + CLEAR for place in column):
        return wanted
    first, last = column[0], column[-1]
    free = [first.y - first.height / 2 - 2 * CLEAR, last.y + last.height / 2 + 2 * CLEAR]
    for upper, lower in pairwise(column):
        free.append((upper.y + upper.height / 2 + lower.y - lower.height / 2) / 2)
    return min(free, key=lambda y: abs(y - wanted))


class Room:
    """The boxes that are taken in a picture; what is placed later avoids them."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._boxes = np.array([_box(place) for place in places]).reshape(-1, 4)

    def put(self, places: Iterable[tuple[float, float]], width: float, height: float, anyhow: bool) -> Place | None:
        """Take the first free place for a box of this size; where none is, the freest one or, unless `anyhow`, none."""
        best, least = None, np.inf
        for x, y in places:
            place = Place(x, y, width, height)
            taken = self._taken(_box(place))
            if taken < least:
                best, least = place, taken
            if not taken:
                break
        if best is None or (least and not anyhow):
            return None
        self._boxes = np.vstack((self._boxes, _box(best)))
        return best

    def _taken(self, box: tuple[float, float, float, float]) -> float:
        """The area of a box that lies on others."""
        corner, far = np.maximum(self._boxes[:, :2], box[:2]), np.minimum(self._boxes[:, 2:], box[2:])
        return float(np.prod(np.clip(far - corner, 0, None), axis=1).sum())


def _box(place: Place) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    w, h = place.width / 2, place.height / 2
    return place.x - w, place.y - h, place.x + w, place.y + h
