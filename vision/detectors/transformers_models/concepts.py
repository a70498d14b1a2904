"""SAM 3: all objects of a concept that a phrase names, with their masks.

Carion et al. 2025 (arXiv 2511.16719). Each phrase is asked for alone against one look at the image; an object that
several phrases claim goes to the one that scores best, so that a box has one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.fields import Rings
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models.batches import TransformersDetector
from vision.detectors.transformers_models.loading import Source, load_model, load_processor, running
from vision.detectors.transformers_models.phrases import Phrase, as_phrases
from vision.detectors.transformers_models.results import (
    MAX_BOXES,
    as_found,
    full_mask,
    nothing,
    outline,
    without_repeats,
)
from vision.detectors.transformers_models.zero_shot import REPEAT_IOU
from vision.images.loading import LoadedImage

TEXTS = 4
"""Phrases of one forward pass."""


class ConceptSegmenter(TransformersDetector):
    """SAM 3 asked with phrases."""

    vocabulary = None
    default_min_score = 0.5
    gives_polygons = True

    @classmethod
    def open(cls, source: Source) -> ConceptSegmenter:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        import transformers

        lite = source.config.model_type == "sam3_lite_text"
        processor = load_processor(source, transformers.Sam3Processor)
        model = load_model(source, transformers.Sam3LiteTextModel if lite else transformers.Sam3Model)
        return cls(source, model, processor)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        phrases, notes = as_phrases(request.classes)
        limit = int(self.model.config.text_config.max_position_embeddings)
        notes += self.notes_on_cut(phrases, [phrase.text for phrase in phrases], limit)
        found = {place: nothing(request, polygons=True, notes=notes) for place in range(len(images))}
        for batch in self.batches(images, self._picture) if phrases else ():
            for row, (place, image) in enumerate(zip(batch.places, batch.images, strict=True)):
                with running(self.name):
                    seen = self.model.get_vision_features(batch.inputs["pixel_values"][row : row + 1])
                    found[place] = self._look(image, seen, phrases, request, notes, limit)
        return [found[place] for place in range(len(images))]

    def _picture(self, picture: Any) -> Any:
        return self.processor.image_processor(images=[picture], return_tensors="pt")

    def _look(
        self, image: LoadedImage, seen: Any, phrases: list[Phrase], request: Request, notes: list[str], limit: int
    ) -> Found:
        best: list[_Claim] = []
        for start in range(0, len(phrases), TEXTS):
            part = phrases[start : start + TEXTS]
            texts = self.encoded([phrase.text for phrase in part], limit)
            outputs = self.model(
                vision_embeds=type(seen)(
                    fpn_hidden_states=tuple(_repeated(level, len(part)) for level in seen.fpn_hidden_states),
                    fpn_position_encoding=tuple(_repeated(level, len(part)) for level in seen.fpn_position_encoding),
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
    """An object that a phrase claims.

    Attributes:
        score: 0 to 1.
        phrase: its position.
        box: shape (4,), corners in shares of the image.
        mask: shape (rows, columns), logits, where outlines are wanted.
    """

    score: float
    phrase: int
    box: NDArray[np.float32]
    mask: Any


def _repeated(level: Any, times: int) -> Any:
    return level.expand(times, *level.shape[1:])
