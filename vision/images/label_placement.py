"""Where the labels of a picture go, so that none hides another and what can't be shown is left out on purpose.

Greedy, best object first: each label takes the free place at its box that covers least of other small objects. Where
the full label has no place a shorter one is tried, then none: two labels on top of one another tell less than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]

_SMALL = 8
"""A box of less than so many times the label's area is an object that the label could hide."""

_HIDDEN = 0.4
"""Share of a small object that a label may hide where many are to be labelled."""

_MANY = 25
"""Objects beyond which hiding another is worse than a label left out."""

_COVERED = 0.25
"""Share of the picture that labels may cover in all, after which only the picture is left to be seen."""

_APART = 1
"""Pixels between two labels."""


@dataclass(frozen=True)
class Placed:
    """A label with its place.

    Attributes:
        position: of its object.
        form: which of the object's labels, 0 for the fullest.
        corner: (x, y) of its top left corner in pixels.
    """

    position: int
    form: int
    corner: tuple[int, int]


def place_labels(
    boxes: NDArray[np.floating], forms: Sequence[Sequence[Size]], picture: Size, line: int
) -> list[Placed]:
    """Find a place for as many labels as have one.

    Args:
        boxes: shape (n, 4), xyxy in pixels of the picture, best object first.
        forms: for each object the sizes (width, height) in pixels of its labels, the fullest first.
        picture: (width, height) in pixels; labels stay inside.
        line: width of the boxes' lines in pixels.

    Returns:
        The labels that have a place, in the order of the boxes.
    """
    taken = np.zeros((0, 4))
    placed: list[Placed] = []
    room = _COVERED * picture[0] * picture[1]
    most_hidden = _HIDDEN if len(boxes) > _MANY else math.inf
    areas = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    for position, sizes in enumerate(forms):
        for form, size in enumerate(sizes):
            candidates = _candidates(boxes[position], size, picture, line)
            small = areas < _SMALL * size[0] * size[1]
            spot = _best(candidates, taken, boxes[small], most_hidden)
            if spot is not None and (size[0] * size[1] <= room or not placed):
                room -= size[0] * size[1]
                placed.append(Placed(position, form, (int(spot[0]), int(spot[1]))))
                taken = np.vstack([taken, spot])
                break
    return placed


def _best(
    candidates: NDArray[np.float64], taken: NDArray[np.float64], small: NDArray[np.floating], most_hidden: float
) -> NDArray[np.float64] | None:
    """The free candidate that hides least of small objects, of equals the first; None where none is good."""
    free = candidates
    if len(taken):
        grown = taken + np.array([-_APART, -_APART, _APART, _APART])
        free = candidates[~(_overlap(candidates, grown) > 0).any(axis=1)]
    if not len(free):
        return None
    if not len(small):
        return np.asarray(free[0])
    hidden = _overlap(free, small) / np.maximum(np.prod(small[:, 2:] - small[:, :2], axis=1), 1)
    cost = np.round(hidden.sum(axis=1), 1)
    best = int(np.argmin(cost))
    return np.asarray(free[best]) if hidden[best].max() <= most_hidden else None


def _overlap(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shared area of each of one set of boxes with each of another, shape (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=2), np.float64)


def _candidates(box: NDArray[np.floating], size: Size, picture: Size, line: int) -> NDArray[np.float64]:
    """Places at a box in order of liking, as xyxy: on its top edge, inside it, on its bottom edge, beside it."""
    width, height = size
    left, top, right, bottom = (float(value) for value in box)
    edge = line // 2
    far, middle = right + edge - width, (left + right - width) / 2
    left -= edge
    places = [
        *((x, top - edge - height) for x in (left, far, middle)),
        *((x, top + edge) for x in (left, far)),
        *((x, bottom + edge) for x in (left, far, middle)),
        *((x, bottom - edge - height) for x in (left, far)),
        *((x, y) for y in (top, bottom - height) for x in (right + edge, left - width)),
        (middle, (top + bottom - height) / 2),
    ]
    corners = np.round(np.array(places))
    corners[:, 0] = np.clip(corners[:, 0], 0, max(picture[0] - width, 0))
    # A label above the picture would have to slide into its box, which other places do better.
    inside = (corners[:, 1] >= 0) & (corners[:, 1] + height <= picture[1])
    if inside.any():
        corners = corners[inside]
    else:
        corners[:, 1] = np.clip(corners[:, 1], 0, max(picture[1] - height, 0))
    return np.hstack([corners, corners + np.array([width, height])])
