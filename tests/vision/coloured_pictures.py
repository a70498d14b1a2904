"""Small pictures of coloured rectangles with their annotations, and a detector that finds them by their colour."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vision.detectors.detector import Detector, Found, Request
from vision.images import LoadedImage

COLOURS = {"cat": (200, 30, 30), "dog": (30, 200, 30), "car": (30, 30, 200)}
SUPERCATEGORIES = {"cat": "animal", "dog": "animal", "car": "vehicle"}
IDS = {"car": 3, "cat": 17, "dog": 18}
"""Of classes: the RGB colour of their rectangles, COCO's supercategories and ids."""

Object = tuple[str, tuple[int, int, int, int]]
"""Class and xywh in pixels."""


class ColourDetector(Detector):
    """Finds rectangles by their colour: as sure of them as they are large. Small ones it sees a pixel too large."""

    vocabulary = tuple(COLOURS)
    supercategories = SUPERCATEGORIES
    default_min_score = 0.01

    def __init__(self, name: str = "colours") -> None:
        self.name = name
        self.batches: list[int] = []
        """How many images each call had."""

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        self.batches.append(len(images))
        return [self._one(image, request) for image in images]

    def _one(self, image: LoadedImage, request: Request) -> Found:
        rows = []
        for label in request.classes:
            same = np.abs(image.pixels.astype(int) - COLOURS[label]).max(axis=2) < 25
            for x, y, w, h, area in cv2.connectedComponentsWithStats(same.astype(np.uint8))[2][1:].tolist():
                wider = 0 if min(w, h) > 16 else 1
                score = min(1.0, area / (image.width * image.height))
                box = (x, y, min(x + w + wider, image.width), min(y + h + wider, image.height))
                if score >= request.min_score:
                    rows.append((-score, box, label))
        rows.sort()
        boxes: NDArray[np.float32] = np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4)
        scores = np.array([-score for score, _, _ in rows], np.float32)
        return Found(boxes, tuple(label for _, _, label in rows), scores)


def picture(objects: Sequence[Object], size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Rectangles on grey."""
    pixels = np.full((size[1], size[0], 3), 128, np.uint8)
    for name, (x, y, w, h) in objects:
        pixels[y : y + h, x : x + w] = COLOURS[name]
    return Image.fromarray(pixels)


def instances(pictures: dict[str, Sequence[Object]], size: tuple[int, int] = (96, 64)) -> dict[str, Any]:
    """The annotations of pictures by their file names, in COCO's form, with polygons."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, objects) in enumerate(pictures.items(), start=1):
        images.append({"id": number * 10, "file_name": name, "width": size[0], "height": size[1]})
        for label, (x, y, w, h) in objects:
            ids = {"id": 1000 + len(annotations), "image_id": number * 10, "category_id": IDS[label], "iscrowd": 0}
            outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            annotations.append({**ids, "bbox": [x, y, w, h], "area": w * h, "segmentation": outline})
    categories = [{"id": IDS[name], "name": name, "supercategory": SUPERCATEGORIES[name]} for name in IDS]
    return {"images": images, "annotations": annotations, "categories": categories}


PICTURES: dict[str, Sequence[Object]] = {
    "a.png": [("cat", (4, 4, 30, 40)), ("dog", (50, 10, 12, 12)), ("car", (70, 40, 20, 18))],
    "b.png": [("cat", (10, 10, 50, 40)), ("cat", (70, 2, 8, 9))],
    "c.png": [],
    "d.png": [("car", (2, 2, 60, 50)), ("dog", (70, 30, 20, 30))],
}


def make_set(
    folder: Path, pictures: dict[str, Sequence[Object]] = PICTURES, changed: dict[str, Any] | None = None
) -> tuple[Path, Path]:
    """Write pictures and their annotations, changed in some keys; the folder of images and the annotation file."""
    images = folder / "images"
    images.mkdir(parents=True)
    for name, objects in pictures.items():
        picture(objects).save(images / name)
    file = folder / "instances.json"
    file.write_text(json.dumps(instances(pictures) | (changed or {})))
    return images, file
