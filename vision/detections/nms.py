"""Non-maximum suppression and the joining of several detections of one image.

Both are needed where one look at the image is not enough: class sets that are too long for one request, tiles, several
detectors. What they keep doesn't hang on the order of the class set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import DetectionsError

if TYPE_CHECKING:
    from vision.detections.detections import Detections


def kept_by_nms(detections: Detections, threshold: float, per_class: bool) -> NDArray[np.intp]:
    """Positions of the boxes that greedy non-maximum suppression keeps, in ascending order.

    Going from the best score down (from the first box where there are no scores), a box is dropped where its
    intersection over union with one that was kept exceeds the threshold. Ties go to the earlier box.

    Args:
        detections: n boxes.
        threshold: 0 to 1.
        per_class: whether only boxes of one class name drop each other.

    Raises:
        DetectionsError: the threshold is outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise DetectionsError(f"the NMS threshold is {threshold}: expected an intersection over union, 0 to 1")
    xyxy = detections.xyxy.astype(np.float64)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    # A box without area overlaps nothing, but OpenCV takes any two of them to be the same.
    solid = np.flatnonzero(np.all(sides > 0, axis=1))
    if not len(solid):
        return np.arange(len(xyxy))
    scores = detections.scores if detections.scores is not None else np.zeros(len(xyxy), np.float32)
    order = solid[np.argsort(-scores[solid], kind="stable")]
    # OpenCV sorts by score, so it is given the rank: ties can't then fall otherwise, and no score is below its bound.
    ranks = np.arange(len(order), 0, -1, dtype=np.float32)
    classes = detections.class_ids[order] if per_class else np.zeros(len(order), np.int64)
    boxes = np.concatenate([xyxy[:, :2], sides], axis=1)[order]
    suppress: Any = cv2.dnn.NMSBoxesBatched  # whose stubs know lists alone
    kept = suppress(boxes, ranks, classes.astype(np.int32), 0.0, float(threshold))
    mask = ~np.all(sides > 0, axis=1)
    mask[order[np.asarray(kept, np.intp)]] = True
    return np.flatnonzero(mask)


def merged(parts: Sequence[Detections]) -> Detections:
    """All objects of several detections of one image, best first; the class sets are united in their order.

    Scores, polygons and track ids stay where every part that has objects has them; what is dropped is noted. Output
    format, task and source are the first part's. Boxes that several parts found stay: see `Detections.nms`.

    Raises:
        DetectionsError: there is no part, or they are of images of different sizes.
    """
    from vision.detections.detections import Detections

    if not parts:
        raise DetectionsError("nothing to merge: expected at least one Detections")
    first = parts[0]
    sizes = list(dict.fromkeys(part.image_size for part in parts))
    if len(sizes) > 1:
        raise DetectionsError(
            f"detections of images of {' and '.join(f'{w} x {h}' for w, h in sizes)} pixels cannot be merged: "
            "expected several of one image"
        )
    full = [part for part in parts if len(part)] or [first]
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))

    def dropped(what: str, has: list[bool]) -> bool:
        if any(has) and not all(has):
            notes.append(f"The {what} were dropped in merging, since some of the detections have none.")
        return not all(has)

    no_scores = dropped("scores", [part.scores is not None for part in full])
    no_polygons = dropped("outlines", [part.polygons is not None for part in full])
    no_tracks = dropped("track ids", [part.track_ids is not None for part in full])
    sources = {part.polygon_source for part in full}
    if len(sources) > 1 and not no_polygons:
        notes.append(f"The outlines come from several sources: {', '.join(sorted(map(str, sources)))}.")
    whole = Detections(
        image_size=first.image_size,
        xyxy=np.concatenate([part.xyxy for part in full]),
        class_names=tuple(name for part in full for name in part.class_names),
        scores=None if no_scores else np.concatenate([part.scores for part in full if part.scores is not None]),
        classes=tuple(dict.fromkeys(name for part in parts for name in part.classes)),
        model_classes=tuple(name for part in full for name in part.model_classes),
        polygons=None if no_polygons else tuple(rings for part in full for rings in part.polygons or ()),
        polygon_source=sources.pop() if len(sources) == 1 and not no_polygons else None,
        track_ids=None if no_tracks else np.concatenate([p.track_ids for p in full if p.track_ids is not None]),
        output=first.output,
        task=first.task,
        source=first.source,
        notes=tuple(notes),
    )
    return whole if whole.scores is None else whole[np.argsort(-whole.scores, kind="stable")]
