"""Outlines of objects: masks and rings, a given number of points, and outlines made from a box alone.

*Masks and rings.* Pixel i covers i to i + 1, so the outline of one pixel is a square of side 1. OpenCV's contours run
through the middles of pixels; here they run along the edges, and a mask that becomes rings and a mask again is the
same mask. A hole is joined to its outline by a bridge of no width, since COCO's polygons know no holes.

*Points.* Points at even steps cut off every bulge. Here edges are taken out one by one, each replaced by the point
that keeps the area (Kronenfeld, Stanislawski, Buttenfield and Brockmeyer 2020, "Simplification of polylines by
segment collapse: minimizing areal displacement while preserving area"); few points are then moved while the overlap
with the object grows.

*Outlines from boxes*, for models that give boxes alone, from how the inside of a box differs from its surroundings,
whatever the class. Several kinds of evidence are weighed by logistic regression, since none is enough alone; GrabCut
by itself outlines the objects of COCO hardly better than the ellipse in the box does:

- *place*: how far from the middle a pixel is; the other kinds favour the middle, and this weighs it against them;
- *colour*: colours of the middle that the surroundings lack;
- *paths*: how much colour changes on the easiest way to the surroundings, and to the middle (geodesic distance, as in
  Bai and Sapiro 2007, "A geodesic framework for fast interactive image and video segmentation and matting");
- *cut*: GrabCut's own answer (Rother, Kolmogorov and Blake 2004), begun from a rounded box;
- *surroundings of the cut*: the same, blurred.

The weights are fitted on the outlines of coco128 by `python -m benchmarks.mask_weights`. A box says more than where
to look: it is tight. Of several thresholds on the likelihood the highest is taken at which the object reaches almost
all of the box's width and height (after Lempitsky, Kohli, Rother and Sharp 2009, "Image segmentation with a bounding
box prior").
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from faster_coco_eval.core import mask as coco_mask  # type: ignore[import-untyped]
from numpy.typing import NDArray

from vision.detections.boxes import PolygonSource, Ring, Rings
from vision.errors import FormatError, InstructionError
from vision.images import LoadedImage

_OUTER = -1


def rings_from_mask(mask: NDArray[np.bool_], *, tolerance: float = 0.0, speck_share: float = 0.0) -> Rings:
    """The outline of a mask, its largest part first.

    Args:
        mask: shape (height, width).
        tolerance: how far, in pixels, the outline may leave the pixels' edges so as to need fewer points.
        speck_share: parts and holes smaller than this share (0 to 1) of the largest part are left out.

    Returns:
        A ring for each part; of a part with holes one ring that walks into each and back. Empty for an empty mask.
    """
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if not height:
        return ()
    # At twice the size every pixel has a first and a second half in each direction, and from the half that the
    # contour runs through it's known whether the pixel's near or far edge is meant.
    window = mask[top : top + height, left : left + width].astype(np.uint8)
    doubled = cv2.resize(window, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, hierarchy = cv2.findContours(
        doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE if tolerance > 0 else cv2.CHAIN_APPROX_SIMPLE
    )
    # The near edge for a first half, else the far one.
    edges = [((np.asarray(one)[:, 0, :] + 1) // 2 + np.array([left, top])).astype(np.float64) for one in contours]
    areas = [abs(ring_area(edge)) for edge in edges]
    least = speck_share * max(areas)
    parts = []
    parents = hierarchy[0][:, 3]
    for position in sorted(range(len(edges)), key=lambda i: -areas[i]):
        if parents[position] != _OUTER or areas[position] < least:
            continue
        ring = _simplified(edges[position], tolerance)
        for hole in np.flatnonzero(parents == position).tolist():
            if areas[hole] >= least:
                ring = joined(ring, _simplified(edges[hole], tolerance))
        parts.append(ring.astype(np.float32))
    return tuple(parts)


def mask_from_rings(rings: Rings, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels that lie in any of the rings, as COCO's evaluation counts them.

    Args:
        rings: the outline of one object.
        size: (width, height) of the image in pixels.

    Returns:
        Shape (height, width).
    """
    width, height = size
    flat = [ring.astype(np.float64).ravel().tolist() for ring in rings if len(ring) >= 3]
    if not flat:
        return np.zeros((height, width), np.bool_)
    whole = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    return np.asarray(coco_mask.decode(whole), np.bool_)


