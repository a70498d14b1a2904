"""Image tokens: what a frozen detector saw at a few places, in the form that a language model's decoder takes.

VisionLLM's tokenizer gives tokens (e_i, l_i), an embedding and a location (section 3.3). Here e_i is what a detector
computed at a place just before it named a class, and l_i is that place with a rough size. Which places become tokens
is decided by a loose suppression that knows no classes, so that nothing that the detector saw is decided yet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.images.loading import LoadedImage

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
        """Some of the tokens, by anything that indexes an array's rows."""
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
