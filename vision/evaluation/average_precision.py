"""COCO's average precision and recall of detections against annotations (Lin et al. 2014, arXiv 1405.0312).

faster-coco-eval matches and counts; its figures are those of COCO's own code, which the tests compare. What is decided
here is which categories are counted, and how figures that do not exist are written: COCO's code gives -1 where nothing
of a size is annotated, which reads like a bad score and spoils a mean; here it is None.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster  # type: ignore[import-untyped]
from numpy.typing import NDArray

from vision.evaluation.annotations import AnnotatedSet, as_coco

MAX_DETECTIONS = 100
"""The most detections of an image that are counted."""

SIZES = ("small", "medium", "large")
"""Areas below 32² pixels, from there to 96², and above."""

IouType = Literal["bbox", "segm"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Detection:
    """One object that a detector found.

    Attributes:
        image: the place of its image in the set, from 0.
        category: a category's name.
        xywh: left, top, width and height in pixels.
        score: 0 to 1.
        segmentation: compressed run lengths in the form of COCO's results, or None.
    """

    image: int
    category: str
    xywh: tuple[float, float, float, float]
    score: float
    segmentation: Mapping[str, Any] | None = None


def average_precision(
    annotated: AnnotatedSet,
    detections: Sequence[Detection],
    categories: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    iou_type: IouType = "bbox",
) -> dict[str, Any]:
    """COCO's figures, 0 to 1, None where nothing of that kind is annotated.

    Args:
        annotated: what is to be found.
        detections: what was found, of one image with equal scores the better first.
        categories: those that are counted; the means are over those of them that are annotated.
        sizes: (width, height) in pixels of each image of the set.
        iou_type: boxes, or masks.

    Returns:
        `AP` (mean over IoU 0.50 to 0.95), `AP50`, `AP75`, `AP_small`, `AP_medium`, `AP_large`, `AR1`, `AR10`, `AR100`
        (by detections an image), `AR_small`, `AR_medium`, `AR_large`, and `per_class`: category to the same figures
        and the number of its `annotations`, crowds not counted.
    """
    evaluation = evaluated(annotated, detections, categories, sizes, iou_type)
    # The order of the categories in the arrays is that of their ids, which is that of their names here.
    figures = _figures(evaluation, slice(None))
    counts = dict.fromkeys(categories, 0)
    for row in annotated.annotations:
        if row.category in counts and not row.crowd:
            counts[row.category] += 1
    per_class = {
        name: {**_figures(evaluation, place), "annotations": counts[name]} for place, name in enumerate(categories)
    }
    return {**figures, "per_class": per_class}


def evaluated(
    annotated: AnnotatedSet,
    detections: Sequence[Detection],
    categories: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    iou_type: IouType = "bbox",
    by_image: bool = False,
) -> COCOeval_faster:
    """faster-coco-eval's evaluation behind the figures; arguments as of `average_precision`.

    Args:
        annotated: what is to be found.
        detections: what was found.
        categories: those that are counted.
        sizes: of each image.
        iou_type: boxes, or masks.
        by_image: whether what was matched in each image is kept, so that it can be counted again over others.
    """
    ids = {name: place for place, name in enumerate(categories, start=1)}
    gold = [
        {
            "id": number, "image_id": row.image + 1, "category_id": ids[row.category], "bbox": list(row.xywh),
            "area": row.xywh[2] * row.xywh[3] if row.area is None else row.area, "iscrowd": int(row.crowd),
            **({"segmentation": as_coco(row.segmentation)} if iou_type == "segm" and row.segmentation else {}),
        }
        for number, row in enumerate(annotated.annotations, start=1)
        if row.category in ids
    ]  # fmt: skip
    # With a box beside the mask COCO's code takes the box's area as that of the mask, and sorts it into a wrong size.
    found = [
        {
            "image_id": one.image + 1, "category_id": ids[one.category], "score": one.score,
            **({"bbox": list(one.xywh)} if iou_type == "bbox" else {"segmentation": dict(one.segmentation or {})}),
        }
        for one in detections
        if one.category in ids and (iou_type == "bbox" or one.segmentation)
    ]  # fmt: skip
    images = [{"id": place + 1, "width": width, "height": height} for place, (width, height) in enumerate(sizes)]
    truth = COCO(
        {
            "images": images,
            "annotations": gold,
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
        }
    )
    evaluation = COCOeval_faster(
        truth, truth.loadRes(found), iou_type, print_function=_log.debug, separate_eval=by_image
    )
    evaluation.params.maxDets = [1, 10, MAX_DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def _figures(evaluation: COCOeval_faster, which: slice | int) -> dict[str, float | None]:
    """The twelve figures over some of the categories."""
    # Shapes: (IoU, recall, category, size, detections) and (IoU, category, size, detections).
    precision = np.asarray(evaluation.eval["precision"])[:, :, which]
    recall = np.asarray(evaluation.eval["recall"])[:, which]
    at50, at75 = (int(np.argmin(np.abs(evaluation.params.iouThrs - iou))) for iou in (0.5, 0.75))
    sized = list(enumerate(SIZES, start=1))
    return {
        "AP": _mean(precision[..., 0, -1]),
        "AP50": _mean(precision[at50, ..., 0, -1]),
        "AP75": _mean(precision[at75, ..., 0, -1]),
        **{f"AP_{name}": _mean(precision[..., place, -1]) for place, name in sized},
        **{f"AR{most}": _mean(recall[..., 0, place]) for place, most in enumerate(evaluation.params.maxDets)},
        **{f"AR_{name}": _mean(recall[..., place, -1]) for place, name in sized},
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    there = values[values > -1]
    return float(there.mean()) if there.size else None
