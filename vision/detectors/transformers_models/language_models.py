"""Vision-language models that write boxes as text: asked, held to their grammar while they write, and read.

Boxes come without scores: a model's certainty of a digit says little of the box, and none is made up. Each family has
prompts, a way to write boxes and a scale of its own:

- Florence-2 (Xiao et al. 2023, arXiv 2311.06242): `cat<loc_12><loc_40><loc_503><loc_999>`, a thousandth of a side
  each; further boxes of the same class follow without its name.
- Qwen2.5-VL (Bai et al. 2025, arXiv 2502.13923): a JSON list, in pixels of the image as the processor resized it.
- Qwen3-VL (arXiv 2511.21631): the same list, in thousandths of a side.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self

import numpy as np

from reasoning.lm.constraint import Constraint, Spelling, any_of, any_token, integer, read_spelling, up_to
from vision.detectors.detector import Found, Request
from vision.detectors.transformers_models.batches import (
    Batch,
    Phrase,
    Source,
    TransformersDetector,
    as_found,
    as_phrases,
    chunked,
    running,
)
from vision.errors import DetectorError
from vision.images import LoadedImage

LOC_BINS = 1000
_LOC_GROUP = re.compile(r"([^<]+)((?:<loc_\d+>){4,})")
_LOC = re.compile(r"<loc_(\d+)>")
THOUSANDTHS = 1000
COMMA_ENTRY = r'",\n\t" entry'
_ENTRY = re.compile(r'\{"bbox_2d": \[\d+, \d+, \d+, \d+\], "label": "(?:[^"\\]|\\.)*"\}')


@dataclass(frozen=True)
class Written:
    """An object as a model wrote it.

    Attributes:
        phrase: its class, in the words of the prompt.
        box: x0, y0, x1, y1 in shares (0 to 1) of the image, in any order of the corners.
    """

    phrase: str
    box: tuple[float, float, float, float]


class Family(ABC):
    """A family of vision-language models."""

    caption: str
    """The prompt that a caption answers."""

    chats: bool = False
    """Whether prompts go through the processor's chat template."""

    def __init__(self, processor: Any, spelling: Spelling) -> None:
        self.processor = processor
        self.spelling = spelling

    @abstractmethod
    def prompt(self, phrases: Sequence[str]) -> str:
        """What asks for the objects of some classes."""

    @abstractmethod
    def grammar(self, phrases: Sequence[str], sent: tuple[int, int], most: int) -> str:
        """All texts that answer it, for `Constraint`.

        Args:
            sent: (width, height) in pixels of the image as the model gets it.
            most: objects of one text, at least 1.
        """

    @abstractmethod
    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """The complete objects of a text, in its order; what breaks off in the middle of one is left out."""

    def prepare(self, picture: Any, prompt: str) -> Any:
        """The model's input for one image and a prompt."""
        if self.chats:
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            prompt = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
        return self.processor(images=[picture], text=[prompt], return_tensors="pt")

    def sent(self, inputs: dict[str, Any]) -> tuple[int, int]:
        """(width, height) in pixels of the image as the model gets it."""
        height, width = inputs["pixel_values"].shape[-2:]
        return int(width), int(height)

    def tag(self, *names: str) -> str:
        """One of some control tokens, as a grammar writes it.

        Raises:
            DetectorError: the tokenizer lacks one.
        """
        if missing := [name for name in names if name not in self.spelling.controls]:
            raise DetectorError(
                f"the tokenizer lacks the token {missing[0]}, with which models of the kind {type(self).__name__} "
                "write boxes: this one was not trained to"
            )
        return any_token([self.spelling.controls[name] for name in names])


class Florence2(Family):
    """Florence-2 by its task of grounding the phrases of a caption, the one that takes several."""

    caption = "<DETAILED_CAPTION>"

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`."""
        return f"<CAPTION_TO_PHRASE_GROUNDING>A photo of {listed(phrases)}."

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int], most: int) -> str:
        """See `Family.grammar`; its decoder is trained to write the beginning of a text first."""
        begin = self.tag(self.processor.tokenizer.bos_token)
        return f"""
            start: {begin} (NAME box {up_to(most - 1, "NAME? box")})?
            box: place place place place
            place: {self.tag(*(f"<loc_{number}>" for number in range(LOC_BINS)))}
            NAME: {any_of(phrases)}
        """

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`; a bin stands for its middle, as in Florence-2's own reading."""
        found = []
        for phrase, tokens in _LOC_GROUP.findall(written.partition(self.processor.tokenizer.bos_token)[2]):
            places = [(int(number) + 0.5) / LOC_BINS for number in _LOC.findall(tokens)]
            for start in range(0, len(places) - 3, 4):
                left, top, right, bottom = places[start : start + 4]
                found.append(Written(phrase, (left, top, right, bottom)))
        return found


