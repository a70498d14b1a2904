"""SAM and its kin: a mask for each box of another detector.

Kirillov et al. 2023 (arXiv 2304.02643), SAM-HQ (Ke et al. 2023, 2306.01567), SAM 2 (Ravi et al. 2024, 2408.00714) and
what followed. They know no classes, so they make outlines for a detector that does: "DETECTOR+SAM".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kg_data.hub import deciding_files
from vision.detections.fields import Rings
from vision.detectors.detector import Detector, Found, Request
from vision.detectors.transformers_models.loading import Source, load_model, load_processor, running
from vision.detectors.transformers_models.results import full_mask, outline
from vision.images.loading import LoadedImage

BOXES = 16
"""Boxes that go through the mask decoder at a time."""


class MaskModel:
    """A mask model of the SAM family."""

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        self.name = source.name
        self.files = deciding_files(source.folder)
        self.model = model
        self.processor = processor

    @classmethod
    def open(cls, source: Source) -> MaskModel:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        from transformers import AutoModelForMaskGeneration, AutoProcessor

        processor = load_processor(source, AutoProcessor)
        return cls(source, load_model(source, AutoModelForMaskGeneration), processor)

    def masks(self, image: LoadedImage, xyxy: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
        """The masks of the objects in boxes, one at a time: full masks of a large image are large.

        Args:
            image: any size.
            xyxy: shape (n, 4), pixels of the image.

        Yields:
            n arrays of shape (height, width).

        Raises:
            DetectorError: the model failed.
        """
        seen: dict[str, Any] | None = None
        for start in range(0, len(xyxy), BOXES):
            with running(self.name):
                boxes = xyxy[start : start + BOXES].astype(float).tolist()
                inputs = self.processor(
                    images=[Image.fromarray(image.pixels)], input_boxes=[boxes], return_tensors="pt"
                ).to(self.model.device)
                if seen is None:
                    seen = self._seen(inputs["pixel_values"])
                prompts = inputs["input_boxes"].to(self.model.dtype)
                coarse = self.model(**seen, input_boxes=prompts, multimask_output=False).pred_masks
                part = self._part(inputs)
            for logits in coarse[0, :, 0]:
                yield full_mask(logits, image.size, part)

    def _seen(self, pixels: Any) -> dict[str, Any]:
        """What the image encoder sees, which serves all boxes."""
        seen = self.model.get_image_embeddings(pixels.to(self.model.dtype))
        if isinstance(seen, tuple):  # SAM-HQ
            return {"image_embeddings": seen[0], "intermediate_embeddings": seen[1]}
        return {"image_embeddings": seen}

    def _part(self, inputs: Any) -> tuple[float, float]:
        """Shares of width and height of the model's square that the image fills; the first SAM pads, others stretch."""
        if "reshaped_input_sizes" not in inputs:
            return 1.0, 1.0
        height, width = inputs["reshaped_input_sizes"][0].tolist()
        padded_height, padded_width = inputs["pixel_values"].shape[-2:]
        return width / padded_width, height / padded_height


class MaskedDetector(Detector):
    """A detector whose boxes get their outlines from a mask model.

    Args:
        detector: finds the boxes.
        masks: outlines them.
    """

    def __init__(self, detector: Detector, masks: MaskModel) -> None:
        self.take_after(detector)
        self.name = f"{detector.name}+{masks.name}"
        self.files = detector.files + masks.files
        self.gives_polygons = True
        self.side = detector.side
        self.detector = detector
        self.mask_model = masks

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`; the boxes are the inner detector's, and the outlines may leave them."""
        boxes = self.detector.detect(images, replace(request, polygons=False))
        if not request.polygons:
            return boxes
        return [self._outlined(image, found) for image, found in zip(images, boxes, strict=True)]

    def describe(self, images: Sequence[LoadedImage]) -> list[str] | None:
        """See `Detector.describe`."""
        return self.detector.describe(images)

    def _outlined(self, image: LoadedImage, found: Found) -> Found:
        polygons: list[Rings] = []
        empty = 0
        for xyxy, mask in zip(found.xyxy, self.mask_model.masks(image, found.xyxy), strict=True):
            rings, seen = outline(mask, xyxy)
            polygons.append(rings)
            empty += not seen
        note = (f"{self.mask_model.name} found no outline of {empty} of the objects: theirs is the box.",) * bool(empty)
        return replace(found, polygons=tuple(polygons), notes=(*found.notes, *note))
