"""Detectors and segmenters of a fixed class set, and SAM 3, which segments the concept that a phrase names.

DETR (Carion et al. 2020, arXiv 2005.12872), RT-DETR, YOLOS and their kin find boxes by the model's own
post-processing; the requested classes are kept, so a request for some gives exactly the full run's boxes of them.
MaskFormer, EoMT and their kin (Cheng et al. 2021, arXiv 2107.06278) give a class and a mask for each
query; where masks are scored too, the score is class probability times the mean probability within the mask, as in
Mask2Former's instance inference. transformers' own post-processing leaves padding in the masks and lets later ones
paint over earlier ones; here each is cut to the image and enlarged alone.

SAM 3 (Carion et al. 2025, arXiv 2511.16719) is asked for each phrase alone against one look at the image; an object
that several phrases claim goes to the one that scores best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vision.classes.lexicon import COCO_SUPERCATEGORIES
from vision.detections.boxes import Rings
from vision.detectors.detector import Found, Request, class_numbers
from vision.detectors.transformers_models.batches import (
    MAX_BOXES,
    WHOLE,
    Batch,
    Phrase,
    Source,
    TransformersDetector,
    as_found,
    as_phrases,
    box_of,
    full_mask,
    nothing,
    outline,
    running,
    without_repeats,
)
from vision.detectors.transformers_models.zero_shot import REPEAT_IOU
from vision.images import LoadedImage

NO_CLASS = {"N/A", "no-object", "no object"}
"""Names that COCO's models give to the category numbers that COCO leaves out."""

EVERY_SCORE = -1.0
"""A bound below every score: what is kept is decided here, in one place for all detectors."""


class ObjectDetector(TransformersDetector):
    """A detector of a fixed class set."""

    model_class = "AutoModelForObjectDetection"
    processor_class = "AutoImageProcessor"

    default_min_score = 0.5

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        super().__init__(source, model, processor)
        self.vocabulary = class_names(source.config.id2label)
        self.supercategories = {
            name: COCO_SUPERCATEGORIES[name] for name in self.vocabulary if name in COCO_SUPERCATEGORIES
        } or None

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
    """The requested classes, all of which a detector of a fixed class set must have.

    Raises:
        DetectorError: one is not in its vocabulary; the message names the nearest that are.
    """
    class_numbers(request.classes, detector.vocabulary or (), detector.name)
    return set(request.classes)


class Segmenter(TransformersDetector):
    """A segmenter of a fixed class set; its boxes are those around its masks."""

    model_class = "AutoModelForUniversalSegmentation"
    model_classes: ClassVar[Mapping[str, str]] = {"rf_detr": "AutoModelForInstanceSegmentation"}
    processor_class = "AutoImageProcessor"

    default_min_score = 0.5
    gives_polygons = True

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        super().__init__(source, model, processor)
        self.vocabulary = class_names(source.config.id2label)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        wanted = wanted_classes(self, request)
        numbers = [number for number, name in self.config.id2label.items() if name in wanted]

        found: dict[int, Found] = {}
        for batch in self.batches(images):
            with running(self.name):
                scores, classes, masks = _queries(self.model(**batch.inputs))
                for row, (place, image) in enumerate(zip(batch.places, batch.images, strict=True)):
                    kept = [
                        query
                        for query in range(scores.shape[1])
                        if int(classes[row, query]) in numbers and float(scores[row, query]) >= request.min_score
                    ]
                    part = self._part(batch, row)
                    boxes, polygons = [], list[Rings]()
                    for logits in masks[row, kept]:
                        mask = full_mask(logits, image.size, part)
                        boxes.append(box_of(mask))
                        if request.polygons:
                            polygons.append(outline(mask, boxes[-1])[0])
                    xyxy = np.array(boxes, np.float32).reshape(-1, 4)  # an empty mask's box has no area: it is left out
                    labels = [str(self.config.id2label[int(classes[row, query])]) for query in kept]
                    sure = scores[row, kept].cpu().numpy()
                    found[place] = as_found(image.size, xyxy, labels, sure, polygons if request.polygons else None)
        return [found[place] for place in range(len(images))]

    def _part(self, batch: Batch, row: int) -> tuple[float, float]:
        """Shares of width and height of the model's input that the image fills."""
        height, width = batch.inputs["pixel_values"].shape[-2:]
        if "pixel_mask" in batch.inputs:
            seen = batch.inputs["pixel_mask"][row]
            return float(seen.any(0).sum()) / width, float(seen.any(1).sum()) / height
        if self.config.model_type.startswith("eomt") and self.processor.do_pad:
            from transformers.image_transforms import get_size_with_aspect_ratio

            size = self.processor.size
            seen_height, seen_width = get_size_with_aspect_ratio(
                batch.target_sizes[row], size["shortest_edge"], size["longest_edge"]
            )
            return min(1.0, seen_width / width), min(1.0, seen_height / height)
        return WHOLE


