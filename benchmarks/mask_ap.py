"""How good the outlines are that models of boxes alone get: COCO's mask AP on coco_mini_train.

    python -m benchmarks.mask_ap [--data DIR]

For the embedded detector's boxes, and for the annotated boxes themselves, which shows what is lost in the outlines
alone: the box as mask, the rounded box, OpenCV's GrabCut by itself, the project's outlines, and these again with 16
points. The weights behind the outlines are fitted on coco128 (`benchmarks.mask_weights`), whose figures stand beside.
Writes `results/mask_ap.json` and `.md` beside this file; takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

import kg_data
from benchmarks.machine import machine, machine_words
from vision.detections.boxes import Rings
from vision.detections.polygons import grabcut, grabcut_outlines, rings_from_mask, rounded_box, window, with_points
from vision.detectors.detector import Found, Request
from vision.detectors.embedded import NanoDet
from vision.evaluation.annotations import AnnotatedSet, from_rings, read_annotations
from vision.evaluation.runs import MAX_DETECTIONS, Detection, average_precision
from vision.images import LoadedImage, load_image

RESULTS = Path(__file__).with_name("results")
COMMAND = "python -m benchmarks.mask_ap"
SETS = ("coco_mini_train", "coco128")
POINTS = 16
FIGURES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")

Boxes = NDArray[np.float32]
Outliner = Callable[[LoadedImage, Boxes], Sequence[Rings]]


def whole_box(image: LoadedImage, boxes: Boxes) -> list[Rings]:
    return [(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32),) for x1, y1, x2, y2 in boxes.tolist()]


def rounded(image: LoadedImage, boxes: Boxes) -> list[Rings]:
    return [(rounded_box(box),) for box in boxes.tolist()]


def grabcut_alone(image: LoadedImage, boxes: Boxes) -> list[Rings]:
    """OpenCV's answer as it is, the rounded box where it finds nothing."""
    outlines: list[Rings] = []
    for box in boxes.astype(np.float64):
        rings: Rings = ()
        if min(box[2:] - box[:2]) >= 6:
            view = window(image.pixels, box)
            x0, y0, x1, y1 = view.corners
            cut = cv2.resize(grabcut(view).astype(np.float32), (x1 - x0, y1 - y0)) > 0.5
            low = np.array([x0, y0], np.float32)
            rings = tuple(ring + low for ring in rings_from_mask(cut, tolerance=0.5, speck_share=0.05))
        outlines.append(rings or (rounded_box(box.tolist()),))
    return outlines


def outlined(image: LoadedImage, boxes: Boxes) -> Sequence[Rings]:
    return grabcut_outlines(image, boxes).rings


def simplified(outlines: Sequence[Rings]) -> list[Rings]:
    return [(with_points(rings, POINTS),) for rings in outlines]


OUTLINERS: dict[str, Outliner] = {
    "the box": whole_box,
    "the rounded box": rounded,
    "GrabCut alone": grabcut_alone,
    "outlines": outlined,
}
SIMPLE = f"outlines with {POINTS} points"


def annotated_boxes(annotated: AnnotatedSet, images: Sequence[LoadedImage]) -> list[Found]:
    """The annotated boxes as a detector's that finds all and only them."""
    found = []
    for place, image in enumerate(images):
        rows = [row for row in annotated.annotations if row.image == place and not row.crowd]
        boxes = np.array([row.xyxy for row in rows], np.float32).reshape(-1, 4)
        labels = tuple(row.category for row in rows)
        found.append(Found(boxes.clip(0, np.tile(image.size, 2)), labels, np.ones(len(rows), np.float32)))
    return found


def embedded_boxes(images: Sequence[LoadedImage]) -> list[Found]:
    """The embedded detector's hundred best boxes of each image."""
    detector = NanoDet()
    found = []
    for image in tqdm(images, desc="boxes", unit="image"):
        one = detector.detect([image], Request(detector.vocabulary))[0]
        assert one.scores is not None
        found.append(Found(one.xyxy[:MAX_DETECTIONS], one.labels[:MAX_DETECTIONS], one.scores[:MAX_DETECTIONS]))
    return found


def measured(
    annotated: AnnotatedSet, images: Sequence[LoadedImage], found: Sequence[Found], name: str
) -> dict[str, Any]:
    """Figures by kind of outline, each with the processor time that one object takes."""
    rows: dict[str, Any] = {}
    count = sum(len(one.labels) for one in found)
    for kind, outline in OUTLINERS.items():
        began = time.process_time()
        outlines = [
            outline(image, one.xyxy) for image, one in zip(tqdm(images, desc=f"{name}: {kind}"), found, strict=True)
        ]
        spent = time.process_time() - began
        rows[kind] = figures(annotated, images, found, outlines) | {"ms_per_object": round(1000 * spent / count, 2)}
    began = time.process_time()
    simple = [simplified(rings) for rings in outlines]
    spent = time.process_time() - began
    rows[SIMPLE] = figures(annotated, images, found, simple) | {
        "ms_per_object": round(rows["outlines"]["ms_per_object"] + 1000 * spent / count, 2)
    }
    return {"objects": count, "rows": rows}


def figures(
    annotated: AnnotatedSet, images: Sequence[LoadedImage], found: Sequence[Found], outlines: Sequence[Sequence[Rings]]
) -> dict[str, float]:
    detections = []
    for place, (image, one, rings) in enumerate(zip(images, found, outlines, strict=True)):
        assert one.scores is not None
        for box, label, score, ring in zip(one.xyxy.tolist(), one.labels, one.scores.tolist(), rings, strict=True):
            xywh = (box[0], box[1], box[2] - box[0], box[3] - box[1])
            detections.append(Detection(place, label, xywh, score, from_rings(ring, image.size)))
    sizes = [image.size for image in images]
    result = average_precision(annotated, detections, annotated.categories, sizes, "segm")
    return {name: round(result[name], 4) for name in FIGURES}


def as_markdown(content: Mapping[str, Any]) -> str:
    lines = [
        "# Outlines from boxes: mask AP",
        "",
        f"`{COMMAND}`, on {machine_words(content['machine'])}.",
        "",
        "COCO's AP of masks. `annotated` boxes have a score of 1 each; the embedded detector's are its hundred best of",
        "each image. The weights behind the outlines were fitted on coco128, so its figures are those of seen images.",
    ]
    for name, sets in content["sets"].items():
        for boxes, result in sets.items():
            lines += [
                "",
                f"## {name}, {boxes} boxes ({result['objects']:,})",
                "",
                "| outline | " + " | ".join(FIGURES) + " | CPU ms an object |",
                "| --- |" + " ---: |" * (len(FIGURES) + 1),
            ]
            for kind, row in result["rows"].items():
                cells = [f"{row[figure]:.3f}" for figure in FIGURES] + [f"{row['ms_per_object']:.1f}"]
                lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=kg_data.data_root() / "vision")
    folder = parser.parse_args().data
    content: dict[str, Any] = {"command": COMMAND, "machine": machine(), "sets": {}}
    for name in SETS:
        annotated = read_annotations([(folder / name / "images", folder / name / "instances.json")])
        images = [load_image(file.path) for file in annotated.images]
        content["sets"][name] = {
            "annotated": measured(annotated, images, annotated_boxes(annotated, images), name),
            "embedded": measured(annotated, images, embedded_boxes(images), name),
        }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "mask_ap.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "mask_ap.md").write_text(as_markdown(content), encoding="utf-8")
    print(as_markdown(content))


if __name__ == "__main__":
    main()
