"""Large images cut into slices, and what is found in them merged, so that small objects are found.

Akyon et al. 2022, "Slicing Aided Hyper Inference and Fine-tuning for Small Object Detection" (arXiv 2202.06934). A
detector makes every image as small as its input; a slice of about the input's size keeps its pixels. Slices overlap,
so that an object which one border cuts is whole in the next. A box that ends at a border which is no edge of the
image is taken for a piece, and dropped where a box that no border cuts covers it; of the rest, boxes of one class
that overlap are one object's. Slices of all images fill the inner detector's batches one after another.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from reasoning.lm.calls import abandoned
from vision.detections.boxes import Rings, best_first, suppressed
from vision.detections.polygons import mask_from_rings, rings_from_mask
from vision.detectors.detector import Detector, Found, Request, all_found, part_of
from vision.errors import DetectorError, SlicingError
from vision.images import LoadedImage

Merge = Literal["nms", "nmm"]
"""Non-maximum suppression, or non-maximum merging, which joins the pieces of what no slice holds whole."""

Part = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of an image in its pixels."""

AUTO = "auto"
MOST_SLICES = 400
"""Of one image: a look at each takes as long as a look at an image, so a mistyped size would take hours."""

CLOSE = 1.25
"""Sizes that differ by no more than this are about the same: slices are so much larger than a detector's input, which
gives three quarters of the network's runs for nearly all of the objects, and an image so much larger than a slice is
not cut."""

USUAL_SIDE = 640
"""Pixels that a detector is taken to see where it doesn't say: what most are trained with."""

LEAST_SIDE = 32
"""Pixels of a slice: what is smaller than COCO's small objects holds none whole."""

