"""Between masks, which models give, and rings, which formats write.

Coordinates are those of boxes: pixel i covers i to i + 1, so the outline of one pixel is a square of side 1. OpenCV's
contours run through the middles of pixels, which would make every object a pixel too small on two sides; here they
run along the pixels' edges, and a mask that becomes rings and a mask again is the same mask.

A hole is joined to its outline by a bridge of no width, since COCO's polygons know no holes: they are added up.
"""

from __future__ import annotations

import cv2
import numpy as np
from faster_coco_eval.core import mask as coco_mask  # type: ignore[import-untyped]
from numpy.typing import NDArray

from vision.detections.fields import Rings

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
    edges = [_on_edges(np.asarray(contour), left, top) for contour in contours]
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


def _on_edges(contour: NDArray[np.integer], left: int, top: int) -> NDArray[np.float64]:
    """A contour of the doubled mask on the edges of the pixels: the near edge for a first half, else the far one."""
    ring: NDArray[np.float64] = ((contour[:, 0, :] + 1) // 2 + np.array([left, top])).astype(np.float64)
    return ring


def _simplified(ring: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    if tolerance <= 0:
        return ring
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]
    ring = (ring + np.roll(ring, 1, axis=0)) / 2
    simple = cv2.approxPolyDP(ring.astype(np.float32), tolerance, closed=True)[:, 0, :].astype(np.float64)
    return simple if len(simple) >= 3 else ring
