"""Images through a processor and a model, several at a time, each as if it were alone.

Processors pad the images of a batch to one size, and padding changes what DETR-style models see. So images are prepared
one by one, and those that come out at the same size share a forward pass: a batch gives what single images give.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from PIL import Image

from kg_data.hub import deciding_files
from vision.detectors.detector import Detector
from vision.detectors.transformers_models.loading import Source, load_model, load_processor
from vision.detectors.transformers_models.phrases import Phrase
from vision.errors import DetectorError
from vision.images.loading import LoadedImage

BATCH = 8
"""Images of one forward pass, and so how many are prepared ahead: the bound on memory for a long row of images."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Images that go through the model together.

    Attributes:
        places: their positions in the row that was asked for.
        images: the images.
        inputs: what the processor made of them, by the names of the model's arguments; the first axis runs over images.
    """

    places: list[int]
    images: list[LoadedImage]
    inputs: dict[str, Any]

    @property
    def target_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of each image in pixels, as transformers' post-processing takes them."""
        return [(image.height, image.width) for image in self.images]


class TransformersDetector(Detector):
    """A model of the transformers library with its processor.

    Args:
        source: what it was opened from.
        model: in inference mode, on its device.
        processor: what prepares its input.
    """

    batch_size = BATCH
    model_class = ""
    processor_class = "AutoProcessor"
    """transformers' classes that read the model and its processor."""

    def __init__(self, source: Source, model: Any, processor: Any) -> None:
        self.name = source.name
        self.files = deciding_files(source.folder)
        self.config = source.config
        self.model = model
        self.processor = processor

    @classmethod
    def open(cls, source: Source) -> Self:
        """Load the model and its processor.

        Raises:
            DetectorError: see `load_model`.
        """
        import transformers

        processor = load_processor(source, getattr(transformers, cls.processor_class))
        return cls(source, load_model(source, getattr(transformers, cls.model_class)), processor)

    def encoded(self, texts: Sequence[str], limit: int) -> Any:
        """Texts as tokens on the model's device, all of the same length; what goes beyond the limit is cut off."""
        return self.processor.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=limit, return_tensors="pt"
        ).to(self.model.device)

    def notes_on_cut(self, phrases: Sequence[Phrase], texts: Sequence[str], limit: int) -> list[str]:
        """A note on each phrase whose text is longer than so many tokens."""
        lengths = [len(ids) for ids in self.processor.tokenizer(list(texts))["input_ids"]] if texts else []
        return [
            f"{self.name} reads only the first words of {phrase.label[:40]!r}...: it takes {limit} tokens."
            for phrase, length in zip(phrases, lengths, strict=True)
            if length > limit
        ]

    def batches(
        self, images: Sequence[LoadedImage], prepare: Callable[[Image.Image], Any] | None = None
    ) -> Iterator[Batch]:
        """The images in batches of equal shape, on the model's device in its number format.

        Args:
            images: any number, of any sizes.
            prepare: makes the model's input from one image; the processor alone where None.

        Raises:
            DetectorError: the processor refuses an image (Qwen's, for one, those 200 times as wide as high).
        """
        for start in range(0, len(images), BATCH):
            alike: dict[Hashable, list[tuple[int, dict[str, Any]]]] = {}
            for place in range(start, min(start + BATCH, len(images))):
                inputs = self._prepared(images[place], prepare)
                alike.setdefault(self._alike(inputs), []).append((place, inputs))
            for group in alike.values():
                places = [place for place, _ in group]
                yield Batch(places, [images[place] for place in places], self._together([one for _, one in group]))

    def _alike(self, inputs: dict[str, Any]) -> Hashable:
        """What images of one batch must have in common."""
        return tuple(sorted((key, tuple(value.shape)) for key, value in inputs.items()))

    def _prepared(self, image: LoadedImage, prepare: Callable[[Image.Image], Any] | None) -> dict[str, Any]:
        import torch

        picture = Image.fromarray(image.pixels)  # of an array a processor would have to guess which axis is colour
        try:
            made = self.processor(images=[picture], return_tensors="pt") if prepare is None else prepare(picture)
        except Exception as error:  # whatever a processor raises
            raise DetectorError(
                f"{self.name} cannot take {image.name} ({image.width} x {image.height} pixels): {error}"
            ) from error
        return {key: value for key, value in made.items() if isinstance(value, torch.Tensor)}

    def _together(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        joined = {key: torch.cat([one[key] for one in inputs]).to(self.model.device) for key in inputs[0]}
        return {
            key: value.to(self.model.dtype) if value.is_floating_point() else value for key, value in joined.items()
        }
