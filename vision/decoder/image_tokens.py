"""Image tokens: what a frozen detector saw at a few places, for a language model to read."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skylark.models import usable_cores
from vision.classes.lexicon import COCO_CLASSES
from vision.detections.boxes import corners_of
from vision.detectors.embedded import CENTRES, MODEL_FILE, SIDE, STRIDES_OF_CELLS, boxes_of_cells, letterboxed
from vision.detectors.sessions import open_session, run_session
from vision.detectors.transformers_models import open_transformers
from vision.detectors.transformers_models.batches import model_folder, running
from vision.detectors.transformers_models.segmenters import NO_CLASS, ObjectDetector
from vision.errors import DetectorError
from vision.images import LoadedImage

MOST_TOKENS = 100
"""M of the paper."""

LOOSE_OVERLAP = 0.8
"""Intersection over union with a better place above which a place is no token of its own."""

LEAST = 1e-6
"""What a probability is at least, so that its log-odds are a number."""

CONSIDERED = 1000
"""The best places that suppression looks at."""


@dataclass(frozen=True, eq=False)
class ImageTokens:
    """The tokens of one image, the place with the best score first.

    Attributes:
        features: e_i, shape (m, width), float32.
        cells: l_i without the decoded box, shape (m, 4): middle x, middle y, width and height of the place's cell, as
            shares of the image's width and height.
        boxes: the detector's boxes, shape (m, 4), x1 y1 x2 y2 as such shares; they may reach beyond the image.
        logits: the detector's own evidence for each class of its vocabulary, shape (m, classes), log-odds.
    """

    features: NDArray[np.float32]
    cells: NDArray[np.float32]
    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def scores(self) -> NDArray[np.float32]:
        """The detector's own evidence as probabilities, shape (m, classes)."""
        return np.asarray(1 / (1 + np.exp(-self.logits)), np.float32)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, places: Any) -> ImageTokens:
        return ImageTokens(self.features[places], self.cells[places], self.boxes[places], self.logits[places])


class TokenSource(ABC):
    """A frozen detector as a tokenizer of images.

    Attributes:
        name: for messages.
        vocabulary: its own classes, in the order of `ImageTokens.logits`.
        width: of `ImageTokens.features`.
        side: pixels of the longer side of every image as it looks at it, or None where that depends on the image.
    """

    name: str
    vocabulary: tuple[str, ...]
    width: int
    side: int | None = None

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hex digest of its weights: an adapter works with the source alone that it was taught with."""

    @abstractmethod
    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        """The tokens of each image, at most so many.

        Raises:
            DetectorError: the detector failed.
        """


def log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of probabilities, those of 0 and 1 taken as nearly so; the same shape."""
    likely = np.clip(probabilities, LEAST, 1 - LEAST)
    return np.asarray(np.log(likely / (1 - likely)), np.float32)


def chosen_places(boxes: NDArray[np.float32], scores: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Positions of the boxes that become tokens, best first.

    Args:
        boxes: shape (n, 4), corners, of any unit.
        scores: shape (n,), how likely each holds anything.
        most: how many are wanted.
    """
    order = np.argsort(-scores, kind="stable")[:CONSIDERED]
    corners = boxes[order].astype(np.float64)
    xywh = np.concatenate([corners[:, :2], np.maximum(corners[:, 2:] - corners[:, :2], 1e-9)], 1)
    # OpenCV sorts by score, so it is given the rank: ties then fall as they stand here.
    ranks = np.arange(len(order), 0, -1, dtype=np.float32)
    kept = cv2.dnn.NMSBoxes(xywh, ranks, 0.0, LOOSE_OVERLAP)  # type: ignore[arg-type]  # takes arrays too
    return order[np.asarray(kept, np.intp)[:most]]


_PREFIX = "PartitionedCall/onnx_tf_prefix_"
NECK = tuple(f"{_PREFIX}Add_{number}" for number in (107, 128, 149))
HIDDEN = tuple(f"{_PREFIX}LeakyRelu_{number}" for number in (151, 162, 173))
"""Of strides 8, 16 and 32, in the graph's names; 128 channels each."""


class NanoDetTokens(TokenSource):
    """NanoDet-g as a tokenizer: e_i are 128 channels of the head's hidden layer and 128 of the neck.

    Args:
        threads: of one run; None for all cores.

    Raises:
        DetectorError: `threads` is less than 1, or the file of the weights is missing or broken.
    """

    name = "nanodet"
    vocabulary = COCO_CLASSES
    width = 256
    side = SIDE

    def __init__(self, threads: int | None = None) -> None:
        self._session = open_session(MODEL_FILE, usable_cores() if threads is None else threads, NECK + HIDDEN)

    @cached_property
    def fingerprint(self) -> str:
        """Of the ONNX file."""
        return hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()[:16]

    def tokens(self, images: Sequence[LoadedImage], most: int = MOST_TOKENS) -> list[ImageTokens]:
        """The tokens of each image."""
        return [self._tokens(image, most) for image in images]

    def _tokens(self, image: LoadedImage, most: int) -> ImageTokens:
        square = letterboxed(image.pixels)
        scores, distances, *maps = run_session(self._session, {"image": square.tensor})
        boxes = boxes_of_cells(distances[0], np.arange(distances.shape[2]))
        cells = chosen_places(boxes, scores[0].max(0), most)
        neck, hidden = _at(maps[:3], cells), _at(maps[3:], cells)
        # Pixels of the square to shares of the image.
        shares = np.array([square.scale[0] / image.width, square.scale[1] / image.height], np.float32)
        sides = np.repeat(STRIDES_OF_CELLS[cells][:, None], 2, 1)
        return ImageTokens(
            np.concatenate([hidden, neck], 1),
            np.concatenate([CENTRES[:, cells].T * shares, sides * shares], 1).astype(np.float32),
            boxes[cells] * np.tile(shares, 2),
            log_odds(scores[0][:, cells].T),
        )


def _at(maps: Sequence[NDArray[np.float32]], cells: NDArray[np.intp]) -> NDArray[np.float32]:
    """The channels at some cells, shape (m, channels), of the maps of the three strides."""
    return np.concatenate([one[0].reshape(one.shape[1], -1) for one in maps], 1)[:, cells].T


class DetrTokens(TokenSource):
    """A DETR-like detector of transformers as a tokenizer: what its decoder's queries held last.

    DETR (Carion et al. 2020, arXiv 2005.12872) and those who followed give for each query a state, which is e_i, a box,
    which is l_i, and log-odds of its classes. VisionLLM itself takes Deformable DETR's.

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
        boxes = corners_of(cxcywh)
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


NANODET = "nanodet"


def open_tokens(name: str, device: str = "auto") -> TokenSource:
    """The tokenizer of images of that name.

    Args:
        name: "nanodet", or the folder or hub name of a DETR-like detector of transformers.
        device: of such a model, by torch's name.

    Raises:
        DetectorError: there is no such detector, or it cannot be opened.
    """
    return NanoDetTokens() if name == NANODET else DetrTokens(name, device)