_SIZE = re.compile(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Slicing:
    """How images are cut, and what becomes of the boxes.

    Attributes:
        size: (width, height) of a slice in pixels, or None where the image and the detector decide it ("auto").
        overlap: share of a slice, 0 to less than 1, that the next one has too.
        merge: how boxes of one object from several slices become one: "nms" keeps the surest, "nmm" also joins pieces
            of an object that slices' borders cut.
        full_view: whether an image that is cut is looked at as a whole too, for what is larger than a slice.

    Raises:
        SlicingError: a value is none of these.

    Example:
        >>> Slicing.parse("640x480").size
        (640, 480)
    """

    size: tuple[int, int] | None = None
    overlap: float = 0.2
    merge: Merge = "nms"
    full_view: bool = True

    def __post_init__(self) -> None:
        if self.size is not None and not _is_size(self.size):
            raise SlicingError(
                f"the size of a slice is {self.size!r}: expected (width, height) in whole pixels, at least "
                f"{LEAST_SIDE} each, or None for {AUTO!r}"
            )
        if not isinstance(self.overlap, Real) or isinstance(self.overlap, bool) or not 0 <= self.overlap < 1:
            raise SlicingError(
                f"the overlap of slices is {self.overlap!r}: expected a share from 0 to less than 1, such as 0.2"
            )
        if self.merge not in get_args(Merge):
            raise SlicingError(
                f'boxes of slices cannot be merged by {self.merge!r}: expected "nms" (suppression) or "nmm" (merging)'
            )

    @classmethod
    def parse(cls, text: str, *, overlap: float = 0.2, merge: Merge = "nms") -> Slicing:
        """Read "auto" or "WIDTHxHEIGHT", such as "640x480".

        Raises:
            SlicingError: it is neither, or the overlap or the merging is none.
        """
        if isinstance(text, str) and text.strip().lower() == AUTO:
            return cls(None, overlap, merge)
        read = _SIZE.fullmatch(text) if isinstance(text, str) else None
        if read is None:
            raise SlicingError(
                f"slices are {text!r}: expected {AUTO!r}, or their width and height in pixels as WxH, such as 640x480"
            )
        return cls((int(read[1]), int(read[2])), overlap, merge)

    def slices_of(self, image_size: tuple[int, int], side: int | None) -> tuple[Part, ...]:
        """The slices of an image, row by row, all of one size and evenly spread; none where it is not to be cut.

        Args:
            image_size: (width, height) in pixels.
            side: pixels of the longer side of an image as the detector sees it, or None where that is not known.

        Raises:
            SlicingError: there would be more than `MOST_SLICES`.
        """
        size = self._auto(image_size, CLOSE * (side or USUAL_SIDE)) if self.size is None else self.size
        width, height = min(size[0], image_size[0]), min(size[1], image_size[1])
        columns, rows = self._counts(image_size, size)
        if rows * columns > MOST_SLICES:
            enough = size
            while math.prod(self._counts(image_size, enough)) > MOST_SLICES:
                enough = _larger(enough)
            raise SlicingError(
                f"the image of {image_size[0]:,} x {image_size[1]:,} pixels would be cut into {rows * columns:,} "
                f"slices of {size[0]} x {size[1]}, and the limit is {MOST_SLICES}: take slices of "
                f"{enough[0]}x{enough[1]} or {AUTO!r}"
            )
        if rows * columns == 1:
            return ()
        lefts = [round(i * (image_size[0] - width) / max(1, columns - 1)) for i in range(columns)]
        tops = [round(i * (image_size[1] - height) / max(1, rows - 1)) for i in range(rows)]
        return tuple((left, top, left + width, top + height) for top in tops for left in lefts)

    def _auto(self, image_size: tuple[int, int], side: float) -> tuple[int, int]:
        """The size of a square slice of such a side, or larger ones before there are too many."""
        square = round(side), round(side)
        while True:
            # Along a length that is hardly more than a slice two would hold nearly the same.
            width, height = (length if length <= CLOSE * square[0] else square[0] for length in image_size)
            if math.prod(self._counts(image_size, (width, height))) <= MOST_SLICES:
                return width, height
            square = _larger(square)

    def _counts(self, image_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        columns, rows = (self._count(*lengths) for lengths in zip(image_size, size, strict=True))
        return columns, rows

    def _count(self, length: int, side: int) -> int:
        if side >= length:
            return 1
        # A step of a pixel at least; rounding must not make one slice more of a length that they cover to the pixel.
        step = max(1.0, side * (1 - self.overlap))
        return math.ceil((length - side) / step - 1e-9) + 1


def _larger(size: tuple[int, int]) -> tuple[int, int]:
    return math.ceil(1.1 * size[0]), math.ceil(1.1 * size[1])


def _is_size(size: object) -> bool:
    return (
        isinstance(size, tuple)
        and len(size) == 2
        and all(isinstance(side, int) and not isinstance(side, bool) and side >= LEAST_SIDE for side in size)
    )


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
        given = [look.found.scores for look in looks if look.found.scores is not None]
        if len(given) == len(looks):
            scores = np.concatenate([np.zeros(0, np.float32), *given])
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
    rings = [ring for outline in outlines for ring in outline]
    left, top, width, height = cv2.boundingRect(np.concatenate(rings).astype(np.float32))
    origin = np.array([left, top], np.float32)
    mask = mask_from_rings(tuple(ring - origin for ring in rings), (width + 1, height + 1))
    return tuple(ring + origin for ring in rings_from_mask(mask)) or outlines[0]


class SlicedDetector(Detector):
    """Any detector, looking at slices of images.

    An image that is not cut gives exactly what the detector gives of it.
    """

    def __init__(self, detector: Detector, slicing: Slicing) -> None:
        self.take_after(detector)
        self.detector = detector
        self.slicing = slicing

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images, cut as the slicing says; one result an image, in order.

        Raises:
            SlicingError: an image would be cut into too many slices.
            DetectorError: the model failed.
        """
        if not any(self._slices(image) for image in images):
            return self.detector.detect(images, request)
        return all_found(self.detect_each(images, request))

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, in full batches of slices; one result an image, in order."""
        under_way: deque[_Cut | SlicingError] = deque()

        def parts() -> Iterator[LoadedImage]:
            for image in images:
                try:
                    slices = self._slices(image)
                except SlicingError as error:
                    under_way.append(error)
                    continue
                cut = _Cut(image.size, slices, whole=self.slicing.full_view or not slices)
                under_way.append(cut)
                if cut.whole:
                    yield image
                for left, top, right, bottom in cut.slices:
                    if abandoned():
                        raise DetectorError("the look at the image was stopped, since nobody waits for it any more")
                    yield part_of(image, image.pixels[top:bottom, left:right])

        for found in self.detector.detect_each(parts(), request):
            yield from _refused(under_way)
            first = under_way[0]
            assert isinstance(first, _Cut)
            first.found.append(found)
            if first.complete:
                yield first.result(self.slicing)
                under_way.popleft()
        yield from _refused(under_way)

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`; a caption is of a whole image."""
        return self.detector.describe(images)

    def _slices(self, image: LoadedImage) -> tuple[Part, ...]:
        return self.slicing.slices_of(image.size, self.detector.side)


@dataclass(eq=False)
class _Cut:
    """An image whose parts, first the whole where it is looked at too, are being looked at; with what came of them."""

    size: tuple[int, int]
    slices: tuple[Part, ...]
    whole: bool
    found: list[Found | DetectorError] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all parts were looked at."""
        return len(self.found) == self.whole + len(self.slices)

    def result(self, slicing: Slicing) -> Found | DetectorError:
        """What is in the image, or why one of its parts could not be looked at."""
        try:
            found = all_found(self.found)
        except DetectorError as error:
            return error
        if not self.slices:
            return found[0]
        parts = [(0, 0, *self.size)] * self.whole + [*self.slices]
        looks = [Look(part, one) for part, one in zip(parts, found, strict=True)]
        left, top, right, bottom = self.slices[0]
        note = (
            f"The image was looked at in {len(self.slices)} parts of {right - left} x {bottom - top} pixels"
            f"{' and as a whole' if self.whole else ''}."
        )
        together = merged(looks, self.size, slicing.merge)
        return replace(together, notes=(*together.notes, note))


def _refused(under_way: deque[_Cut | SlicingError]) -> Iterator[SlicingError]:
    while under_way and isinstance(under_way[0], SlicingError):
        error = under_way.popleft()
        assert isinstance(error, SlicingError)
        yield error
