"""Image tokens of a DETR-like detector of transformers: what its decoder's queries held last.

DETR (Carion et al. 2020, arXiv 2005.12872) and those who followed give for each query a state, a box and log-odds of
its classes. The state is e_i, the box l_i. VisionLLM itself takes Deformable DETR's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens, TokenSource, chosen_places, log_odds
from vision.detectors.transformers_models import open_transformers
from vision.detectors.transformers_models.batches import model_folder, running
from vision.detectors.transformers_models.segmenters import NO_CLASS, ObjectDetector
from vision.errors import DetectorError
from vision.images import LoadedImage


class DetrTokens(TokenSource):
    """A DETR-like detector as a tokenizer.

    Args:
        name: a folder, or a name on the Hugging Face hub such as "SenseTime/deformable-detr".
        device: by torch's name, or "auto".

    Raises:
        DetectorError: there is no such model, it cannot be opened, it finds no boxes of a fixed class set, or it gives
            no states of queries.
        MissingExtraError: its code needs a package that isn't installed.
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        detector = open_transformers(name, device)
        if not isinstance(detector, ObjectDetector):
            raise DetectorError(f"{name} is no DETR-like detector of a fixed class set, such as "
                                f"SenseTime/deformable-detr: it gives no image tokens")  # fmt: skip
        self.name = name
        self._detector = detector
        names = detector.config.id2label
        self._columns = [number for number in sorted(names) if names[number] not in NO_CLASS]
        self.vocabulary = tuple(names[number] for number in self._columns)
        (grey,) = self.tokens([LoadedImage(np.full((64, 64, 3), 128, np.uint8))], 1)
        self.width = grey.features.shape[1]

    @cached_property
    def fingerprint(self) -> str:
        """Of the files of its weights."""
        digest = hashlib.sha256()
        for path in sorted(model_folder(self.name).glob("*.safetensors")):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        """The tokens of each image."""
        found: dict[int, ImageTokens] = {}
        for batch in self._detector.batches(images):
            with running(self.name):
                output = self._detector.model(**batch.inputs)
                states = output.get("last_hidden_state")
                if states is None:
                    raise DetectorError(f"{self.name} gives no states of its queries: take a DETR-like detector")
                # Models that are transformers alone (YOLOS) give the image's patches before the queries.
                states = states[:, -output["logits"].shape[1] :]
                parts = [part.float().cpu().numpy() for part in (states, output["pred_boxes"], output["logits"])]
            for place, state, box, logits in zip(batch.places, *parts, strict=True):
                found[place] = self._chosen(state, box, logits, most)
        return [found[place] for place in range(len(images))]

    def _chosen(self, states: Any, cxcywh: Any, logits: Any, most: int) -> ImageTokens:
        odds = self._log_odds(logits)[:, self._columns]
        middle, size = cxcywh[:, :2], cxcywh[:, 2:]
        boxes = np.concatenate([middle - size / 2, middle + size / 2], 1).astype(np.float32)
        places = chosen_places(boxes, odds.max(1), most)
        # A rough size: the nearest power of two.
        rough = 2.0 ** np.round(np.log2(np.clip(size, 2.0**-9, 1)))
        cells = np.concatenate([middle, rough], 1).astype(np.float32)
        return ImageTokens(states[places], cells[places], boxes[places], odds[places])

    def _log_odds(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each class, also where the model shares one softmax among its classes and none."""
        if logits.shape[1] == len(self._detector.config.id2label):
            return logits
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return log_odds(powers / powers.sum(1, keepdims=True))
