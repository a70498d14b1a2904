"""From what was seen in each part of an image to what is in the image: every object once.

An object in the overlap of slices is found by each of them, one on a border is found in pieces. A box that ends at a
border which is no edge of the image is taken for a piece: it is dropped where a box that no border cuts covers it,
since that is the object. Of the rest, boxes of one class that overlap are one object's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import best_first, suppressed
from vision.detections.fields import Rings
from vision.detections.polygons.masks import mask_from_rings, rings_from_mask
from vision.detectors.detector import Found
from vision.detectors.slices.slicing import Merge, Part

SAME = 0.5
"""Intersection over union from which two boxes of a class are of one object."""

COVERED = 0.7
"""Share of a piece's box that lies in the box of the object, which two looks never draw alike."""

AS_SURE = 0.5
"""Share of a piece's score that the box over it must have: a sure piece is not given up for a mere guess."""

AT_BORDER = 0.01
"""Share of a slice's width or height within which a box ends at its border."""

_ROWS = 256
"""Pieces, of slices that lie together, that are compared with the boxes near them at a time, so that memory holds."""


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen in a part of an image.

    Attributes:
        part: where it is.
        found: with boxes and outlines in pixels of the part.
    """

    part: Part
    found: Found


def merged(looks: Sequence[Look], image_size: tuple[int, int], merge: Merge) -> Found:
    """What was found in an image that was looked at in parts, in its pixels, every object once.

    Args:
        looks: the parts; boxes of detectors that give no scores stay in their order.
        image_size: (width, height) of the image in pixels.
        merge: "nms", or "nmm", by which pieces whose object no look holds whole are joined to one box, if they agree
            where their parts overlap.

    Returns:
        Best first: by score, then box, then class; without scores in the order in which they came.
    """
    boxes = _Boxes.of(looks, image_size)
    boxes = boxes[~_covered(boxes)]
    if merge == "nmm":
        boxes = _joined(boxes)
    kept = suppressed(boxes.xyxy, boxes.scores, boxes.classes, SAME, len(boxes.xyxy))
    scored = all(look.found.scores is not None for look in looks)
    boxes = boxes[kept if scored else np.sort(kept)]
    return Found(
        xyxy=boxes.xyxy,
        labels=tuple(boxes.names[number] for number in boxes.classes),
        scores=boxes.scores if scored else None,
        polygons=boxes.polygons,
        notes=tuple(dict.fromkeys(note for look in looks for note in look.found.notes)),
    )


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Boxes of several looks.

    Attributes:
        xyxy: shape (n, 4), float32, pixels of the image.
        scores: shape (n,), float32; where the model gives none, 1 for what is whole and less for pieces.
        classes: shape (n,), places in `names`.
        cut: shape (n,), whether a border of the part that is no edge of the image cuts the box.
        parts: shape (n, 4), the part that each was seen in.
        names: class names in their order.
        polygons: n outlines, or None.
    """

    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.intp]
    cut: NDArray[np.bool_]
    parts: NDArray[np.float32]
    names: tuple[str, ...]
    polygons: tuple[Rings, ...] | None

    @classmethod
    def of(cls, looks: Sequence[Look], image_size: tuple[int, int]) -> _Boxes:
        """The boxes of looks, moved to where their parts are."""
        width, height = image_size
        names = tuple(sorted({label for look in looks for label in look.found.labels}))
        numbers = {name: number for number, name in enumerate(names)}
        xyxy, cut, parts = [np.zeros((0, 4), np.float32)], [np.zeros(0, bool)], [np.zeros((0, 4), np.float32)]
        for look in looks:
            left, top, right, bottom = look.part
            boxes, near = look.found.xyxy, np.array([right - left, bottom - top] * 2) * AT_BORDER
            ends = np.array([right - left, bottom - top])
            inner = np.array([left > 0, top > 0, right < width, bottom < height])
            at_border = np.concatenate([boxes[:, :2] <= near[:2], boxes[:, 2:] >= ends - near[2:]], axis=1)
            cut.append(np.any(at_border & inner, axis=1))
            xyxy.append(boxes + np.array([left, top] * 2, np.float32))
            parts.append(np.repeat(np.array([look.part], np.float32), len(boxes), axis=0))
        pieces = np.concatenate(cut)
        if all(look.found.scores is not None for look in looks):
            scores = np.concatenate([np.zeros(0, np.float32), *(_scores(look.found) for look in looks)])
        else:
            scores = np.where(pieces, np.float32(AS_SURE), np.float32(1))
        return cls(
            np.clip(np.concatenate(xyxy), 0, np.array([width, height] * 2, np.float32)),
            scores,
            np.array([numbers[label] for look in looks for label in look.found.labels], np.intp),
            pieces,
            np.concatenate(parts),
            names,
            _outlines(looks),
        )

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> _Boxes:
        """Those at a mask or at positions."""
        places = np.arange(len(self.xyxy))[index]
        return replace(
            self,
            xyxy=self.xyxy[places],
            scores=self.scores[places],
            classes=self.classes[places],
            cut=self.cut[places],
            parts=self.parts[places],
            polygons=None if self.polygons is None else tuple(self.polygons[i] for i in places.tolist()),
        )


