"""The embedded detector: 80 classes of COCO, no download, no torch.

An image is fitted to the square that NanoDet-g looks at, in the way of its training (RangiLyu/nanodet, nanodet-g.yml).
Each cell of three grids gives a score for every class and, for each side of the box, eleven logits: the softmax's
expectation is the distance from the cell's centre in strides (Li et al. 2020, "Generalized Focal Loss", arXiv
2006.04388, equation 5). A class's boxes depend on nothing that another class does, down to the last bit, so a request
for some classes gives exactly their part of what a request for all gives.

One image uses all cores at once; of many images each core has its own, so that none waits for another. Both give the
same boxes, bit by bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skylark.models import usable_cores
from vision.classes.lexicon import COCO_CLASSES, COCO_SUPERCATEGORIES
from vision.detections.boxes import suppressed
from vision.detectors.detector import Detector, Found, Request, all_found, class_numbers, found_in
from vision.detectors.sessions import Session, open_session, run_session
from vision.errors import DetectorError
from vision.images import LoadedImage

SIDE = 416
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
STD = np.array([57.375, 57.12, 58.395], np.float32)
"""Of blue, green, red, on values from 0 to 255."""

_NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - MEAN) / STD).T.copy()
"""Shape (3, 256): what each value of each channel becomes; a look-up is the quickest way there."""


@dataclass(frozen=True, eq=False)
class Letterboxed:
    """An image in the square.

    Attributes:
        tensor: shape (1, 3, 416, 416), float32, BGR, normalised.
        scale: (x, y): pixels of the image per pixel of the square.
    """

    tensor: NDArray[np.float32]
    scale: tuple[float, float]


def letterboxed(pixels: NDArray[np.uint8]) -> Letterboxed:
    """Fit RGB pixels to the top left of a square of zeros, their aspect kept to the pixel."""
    height, width = pixels.shape[:2]
    factor = min(SIDE / width, SIDE / height)
    new_width, new_height = max(1, round(width * factor)), max(1, round(height * factor))
    # Bilinear sampling looks at four pixels, so below half the size it would pass over some and alias.
    interpolation = cv2.INTER_AREA if factor < 0.5 else cv2.INTER_LINEAR
    red, green, blue = cv2.split(cv2.resize(pixels, (new_width, new_height), interpolation=interpolation))
    tensor = np.empty((1, 3, SIDE, SIDE), np.float32)
    for channel, (plane, table) in enumerate(zip((blue, green, red), _NORMALISED, strict=True)):
        tensor[0, channel] = table[0]
        tensor[0, channel, :new_height, :new_width] = cv2.LUT(plane, table)
    return Letterboxed(tensor, (width / new_width, height / new_height))


STRIDES = (8, 16, 32)
BINS = 11
IOU_THRESHOLD = 0.6
MOST_PER_CLASS = 300
"""Boxes of one class that suppression looks at; more than three times what COCO's evaluation counts in an image."""


LOWEST_SCORE = 0.02
"""Cells that score less are background: AP on COCO is the same to four digits whether they are kept or not."""


def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres, shape (2, 3549), x and y, and strides, shape (3549,), of the cells in pixels of the square."""
    centres, strides = [], []
    for stride in STRIDES:
        cells = SIDE // stride
        middle = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) * stride
        centres.append(np.stack([np.tile(middle, cells), np.repeat(middle, cells)]))
        strides.append(np.full(cells * cells, stride, np.float32))
    return np.concatenate(centres, axis=1), np.concatenate(strides)


CENTRES, STRIDES_OF_CELLS = _grid()
"""Of the cells: shapes (2, 3549) and (3549,), in pixels of the square."""


def decoded(
    scores: NDArray[np.float32],
    distances: NDArray[np.float32],
    classes: NDArray[np.intp],
    min_score: float,
    scale: tuple[float, float],
    size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Boxes of some classes, suppressed within each class, best first.

    Args:
        scores: shape (80, 3549), 0 to 1.
        distances: shape (44, 3549), logits: left, top, right, bottom, eleven each.
        classes: shape (k,), numbers of the classes that are asked for, ascending.
        min_score: lower scores are left out, and those below 0.02 always.
        scale: (x, y): pixels of the image per pixel of the square.
        size: (width, height) of the image.

    Returns:
        Boxes of shape (n, 4), x0 y0 x1 y1 inside the image, scores of shape (n,), class numbers of shape (n,).
    """
    asked = scores if len(classes) == len(scores) else scores[classes]
    # Five times as quick as the positions in two dimensions, where few of 284,000 cells are left.
    places = np.flatnonzero(asked >= np.float32(max(min_score, LOWEST_SCORE)))
    rows, cells = np.divmod(places, asked.shape[1])
    found_scores, found_classes = asked[rows, cells], classes[rows]
    if len(cells) > MOST_PER_CLASS:
        best = _best_of_each(found_scores, rows, len(classes))
        found_scores, found_classes, cells = found_scores[best], found_classes[best], cells[best]
    xyxy = boxes_of_cells(distances[:, cells], cells)
    xyxy *= np.array([*scale, *scale], np.float32)
    np.clip(xyxy, 0, np.array([*size, *size], np.float32), out=xyxy)
    kept = suppressed(xyxy, found_scores, found_classes, IOU_THRESHOLD, MOST_PER_CLASS)
    return xyxy[kept], found_scores[kept], found_classes[kept]


