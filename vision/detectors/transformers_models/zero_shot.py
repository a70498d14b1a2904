"""Detectors that are asked for phrases: Grounding DINO, MM Grounding DINO, OWL-ViT, OWLv2.

A box carries one class, and that is one of the request's, to the letter. transformers' own post-processing of
Grounding DINO reads labels off single tokens, so classes run into each other ("cat dog") or lose syllables ("##light");
here a phrase's score is the mean over its own tokens, as in the evaluation of both Grounding DINOs, and a box goes to
its best phrase.

Class sets beyond a model's text limit are asked for in several passes, in an order that doesn't hang on the request's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detections.boxes import corners_of
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models.batches import (
    MAX_BOXES,
    Batch,
    Phrase,
    Source,
    TransformersDetector,
    as_found,
    as_phrases,
    chunked,
    nothing,
    running,
    same_to_the_model,
    without_repeats,
)
from vision.images import LoadedImage

REPEAT_IOU = 0.7
"""Overlap from which the boxes of two passes are one object: two looks at one object agree better than that, two
objects side by side overlap less."""


class ZeroShotDetector(TransformersDetector):
    """A detector that is asked for phrases."""

    model_class = "AutoModelForZeroShotObjectDetection"

    vocabulary = None

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        phrases, notes = as_phrases(request.classes)
        phrases, more = self._askable(phrases)
        notes += more
        found = {place: nothing(request, notes=notes) for place in range(len(images))}
        runs = self._runs(phrases) if phrases else []
        for batch in self.batches(images, self.picture) if runs else ():
            passes = []
            with running(self.name):
                for run in runs:
                    boxes, scores, best = self._look(batch, [phrases[place] for place in run])
                    passes.append((boxes.float().cpu().numpy(), scores.float().cpu().numpy(), best.cpu().numpy()))
            for row, (place, image) in enumerate(zip(batch.places, batch.images, strict=True)):
                rows = [(boxes[row], scores[row], best[row]) for boxes, scores, best in passes]
                labels = [[phrases[position].label for position in run] for run in runs]
                found[place] = self._joined(image, rows, labels, request, notes)
        return [found[place] for place in range(len(images))]

    def _joined(
        self,
        image: LoadedImage,
        passes: list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]],
        labels: list[list[str]],
        request: Request,
        notes: list[str],
    ) -> Found:
        every_box, every_score, every_label, origins = [], [], [], []
        for run, (boxes, scores, best) in enumerate(passes):
            kept = np.flatnonzero(scores >= request.min_score)
            kept = kept[np.argsort(-scores[kept], kind="stable")][:MAX_BOXES]
            every_box.append(corners_of(boxes[kept]) * np.array(self._extent(image) * 2, np.float32))
            every_score.append(scores[kept])
            every_label += [labels[run][place] for place in best[kept].tolist()]
            origins.append(np.full(len(kept), run, np.int64))
        xyxy, scored, number = np.concatenate(every_box), np.concatenate(every_score), np.concatenate(origins)
        left = np.arange(len(xyxy))
        if len(passes) > 1:
            left = left[without_repeats(xyxy[left], scored[left], number[left], REPEAT_IOU)]
        return as_found(image.size, xyxy[left], [every_label[i] for i in left], scored[left], notes=notes)

    def _askable(self, phrases: list[Phrase]) -> tuple[list[Phrase], list[str]]:
        """The phrases that the model can read, with a note on each that it cannot, or only in part."""
        return phrases, []

    def _extent(self, image: LoadedImage) -> tuple[int, int]:
        """(width, height) in pixels of what the model's boxes are shares of."""
        return image.size

    @abstractmethod
    def _runs(self, phrases: list[Phrase]) -> list[list[int]]:
        """Positions of the phrases of each pass."""

    @abstractmethod
    def _look(self, batch: Batch, phrases: list[Phrase]) -> tuple[Any, Any, Any]:
        """One pass.

        Returns:
            Boxes (images, n, 4) as centre and size in shares; the score (images, n) of each box's best phrase; and
            which phrase that is, (images, n).
        """


