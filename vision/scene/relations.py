"""What it means for one box to be left of, on, near another: every spatial relation, defined here and nowhere else.

A picture is flat and boxes are rough, so each definition is a rule of thumb on boxes; docs/scenes.md gives them in
words and formulas. All are computed for all pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.bool_]
"""Of the pairs' shape: whether the first, i, stands in the relation to the second, j."""
Measure = NDArray[np.float64] | float

MAX_SHARED_EXTENT = 2 / 3
"""Of the narrower box's width (or height), how much the other may share while it is still beside (or above) it."""
MIN_SUPPORT = 0.5
"""Of the narrower box's width, how much must be shared by a thing and what is under it."""
MIN_INSIDE = 0.9
"""Share of a box's own area that lies in another one when it is inside it."""
MIN_OVERLAP = 0.05
"""Share of the smaller box's area that two boxes have in common when they overlap."""
MAX_BESIDE = 0.5
"""The same share, at most, when they are next to each other."""
MARGIN = 1.1
"""How many times larger or taller a thing is than one that it is larger or taller than."""
SUPPORT_REACH = 0.1
"""How far, in its own height, a thing's bottom may miss what it is on."""
_ROUNDING = 1e-9
"""Part of a length that the arithmetic may lose."""
SEAT_REACH = 0.3
"""The same below something whose top it rises above: feet hang from a seat."""


@dataclass(frozen=True)
class Boxes:
    """Measures of boxes of any shape (..., 4), pixels."""

    xyxy: NDArray[np.float64]

    @property
    def width(self) -> NDArray[np.float64]:
        """Shape (...)."""
        return self.xyxy[..., 2] - self.xyxy[..., 0]

    @property
    def height(self) -> NDArray[np.float64]:
        """Shape (...)."""
        return self.xyxy[..., 3] - self.xyxy[..., 1]

    @property
    def area(self) -> NDArray[np.float64]:
        """Shape (...)."""
        return self.width * self.height

    @property
    def centre(self) -> NDArray[np.float64]:
        """Shape (..., 2)."""
        return (self.xyxy[..., :2] + self.xyxy[..., 2:]) / 2


@dataclass(frozen=True)
class Pairs:
    """Measures of pairs of boxes, of all ordered ones of n boxes or of as many as stand side by side.

    Attributes:
        first, second: the boxes of each pair; their shapes broadcast.
        shared_width, shared_height: lengths that the two boxes' extents have in common, pixels.
        gap: distance between the nearest points of the two boxes, 0 where they touch.
    """

    first: Boxes
    second: Boxes
    shared_width: NDArray[np.float64]
    shared_height: NDArray[np.float64]
    gap: NDArray[np.float64]

    @classmethod
    def of(cls, xyxy: NDArray[np.floating[Any]]) -> Pairs:
        """All ordered pairs of boxes of shape (n, 4); measures have shape (n, n)."""
        boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
        return cls.beside(boxes[:, None], boxes[None])

    @classmethod
    def beside(cls, first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]) -> Pairs:
        """The pairs of boxes that stand at the same places of two arrays of shapes (..., 4)."""
        one, other = (np.asarray(boxes, np.float64) for boxes in (first, second))
        shared = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
        apart = np.clip(-shared, 0, None)
        shared = np.clip(shared, 0, None)
        gap = np.hypot(apart[..., 0], apart[..., 1])
        return cls(Boxes(one), Boxes(other), shared[..., 0], shared[..., 1], gap)

    @property
    def swapped(self) -> Pairs:
        """The same pairs the other way round."""
        return Pairs(self.second, self.first, self.shared_width, self.shared_height, self.gap)

    @property
    def intersection(self) -> NDArray[np.float64]:
        """Area in common."""
        return self.shared_width * self.shared_height

    @property
    def shared_of_smaller(self) -> NDArray[np.float64]:
        """The area in common as a share of the smaller box's."""
        return self.intersection / np.maximum(np.minimum(self.first.area, self.second.area), 1e-9)


def _at_least(left: Measure, right: Measure, scale: Measure | None = None) -> Truth:
    """left >= right, give or take what rounding does to lengths: 187 is 1.1 times 170 in every unit.

    Args:
        left, right: of shapes that broadcast.
        scale: what the rounding is a part of, where `right` is 0.
    """
    found: Truth = np.asarray(left) >= np.asarray(right) - _ROUNDING * np.abs(
        np.asarray(right if scale is None else scale)
    )
    return found


