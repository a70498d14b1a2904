"""Detections to and from `supervision`, whose trackers, zones and annotators take over from here.

Its detections are plain arrays with masks instead of outlines and no class set: class ids count in ours, and names
travel under "class_name", where its annotators look for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kg_data.supplied import supplies
from vision.detections.detections import Detections
from vision.detections.fields import Rings
from vision.detections.polygons.masks import mask_from_rings, rings_from_mask
from vision.errors import DetectionsError

if TYPE_CHECKING:
    import supervision

MAX_DENSE_BYTES = 2**28
"""Above this, masks are handed over run-length encoded: a hundred objects on 64 million pixels would take 6 GB."""


@supplies(Detections.to_supervision)
def to_supervision(detections: Detections) -> supervision.Detections:
    """The same objects as `supervision.Detections`.

    Returns:
        `class_id` counts in `classes`; `data["class_name"]` has the names; outlines become masks, a
        `supervision.CompactMask` where plain ones would take more than 256 MiB.
    """
    import supervision

    return supervision.Detections(
        xyxy=detections.xyxy.copy(),
        mask=_masks(detections),
        confidence=None if detections.scores is None else detections.scores.copy(),
        class_id=detections.class_ids,
        tracker_id=None if detections.track_ids is None else detections.track_ids.copy(),
        data={"class_name": np.array(detections.class_names, dtype=np.str_)},
    )


@supplies(Detections.from_supervision)
def from_supervision(
    detections: supervision.Detections, image_size: tuple[int, int], classes: Sequence[str] = ()
) -> Detections:
    """The objects of a `supervision.Detections`, clipped to the image.

    Args:
        detections: with names under `data["class_name"]`, or with class ids.
        image_size: (width, height) in pixels.
        classes: the class set that class ids count in; the names that occur where empty.

    Raises:
        DetectionsError: there are neither names nor class ids with a class set, or an id outside it.
    """
    xyxy = np.clip(np.asarray(detections.xyxy, np.float32), 0, np.tile(np.array(image_size, np.float32), 2))
    masks = detections.mask
    outlines: tuple[Rings, ...] | None = None
    if masks is not None:
        outlines = tuple(_outline(np.asarray(masks[i], np.bool_), xyxy[i]) for i in range(len(xyxy)))
    return Detections(
        image_size=image_size,
        xyxy=xyxy,
        class_names=_names(detections, classes),
        scores=None if detections.confidence is None else np.asarray(detections.confidence, np.float32),
        classes=tuple(classes),
        polygons=outlines,
        polygon_source=None if outlines is None else "model",
        track_ids=None if detections.tracker_id is None else np.asarray(detections.tracker_id, np.int64),
    )


def _names(detections: supervision.Detections, classes: Sequence[str]) -> tuple[str, ...]:
    named = detections.data.get("class_name")
    if named is not None:
        return tuple(str(name) for name in named)
    if len(detections) == 0:
        return ()
    if detections.class_id is None or not classes:
        raise DetectionsError(
            'no class names: expected data["class_name"], or class_id and the class set it counts in, classes=(...)'
        )
    ids = [int(number) for number in detections.class_id]
    for number in ids:
        if not 0 <= number < len(classes):
            raise DetectionsError(f"class_id {number}: expected 0 to {len(classes) - 1}, a place in the class set")
    return tuple(classes[number] for number in ids)


def _masks(detections: Detections) -> Any:
    if detections.polygons is None:
        return None
    width, height = detections.image_size
    if len(detections) * width * height <= MAX_DENSE_BYTES:
        masks = [mask_from_rings(rings, detections.image_size) for rings in detections.polygons]
        return np.array(masks, np.bool_).reshape(-1, height, width)
    from supervision.detection.compact_mask import CompactMask

    return CompactMask.merge(
        [
            CompactMask.from_dense(mask_from_rings(rings, detections.image_size)[None], bounds, (height, width))
            for rings in detections.polygons
            for bounds in [np.concatenate([np.concatenate(rings).min(axis=0), np.concatenate(rings).max(axis=0)])[None]]
        ]
    )


def _outline(mask: np.ndarray[Any, np.dtype[np.bool_]], box: np.ndarray[Any, np.dtype[np.float32]]) -> Rings:
    """The outline of a mask; of an empty one its box, so that every object has one."""
    x1, y1, x2, y2 = box
    return rings_from_mask(mask) or (np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32),)
