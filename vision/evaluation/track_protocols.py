"""What counts as truth of tracks, and which boxes of the results count neither way.

Data sets annotate things that a tracker is neither to find nor to be blamed for, each in its own way:

- MOT15 has no classes; a row whose flag is 0 is no truth.
- MOT16, MOT17 and MOT20 score pedestrians. A box of the results that matches something like one (a person on a vehicle,
  a statue, a reflection; in MOT20 a vehicle without a motor too) is taken out, as TrackEval does.
- VisDrone scores ten classes, each by itself. Category 0 marks regions without annotations, 11 things of no class, and
  a score of 0 what is ignored: a box that lies mostly in such places is taken out, as its toolkit for tracking does,
  unless it matches a truth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vision.video.mot import MOT_CLASSES, PEDESTRIAN, VISDRONE_CLASSES, MotRows, TruthForm

MATCHED = 0.5
"""The intersection over union from which a box matches a truth, in CLEAR MOT and identity figures too."""

MOSTLY = 0.5
"""The share of a box's area above which it lies in regions that are ignored."""

DISTRACTORS = ("person on vehicle", "static person", "distractor", "reflection")
MOT20_DISTRACTORS = (*DISTRACTORS, "non-motorised vehicle")

IGNORED = (0, len(VISDRONE_CLASSES) - 1)
"""VisDrone's categories of regions that are ignored, and of things of no class."""

EPSILON = float(np.finfo(float).eps)

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Protocol(ABC):
    """The rules of one kind of truth.

    Attributes:
        classes: to each class that is scored the numbers that results without names can have for it; of none where
            the truth has no classes.
        unscored: numbers that such results can have for what is not scored.
        numbers: in words, for errors, what numbers they can have.
    """

    classes: Mapping[str, tuple[int, ...]]
    unscored: tuple[int, ...] = ()
    numbers: str

    @abstractmethod
    def truth(self, rows: MotRows, name: str) -> Mask:
        """Which rows of the truth a class is scored on; shape (n,)."""

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """Which boxes of the results, shape (m, 4), count neither way; shape (m,).

        Args:
            rows: all rows of the truth in one frame.
            scored: shape (n,): those that the boxes' class is scored on.
            boxes: of one class, in that frame.
        """
        return np.zeros(len(boxes), np.bool_)


class WithoutClasses(Protocol):
    """MOT15: every box is of the one kind of thing that the truth is about."""

    classes: Mapping[str, tuple[int, ...]] = {}
    numbers = "any class"

    def truth(self, rows: MotRows, name: str) -> Mask:
        """What has a flag."""
        return _flagged(rows)


class Pedestrians(Protocol):
    """MOT16, MOT17 and MOT20, after `mot_challenge_2d_box.py` of TrackEval.

    Args:
        distractors: classes of which a box that matches one is taken out.
    """

    classes: Mapping[str, tuple[int, ...]] = {PEDESTRIAN: (-1, 1)}
    numbers = "1 or -1, since pedestrians alone are scored"

    def __init__(self, distractors: Sequence[str]) -> None:
        self._distractors = [MOT_CLASSES.index(name) + 1 for name in distractors]

    def truth(self, rows: MotRows, name: str) -> Mask:
        """The pedestrians that have a flag."""
        return _flagged(rows, MOT_CLASSES.index(name) + 1)

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """What matches a distractor."""
        out = super().taken_out(rows, scored, boxes)
        # All that is annotated is matched: what fits a pedestrian better is no distractor's.
        for row, column in _matches(rows.xyxy, boxes):
            out[column] = rows.classes[row] in self._distractors
        return out


class VisDrone(Protocol):
    """VisDrone, after `dropObjects.m` of its toolkit for tracking, but for what matches a truth."""

    classes: Mapping[str, tuple[int, ...]] = {
        name: (number,) for number, name in enumerate(VISDRONE_CLASSES[:-1]) if number
    }
    unscored = IGNORED
    numbers = f"a category of VisDrone, 0 to {len(VISDRONE_CLASSES) - 1}"

    def truth(self, rows: MotRows, name: str) -> Mask:
        """What is of the class and not ignored."""
        return _flagged(rows, VISDRONE_CLASSES.index(name))

    def taken_out(self, rows: MotRows, scored: Mask, boxes: Boxes) -> Mask:
        """What lies mostly in regions that are ignored, and matches no truth of the class."""
        ignored = (rows.scores == 0) | np.isin(rows.classes, IGNORED)
        out: Mask = covered(boxes, rows.xyxy[ignored]) > MOSTLY
        for _, column in _matches(rows.xyxy[scored], boxes) if out.any() else ():
            out[column] = False
        return out


PROTOCOLS: Mapping[TruthForm, Protocol] = {
    "mot15": WithoutClasses(),
    "mot17": Pedestrians(DISTRACTORS),
    "mot20": Pedestrians(MOT20_DISTRACTORS),
    "visdrone": VisDrone(),
}


def _flagged(rows: MotRows, number: int | None = None) -> Mask:
    """The rows whose flag, or score, is not 0, of a class where one is given."""
    flagged: Mask = rows.scores != 0
    return flagged if number is None else flagged & (rows.classes == number)


def _matches(truth: Boxes, boxes: Boxes) -> list[tuple[int, int]]:
    """The places of truth and boxes that belong together: the largest sum of overlaps of 0.5 or more."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
    from trackers.eval import box_iou

    overlaps = box_iou(truth, boxes)
    overlaps[overlaps < MATCHED - EPSILON] = 0
    rows, columns = linear_sum_assignment(-overlaps)
    kept = overlaps[rows, columns] > EPSILON
    return list(zip(rows[kept].tolist(), columns[kept].tolist(), strict=True))


def covered(boxes: Boxes, regions: Boxes) -> NDArray[np.float64]:
    """The share of each box's area that regions cover together; 0 of a box without an area.

    The regions' edges cut the plane into cells, each covered whole or not at all; what a box has of a cell is the
    product of what it shares of the cell's width and height.

    Args:
        boxes: shape (n, 4).
        regions: shape (m, 4); they may overlap each other.

    Returns:
        Shape (n,), 0 to 1.
    """
    if not len(boxes) or not len(regions):
        return np.zeros(len(boxes))
    xs, ys = np.unique(regions[:, 0::2]), np.unique(regions[:, 1::2])
    cells = np.zeros((len(xs) - 1, len(ys) - 1))
    for x0, y0, x1, y1 in regions:
        cells[np.searchsorted(xs, x0) : np.searchsorted(xs, x1), np.searchsorted(ys, y0) : np.searchsorted(ys, y1)] = 1
    inside = np.einsum("nx,xy,ny->n", _shared(boxes[:, [0, 2]], xs), cells, _shared(boxes[:, [1, 3]], ys))
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shares: NDArray[np.float64] = np.divide(inside, areas, out=np.zeros(len(boxes)), where=areas > 0)
    return shares


def _shared(spans: Boxes, edges: Boxes) -> Boxes:
    """The length that each span, shape (n, 2), shares with each stretch between two edges; shape (n, edges - 1)."""
    low, high = np.maximum(spans[:, :1], edges[:-1]), np.minimum(spans[:, 1:], edges[1:])
    lengths: Boxes = np.maximum(high - low, 0)
    return lengths