def _before(pairs: Pairs, axis: int) -> Truth:
    """i lies before j along an axis (0 left of, 1 above): its centre does, and the two hardly share that extent; and
    they share some of the other extent, or lie at least as far apart along this axis as along the other."""
    shared = (pairs.shared_width, pairs.shared_height)
    narrower = np.minimum(*((boxes.width, boxes.height)[axis] for boxes in (pairs.first, pairs.second)))
    way = pairs.second.centre - pairs.first.centre
    clear = _at_least(MAX_SHARED_EXTENT * narrower, shared[axis])
    mostly = (shared[1 - axis] > 0) | (_at_least(np.abs(way[..., axis]), np.abs(way[..., 1 - axis])))
    return (way[..., axis] > 0) & clear & mostly


def left_of(pairs: Pairs) -> Truth:
    """i is left of j."""
    return _before(pairs, 0)


def above(pairs: Pairs) -> Truth:
    """i is above j."""
    return _before(pairs, 1)


def inside(pairs: Pairs) -> Truth:
    """At least 90% of i's area lies in j, which is larger."""
    area = pairs.first.area
    return (area < pairs.second.area) & (_at_least(pairs.intersection, MIN_INSIDE * area))


def overlapping(pairs: Pairs) -> Truth:
    """The boxes have at least 5% of the smaller one in common."""
    return _at_least(pairs.shared_of_smaller, MIN_OVERLAP)


def near(pairs: Pairs) -> Truth:
    """The gap is at most the geometric mean of the two boxes' sizes, a size being the square root of the area."""
    return _at_least(np.sqrt(np.sqrt(pairs.first.area) * np.sqrt(pairs.second.area)), pairs.gap)


def next_to(pairs: Pairs) -> Truth:
    """Near, with at most half of the smaller box in common."""
    return near(pairs) & (_at_least(MAX_BESIDE, pairs.shared_of_smaller))


def larger_than(pairs: Pairs) -> Truth:
    """i's area is at least 1.1 times j's."""
    return _at_least(pairs.first.area, MARGIN * pairs.second.area)


def taller_than(pairs: Pairs) -> Truth:
    """i's height is at least 1.1 times j's."""
    return _at_least(pairs.first.height, MARGIN * pairs.second.height)


def _resting(pairs: Pairs) -> Truth:
    """They share half of the narrower one's width, and i's bottom lies between j's top and bottom, give or take a tenth
    of i's height, or up to three tenths of it lower where i rises above j's top: feet hang from a seat."""
    top, bottom, height = pairs.first.xyxy[..., 1], pairs.first.xyxy[..., 3], pairs.first.height
    other_top, other_bottom = pairs.second.xyxy[..., 1], pairs.second.xyxy[..., 3]
    reach = np.where(top < other_top, SEAT_REACH, SUPPORT_REACH) * height
    below_top = _at_least(bottom - other_top + SUPPORT_REACH * height, 0, height)
    return _over(pairs) & below_top & _at_least(other_bottom - bottom + reach, 0, height)


def _over(pairs: Pairs) -> Truth:
    return _at_least(pairs.shared_width, MIN_SUPPORT * np.minimum(pairs.first.width, pairs.second.width))


def on_top_of(pairs: Pairs) -> Truth:
    """i rests on j, and its centre is higher than j's."""
    return _resting(pairs) & (pairs.first.centre[..., 1] < pairs.second.centre[..., 1])


def on(pairs: Pairs) -> Truth:
    """i is on top of j, or rests on it and is inside it: a plate on a table that is seen from above."""
    return on_top_of(pairs) | (_resting(pairs) & inside(pairs))


def under(pairs: Pairs) -> Truth:
    """i's top and centre are lower than j's, and they share half of the narrower one's width."""
    lower = pairs.first.centre[..., 1] > pairs.second.centre[..., 1]
    return _over(pairs) & lower & (pairs.first.xyxy[..., 1] > pairs.second.xyxy[..., 1])


