"""The figures against COCO's own code on random detections of random objects."""

import contextlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

from vision.evaluation.annotations import AnnotatedImage, AnnotatedSet, Annotation, as_coco, from_rings
from vision.evaluation.runs import Detection, average_precision

NAMES = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip
CATEGORIES = ("cat", "dog", "cup", "nowhere")
SIZES = [(400, 300), (200, 320), (640, 480), (50, 60), (333, 222)]


def polygon(box: Any, rng: np.random.Generator) -> np.ndarray:
    """An irregular outline inside a box, shape (8, 2)."""
    x, y, w, h = box
    turns = np.sort(rng.uniform(0, 2 * math.pi, 8))
    reach = rng.uniform(0.6, 1, 8)
    return np.stack([x + w / 2 * (1 + reach * np.cos(turns)), y + h / 2 * (1 + reach * np.sin(turns))], 1)


def made(seed: int) -> tuple[AnnotatedSet, list[Detection]]:
    """Objects of all sizes, some of them crowds, and detections that lie near some of them, with doubles and misses."""
    rng = np.random.default_rng(seed)
    annotations: list[Annotation] = []
    detections: list[Detection] = []
    for image, (width, height) in enumerate(SIZES):
        for _ in range(int(rng.integers(0, 14))):
            w, h = rng.uniform(3, width * 0.6), rng.uniform(3, height * 0.6)
            box = (rng.uniform(0, width - w), rng.uniform(0, height - h), w, h)
            outline = polygon(box, rng)
            kind, crowd, number = str(rng.choice(CATEGORIES[:3])), bool(rng.random() < 0.15), len(annotations) + 1
            ring = outline.reshape(-1).tolist()
            annotations.append(Annotation(number, image, kind, box, w * h * 0.6, crowd, [ring]))
            for _ in range(int(rng.integers(0, 4))):
                near = np.clip(np.array(box) + rng.normal(0, 0.12, 4) * [w, h, w, h], 0, None)
                category = annotations[-1].category if rng.random() < 0.8 else str(rng.choice(CATEGORIES))
                score = round(float(rng.random()), 1)
                lengths = from_rings((polygon(near, rng).astype(np.float32),), (width, height))
                detections.append(Detection(image, category, tuple(near), score, lengths))
    images = tuple(AnnotatedImage(i, f"{i}.jpg", Path(f"{i}.jpg"), size, 0) for i, size in enumerate(SIZES))
    return AnnotatedSet(images, tuple(annotations), CATEGORIES, {}, ({},), ""), detections


def reference(annotated: AnnotatedSet, detections: list[Detection], categories: list[str], kind: str) -> list[float]:
    """The twelve figures of COCO's own code."""
    ids = {name: number for number, name in enumerate(CATEGORIES, start=1)}
    truth, found = COCO(), []
    truth.dataset = {
        "images": [{"id": i, "width": w, "height": h} for i, (w, h) in enumerate(SIZES)],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "annotations": [
            {
                "id": row.id, "image_id": row.image, "category_id": ids[row.category], "bbox": list(row.xywh),
                "area": row.area, "iscrowd": int(row.crowd), "segmentation": as_coco(row.segmentation or []),
            }
            for row in annotated.annotations
        ],
    }  # fmt: skip
    for one in detections:
        row: dict[str, Any] = {"image_id": one.image, "category_id": ids[one.category], "score": one.score}
        found.append(row | ({"bbox": list(one.xywh)} if kind == "bbox" else {"segmentation": one.segmentation}))
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), kind)
        evaluation.params.catIds = [ids[name] for name in categories]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def twelve(figures: dict[str, Any]) -> list[float]:
    return [-1.0 if figures[name] is None else figures[name] for name in NAMES]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(2))
def test_all_figures_are_the_same_together_by_class_and_of_some_classes(seed: int, kind: Any) -> None:
    annotated, detections = made(seed)
    ours = average_precision(annotated, detections, CATEGORIES, SIZES, kind)
    assert twelve(ours) == pytest.approx(reference(annotated, detections, list(CATEGORIES), kind), abs=1e-9)
    assert ours["AP"] > 0 and list(ours["per_class"]) == list(CATEGORIES)
    for name, row in ours["per_class"].items():
        assert twelve(row) == pytest.approx(reference(annotated, detections, [name], kind), abs=1e-9)
    some = average_precision(annotated, detections, ("dog", "cat"), SIZES, kind)
    assert twelve(some) == pytest.approx(reference(annotated, detections, ["cat", "dog"], kind), abs=1e-9)
    assert list(some["per_class"]) == ["dog", "cat"]


def test_what_is_not_annotated_has_no_figure() -> None:
    annotated, detections = made(0)
    ours = average_precision(annotated, detections, CATEGORIES, SIZES)
    assert {ours["per_class"]["nowhere"][name] for name in NAMES} == {None}
    assert ours["per_class"]["nowhere"]["annotations"] == 0
    counted = sum(row["annotations"] for row in ours["per_class"].values())
    assert counted == sum(not row.crowd for row in annotated.annotations) < len(annotated.annotations)
    # The annotations found as they are score one, and nothing found nothing.
    perfect = [Detection(row.image, row.category, row.xywh, 0.5) for row in annotated.annotations]
    ours = average_precision(annotated, perfect, CATEGORIES, SIZES)
    assert ours["AP"] == ours["AR100"] == pytest.approx(1.0)
    nothing = average_precision(annotated, [], CATEGORIES, SIZES, "segm")
    assert (nothing["AP"], nothing["AR100"]) == (0.0, 0.0)