class GroundingDino(ZeroShotDetector):
    """Grounding DINO (Liu et al. 2023, arXiv 2303.05499) and MM Grounding DINO (Zhao et al. 2024, arXiv 2401.02361).

    The prompt is "cat. traffic light."; its token ids are put together here, so which tokens are whose is known.
    """

    default_min_score = 0.3

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        super().__init__(source, model, processor)
        tokenizer = processor.tokenizer
        self._first, self._end = tokenizer.cls_token_id, tokenizer.sep_token_id
        self._stop, question = tokenizer.convert_tokens_to_ids([".", "?"])
        self._separators = {self._first, self._end, self._stop, question}
        self._limit = int(source.config.max_text_len) - 2  # the first and the last token are taken

    def _tokens(self, phrase: Phrase) -> list[int]:
        """All tokens of a phrase, without those at which the model parts phrases ("st. bernard" would be two)."""
        ids = self.processor.tokenizer(phrase.text, add_special_tokens=False)["input_ids"]
        return [number for number in ids if number not in self._separators]

    def _read(self, phrase: Phrase) -> list[int]:
        """The tokens that the model gets to see; its full stop fits behind them."""
        return self._tokens(phrase)[: self._limit - 1]

    def _askable(self, phrases: list[Phrase]) -> tuple[list[Phrase], list[str]]:
        tokenizer = self.processor.tokenizer
        asked: dict[tuple[int, ...], Phrase] = {}
        notes = []
        for phrase in phrases:
            ids = tuple(self._read(phrase))
            if not set(ids) - {tokenizer.unk_token_id}:
                notes.append(f"{self.name} cannot read {phrase.label!r}.")
            elif ids in asked:
                notes.append(same_to_the_model(phrase.label, asked[ids]))
            else:
                asked[ids] = phrase
                if len(ids) < len(self._tokens(phrase)):
                    notes.append(f"{self.name} reads only the first {len(ids)} tokens of {phrase.label[:40]!r}....")
        return list(asked.values()), notes

    def _runs(self, phrases: list[Phrase]) -> list[list[int]]:
        return chunked(phrases, [len(self._read(phrase)) + 1 for phrase in phrases], self._limit)

    def _look(self, batch: Batch, phrases: list[Phrase]) -> tuple[Any, Any, Any]:
        import torch

        ids, spans = [self._first], []
        for phrase in phrases:
            tokens = self._read(phrase)
            spans.append((len(ids), len(ids) + len(tokens)))
            ids += [*tokens, self._stop]
        ids.append(self._end)
        text = torch.tensor([ids] * len(batch.places), device=self.model.device)
        outputs = self.model(
            **batch.inputs,
            input_ids=text,
            attention_mask=torch.ones_like(text),
            token_type_ids=torch.zeros_like(text),
        )
        share = torch.zeros(outputs.logits.shape[-1], len(phrases), device=self.model.device)
        for column, (start, stop) in enumerate(spans):
            share[start:stop, column] = 1 / (stop - start)
        scores, best = (outputs.logits.float().sigmoid() @ share).max(-1)
        return outputs.pred_boxes, scores, best


class Owl(ZeroShotDetector):
    """OWL-ViT (Minderer et al. 2022, arXiv 2205.06230) and OWLv2 (Minderer et al. 2023, arXiv 2306.09683).

    Each phrase is scored alone against every patch of the image, so the image is looked at once for any class set.
    """

    PROMPT = "a photo of a {}"
    TEXTS = 256
    """Phrases that go through the text model at a time."""

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        super().__init__(source, model, processor)
        self.default_min_score = 0.2 if source.config.model_type == "owlv2" else 0.1

    def _askable(self, phrases: list[Phrase]) -> tuple[list[Phrase], list[str]]:
        return phrases, self.notes_on_cut(phrases, self._prompts(phrases), self.text_limit)

    def _prompts(self, phrases: list[Phrase]) -> list[str]:
        return [self.PROMPT.format(phrase.text) for phrase in phrases]

    def _extent(self, image: LoadedImage) -> tuple[int, int]:
        if self.config.model_type == "owlv2":  # the processor makes the image square by grey on the right or below
            return max(image.size), max(image.size)
        return image.size

    def _runs(self, phrases: list[Phrase]) -> list[list[int]]:
        return [list(range(len(phrases)))]

    def _look(self, batch: Batch, phrases: list[Phrase]) -> tuple[Any, Any, Any]:
        import torch

        grid = self.model.image_embedder(pixel_values=batch.inputs["pixel_values"])[0]
        patches = grid.flatten(1, 2)
        boxes = self.model.box_predictor(patches, grid)
        scores = torch.full(patches.shape[:2], -torch.inf, device=patches.device)
        best = torch.zeros(patches.shape[:2], dtype=torch.long, device=patches.device)
        for start in range(0, len(phrases), self.TEXTS):
            texts = self.encoded(self._prompts(phrases[start : start + self.TEXTS]), self.text_limit)
            backbone = getattr(self.model, self.config.model_type)
            queries = backbone.get_text_features(texts["input_ids"], texts["attention_mask"]).pooler_output
            queries = queries.expand(len(batch.places), *queries.shape)
            logits, _ = self.model.class_predictor(patches, queries)
            value, column = logits.float().max(-1)
            better = value > scores
            scores, best = torch.where(better, value, scores), torch.where(better, column + start, best)
        return boxes, scores.sigmoid(), best