def in_front_of(pairs: Pairs) -> Truth:
    """They are near and share some width, and i's bottom is lower than j's: on level ground that is nearer."""
    return near(pairs) & (pairs.shared_width > 0) & (pairs.first.xyxy[..., 3] > pairs.second.xyxy[..., 3])


_RULES: dict[str, Callable[[Pairs], Truth]] = {
    "left_of": left_of, "above": above, "inside": inside, "overlapping": overlapping, "near": near, "next_to": next_to,
    "on": on, "on_top_of": on_top_of, "under": under, "in_front_of": in_front_of, "larger_than": larger_than,
    "taller_than": taller_than,
}  # fmt: skip
_OPPOSITES = {
    "left_of": "right_of", "above": "below", "inside": "contains", "in_front_of": "behind",
    "larger_than": "smaller_than", "taller_than": "shorter_than",
}  # fmt: skip
_MUTUAL = ("overlapping", "near", "next_to")

CONVERSES: dict[str, str] = {
    **_OPPOSITES, **{other: name for name, other in _OPPOSITES.items()}, **{name: name for name in _MUTUAL}
}  # fmt: skip
"""Relation to the one in which *b* stands to *a* wherever *a* stands in the first to *b*; some have none."""


def _with_opposite(name: str) -> Iterator[tuple[str, Callable[[Pairs], Truth]]]:
    holds = _RULES[name]
    yield name, holds
    if name in _OPPOSITES:
        yield _OPPOSITES[name], lambda pairs: holds(pairs.swapped)


RELATIONS: dict[str, Callable[[Pairs], Truth]] = dict(chain.from_iterable(map(_with_opposite, _RULES)))
"""Every relation between two objects by its name in queries."""


def relate(xyxy: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.intp]]:
    """All relations that hold between boxes.

    Args:
        xyxy: shape (n, 4), pixels.

    Returns:
        Relation to the pairs (i, j) for which "i relation j" holds, shape (m, 2), at most n (n - 1) each.
    """
    pairs = Pairs.of(xyxy)
    others = ~np.eye(len(pairs.gap), dtype=bool)
    return {name: np.argwhere(holds(pairs) & others) for name, holds in RELATIONS.items()}


def distances(xyxy: NDArray[np.floating[Any]], members: NDArray[np.intp]) -> NDArray[np.float64]:
    """How far each box is from the nearest of some others, by the gap between them and, where that is 0, their centres.

    Args:
        xyxy: shape (n, 4), pixels.
        members: shape (m,), indexes of those others; a box is never measured against itself.

    Returns:
        Shape (n,): pixels between the boxes plus a thousandth of the pixels between the centres, which decides between
        boxes that all touch; inf where there is no other.
    """
    pairs = Pairs.of(xyxy)
    centres = Boxes(np.asarray(xyxy, np.float64).reshape(-1, 4)).centre
    away = pairs.gap + np.linalg.norm(centres[:, None] - centres[None], axis=2) / 1000
    np.fill_diagonal(away, np.inf)
    nearest: NDArray[np.float64] = away[:, members].min(axis=1, initial=np.inf)
    return nearest


def between(xyxy: NDArray[np.floating[Any]], first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each box lies between one of `first` and one of `second`.

    Its centre, projected on the line that joins the two others' centres, falls on the middle 80% of it, and is no
    further from that line than half of the line's length or half of the box's larger side.

    Args:
        xyxy: shape (n, 4), pixels.
        first, second: indexes, shapes (k,) and (m,).

    Returns:
        Shape (n,).
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    found = np.zeros(len(boxes), bool)
    for i in first.tolist():
        start, way = centres[i], centres[second] - centres[i]
        length = np.maximum(np.linalg.norm(way, axis=1), 1e-9)
        offset = centres[:, None] - start
        along = (offset * way[None]).sum(axis=2) / length**2
        across = np.abs(offset[..., 0] * way[None, :, 1] - offset[..., 1] * way[None, :, 0]) / length
        fits = (along > 0.1) & (along < 0.9) & (across <= np.maximum(length[None] / 2, side[:, None] / 2))
        ends = np.arange(len(boxes))[:, None]
        fits &= (ends != i) & (ends != second[None]) & (second[None] != i)
        found |= fits.any(axis=1)
    return found