def _queries(outputs: Any) -> tuple[Any, Any, Any]:
    """Scores (images, queries), classes (images, queries) and mask logits (images, queries, rows, columns)."""
    if "class_queries_logits" in outputs:
        masks = outputs.masks_queries_logits.float()
        scores, classes = outputs.class_queries_logits.float().softmax(-1)[..., :-1].max(-1)
        inside = (masks > 0).float()
        certain = (masks.sigmoid() * inside).sum((-1, -2)) / inside.sum((-1, -2)).clamp(min=1)
        return scores * certain, classes, masks
    masks = outputs.pred_masks.float()
    if type(outputs).__name__.startswith("RfDetr"):
        scores, classes = outputs.logits.float().sigmoid().max(-1)
    else:
        scores, classes = outputs.logits.float().softmax(-1)[..., :-1].max(-1)
    return scores, classes, masks


TEXTS = 4
"""Phrases of one forward pass."""


class ConceptSegmenter(TransformersDetector):
    """SAM 3 asked with phrases."""

    model_class, processor_class = "Sam3Model", "Sam3Processor"
    model_classes: ClassVar[Mapping[str, str]] = {"sam3_lite_text": "Sam3LiteTextModel"}
    vocabulary = None
    default_min_score = 0.5
    gives_polygons = True

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        phrases, notes = as_phrases(request.classes)
        notes += self.notes_on_cut(phrases, [phrase.text for phrase in phrases], self.text_limit)
        found = {place: nothing(request, polygons=True, notes=notes) for place in range(len(images))}
        for batch in self.batches(images, self.picture) if phrases else ():
            for row, (place, image) in enumerate(zip(batch.places, batch.images, strict=True)):
                with running(self.name):
                    seen = self.model.get_vision_features(batch.inputs["pixel_values"][row : row + 1])
                    found[place] = self._look(image, seen, phrases, request, notes)
        return [found[place] for place in range(len(images))]

    def _look(self, image: LoadedImage, seen: Any, phrases: list[Phrase], request: Request, notes: list[str]) -> Found:
        best: list[_Claim] = []
        for start in range(0, len(phrases), TEXTS):
            part = phrases[start : start + TEXTS]
            texts = self.encoded([phrase.text for phrase in part], self.text_limit)
            outputs = self.model(
                vision_embeds=type(seen)(
                    **{
                        name: tuple(level.expand(len(part), *level.shape[1:]) for level in seen[name])
                        for name in ("fpn_hidden_states", "fpn_position_encoding")
                    }
                ),
                input_ids=texts["input_ids"],
                attention_mask=texts["attention_mask"],
            )
            certain = outputs.pred_logits.float().sigmoid()
            if outputs.presence_logits is not None:
                certain = certain * outputs.presence_logits.float().sigmoid()
            certain = certain.cpu().numpy()
            best += [
                _Claim(
                    float(certain[number, query]),
                    start + number,
                    outputs.pred_boxes[number, query].float().cpu().numpy(),
                    outputs.pred_masks[number, query] if request.polygons else None,
                )
                for number, query in np.argwhere(certain >= request.min_score).tolist()
            ]
            best = sorted(best, key=lambda claim: -claim.score)[:MAX_BOXES]  # masks of all phrases wouldn't fit
        xyxy = np.array([claim.box for claim in best], np.float32).reshape(-1, 4)
        xyxy = np.clip(xyxy, 0, 1) * np.array(image.size * 2, np.float32)
        scored = np.array([claim.score for claim in best], np.float32)
        owners = np.array([claim.phrase for claim in best], np.int64)
        left = without_repeats(xyxy, scored, owners, REPEAT_IOU).tolist()
        polygons: list[Rings] | None = None
        if request.polygons:
            polygons = [outline(full_mask(best[i].mask, image.size), xyxy[i])[0] for i in left]
        labels = [phrases[best[i].phrase].label for i in left]
        return as_found(image.size, xyxy[left], labels, scored[left], polygons, notes)


@dataclass(frozen=True, eq=False)
class _Claim:
    """An object that a phrase claims: the phrase's position, corners in shares of the image, and logits of the mask."""

    score: float
    phrase: int
    box: NDArray[np.float32]
    mask: Any