def _scores(found: Found) -> NDArray[np.float32]:
    assert found.scores is not None
    return found.scores


def _outlines(looks: Sequence[Look]) -> tuple[Rings, ...] | None:
    """All outlines in pixels of the image, where every look that has boxes has them."""
    if any(look.found.polygons is None and look.found.labels for look in looks):
        return None
    if all(look.found.polygons is None for look in looks):
        return None
    return tuple(
        tuple(ring + np.array(look.part[:2], np.float32) for ring in rings)
        for look in looks
        for rings in look.found.polygons or ()
    )


def _covered(boxes: _Boxes) -> NDArray[np.bool_]:
    """Which boxes are pieces of an object that another look holds whole; shape (n,)."""
    covered = np.zeros(len(boxes.xyxy), bool)
    for pieces, whole in _by_class(boxes):
        for start in range(0, len(pieces), _ROWS):
            rows = pieces[start : start + _ROWS]
            around = np.concatenate([boxes.xyxy[rows, :2].min(axis=0), boxes.xyxy[rows, 2:].max(axis=0)])
            near = whole[_shared(around, boxes.xyxy[whole]) > 0]
            over = (
                _shared(boxes.xyxy[rows, None], boxes.xyxy[None, near]) >= COVERED * _areas(boxes.xyxy[rows])[:, None]
            )
            over &= boxes.scores[None, near] >= AS_SURE * boxes.scores[rows, None]
            over &= np.any(boxes.parts[None, near] != boxes.parts[rows, None], axis=2)
            covered[rows] = over.any(axis=1)
    return covered


def _joined(boxes: _Boxes) -> _Boxes:
    """The boxes with pieces of one object joined: the box around them all, with the score of the surest.

    From the surest piece down, each takes in those that agree with it, or with one that it took in, where their parts
    overlap. Mere guesses would stretch a sure box, so a piece takes in none that is less than half as sure.
    """
    groups: list[NDArray[np.intp]] = []
    for pieces, _ in _by_class(boxes):
        waiting = pieces[best_first(boxes.xyxy[pieces], boxes.scores[pieces], boxes.classes[pieces])]
        while len(waiting):
            group, waiting = list(waiting[:1]), waiting[1:]
            for member in group:  # grows as it is gone through
                agree = _agree(boxes, member, waiting) & (boxes.scores[waiting] >= AS_SURE * boxes.scores[group[0]])
                group += list(waiting[agree])
                waiting = waiting[~agree]
            if len(group) > 1:
                groups.append(np.array(group))
    kept = np.ones(len(boxes.xyxy), bool)
    xyxy, polygons = boxes.xyxy.copy(), None if boxes.polygons is None else list(boxes.polygons)
    for members in groups:
        kept[members[1:]] = False
        xyxy[members[0]] = [*boxes.xyxy[members, :2].min(axis=0), *boxes.xyxy[members, 2:].max(axis=0)]
        if polygons is not None:
            polygons[members[0]] = _union([polygons[member] for member in members])
    return replace(boxes, xyxy=xyxy, polygons=None if polygons is None else tuple(polygons))[kept]


def _agree(boxes: _Boxes, one: int, others: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which pieces look like a piece's object where their two parts overlap; shape (others,)."""
    parts, common = boxes.parts, np.empty((len(others), 4), np.float32)
    common[:, :2] = np.maximum(parts[one, :2], parts[others, :2])
    common[:, 2:] = np.minimum(parts[one, 2:], parts[others, 2:])
    first, second = (np.clip(xyxy, common[:, [0, 1] * 2], common[:, [2, 3] * 2]) for xyxy in (
        boxes.xyxy[one][None], boxes.xyxy[others],
    ))  # fmt: skip
    shared = _shared(first, second)
    other_part = np.any(parts[others] != parts[one], axis=1)
    agree: NDArray[np.bool_] = other_part & (shared > 0) & (shared >= SAME * (_areas(first) + _areas(second) - shared))
    return agree


def _by_class(boxes: _Boxes) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Positions of the pieces and of the whole boxes of each class that has pieces."""
    for number in np.unique(boxes.classes[boxes.cut]):
        own = boxes.classes == number
        yield np.flatnonzero(own & boxes.cut), np.flatnonzero(own & ~boxes.cut)


def _shared(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Areas that boxes have in common, in square pixels; shapes (..., 4), as arrays broadcast."""
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    sides = np.clip(sides, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def _areas(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), np.float32)


def _union(outlines: Sequence[Rings]) -> Rings:
    """The outline of all that several outlines of one object hold."""
    rings = [ring for outline in outlines for ring in outline]
    left, top, width, height = cv2.boundingRect(np.concatenate(rings).astype(np.float32))
    origin = np.array([left, top], np.float32)
    mask = mask_from_rings(tuple(ring - origin for ring in rings), (width + 1, height + 1))
    return tuple(ring + origin for ring in rings_from_mask(mask)) or outlines[0]
