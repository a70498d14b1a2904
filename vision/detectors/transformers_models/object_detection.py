"""Detectors of a fixed class set: DETR and its kin, RT-DETR, D-FINE, YOLOS, whatever transformers counts among them.

Carion et al. 2020 (arXiv 2005.12872) and those who followed. The boxes are those of the model's own post-processing;
of these the requested classes are kept, so a request for some classes gives exactly the full run's boxes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vision.classes.coco import COCO_SUPERCATEGORIES
from vision.detectors.closed_vocabulary import class_numbers
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models.batches import TransformersDetector
from vision.detectors.transformers_models.loading import Source, load_model, load_processor, running
from vision.detectors.transformers_models.results import as_found
from vision.images.loading import LoadedImage

NO_CLASS = {"N/A", "no-object", "no object"}
"""Names that COCO's models give to the category numbers that COCO leaves out."""

EVERY_SCORE = -1.0
"""A bound below every score: what is kept is decided here, in one place for all detectors."""


class ObjectDetector(TransformersDetector):
    """A detector of a fixed class set."""

    default_min_score = 0.5

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        super().__init__(source, model, processor)
        self.vocabulary = class_names(source.config.id2label)
        self.supercategories = {
            name: COCO_SUPERCATEGORIES[name] for name in self.vocabulary if name in COCO_SUPERCATEGORIES
        } or None

    @classmethod
    def open(cls, source: Source) -> ObjectDetector:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        from transformers import AutoImageProcessor, AutoModelForObjectDetection

        processor = load_processor(source, AutoImageProcessor)
        return cls(source, load_model(source, AutoModelForObjectDetection), processor)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        wanted = wanted_classes(self, request)
        found: dict[int, Found] = {}
        for batch in self.batches(images):
            with running(self.name):
                outputs = self.model(**batch.inputs)
                for key in ("logits", "pred_boxes"):
                    if outputs.get(key) is not None:
                        outputs[key] = outputs[key].float()  # half precision is too coarse for pixels
                results = self.processor.post_process_object_detection(
                    outputs, threshold=EVERY_SCORE, target_sizes=batch.target_sizes
                )
            for place, image, result in zip(batch.places, batch.images, results, strict=True):
                names = [self.config.id2label.get(number) for number in result["labels"].tolist()]
                scores = result["scores"].cpu().numpy()
                kept = [i for i, name in enumerate(names) if name in wanted and scores[i] >= request.min_score]
                labels = [str(names[i]) for i in kept]
                found[place] = as_found(image.size, result["boxes"].cpu().numpy()[kept], labels, scores[kept])
        return [found[place] for place in range(len(images))]


def class_names(id2label: Mapping[int, str]) -> tuple[str, ...]:
    """A model's classes in the order of their numbers, each once, without the numbers that stand for none."""
    return tuple(dict.fromkeys(id2label[number] for number in sorted(id2label) if id2label[number] not in NO_CLASS))


def wanted_classes(detector: TransformersDetector, request: Request) -> set[str]:
    """The requested classes of a detector with a fixed class set.

    Raises:
        DetectorError: one is not in its vocabulary; the message names the nearest that are.
    """
    class_numbers(request.classes, detector.vocabulary or (), detector.name)
    return set(request.classes)
