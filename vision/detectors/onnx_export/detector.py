"""A detector out of a user's own ONNX file.

The file is run once when it is opened, on an empty image: what it gives shows its form, so a file that cannot be read
is refused at once and not at the first picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import usable_cores
from vision.classes.coco import COCO_SUPERCATEGORIES
from vision.detections.boxes import best_first, suppressed
from vision.detectors.detector import Detector, Found, Request, class_numbers, found_in
from vision.detectors.onnx_export.layouts import Form, Raw, known_classes, layout_of, read_boxes
from vision.detectors.onnx_export.model_file import class_names, letterboxed, read_inputs, stretched
from vision.detectors.sessions import open_session, run_session
from vision.errors import DetectorError
from vision.images.loading import LoadedImage

IOU_THRESHOLD = 0.6
"""Between what YOLO's authors suppress at: 0.45 in YOLOv5, 0.7 in YOLOv8."""

LOWEST_SCORE = 0.001
"""The bound that YOLO's and DETR's authors evaluate with; below it are all cells and queries of all classes."""

MOST_PER_CLASS = 1000
NO_NAMES = ("", "N/A")
"""What numbers without a class are called, as COCO's numbers that were left out."""


class OnnxExport(Detector):
    """A YOLO- or DETR-style export, run by onnxruntime on the processor.

    Class names come from the file or from one beside it, see `class_names`; the form of the outputs from their shapes,
    see `layouts`. A DETR whose logits have one for "nothing" is given ImageNet-normalised images, others 0 to 1.

    Args:
        path: the ONNX file.
        threads: how many threads one run uses; None for one a core.

    Raises:
        DetectorError: no such file, not ONNX, of another form, or its classes have no names.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.name = f"onnx:{path}"
        self._path = path
        self.files = (path,)
        self._session = open_session(path, usable_cores() if threads is None else threads)
        self._names = class_names(path, self._session.get_modelmeta().custom_metadata_map)
        # Several numbers may have one name; the vocabulary has each name once.
        self.vocabulary: tuple[str, ...] = tuple(dict.fromkeys(name for name in self._names if name not in NO_NAMES))
        numbers = {name: number for number, name in enumerate(self.vocabulary)}
        self._numbers = np.array([numbers.get(name, -1) for name in self._names], np.intp)
        if set(self.vocabulary) <= COCO_SUPERCATEGORIES.keys():
            self.supercategories = COCO_SUPERCATEGORIES
        self._inputs = read_inputs(self._session, path)
        self.side = max(self._inputs.size)
        empty = np.zeros((3, *self._inputs.size[::-1]), np.float32)
        try:
            self._layout = layout_of(self._run(empty, self._inputs.size), len(self._names))
        except DetectorError as error:
            raise DetectorError(f"{path}: {error}") from error
        yolo = self._layout.form in (Form.GRID, Form.KEPT)
        self.default_min_score = 0.25 if yolo else 0.5

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images one by one; one result an image, in order.

        Raises:
            DetectorError: a class of the request is not in the vocabulary, or the model failed.
        """
        asked = class_numbers(request.classes, self.vocabulary, self.name)
        return [self._look(image, asked, request.min_score) for image in images]

    def _look(self, image: LoadedImage, asked: NDArray[np.intp], min_score: float) -> Found:
        form, size = self._layout.form, self._inputs.size
        if form in (Form.GRID, Form.KEPT):
            placed = letterboxed(image.pixels, size)
        else:
            placed = stretched(image.pixels, size, normalise=self._layout.background)
        outputs = self._run(placed.tensor, image.size)
        xyxy, scores, numbers = read_boxes(self._layout, outputs, max(min_score, LOWEST_SCORE))
        known_classes(np.unique(numbers).tolist(), self._names, self.name)
        classes = self._numbers[numbers]
        if form in (Form.GRID, Form.KEPT):
            xyxy = (xyxy - np.array(placed.offset * 2, np.float32)) * np.array(placed.scale * 2, np.float32)
        elif form is not Form.LABELLED or self._inputs.sizes is None:
            field = (1, 1) if form is not Form.LABELLED else size
            xyxy = xyxy * np.array((image.width / field[0], image.height / field[1]) * 2, np.float32)
        xyxy = np.clip(xyxy, 0, np.array(image.size * 2, np.float32)).astype(np.float32, copy=False)
        return found_in(self.vocabulary, *self._kept((xyxy, np.clip(scores, 0, 1), classes), asked))

    def _kept(self, raw: Raw, asked: NDArray[np.intp]) -> Raw:
        """Of the classes that are asked for, the boxes that stay, best first."""
        xyxy, scores, classes = raw
        solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        places = np.flatnonzero(np.isin(classes, asked) & solid)
        xyxy, scores, classes = xyxy[places], scores[places], classes[places]
        if self._layout.form is Form.GRID:
            order = suppressed(xyxy, scores, classes, IOU_THRESHOLD, MOST_PER_CLASS)
        else:
            order = best_first(xyxy, scores, classes)
        return xyxy[order], scores[order], classes[order]

    def _run(self, tensor: NDArray[np.float32], size: tuple[int, int]) -> dict[str, NDArray[Any]]:
        names = [output.name for output in self._session.get_outputs()]
        outputs = run_session(self._session, self._inputs.feed(tensor, size))
        return dict(zip(names, outputs, strict=True))