def _best_of_each(scores: NDArray[np.float32], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Positions of the best scores of each class, so many as suppression looks at; `rows` ascend."""
    ends = np.searchsorted(rows, np.arange(count + 1))
    best = []
    for start, end in pairwise(ends.tolist()):
        group = scores[start:end]
        if len(group) > MOST_PER_CLASS:
            # A stable order, since which of several equal scores stay must not hang on how they are sorted.
            best.append(start + np.argsort(-group, kind="stable")[:MOST_PER_CLASS])
        else:
            best.append(np.arange(start, end))
    return np.concatenate(best)


def boxes_of_cells(logits: NDArray[np.float32], cells: NDArray[np.intp]) -> NDArray[np.float32]:
    """Boxes of shape (n, 4) in pixels of the square, from the distance logits of these cells, shape (44, n)."""
    logits = logits.reshape(4, BINS, -1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    # Summed bin by bin: numpy's own sum adds in another order where n is 1, and the last bit would differ.
    total = powers[:, 0].copy()
    moment = np.zeros_like(total)
    for step in range(1, BINS):
        total += powers[:, step]
        moment += step * powers[:, step]
    left, top, right, bottom = moment / total * STRIDES_OF_CELLS[cells]
    x, y = CENTRES[:, cells]
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1)


MODEL_FILE = Path(__file__).with_name("nanodet") / "nanodet_g_416.onnx"


class NanoDet(Detector):
    """NanoDet-g 416 by RangiLyu (Apache-2.0), trained on COCO, run by onnxruntime.

    Sessions are shared by all objects of this class; all methods may be called by several threads at once.

    Args:
        threads: how many threads look at images; None for one a core.
        name: by which it was opened.

    Raises:
        DetectorError: `threads` is less than 1, or the file of the weights is missing or broken.
    """

    vocabulary = COCO_CLASSES
    supercategories = COCO_SUPERCATEGORIES
    files = (MODEL_FILE,)
    side = SIDE
    default_min_score = 0.35
    """Best F1 on 208 images of COCO; of the boxes above it 60% are right, from 0.42 on each more likely than not."""

    trusted_score = 0.5
    """Of the boxes above it 86% are right on the same images, 80% on 250 of VOC 2007; mirrored 88% and 83%."""

    def __init__(self, threads: int | None = None, name: str = "embedded") -> None:
        self.name = name
        self.threads = usable_cores() if threads is None else threads
        self._session = open_session(MODEL_FILE, self.threads)

    def detect(self, images: Sequence[LoadedImage], request: Request) -> list[Found]:
        """Look at images; one result an image, in order.

        Raises:
            DetectorError: a class of the request is not in the vocabulary, or onnxruntime failed.
        """
        if len(images) == 1:
            return [self._look(self._session, images[0], request)]
        return all_found(self.detect_each(images, request))

    def detect_each(self, images: Iterable[LoadedImage], request: Request) -> Iterator[Found | DetectorError]:
        """Look at images as they come, one a thread; of those that wait, two are held."""
        session = open_session(MODEL_FILE, 1)

        def tried(image: LoadedImage) -> Found | DetectorError:
            try:
                return self._look(session, image, request)
            except DetectorError as error:
                return error

        ahead: deque[Future[Found | DetectorError]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="nanodet") as pool:
            try:
                for image in images:
                    ahead.append(pool.submit(tried, image))
                    if len(ahead) >= self.threads + 2:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _look(self, session: Session, image: LoadedImage, request: Request) -> Found:
        classes = class_numbers(request.classes, self.vocabulary, self.name)
        square = letterboxed(image.pixels)
        scores, distances = run_session(session, {"image": square.tensor})
        boxes = decoded(scores[0], distances[0], classes, request.min_score, square.scale, image.size)
        return found_in(self.vocabulary, *boxes)
