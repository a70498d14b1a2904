"""Image tokens of the embedded detector: NanoDet-g's neck and the hidden layer of its head, at the chosen cells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import usable_cores
from vision.classes.coco import COCO_CLASSES
from vision.decoder.image_tokens import MOST_TOKENS, ImageTokens, TokenSource, chosen_places, log_odds
from vision.detectors.nanodet.detector import CENTRES, MODEL_FILE, SIDE, STRIDES_OF_CELLS, boxes_of_cells, letterboxed
from vision.detectors.sessions import open_session, run_session
from vision.images.loading import LoadedImage

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
