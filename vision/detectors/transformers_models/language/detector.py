"""Vision-language models as detectors: they are asked, held to their grammar while they write, and read.

The boxes come without scores: a model's certainty of a digit says little of the box, and none is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reasoning.language.constraint import Constraint, read_spelling
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models.batches import Batch, TransformersDetector
from vision.detectors.transformers_models.language.families import FAMILIES, Written
from vision.detectors.transformers_models.loading import Source, load_model, load_processor, running
from vision.detectors.transformers_models.phrases import Phrase, as_phrases, chunked
from vision.detectors.transformers_models.results import as_found
from vision.errors import DetectorError
from vision.images.loading import LoadedImage

PROMPT_TOKENS = 256
"""Tokens of the classes of one prompt; longer class sets take several."""

CAPTION_TOKENS = 128
UNKNOWN_WINDOW = 4096
"""Tokens of prompt and reply where the configuration doesn't say how many the model reads."""


class LanguageDetector(TransformersDetector):
    """A vision-language model that writes boxes.

    Args:
        source: what it was opened from.
        model: in inference mode, on its device.
        processor: what prepares its input.
        max_objects: of one reply.
        max_new_tokens: of one reply.

    Raises:
        DetectorError: a bound is below 1, or the processor lacks what the family's prompts need.
    """

    vocabulary = None
    gives_scores = False

    def __init__(
        self, source: Source, model: Any, processor: Any, *, max_objects: int = 50, max_new_tokens: int = 2048
    ) -> None:
        super().__init__(source, model, processor)
        for option, value in (("max_objects", max_objects), ("max_new_tokens", max_new_tokens)):
            if value < 1:
                raise DetectorError(f"{option} must be at least 1, not {value}")
        self.max_objects = max_objects
        self.max_new_tokens = max_new_tokens
        self.tokenizer = processor.tokenizer
        self._ends, self._pad = _ends(model, self.tokenizer)
        self.spelling = read_spelling(self.tokenizer, self._ends)
        self.family = FAMILIES[source.config.model_type](processor, self.spelling)
        if self.family.chats and not processor.chat_template:
            raise DetectorError(f"{self.name} has no chat template: take a model that was tuned to follow instructions")
        _drop_generation_habits(model)

    @classmethod
    def open(cls, source: Source, **options: Any) -> LanguageDetector:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`; or an option is unknown.
        """
        from transformers import AutoModelForImageTextToText, AutoProcessor

        if unknown := sorted(set(options) - {"max_objects", "max_new_tokens"}):
            raise DetectorError(f"no option {unknown[0]!r}: there are max_objects and max_new_tokens")
        processor = load_processor(source, AutoProcessor)
        return cls(source, load_model(source, AutoModelForImageTextToText), processor, **options)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        phrases, notes = as_phrases(request.classes, self.family.avoid)
        phrases, more = self._writable(phrases)
        notes += more
        written: list[list[tuple[str, Written]]] = [[] for _ in images]
        remarks = [list(notes) for _ in images]
        lengths = [len(self._ids(f"{phrase.text}, ")) for phrase in phrases]
        for run in chunked(phrases, lengths, PROMPT_TOKENS):
            labels = {phrases[place].text: phrases[place].label for place in run}
            for place, text, sent in self._replies(images, list(labels), remarks):
                objects = self.family.read(text, list(labels), sent)
                if len(objects) >= self.max_objects:
                    remarks[place].append(f"{self.name} was held to {self.max_objects} objects a reply.")
                written[place] += [(labels[one.phrase], one) for one in dict.fromkeys(objects) if one.phrase in labels]
        return [self._found(*row) for row in zip(images, written, remarks, strict=True)]

    def describe(self, images: Sequence[LoadedImage]) -> list[str]:
        """See `Detector.describe`."""
        captions: dict[int, str] = {}
        signs = set(self.spelling.controls.values())
        for batch in self.batches(images, lambda picture: self.family.prepare(picture, self.family.caption)):
            for place, ids in zip(batch.places, self._generated(batch, CAPTION_TOKENS, None), strict=True):
                words = [number for number in ids if number not in signs]
                captions[place] = self.family.captioned(self.tokenizer.decode(words))
        return [captions[place] for place in range(len(images))]

    def _replies(
        self, images: Sequence[LoadedImage], phrases: list[str], remarks: list[list[str]]
    ) -> list[tuple[int, str, tuple[int, int]]]:
        """Of each image its place, what was written about it, and (width, height) of it as the model got it."""
        replies = []
        constraints: dict[tuple[int, int], Constraint] = {}
        prompt = self.family.prompt(phrases)
        for batch in self.batches(images, lambda picture: self.family.prepare(picture, prompt)):
            sent = self.family.sent(batch.inputs)
            if sent not in constraints:
                constraints[sent] = Constraint(self.family.grammar(phrases, sent, self.max_objects), self.spelling)
            replied = self._generated(batch, self.max_new_tokens, constraints[sent])
            for place, ids in zip(batch.places, replied, strict=True):
                if not constraints[sent].accepts(ids):
                    remarks[place].append(f"The reply of {self.name} was cut off after {len(ids)} tokens.")
                replies.append((place, self.spelling.written(ids), sent))
        return replies

    def _generated(self, batch: Batch, limit: int, constraint: Constraint | None) -> list[list[int]]:
        """The tokens that are written about each image of a batch, without those that end it."""
        inputs = {key: value for key, value in batch.inputs.items() if key != "labels"}
        decoder_only = not self.config.is_encoder_decoder
        before = inputs["input_ids"].shape[1] if decoder_only else 1  # an encoder-decoder starts with one token
        text_config = self.config.get_text_config(decoder=True)
        window = getattr(text_config, "max_position_embeddings", None) or UNKNOWN_WINDOW
        if window - before < 1:
            raise DetectorError(f"the prompt of {before} tokens leaves {self.name} no room in its window of {window}")
        settings = _generation_config(
            max_new_tokens=min(limit, window - before - 1),
            do_sample=False,
            num_beams=1,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
        )
        with running(self.name):
            rows = self.model.generate(
                **inputs,
                generation_config=settings,
                logits_processor=[constraint.processor(before)] if constraint else None,
            )
        return [self._ended(row) for row in rows[:, before:].tolist()]

    def _ended(self, ids: list[int]) -> list[int]:
        for position, number in enumerate(ids):
            if number in self._ends:
                return ids[:position]
        return ids

    def _found(self, image: LoadedImage, written: list[tuple[str, Written]], notes: list[str]) -> Found:
        boxes = np.array([one.box for _, one in written], np.float32).reshape(-1, 4)
        corners = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1)
        xyxy = corners * np.array(image.size * 2, np.float32)
        found = as_found(image.size, xyxy, [label for label, _ in written], None, notes=list(dict.fromkeys(notes)))
        flat = len(written) - len(found.labels)
        note = (f"Boxes without area that {self.name} wrote are left out: {flat}.",) * bool(flat)
        return Found(found.xyxy, found.labels, None, None, (*found.notes, *note))

    def _writable(self, phrases: list[Phrase]) -> tuple[list[Phrase], list[str]]:
        """The phrases that the tokenizer can spell, with a note on each that it cannot."""
        unknown = self.spelling.unknown
        lost = {phrase for phrase in phrases if unknown is not None and unknown in self._ids(phrase.text)}
        notes = [
            f"{self.name} cannot write {phrase.label!r}: its tokenizer lacks the letters."
            for phrase in phrases
            if phrase in lost
        ]
        return [phrase for phrase in phrases if phrase not in lost], notes

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _alike(self, inputs: dict[str, Any]) -> Any:
        """Qwen's patches of a 4 x 6 and of a 6 x 4 image are as many."""
        grid = inputs.get("image_grid_thw")
        return super()._alike(inputs), None if grid is None else tuple(grid[0].tolist())


def _ends(model: Any, tokenizer: Any) -> tuple[list[int], int]:
    """The tokens that end a text, and the one that fills up shorter rows of a batch."""
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    ids = sorted({int(number) for number in [*ends, tokenizer.eos_token_id] if number is not None})
    if not ids:
        raise DetectorError("neither the model nor its tokenizer says which token ends a text")
    pad = next((n for n in (model.generation_config.pad_token_id, tokenizer.pad_token_id) if n is not None), ids[0])
    return ids, int(pad)


def _drop_generation_habits(model: Any) -> None:
    """Forget the checkpoint's settings of writing free text (beams, no repetition, forced tokens), which fight with a
    grammar; the tokens that begin and end a text stay."""
    for part in model.modules():
        habits = getattr(part, "generation_config", None)
        if habits is not None:
            part.generation_config = _generation_config(
                bos_token_id=habits.bos_token_id,
                eos_token_id=habits.eos_token_id,
                pad_token_id=habits.pad_token_id,
                decoder_start_token_id=habits.decoder_start_token_id,
            )


def _generation_config(**settings: Any) -> Any:
    import transformers

    made: Any = transformers.GenerationConfig  # carries no type hints
    return made(**settings)