def ring_area(ring: NDArray[np.floating]) -> float:
    """Signed area in square pixels (the shoelace formula), positive where the ring runs clockwise on the picture."""
    x, y = ring[:, 0].astype(np.float64), ring[:, 1].astype(np.float64)
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def joined(ring: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """One ring that walks along `ring`, over the shortest bridge along `other`, back over it and on."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    distances, nearest = cKDTree(ring).query(other)
    entry = int(np.argmin(distances))
    leave = int(nearest[entry])
    around = np.roll(other, -entry, axis=0)
    return np.concatenate([ring[: leave + 1], around, around[:1], ring[leave:]]).astype(np.float64)


def _simplified(ring: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    if tolerance <= 0:
        return ring
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]
    ring = (ring + np.roll(ring, 1, axis=0)) / 2
    simple = cv2.approxPolyDP(ring.astype(np.float32), tolerance, closed=True)[:, 0, :].astype(np.float64)
    return simple if len(simple) >= 3 else ring


Point = tuple[float, float]
Bounds = tuple[float, float, float, float]

_FINE = 0.4
"""Pixels by which an outline may be moved beforehand: a mask's staircase has thousands of points and no shape."""

_FEW = 24
"""Points up to which moving them gains anything."""

_FLAT = 1e-9

_SIDE = 320
"""Pixels of the longer side of the picture in which overlap is counted."""

_STEPS = (0.06, 0.03, 0.01, 0.004)
"""How far points are moved, as shares of the longer side, coarse before fine."""

_ROUNDS = 2
_TURNS = np.arange(8) * (np.pi / 4)
_DIRECTIONS = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_SHIFT = 4
_LEAST_GAIN = 1e-4


def with_points(rings: Ring | Sequence[Ring], points: int) -> Ring:
    """One ring of exactly so many points that encloses the object as well as so many can.

    Parts of an object in pieces are joined by bridges of no width. It runs clockwise on the picture from its topmost
    point, of several the leftmost, and stays within the bounds of the rings.

    Args:
        rings: the outline of one object, one ring or several, each of shape (points, 2) in pixels.
        points: how many, at least 3.

    Returns:
        Shape (points, 2), float32.

    Raises:
        InstructionError: fewer than 3 points are asked for.
        FormatError: the outline has no point at all.
    """
    if points < 3:
        raise InstructionError(f"A polygon cannot have {points} points: at least 3 were expected.")
    several = [rings] if isinstance(rings, np.ndarray) else rings
    parts = [_clockwise(part.astype(np.float64)) for part in several if len(part)]
    if not parts:
        raise FormatError("An outline without a point cannot become a polygon: at least one ring was expected.")
    parts.sort(key=lambda part: -ring_area(part))
    every = np.concatenate(parts)
    (left, top), (right, bottom) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    if sum(map(len, parts)) > 4 * points:
        finer = [cv2.approxPolyDP(part.astype(np.float32), _FINE, closed=True)[:, 0, :] for part in parts]
        parts = [
            fine.astype(np.float64) if len(fine) >= min(points, len(part)) else part
            for fine, part in zip(finer, parts, strict=True)
        ]
    ring = parts[0]
    for part in parts[1:]:
        ring = joined(ring, part)
    chosen = _collapsed(ring, points, (left, top, right, bottom))
    if len(ring) > points and points <= _FEW:
        chosen = fitted(chosen, parts)
    chosen = _filled(_clockwise(chosen), points).astype(np.float32)
    start = min(range(points), key=lambda i: (chosen[i, 1], chosen[i, 0]))
    return np.roll(chosen, -start, axis=0)


def _clockwise(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    return ring if ring_area(ring) >= 0 else ring[::-1]


def _filled(ring: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Points put on the edges until there are enough, each on the edge whose pieces are longest; the shape stays."""
    lengths = np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1)
    pieces = [1] * len(ring)
    heap = [(-float(length), edge) for edge, length in enumerate(lengths)]
    heapq.heapify(heap)
    for _ in range(points - len(ring)):
        _, edge = heap[0]
        pieces[edge] += 1
        heapq.heapreplace(heap, (-float(lengths[edge]) / pieces[edge], edge))
    filled: list[NDArray[np.float64]] = []
    for edge, count in enumerate(pieces):
        start, end = ring[edge], ring[(edge + 1) % len(ring)]
        filled += [start + (end - start) * step / count for step in range(count)]
    return np.array(filled)


def _collapsed(ring: NDArray[np.float64], points: int, bounds: Bounds) -> NDArray[np.float64]:
    """Edges taken out until no more than `points` are left.

    A linked list of points in a heap of edges by the area that the outline moves over when one is taken out; entries of
    edges that have changed since are skipped by their version.
    """
    count = len(ring)
    place: list[Point] = [(float(x), float(y)) for x, y in ring]
    before, after = [(i - 1) % count for i in range(count)], [(i + 1) % count for i in range(count)]
    version, alive = [0] * count, [True] * count
    heap: list[tuple[float, int, int, Point]] = []

    def weigh(edge: int) -> None:
        end = after[edge]
        version[edge] += 1
        cost, point = _collapse(place[before[edge]], place[edge], place[end], place[after[end]], bounds)
        heapq.heappush(heap, (cost, edge, version[edge], point))

    for edge in range(count):
        weigh(edge)
    while count > points:
        _, edge, seen, point = heapq.heappop(heap)
        if not alive[edge] or seen != version[edge]:
            continue
        gone = after[edge]
        alive[gone] = False
        place[edge] = point
        after[edge] = after[gone]
        before[after[gone]] = edge
        count -= 1
        for changed in (before[before[edge]], before[edge], edge, after[edge]):
            weigh(changed)
    return np.array([point for point, kept in zip(place, alive, strict=True) if kept])


def _collapse(a: Point, b: Point, c: Point, d: Point, bounds: Bounds) -> tuple[float, Point]:
    """The point that may stand for the edge b-c between a and d, and the area that the outline then moves over.

    The points that keep the area lie on a line parallel to a-d. Of them the one is taken that lies on the line through
    a and b or through c and d, as the paper's table says, so that one of the two edges keeps its direction.
    """
    across, down = d[1] - a[1], a[0] - d[0]
    length = math.hypot(across, down)
    if length < _FLAT:
        return _triangle(a, b, c), a
    offset = -b[1] * a[0] + (a[1] - c[1]) * b[0] + (b[1] - d[1]) * c[0] + c[1] * d[0]
    base = across * a[0] + down * a[1]
    side_b = across * b[0] + down * b[1] - base
    side_c = across * c[0] + down * c[1] - base
    side_line = -offset - base
    on_first = abs(side_b) > abs(side_c) if side_b * side_c >= 0 else side_line * side_b > 0
    start, through = (a, b) if on_first else (d, c)
    step = (through[0] - start[0], through[1] - start[1])
    slope = across * step[0] + down * step[1]
    if abs(slope) < _FLAT * length:
        # a, b, c and d lie on one line, or all but; the middle of b and c loses nothing
        middle = ((b[0] + c[0]) / 2, (b[1] + c[1]) / 2)
        return _triangle(a, b, c) + _triangle(b, c, d), middle
    reach = (-offset - across * start[0] - down * start[1]) / slope
    point = (start[0] + reach * step[0], start[1] + reach * step[1])
    far, near, last = (d, b, c) if on_first else (a, c, b)
    cross = _crossing(point, far, near, last)
    moved = (
        _triangle(point, near, last) if cross is None else _triangle(point, near, cross) + _triangle(cross, last, far)
    )
    inside = (min(max(point[0], bounds[0]), bounds[2]), min(max(point[1], bounds[1]), bounds[3]))
    if inside != point:
        moved += abs(_triangle(a, point, d) - _triangle(a, inside, d))
    return moved, inside


def _triangle(a: Point, b: Point, c: Point) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2


def _crossing(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """Where the line through a and b meets the line through c and d; None where they are parallel."""
    below = (a[0] - b[0]) * (c[1] - d[1]) - (a[1] - b[1]) * (c[0] - d[0])
    if abs(below) < _FLAT:
        return None
    share = ((a[0] - c[0]) * (c[1] - d[1]) - (a[1] - c[1]) * (c[0] - d[0])) / below
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def fitted(ring: NDArray[np.float64], parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Move the points of a ring so that it overlaps more with an object, by intersection over union.

    Args:
        ring: shape (points, 2).
        parts: the object's rings; no point leaves their bounds.

    Returns:
        Shape (points, 2); points that have nothing to gain stay exactly where they are.
    """
    every = np.concatenate(parts)
    low, high = every.min(axis=0), every.max(axis=0)
    side = float((high - low).max())
    if side <= 0:
        return ring
    overlap = _Overlap(parts, low, _SIDE / side)
    ring = ring.copy()
    best = overlap.of(ring)
    for step in _STEPS:
        for _ in range(_ROUNDS):
            before = best
            for point in range(len(ring)):
                stay = ring[point].copy()
                for moved in np.clip(stay + _DIRECTIONS * (step * side), low, high):
                    ring[point] = moved
                    now = overlap.of(ring)
                    if now > best + _LEAST_GAIN:
                        best, stay = now, moved
                ring[point] = stay
            if best == before:
                break
    return ring


class _Overlap:
    """Counts pixels of a ring and of an object in a picture just large enough for the object."""

    def __init__(self, parts: Sequence[NDArray[np.float64]], low: NDArray[np.float64], scale: float) -> None:
        self._low, self._scale = low, scale
        width, height = np.ceil(self._fixed(np.concatenate(parts)).max(axis=0) / 2**_SHIFT).astype(int) + 2
        self._object = np.zeros((height, width), np.uint8)
        self._ring, self._both = np.zeros_like(self._object), np.zeros_like(self._object)
        for part in parts:
            # One after another: filled together, what two of them share would be left out.
            cv2.fillPoly(self._object, [self._fixed(part)], 1, cv2.LINE_8, _SHIFT)
        self._area = cv2.countNonZero(self._object)

    def of(self, ring: NDArray[np.float64]) -> float:
        """Intersection over union, 0 to 1."""
        self._ring[:] = 0
        cv2.fillPoly(self._ring, [self._fixed(ring)], 1, cv2.LINE_8, _SHIFT)
        cv2.bitwise_and(self._ring, self._object, dst=self._both)
        both = cv2.countNonZero(self._both)
        return both / (cv2.countNonZero(self._ring) + self._area - both)

    def _fixed(self, ring: NDArray[np.float64]) -> NDArray[np.int32]:
        """In OpenCV's fixed point."""
        return np.asarray(np.round((ring - self._low) * (self._scale * 2**_SHIFT)), np.int32)


KINDS = ("place", "colour", "border path", "paths", "cut", "surroundings of the cut")
WEIGHTS = (0.274, 0.508, 0.249, 0.513, 0.742, -0.430)
INTERCEPT = -0.858

SIDE = 64
"""The longer side of a box becomes this many pixels: more costs time and finds nothing that colours can tell."""

_MARGIN = 0.25
"""Surroundings that are looked at, as a share of the box's width and height."""

_LEAST_SIDE = 6
"""Pixels below which a box holds too few colours."""

_THRESHOLDS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2)
_REACH = 0.9
_DEFAULT_THRESHOLD = 0.4

_LEAST_SHARE = 0.1
"""Of the box; what fills less is a detail of the object or of the ground."""

_TOLERANCE = 0.5
_SPECK_SHARE = 0.05

_EXPONENT = 2.5
"""Of the superellipses: the rounded box, and the one by which nearness to the middle is measured; 2 is an ellipse."""

_ROUNDED_SHARE = 0.95
"""Share of the box's width and height that the rounded box reaches."""

_ROUNDED_POINTS = 48

_BINS = (12, 20, 20)
"""Of the colour histograms, in L, a and b."""

_CORE = 0.2
"""The part of the box, by the superellipse, that is taken to be object."""

_FAR = 1000.0


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of the objects in one image.

    Attributes:
        rings: n outlines.
        sources: n words: `grabcut`, or `box` where the box was too small or nothing in it stood out; the outline then
            is the rounded box itself.
    """

    rings: tuple[Rings, ...]
    sources: tuple[PolygonSource, ...]


def grabcut_outlines(image: LoadedImage, xyxy: NDArray[np.floating]) -> Outlines:
    """Outline the object in each box. The same image and box give the same outline, whatever the other boxes.

    Args:
        image: what the boxes are in.
        xyxy: shape (n, 4), in pixels of the image; what of a box lies outside is left out.
    """
    rings: list[Rings] = []
    sources: list[PolygonSource] = []
    for box in np.clip(np.asarray(xyxy, np.float64).reshape(-1, 4), 0, np.tile(image.size, 2)):
        outline = _outline(image.pixels, box)
        rings.append(outline or (rounded_box(box.tolist()),))
        sources.append("grabcut" if outline else "box")
    return Outlines(tuple(rings), tuple(sources))


def rounded_box(box: Sequence[float]) -> Ring:
    """The superellipse in a box: among outlines that use nothing of the image about the best.

    Returns:
        Shape (points, 2), clockwise on the picture.
    """
    turn = np.arange(_ROUNDED_POINTS) * (2 * math.pi / _ROUNDED_POINTS)
    unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** (2 / _EXPONENT)
    left, top, right, bottom = box
    middle, half = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top]) / 2
    return np.asarray(middle + unit * half * _ROUNDED_SHARE, np.float32)


@dataclass(frozen=True, eq=False)
class Window:
    """A box and its surroundings at the size at which they are looked at.

    Attributes:
        lab: shape (height, width, 3), uint8, CIE Lab.
        away: shape (height, width): 0 in the middle of the box, 1 on the superellipse that touches its sides.
        inside: shape (height, width), bool: the pixels in the box.
        corners: x0, y0, x1, y1 of the window in pixels of the image.
    """

    lab: NDArray[np.uint8]
    away: NDArray[np.float64]
    inside: NDArray[np.bool_]
    corners: tuple[int, int, int, int]


def window(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Window:
    """Look at a box with its surroundings.

    Args:
        pixels: shape (height, width, 3), RGB, of the image.
        box: shape (4,), xyxy in pixels of the image.
    """
    sides = box[2:] - box[:2]
    low = np.maximum(np.floor(box[:2] - _MARGIN * sides - 2), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + _MARGIN * sides + 2), [pixels.shape[1], pixels.shape[0]]).astype(int)
    scale = SIDE / float(sides.max())
    width, height = np.maximum(np.round((high - low) * scale), 3).astype(int).tolist()
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    rgb = cv2.resize(pixels[low[1] : high[1], low[0] : high[0]], (width, height), interpolation=method)
    left, top, right, bottom = (box - np.tile(low, 2)) * np.tile(np.array([width, height]) / (high - low), 2)
    x = (np.arange(width) + 0.5 - (left + right) / 2) / ((right - left) / 2)
    y = (np.arange(height) + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    away = (np.abs(x)[None] ** _EXPONENT + np.abs(y)[:, None] ** _EXPONENT) ** (1 / _EXPONENT)
    inside = (np.abs(x) <= 1)[None] & (np.abs(y) <= 1)[:, None]
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.uint8)
    return Window(lab, away, inside, (*low.tolist(), *high.tolist()))


def probability(view: Window) -> NDArray[np.float32]:
    """How likely each pixel is the object's, shape (height, width), 0 to 1; 0 outside the box."""
    total = evidence(view) @ np.array(WEIGHTS) + INTERCEPT
    return np.where(view.inside, 1 / (1 + np.exp(-total)), 0).astype(np.float32)


def evidence(view: Window) -> NDArray[np.float32]:
    """What speaks for or against the object, shape (height, width, kinds), in the order of `KINDS`."""
    border, middle = _paths(view)
    ratio = np.log((border + 5) / (middle + 5)).astype(np.float32)
    cut = grabcut(view).astype(np.float32)
    layers = [
        view.away,
        cv2.GaussianBlur(colour_evidence(view), (0, 0), 2),
        np.log1p(border),
        cv2.GaussianBlur(ratio, (0, 0), 2),
        cut,
        cv2.GaussianBlur(cut, (0, 0), 4),
    ]
    return np.stack(layers, axis=2).astype(np.float32)


def grabcut(view: Window) -> NDArray[np.bool_]:
    """OpenCV's GrabCut from a rounded box, the surroundings known to be background; all of that box where it fails."""
    start = view.inside & (view.away < 1.1)
    labels = np.full(view.inside.shape, cv2.GC_BGD, np.uint8)
    labels[view.inside & (view.away < 1.2)] = cv2.GC_PR_BGD
    labels[start] = cv2.GC_PR_FGD
    labels[view.inside & (view.away < _CORE)] = cv2.GC_FGD
    # OpenCV draws the first colour clusters by its own random numbers.
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(view.lab, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one kind for its five clusters
        return start
    return (labels & 1).astype(bool)


def colour_evidence(view: Window) -> NDArray[np.float32]:
    """Log ratio of each pixel's colour in the middle of the box to the same in the surroundings."""
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

    bins = np.minimum((view.lab / (256 / np.array(_BINS))).astype(int), np.array(_BINS) - 1)
    index = np.ravel_multi_index((bins[..., 0], bins[..., 1], bins[..., 2]), _BINS)
    middle = np.exp(-((view.away / 0.6) ** 2)) * view.inside

    def share(weights: NDArray[np.floating]) -> NDArray[np.float64]:
        counts = np.bincount(index.ravel(), weights.ravel(), int(np.prod(_BINS))).reshape(_BINS)
        smooth = np.asarray(gaussian_filter(counts, 0.8, mode="constant"), np.float64).ravel()
        return smooth / max(float(smooth.sum()), 1e-9)

    ratio = (share(middle)[index] + 1e-4) / (share((~view.inside).astype(float))[index] + 1e-4)
    return np.asarray(np.log(ratio), np.float32)


def _paths(view: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cost of the cheapest path from each pixel to the surroundings, and to the middle; each shape (height, width).

    A step costs what the colour changes on it, to the power of 1.5: one edge more than many small changes.
    """
    from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import dijkstra  # type: ignore[import-untyped]

    height, width = view.inside.shape
    colours = cv2.GaussianBlur(view.lab.astype(np.float32), (0, 0), 0.8)
    numbers = np.arange(height * width).reshape(height, width)
    starts, ends, costs = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        start = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        end = np.s_[down:, max(right, 0) : width + min(right, 0)]
        change = np.linalg.norm(colours[start] - colours[end], axis=2)
        starts.append(numbers[start].ravel())
        ends.append(numbers[end].ravel())
        costs.append((np.hypot(down, right) * (change**1.5 + 0.3)).ravel())
    pairs = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_matrix((np.concatenate(costs), pairs), shape=(numbers.size, numbers.size)).tocsr()

    def distance(goal: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not goal.any():
            return np.full(goal.shape, _FAR)
        costs_from_goal = dijkstra(graph, directed=False, indices=np.flatnonzero(goal), min_only=True)
        return np.minimum(np.asarray(costs_from_goal, np.float64), _FAR).reshape(goal.shape)

    return distance(~view.inside), distance(view.inside & (view.away < _CORE))


def _outline(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Rings:
    """The outline of the object in a box, in pixels of the image; empty where nothing stands out."""
    if min(box[2:] - box[:2]) < _LEAST_SIDE:
        return ()
    view = window(pixels, box)
    x0, y0, x1, y1 = view.corners
    likely = cv2.resize(probability(view), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    left, top, right, bottom = np.round(box - np.array([x0, y0, x0, y0])).astype(int)
    within = np.asarray(likely, np.float32)[top:bottom, left:right]
    mask = np.zeros((y1 - y0, x1 - x0), np.bool_)
    mask[top:bottom, left:right] = _reaching(within)
    if np.count_nonzero(mask) < _LEAST_SHARE * within.size:
        return ()
    rings = rings_from_mask(mask, tolerance=_TOLERANCE, speck_share=_SPECK_SHARE)
    return tuple(ring + np.array([x0, y0], np.float32) for ring in rings)


def _reaching(likely: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is likelier than the highest threshold at which it reaches almost all of the box's width and height."""
    least = _REACH * np.array(likely.shape)
    for threshold in _THRESHOLDS:
        mask = likely > threshold
        if mask.any() and np.all([np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (1, 0)] >= least):
            return mask
    return likely > _DEFAULT_THRESHOLD