class _Qwen(Family):
    caption = "Describe this image in one sentence."
    chats = True

    def sent(self, inputs: dict[str, Any]) -> tuple[int, int]:
        """See `Family.sent`; the processor cuts the image into patches and says how many."""
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        patch = int(self.processor.image_processor.patch_size)
        return columns * patch, rows * patch


class Qwen3VL(_Qwen):
    """Qwen3-VL."""

    def prompt(self, phrases: Sequence[str]) -> str:
        """See `Family.prompt`; as in Qwen's cookbook of 2D grounding."""
        return (
            f"Locate every instance that belongs to the following categories: {', '.join(phrases)}. "
            "Report bbox coordinates in JSON format."
        )

    def grammar(self, phrases: Sequence[str], sent: tuple[int, int], most: int) -> str:
        """See `Family.grammar`."""
        width, height = self._scale(sent)
        labels = [json.dumps(phrase, ensure_ascii=False) for phrase in phrases]
        return rf"""
            start: "```json\n[" entries? "]\n```"
            entries: "\n\t" entry {up_to(most - 1, COMMA_ENTRY)} "\n"
            entry: "{{\"bbox_2d\": [" width ", " height ", " width ", " height "], \"label\": " LABEL "}}"
            width: {integer(width)}
            height: {integer(height)}
            LABEL: {any_of(labels)}
        """

    def read(self, written: str, phrases: Sequence[str], sent: tuple[int, int]) -> list[Written]:
        """See `Family.read`."""
        entries = [json.loads(entry) for entry in _ENTRY.findall(written)]
        return [Written(entry["label"], _shares(entry["bbox_2d"], self._scale(sent))) for entry in entries]

    def _scale(self, sent: tuple[int, int]) -> tuple[int, int]:
        return THOUSANDTHS, THOUSANDTHS


class Qwen25VL(Qwen3VL):
    """Qwen2.5-VL."""

    def _scale(self, sent: tuple[int, int]) -> tuple[int, int]:
        return sent


def _shares(corners: Sequence[Any], scale: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (int(number) for number in corners)
    return left / scale[0], top / scale[1], right / scale[0], bottom / scale[1]


def listed(phrases: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]]) if len(phrases) > 1 else phrases[0]


FAMILIES: Mapping[str, type[Family]] = {
    "florence2": Florence2,
    "qwen2_5_vl": Qwen25VL,
    "qwen3_vl": Qwen3VL,
    "qwen3_vl_moe": Qwen3VL,
}
"""transformers' model type to its family."""


PROMPT_TOKENS = 256
"""Tokens of the classes of one prompt; longer class sets take several."""

CAPTION_TOKENS = 128
UNKNOWN_WINDOW = 4096
"""Tokens of prompt and reply where the configuration doesn't say how many the model reads."""


class LanguageDetector(TransformersDetector):
    """A vision-language model that writes boxes.

    Args:
        max_objects: of one reply.
        max_new_tokens: of one reply.

    Raises:
        DetectorError: a bound is below 1, or the processor lacks what the family's prompts need.
    """

    model_class = "AutoModelForImageTextToText"
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
    def open(cls, source: Source, **options: Any) -> Self:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`; or an option is unknown.
        """
        if unknown := sorted(set(options) - {"max_objects", "max_new_tokens"}):
            raise DetectorError(f"no option {unknown[0]!r}: there are max_objects and max_new_tokens")
        return super().open(source, **options)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """See `Detector.detect`."""
        phrases, notes = as_phrases(request.classes)
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
                captions[place] = self.tokenizer.decode(words).strip()
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
        return [[*takewhile(lambda number: number not in self._ends, row)] for row in rows[:, before:].tolist()]

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
